//! Sixteen lanes in two AVX registers.
#![allow(unsafe_code, reason = "intrinsics; `Avx2` exists only where the processor has them")]
#![allow(clippy::wildcard_imports, reason = "as they are named by their maker")]

use std::arch::x86_64::*;

use super::Kernel;
use super::lanes::{Lanes, WIDTH};

/// Proof that the processor has the instructions: only [`run`] makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

#[target_feature(enable = "avx2,fma")]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

type Pair = [__m256; 2];

// SAFETY of every block below: an `Avx2` proves that the instructions are there, and pointers come from references to
// arrays of exactly the length that the two instructions read or write together.
impl Lanes for Avx2 {
    type Vector = Pair;

    #[inline(always)]
    fn splat(self, value: f32) -> Pair {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Pair {
        unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))] }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; WIDTH], [low, high]: Pair) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), low);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), high);
        }
    }

    #[inline(always)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn div(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn max(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn min(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn fma(self, a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn scale_by_power(self, value: Pair, shifted: Pair) -> Pair {
        let half = |value, shifted| unsafe {
            let power = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), power))
        };
        [half(value[0], shifted[0]), half(value[1], shifted[1])]
    }

    #[inline(always)]
    fn where_above(self, value: Pair, x: Pair, limit: f32) -> Pair {
        let half = |value, x| unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, _mm256_set1_ps(limit)), value) };
        [half(value[0], x[0]), half(value[1], x[1])]
    }

    #[inline(always)]
    fn dot<const WORDS: usize>(self, weights: &[[u8; 64]; WORDS], activations: &[i32; WORDS], _: i32) -> Pair {
        unsafe {
            let (flip, ones) = (_mm256_set1_epi8(-128), _mm256_set1_epi16(1));
            let mut sums = [_mm256_setzero_si256(); 2];
            for (weights, word) in weights.iter().zip(activations) {
                let word = _mm256_set1_epi32(*word);
                for (half, sum) in sums.iter_mut().enumerate() {
                    let weights = _mm256_loadu_si256(weights.as_ptr().add(32 * half).cast());
                    let weights = _mm256_xor_si256(weights, flip);
                    // 128 * 127 * 2 stays below 2^15: pairs of products cannot saturate.
                    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(word, weights));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
            }
            [_mm256_cvtepi32_ps(sums[0]), _mm256_cvtepi32_ps(sums[1])]
        }
    }
}
