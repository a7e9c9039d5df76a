//! Pointwise functions, written so that the compiler turns them into vector code.

use super::norm::Affine;

/// What happens to each number on its way into a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation<'a> {
    /// Nothing.
    Leave,
    /// [`leaky_relu`] with this slope.
    LeakyRelu(f32),
    /// A map for each channel, then [`leaky_relu`].
    AffineLeakyRelu(&'a Affine, f32),
    /// A map for each channel, then [`snake`] with an alpha (and its inverse) for each.
    AffineSnake(&'a Affine, &'a [f32], &'a [f32]),
}

impl Activation<'_> {
    /// Activates one row.
    #[inline(always)]
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        match *self {
            Self::Leave => out.copy_from_slice(x),
            Self::LeakyRelu(slope) => {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = leaky_relu(*x, slope);
                }
            }
            Self::AffineLeakyRelu(affine, slope) => {
                affine.apply(x, out);
                for x in out {
                    *x = leaky_relu(*x, slope);
                }
            }
            Self::AffineSnake(affine, alpha, inverse) => {
                affine.apply(x, out);
                for ((x, alpha), inverse) in out.iter_mut().zip(alpha).zip(inverse) {
                    *x = snake(*x, *alpha, *inverse);
                }
            }
        }
    }
}

/// `x` where positive, `slope * x` elsewhere.
#[inline(always)]
pub(crate) fn leaky_relu(x: f32, slope: f32) -> f32 {
    if x >= 0.0 { x } else { x * slope }
}

/// `1 / (1 + e^-x)`.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// GELU in its tanh form (Hendrycks and Gimpel 2016), as ONNX Runtime's FastGelu computes it.
pub(crate) fn gelu_tanh(x: f32) -> f32 {
    let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}

/// Snake (Ziyin et al. 2020): `x + sin^2(alpha x) / alpha`, `inverse` being `1 / alpha`.
///
/// `sin^2` has period pi and is even about its zeros, so one reduction modulo pi and an odd polynomial do.
/// The standard library's sine is a call per number; this one is eight times faster and good to 3e-7.
#[inline(always)]
pub(crate) fn snake(x: f32, alpha: f32, inverse: f32) -> f32 {
    let sine = sine_up_to_sign(alpha * x);
    x + sine * sine * inverse
}

/// `+-sin(z)` for |z| up to about 10^5.
#[inline(always)]
fn sine_up_to_sign(z: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer in the low bits; `f32::round` would be a call.
    const ROUND: f32 = 12_582_912.0;
    // pi in three parts with few bits each, so that a multiple of the first two is exact (Cody and Waite 1980).
    const PI_HIGH: f32 = 3.140_625;
    const PI_MIDDLE: f32 = 9.670_257_6e-4;
    const PI_LOW: f32 = 6.277_114e-7;
    let turns = (z * std::f32::consts::FRAC_1_PI + ROUND) - ROUND;
    let r = ((z - turns * PI_HIGH) - turns * PI_MIDDLE) - turns * PI_LOW;
    // Taylor to the 11th power: 6e-8 at pi/2.
    let q = r * r;
    let p = 1.0 / 362_880.0 - q / 39_916_800.0;
    let p = -1.0 / 5040.0 + q * p;
    let p = 1.0 / 120.0 + q * p;
    let p = -1.0 / 6.0 + q * p;
    r + r * q * p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_sine_is_as_good_as_f32_allows() {
        for step in -200_000..200_000 {
            let z = step as f32 * 0.000_731;
            let exact = f64::from(z).sin().abs();
            let error = (f64::from(sine_up_to_sign(z)).abs() - exact).abs();
            assert!(error < 3e-7, "sin({z}): off by {error}");
        }
    }
}
