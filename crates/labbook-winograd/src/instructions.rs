//! Compiles a computation for several sets of instructions and takes the best that there is.
#![allow(unsafe_code)]

/// A computation that gets faster with wider vectors.
pub(crate) trait Run {
    /// `FUSED` says whether multiplication and addition are one instruction. Has to be inlined
    /// always, to be compiled with the caller's instructions.
    fn run<const FUSED: bool>(self);
}

/// Runs it with the best instructions of this processor.
pub(crate) fn run(computation: impl Run) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has these instructions.
            return unsafe { with_avx512(computation) };
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has these instructions.
            return unsafe { with_avx2(computation) };
        }
    }
    computation.run::<false>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512(computation: impl Run) {
    computation.run::<true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(computation: impl Run) {
    computation.run::<true>();
}
