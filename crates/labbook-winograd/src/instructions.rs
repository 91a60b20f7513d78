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
    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        if std::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has all three sets of instructions, as was just asked.
            return unsafe { with_avx512(computation) };
        }
        // SAFETY: the processor has both sets of instructions, as was just asked.
        return unsafe { with_avx2(computation) };
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a mut [f32], &'a [f32]);

    impl Run for Sum<'_> {
        #[inline(always)]
        fn run<const FUSED: bool>(self) {
            for (sum, &value) in self.0.iter_mut().zip(self.1) {
                *sum = if FUSED {
                    value.mul_add(3.0, *sum)
                } else {
                    *sum + value * 3.0
                };
            }
        }
    }

    #[test]
    fn all_sets_of_instructions_compute_the_same() {
        // Small whole numbers, so that no rounding tells the sets apart.
        let values: Vec<f32> = (0..50).map(|i| i as f32).collect();
        let expected: Vec<f32> = values.iter().map(|value| 1.0 + 3.0 * value).collect();
        let sums = |run: &dyn Fn(Sum<'_>)| {
            let mut sums = vec![1.0; values.len()];
            run(Sum(&mut sums, &values));
            sums
        };
        assert_eq!(sums(&|sum| run(sum)), expected);
        assert_eq!(sums(&|sum| sum.run::<false>()), expected);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has both sets of instructions, as was just asked.
            assert_eq!(sums(&|sum| unsafe { with_avx2(sum) }), expected);
        }
    }
}
