//! Sixteen lanes in one AVX-512 register.
#![allow(unsafe_code, reason = "intrinsics; `Avx512` exists only where the processor has them")]
#![allow(clippy::wildcard_imports, reason = "as they are named by their maker")]

use std::arch::x86_64::*;

use super::Kernel;
use super::lanes::{Lanes, WIDTH};

/// Proof that the processor has the instructions: only [`run`] makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

// SAFETY of every block below: an `Avx512` proves that the instructions are there, and pointers come from references to
// arrays of exactly the length that the instruction reads or writes.
impl Lanes for Avx512 {
    type Vector = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> __m512 {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; WIDTH], vector: __m512) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn scale_by_power(self, value: __m512, shifted: __m512) -> __m512 {
        unsafe {
            let power = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(value), power))
        }
    }

    #[inline(always)]
    fn where_above(self, value: __m512, x: __m512, limit: f32) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, _mm512_set1_ps(limit)), value) }
    }

    #[inline(always)]
    fn dot<const WORDS: usize>(self, weights: &[[u8; 64]; WORDS], activations: &[i32; WORDS], sum: i32) -> __m512 {
        unsafe {
            let mut sums = _mm512_set1_epi32(-128 * sum);
            for (weights, word) in weights.iter().zip(activations) {
                let weights = _mm512_loadu_si512(weights.as_ptr().cast());
                sums = _mm512_dpbusd_epi32(sums, weights, _mm512_set1_epi32(*word));
            }
            _mm512_cvtepi32_ps(sums)
        }
    }
}
