//! Pointwise functions, written so that the compiler turns them into vector code.

use super::frames::Frames;
use super::norm::Affine;
use super::simd::{Isa, Loops};

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

/// `e^x`, good to 2e-7 of itself: a power of two and a polynomial (Cephes' coefficients), without a call or a branch.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer in the low bits; `f32::round` would be a call.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let r = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    let p = 1.987_569_1e-4 * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // The integer in the low bits of `shifted`, moved to the exponent.
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, good to 2e-7 of itself (Cephes' polynomial near 0, where the other form would cancel).
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = -5.704_988_7e-3 * z + 2.063_909e-2;
    let p = p * z - 5.373_971_6e-2;
    let p = p * z + 1.333_144_2e-1;
    let p = p * z - 3.333_328e-1;
    let near = p * z * x + x;
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if x.abs() < 0.625 { near } else { far }
}

/// The error function, good to 5e-7 (Abramowitz and Stegun 1964, 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let p = 1.061_405_4 * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    (1.0 - p * t * exp(-x * x)).copysign(x)
}

/// GELU of a row in its tanh form (Hendrycks and Gimpel 2016), as ONNX Runtime's FastGelu computes it.
pub(crate) fn gelu_tanh(row: &mut [f32]) {
    struct Gelu<'a>(&'a mut [f32]);
    impl Loops for Gelu<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                let inner = (2.0 / std::f32::consts::PI).sqrt() * (*x + 0.044_715 * *x * *x * *x);
                *x = 0.5 * *x * (1.0 + tanh(inner));
            }
        }
    }
    Isa::best().run(Gelu(row));
}

/// GELU of a row by its definition.
pub(crate) fn gelu(row: &mut [f32]) {
    struct Gelu<'a>(&'a mut [f32]);
    impl Loops for Gelu<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
    }
    Isa::best().run(Gelu(row));
}

/// `tanh(left half) * sigmoid(right half)` of every row: WaveNet's gate.
pub(crate) fn gate(x: &Frames) -> Frames {
    struct Gate<'a>(&'a [f32], &'a mut [f32]);
    impl Loops for Gate<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let (left, right) = self.0.split_at(self.1.len());
            for ((out, x), y) in self.1.iter_mut().zip(left).zip(right) {
                *out = tanh(*x) * sigmoid(*y);
            }
        }
    }
    let isa = Isa::best();
    Frames::fill(x.rows(), x.cols() / 2, |row, out| isa.run(Gate(x.row(row), out)))
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

    fn worst(mut range: impl Iterator<Item = f32>, ours: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> f64 {
        let error = |x: f32| (f64::from(ours(x)) - exact(f64::from(x))).abs();
        let first = range.next().map_or(f64::NAN, error);
        range.fold(first, |worst, x| worst.max(error(x)))
    }

    #[test]
    fn fast_functions_are_as_good_as_they_say() {
        let numbers = || (-80_000..80_000).map(|step| step as f32 * 0.001);
        let relative = worst(numbers(), |x| (f64::from(exp(x)) / f64::from(x).exp()) as f32, |_| 1.0);
        assert!(relative < 2.5e-7, "exp: {relative}");
        let relative = worst(numbers().filter(|x| *x != 0.0), |x| (f64::from(tanh(x)) / f64::from(x).tanh()) as f32, |_| 1.0);
        assert!(relative < 2.5e-7, "tanh: {relative}");
        assert!(worst(numbers(), sigmoid, |x| 1.0 / (1.0 + (-x).exp())) < 2e-7);
        // Values of the error function from Abramowitz and Stegun 1964, table 7.1.
        for (x, exact) in [(0.0, 0.0), (0.1, 0.112_462_916), (0.5, 0.520_499_878), (1.0, 0.842_700_793), (2.0, 0.995_322_265)] {
            assert!((f64::from(erf(x)) - exact).abs() < 5e-7 && (f64::from(erf(-x)) + exact).abs() < 5e-7, "erf({x})");
        }
    }

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
