use pulp::{Arch, Simd, WithSimd};

/// Runs `work` as compiled for the widest vector instructions that this processor has.
///
/// Only code that the compiler can inline into `work`, and `work` into this, profits: short loops.
/// Longer ones implement [`Kernel`]. The result is that of `work`, up to fused multiply-adds and
/// the order of sums, which `work` itself fixes.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// A loop too long to be inlined unasked; its `run` is to be `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;

    fn run(self) -> Self::Output;
}

/// [`vectorised`] for a [`Kernel`].
#[inline(always)]
pub(crate) fn vectorised_kernel<K: Kernel>(kernel: K) -> K::Output {
    struct Plain<K>(K);

    impl<K: Kernel> WithSimd for Plain<K> {
        type Output = K::Output;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> K::Output {
            self.0.run()
        }
    }

    Arch::new().dispatch(Plain(kernel))
}
