use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

static SESSION_SEED: Mutex<Option<u64>> = Mutex::new(None);

/// Makes everything that follows repeatable, bit for bit, on one machine with one thread count.
///
/// A model made afterwards draws its kernels, shuffles and dropout masks from this seed
/// alone, so a fresh model trained a second time gives the same figures whatever ran in
/// between. Two models of the same architecture therefore start from the same weights.
/// Models made earlier keep the seed that they were made with. Without this call each model
/// has a seed of its own; [`Model::seed`](crate::Model::seed) tells it.
pub fn set_random_seed(seed: u64) {
    *SESSION_SEED.lock().unwrap_or_else(PoisonError::into_inner) = Some(seed);
    tch::manual_seed(as_torch_seed(seed));
}

/// The session's seed, or `None` when none was set.
pub(crate) fn session_seed() -> Option<u64> {
    *SESSION_SEED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A seed that differs from call to call.
pub(crate) fn fresh_seed() -> u64 {
    // The standard library seeds each RandomState differently, from the system's entropy.
    RandomState::new().hash_one(0_u8)
}

/// libtorch takes a signed number and reads the same bits.
pub(crate) fn as_torch_seed(seed: u64) -> i64 {
    seed.cast_signed()
}

/// A seed for dropout's masks, drawn from libtorch's generator.
pub(crate) fn mask_seed() -> Result<u64> {
    let seed = Tensor::f_randint(i64::MAX, [1], (Kind::Int64, Device::Cpu))?;
    Ok(seed.f_int64_value(&[0])?.cast_unsigned())
}

/// SplitMix64 (Steele, Lea and Flood 2014), for kernels and shuffles.
///
/// Not libtorch's generator, because that one is shared by the whole process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream of its own for each pair of seed and purpose.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed);
        let base = rng.next_u64();
        Self(base ^ Self(stream).next_u64())
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in [0, 1) with the 24 bits that an `f32` can hold.
    pub(crate) fn next_f32(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// `count` draws from the uniform distribution over [-limit, limit).
    pub(crate) fn uniform(&mut self, count: i64, limit: f32) -> Result<Vec<f32>> {
        let mut values = room_for(count)?;
        values.extend((0..count).map(|_| limit * (2.0 * self.next_f32() - 1.0)));
        Ok(values)
    }

    /// `count` draws from the normal distribution of mean 0 and this deviation, without those
    /// beyond two deviations.
    pub(crate) fn cut_normal(&mut self, count: i64, deviation: f64) -> Result<Vec<f32>> {
        let mut values = room_for(count)?;
        while (values.len() as i64) < count {
            // Box and Muller; 1 - u lies in (0, 1].
            let radius = (-2.0 * (1.0 - f64::from(self.next_f32())).ln()).sqrt();
            let value = radius * (std::f64::consts::TAU * f64::from(self.next_f32())).cos();
            if value.abs() <= 2.0 {
                values.push((deviation * value) as f32);
            }
        }
        Ok(values)
    }

    /// `count` draws from the normal distribution of mean 0 and this deviation.
    pub(crate) fn normal(&mut self, count: i64, deviation: f64) -> Result<Vec<f32>> {
        let mut values = room_for(count)?;
        values.extend((0..count).map(|_| {
            let radius = (-2.0 * (1.0 - f64::from(self.next_f32())).ln()).sqrt();
            let angle = std::f64::consts::TAU * f64::from(self.next_f32());
            (deviation * radius * angle.cos()) as f32
        }));
        Ok(values)
    }

    /// A number from 0 to below `bound`, which is positive.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        // Widening multiplication; its bias is below bound / 2^64.
        ((u128::from(self.next_u64()) * bound.unsigned_abs() as u128) >> 64) as i64
    }

    /// The numbers 0..n in random order (Fisher-Yates).
    pub(crate) fn permutation(&mut self, n: i64) -> Vec<i64> {
        let mut order: Vec<i64> = (0..n).collect();
        for last in (1..order.len()).rev() {
            let pick = self.below(last as i64 + 1);
            order.swap(last, pick as usize);
        }
        order
    }
}

/// An empty vector with room for the numbers of a kernel.
fn room_for(count: i64) -> Result<Vec<f32>> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut values = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(|error| Error::Torch {
            operation: format!("a kernel of {count} numbers"),
            message: error.to_string(),
        })?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_sequence() {
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_permutation_holds_every_number_once_and_depends_on_the_stream() {
        let first = Rng::new(3, 0).permutation(100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(first, sorted);
        assert_eq!(first, Rng::new(3, 0).permutation(100));
        assert_ne!(first, Rng::new(3, 1).permutation(100));
        assert_ne!(first, Rng::new(4, 0).permutation(100));
    }

    #[test]
    fn every_position_of_a_permutation_is_equally_likely() {
        let mut counts = [0_u32; 4];
        let mut rng = Rng::new(1, 0);
        for _ in 0..4000 {
            counts[rng.permutation(4)[0] as usize] += 1;
        }
        assert!(
            counts.iter().all(|&n| (880..1120).contains(&n)),
            "{counts:?}"
        );
    }

    #[test]
    fn an_impossible_amount_of_numbers_is_an_error() {
        assert!(Rng::new(0, 0).uniform(i64::MAX, 1.0).is_err());
    }
}
