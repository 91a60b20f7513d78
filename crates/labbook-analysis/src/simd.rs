/// Runs `work` as compiled for the widest vector instructions that this processor has.
///
/// Only code that the compiler can inline into `work` profits. The result is that of `work`, up
/// to fused multiply-adds and the order of sums, which `work` itself fixes.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
