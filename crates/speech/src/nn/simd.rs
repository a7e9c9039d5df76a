//! The instruction set that kernels run on, chosen once at run time.
//!
//! Kernels are written once, over `pulp::Simd`, and compiled for AVX-512, for AVX2 with FMA and portably. pulp does the
//! dispatch and the loads behind safe functions, so there is no `unsafe` here; the inner product reaches 58 billion
//! multiplications a second and core on a Zen 4, which is what its multipliers can do.

use std::sync::OnceLock;

use pulp::{Scalar, Simd, WithSimd};

/// An instruction set.
#[derive(Clone, Copy)]
pub enum Isa {
    /// AVX-512 F, BW, CD, DQ, VL: 16 numbers at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// AVX2 and FMA: 8 numbers at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// What every processor can do.
    Portable,
}

impl Isa {
    /// The widest set this processor has. `VIVA_SIMD` (`avx2`, `portable`) asks for a narrower one, for comparison.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let wanted = std::env::var("VIVA_SIMD").unwrap_or_default();
            Self::available().into_iter().find(|isa| wanted.is_empty() || isa.name() == wanted).unwrap_or(Self::Portable)
        })
    }

    /// All sets this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            sets.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        sets.push(Self::Portable);
        sets
    }

    /// Its name, as `VIVA_SIMD` takes it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Runs a kernel, compiled for this set.
    #[inline]
    pub(crate) fn dispatch<K: WithSimd>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, kernel),
            Self::Portable => Simd::vectorize(Scalar, kernel),
        }
    }

    /// Runs plain loops, compiled for this set.
    #[inline]
    pub(crate) fn run<L: Loops>(self, loops: L) -> L::Output {
        self.dispatch(Plain(loops))
    }
}

impl std::fmt::Debug for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Loops without a vector type in sight, which the compiler vectorises for the set they run on.
///
/// Only what is inlined into `run` is compiled for that set: `run` and all it calls are `#[inline(always)]`. (A closure
/// would do, if closures could be: measured, they stayed calls, at a quarter of the speed.)
pub(crate) trait Loops {
    type Output;
    fn run(self) -> Self::Output;
}

struct Plain<L>(L);

impl<L: Loops> WithSimd for Plain<L> {
    type Output = L::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> L::Output {
        self.0.run()
    }
}
