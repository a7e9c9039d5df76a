//! Sixteen numbers side by side: what kernels are written in, and its portable form.

/// Numbers in a vector.
pub(crate) const WIDTH: usize = 16;

/// Sixteen f32 and what kernels do with them. Each operation rounds once, as IEEE 754 says.
pub(crate) trait Lanes: Copy {
    type Vector: Copy;

    fn splat(self, value: f32) -> Self::Vector;
    fn load(self, from: &[f32; WIDTH]) -> Self::Vector;
    fn store(self, to: &mut [f32; WIDTH], vector: Self::Vector);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `value * 2^n`, where `n` is what the low bits of `shifted` (an integer plus 1.5 * 2^23) say. In range only.
    fn scale_by_power(self, value: Self::Vector, shifted: Self::Vector) -> Self::Vector;
    /// `value` where `x` is above `limit`, else 0.
    fn where_above(self, value: Self::Vector, x: Self::Vector, limit: f32) -> Self::Vector;
    /// Sixteen columns of 8-bit weights against 8-bit activations, four to a word, summed exactly. Weights are stored with 128
    /// added, and `sum` is the sum of the activations.
    fn dot<const WORDS: usize>(self, weights: &[[u8; 64]; WORDS], activations: &[i32; WORDS], sum: i32) -> Self::Vector;

    /// The lanes in one sum, in a fixed order.
    #[inline(always)]
    fn total(self, vector: Self::Vector) -> f32 {
        self.fold(vector, |a, b| a + b)
    }

    /// The greatest lane.
    #[inline(always)]
    fn greatest(self, vector: Self::Vector) -> f32 {
        self.fold(vector, f32::max)
    }

    #[inline(always)]
    fn fold(self, vector: Self::Vector, join: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = [0.0; WIDTH];
        self.store(&mut lanes, vector);
        let mut half = WIDTH / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = join(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// The twin that any processor runs and the others are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn map(f: impl Fn(usize) -> f32) -> [f32; WIDTH] {
    std::array::from_fn(f)
}

impl Lanes for Portable {
    type Vector = [f32; WIDTH];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; WIDTH]
    }

    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Self::Vector {
        *from
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; WIDTH], vector: Self::Vector) {
        *to = vector;
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        map(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        map(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn scale_by_power(self, value: Self::Vector, shifted: Self::Vector) -> Self::Vector {
        map(|i| f32::from_bits(value[i].to_bits().wrapping_add(shifted[i].to_bits() << 23)))
    }

    #[inline(always)]
    fn where_above(self, value: Self::Vector, x: Self::Vector, limit: f32) -> Self::Vector {
        map(|i| if x[i] > limit { value[i] } else { 0.0 })
    }

    #[inline(always)]
    fn dot<const WORDS: usize>(self, weights: &[[u8; 64]; WORDS], activations: &[i32; WORDS], _: i32) -> Self::Vector {
        let mut sums = [0i32; WIDTH];
        for (weights, word) in weights.iter().zip(activations) {
            let word = word.to_le_bytes();
            for (column, sum) in sums.iter_mut().enumerate() {
                for i in 0..4 {
                    *sum += (i32::from(weights[4 * column + i]) - 128) * i32::from(word[i].cast_signed());
                }
            }
        }
        map(|i| sums[i] as f32)
    }
}
