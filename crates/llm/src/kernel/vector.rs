//! What happens to rows between the matrices.

use super::lanes::WIDTH;
use super::{Kernel, Lanes};

/// e^x, within two units of the last place; 0 below e^-87, and e^88 above it.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "the constants as published: Cephes, expf.c")]
pub(crate) fn exp<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    let magic = lanes.splat(12_582_912.0);
    let whole = x;
    let x = lanes.min(lanes.max(x, lanes.splat(-87.0)), lanes.splat(88.0));
    let shifted = lanes.fma(x, lanes.splat(std::f32::consts::LOG2_E), magic);
    let n = lanes.sub(shifted, magic);
    let r = lanes.fma(n, lanes.splat(-0.693_359_375), x);
    let r = lanes.fma(n, lanes.splat(2.121_944_4e-4), r);
    let mut p = lanes.splat(1.987_569_15e-4);
    for coefficient in [1.398_199_95e-3, 8.333_451_9e-3, 4.166_579_6e-2, 1.666_666_55e-1, 5.000_000_12e-1] {
        p = lanes.fma(p, r, lanes.splat(coefficient));
    }
    let p = lanes.fma(lanes.mul(r, r), p, lanes.add(r, lanes.splat(1.0)));
    lanes.where_above(lanes.scale_by_power(p, shifted), whole, -87.0)
}

/// RMS normalisation (Zhang and Sennrich, 2019) of rows as long as `weight`.
pub(crate) struct RmsNorm<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) weight: &'a [f32],
    pub(crate) epsilon: f32,
    pub(crate) out: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.weight.len();
        let weight = self.weight.as_chunks::<WIDTH>().0;
        for (row, out) in self.rows.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let (row, out) = (row.as_chunks::<WIDTH>().0, out.as_chunks_mut::<WIDTH>().0);
            let mut squares = lanes.splat(0.0);
            for v in row {
                squares = lanes.fma(lanes.load(v), lanes.load(v), squares);
            }
            let scale = lanes.splat(1.0 / (lanes.total(squares) / width as f32 + self.epsilon).sqrt());
            for ((v, w), out) in row.iter().zip(weight).zip(out) {
                lanes.store(out, lanes.mul(lanes.mul(lanes.load(v), scale), lanes.load(w)));
            }
        }
    }
}

/// `x += y`.
pub(crate) struct Add<'a> {
    pub(crate) x: &'a mut [f32],
    pub(crate) y: &'a [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (x, y) in self.x.as_chunks_mut::<WIDTH>().0.iter_mut().zip(self.y.as_chunks::<WIDTH>().0) {
            let sum = lanes.add(lanes.load(x), lanes.load(y));
            lanes.store(x, sum);
        }
    }
}

/// `inner = activation(inner) * up`.
pub(crate) struct Gate<'a> {
    pub(crate) inner: &'a mut [f32],
    pub(crate) up: &'a [f32],
    /// GELU by its tanh approximation instead of SiLU.
    pub(crate) gelu: bool,
}

impl Kernel for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let one = lanes.splat(1.0);
        for (inner, up) in self.inner.as_chunks_mut::<WIDTH>().0.iter_mut().zip(self.up.as_chunks::<WIDTH>().0) {
            let x = lanes.load(inner);
            // Both are x / (1 + e^-z): z is x itself, or 2 sqrt(2 / pi) (x + 0.044715 x^3).
            let minus_z = if self.gelu {
                let cubic = lanes.fma(lanes.mul(lanes.mul(x, x), x), lanes.splat(0.044_715), x);
                lanes.mul(cubic, lanes.splat(-1.595_769))
            } else {
                lanes.sub(lanes.splat(0.0), x)
            };
            let active = lanes.div(x, lanes.add(one, exp(lanes, minus_z)));
            lanes.store(inner, lanes.mul(active, lanes.load(up)));
        }
    }
}

/// Rotary embedding (Su et al., 2021) of heads, each value with the one half a head further on.
pub(crate) struct Rotate<'a> {
    pub(crate) heads: &'a mut [f32],
    pub(crate) head: usize,
    /// Half a head each.
    pub(crate) cos: &'a [f32],
    pub(crate) sin: &'a [f32],
}

impl Kernel for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (cos, sin) = (self.cos.as_chunks::<WIDTH>().0, self.sin.as_chunks::<WIDTH>().0);
        for head in self.heads.chunks_exact_mut(self.head) {
            let (low, high) = head.split_at_mut(self.head / 2);
            let (low, high) = (low.as_chunks_mut::<WIDTH>().0, high.as_chunks_mut::<WIDTH>().0);
            for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                let (a, b, cos, sin) = (lanes.load(low), lanes.load(high), lanes.load(cos), lanes.load(sin));
                lanes.store(low, lanes.sub(lanes.mul(a, cos), lanes.mul(b, sin)));
                lanes.store(high, lanes.fma(b, cos, lanes.mul(a, sin)));
            }
        }
        // Heads that are no multiple of two vectors end in single values.
        let half = self.head / 2;
        for i in half / WIDTH * WIDTH..half {
            for head in self.heads.chunks_exact_mut(self.head) {
                let (a, b) = (head[i], head[half + i]);
                head[i] = a * self.cos[i] - b * self.sin[i];
                head[half + i] = b.mul_add(self.cos[i], a * self.sin[i]);
            }
        }
    }
}

/// Turns scores into weights: subtracts the greatest, exponentiates, and returns both the greatest and the sum.
pub(crate) struct Soften<'a>(pub(crate) &'a mut [f32]);

impl Kernel for Soften<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> (f32, f32) {
        let scores = self.0.as_chunks_mut::<WIDTH>().0;
        let mut most = lanes.splat(f32::NEG_INFINITY);
        for v in scores.iter() {
            most = lanes.max(most, lanes.load(v));
        }
        let most = lanes.greatest(most);
        let mut sum = lanes.splat(0.0);
        for scores in scores {
            let weights = exp(lanes, lanes.sub(lanes.load(scores), lanes.splat(most)));
            sum = lanes.add(sum, weights);
            lanes.store(scores, weights);
        }
        (most, lanes.total(sum))
    }
}
