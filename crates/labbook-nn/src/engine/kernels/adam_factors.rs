use std::slice;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::Instructions;
#[cfg(target_arch = "x86_64")]
use super::avx512;

/// The numbers in a step of Adam.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamFactors {
    /// How far the moments move towards the gradient and its square.
    pub(crate) first: f32,
    pub(crate) second: f32,
    /// What weight decay leaves of a weight.
    pub(crate) keep: f32,
    /// The corrected learning rate.
    pub(crate) rate: f32,
    pub(crate) epsilon: f32,
}

/// A step of Adam in one pass over the memory; false, and nothing done, unless all four are
/// `f32` on the CPU in one memory order, each in memory of its own.
pub(crate) fn adam(
    weight: &Tensor,
    gradient: &Tensor,
    m: &Tensor,
    v: &Tensor,
    factors: AdamFactors,
) -> bool {
    if ![weight, gradient, m, v]
        .iter()
        .all(|tensor| is_dense_like(tensor, gradient))
    {
        return false;
    }
    let count = gradient.numel();
    let start = |tensor: &Tensor| tensor.data_ptr().cast::<f32>();
    let mut starts = [weight, gradient, m, v].map(|tensor| start(tensor).addr());
    starts.sort_unstable();
    let bytes = count * size_of::<f32>();
    if count == 0 || starts.windows(2).any(|pair| pair[1] - pair[0] < bytes) {
        return false;
    }
    // SAFETY: the tensors' memory holds so many numbers from their first on, none of which belongs
    // to two of them; only the optimizer uses them in a step.
    let (weight, gradient, m, v) = unsafe {
        (
            slice::from_raw_parts_mut(start(weight), count),
            slice::from_raw_parts(start(gradient), count),
            slice::from_raw_parts_mut(start(m), count),
            slice::from_raw_parts_mut(start(v), count),
        )
    };
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
    let share = weight.len().div_ceil(threads).max(SMALLEST_SHARE);
    let parts = weight.par_chunks_mut(share).zip(gradient.par_chunks(share));
    let parts = parts
        .zip(m.par_chunks_mut(share))
        .zip(v.par_chunks_mut(share));
    let instructions = Instructions::best();
    parts.for_each(|(((weight, gradient), m), v)| {
        factors.apply(instructions, (weight, gradient), m, v);
    });
    true
}

/// A moment below this moves no weight. Left alone, the moments of weights that get no gradient any more, as those
/// of a dead ReLU or an unused word, would become denormal after some 800 steps, for which a processor takes
/// many times as long.
const FADED: f32 = 1e-30;

/// A thread is not woken for fewer numbers.
const SMALLEST_SHARE: usize = 1 << 15;

/// Whether a tensor has `f32` numbers on the CPU without gaps, in the shape and memory order of
/// `like`.
fn is_dense_like(tensor: &Tensor, like: &Tensor) -> bool {
    let (sizes, strides) = (tensor.size(), tensor.stride());
    let steps = sizes.iter().zip(&strides);
    let last: i64 = steps.map(|(size, stride)| (size - 1) * stride).sum();
    tensor.device() == Device::Cpu
        && tensor.f_kind().is_ok_and(|kind| kind == Kind::Float)
        && sizes == like.size()
        && strides == like.stride()
        && last + 1 == sizes.iter().product::<i64>()
}

impl AdamFactors {
    /// A step for some weights, given their gradients and moments.
    fn apply(
        self,
        instructions: Instructions,
        (weight, gradient): (&mut [f32], &[f32]),
        m: &mut [f32],
        v: &mut [f32],
    ) {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them.
            Instructions::Avx512(_) => unsafe { avx512::adam(weight, gradient, m, v, self) },
            Instructions::Plain => self.over(weight, gradient, m, v),
        }
    }

    #[inline(always)]
    pub(super) fn over(self, weight: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32]) {
        let numbers = weight.iter_mut().zip(gradient).zip(m).zip(v);
        for (((weight, &gradient), m), v) in numbers {
            let first = *m + self.first * (gradient - *m);
            *m = if first.abs() < FADED { 0.0 } else { first };
            let second = *v + self.second * (gradient * gradient - *v);
            *v = if *m == 0.0 && second < FADED {
                0.0
            } else {
                second
            };
            *weight = self.keep * *weight - self.rate * *m / (v.sqrt() + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_that_of_the_formula_with_all_instructions() {
        let factors = AdamFactors {
            first: 0.1,
            second: 0.001,
            keep: 0.99,
            rate: 0.02,
            epsilon: 1e-7,
        };
        // Not a whole number of registers.
        let numbers =
            |step: f32| -> Vec<f32> { (0..77).map(|i| (i as f32 * step).sin()).collect() };
        let squares: Vec<f32> = numbers(0.3).iter().map(|number| number * number).collect();
        let mut results = Instructions::all().map(|instructions| {
            let (mut weight, gradient) = (numbers(0.7), numbers(1.1));
            let (mut m, mut v) = (numbers(1.9), squares.clone());
            factors.apply(instructions, (&mut weight, &gradient), &mut m, &mut v);
            (weight, m, v)
        });
        let (weight, m, v) = results.next().unwrap();
        for (i, gradient) in numbers(1.1).into_iter().map(f64::from).enumerate() {
            let expected_m = 0.9 * f64::from(numbers(1.9)[i]) + 0.1 * gradient;
            let expected_v = 0.999 * f64::from(squares[i]) + 0.001 * gradient * gradient;
            let step = 0.02 * expected_m / (expected_v.sqrt() + 1e-7);
            let expected = 0.99 * f64::from(numbers(0.7)[i]) - step;
            assert!((f64::from(m[i]) - expected_m).abs() < 1e-6);
            assert!((f64::from(v[i]) - expected_v).abs() < 1e-6);
            // Where the second moment is near zero, its rounding errors count for more.
            let bound = 1e-6 + 1e-5 * step.abs();
            assert!((f64::from(weight[i]) - expected).abs() < bound, "{i}");
        }
        // The same operations in the same order, none of them fused.
        for other in results {
            assert_eq!(other, (weight.clone(), m.clone(), v.clone()));
        }
    }

    #[test]
    fn moments_without_a_gradient_fade_to_zero_and_the_others_stay() {
        let factors = AdamFactors {
            first: 0.1,
            second: 0.1,
            keep: 1.0,
            rate: 0.001,
            epsilon: 1e-7,
        };
        for instructions in Instructions::all() {
            let mut weight = vec![0.5_f32; 40];
            let (mut m, mut v) = (vec![0.01_f32; 40], vec![1e-4_f32; 40]);
            // One weight keeps a small gradient.
            let mut gradient = vec![0.0; 40];
            gradient[7] = 1e-12;
            let mut smallest = f32::INFINITY;
            for _ in 0..1500 {
                factors.apply(instructions, (&mut weight, &gradient), &mut m, &mut v);
                let numbers = m.iter().chain(&v).copied().filter(|&number| number != 0.0);
                smallest = numbers.fold(smallest, f32::min);
            }
            assert!(smallest >= f32::MIN_POSITIVE, "{smallest}");
            assert_eq!((m[0], v[0]), (0.0, 0.0));
            assert!((m[7] / 1e-12 - 1.0).abs() < 1e-3 && v[7] > 0.0, "{}", v[7]);
        }
    }
}
