//! Arithmetic on rows of numbers, written once for three instruction sets.
//!
//! A kernel is generic over [`Lanes`]: sixteen f32 that AVX-512 holds in one register, AVX2 in two, and the portable twin in
//! an array. Every operation is one that IEEE 754 rounds in one way only (add, multiply, fused multiply-add, divide), and sums
//! are always taken over the same sixteen lanes in the same order. So the three paths give the same bits, and each row's
//! result depends on that row alone, however many rows are computed beside it.
#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of whoever runs it")]

/// Repeats a body for the first `$rows` of twelve rows, each with its own constant: the compiler leaves longer loops rolled, and
/// then keeps sums in memory instead of registers.
macro_rules! unrolled {
    ($rows:expr, $row:ident, $body:block) => {
        unrolled!(@ $rows, $row, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $rows:expr, $row:ident, $body:block, $($number:literal)*) => {
        $(if $number < $rows {
            #[allow(non_upper_case_globals, reason = "a constant in the place of a loop's variable")]
            const $row: usize = $number;
            $body
        })*
    };
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod float;
pub(crate) mod int8;
mod lanes;
#[cfg(test)]
mod tests;
pub(crate) mod vector;

pub(crate) use lanes::Lanes;

/// Which instructions the kernels use. The results are the same bits; the speed is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// What every processor has.
    Portable,
}

impl Instructions {
    /// The best that this processor has.
    pub fn detect() -> Self {
        [Self::Avx512, Self::Avx2].into_iter().find(|set| set.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this processor has them.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma");
            match self {
                Self::Avx512 => avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx512vnni"),
                Self::Avx2 => avx2,
                Self::Portable => true,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Self::Portable
        }
    }

    /// As a word in a numeric class.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512vnni",
            Self::Avx2 => "avx2",
            Self::Portable => std::env::consts::ARCH,
        }
    }
}

/// A computation for any instruction set.
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, so that it is compiled with the instructions of whoever runs it.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// A set of instructions that this processor has been seen to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processor(Instructions);

impl Processor {
    /// The wanted set, or the best there is below it.
    pub(crate) fn new(wanted: Instructions) -> Self {
        Self(if wanted.is_available() { wanted } else { Instructions::detect() })
    }

    pub(crate) fn instructions(self) -> Instructions {
        self.0
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "instructions that `new` saw the processor to have")]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: a `Processor` is only made of instructions that `is_available` has found.
            Instructions::Avx512 => unsafe { avx512::run(kernel) },
            // SAFETY: as above.
            Instructions::Avx2 => unsafe { avx2::run(kernel) },
            Instructions::Portable => kernel.run(lanes::Portable),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(lanes::Portable)
    }
}
