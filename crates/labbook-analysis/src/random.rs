use std::f64::consts::TAU;

/// Normally distributed numbers of mean 0 and standard deviation 1, the same on every machine
/// for the same seed: SplitMix64 bits through the Box-Muller transform.
pub(crate) struct Normal {
    state: u64,
}

impl Normal {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> f64 {
        // 1 - u lies above 0, so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A number from 0, included, to 1, excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Numbers picked at random, from seed, epoch and point.
pub(crate) struct Picks(u64);

impl Picks {
    #[inline(always)]
    pub(crate) fn new(seed: u64, epoch: usize, point: usize) -> Self {
        let mixed = |bits: u64| {
            let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^ (bits >> 31)
        };
        let start = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(epoch as u64 + 1));
        Self(mixed(mixed(start).wrapping_add(point as u64)) | 1)
    }

    /// A number below `n`, which is less than 2^32: xorshift's upper half.
    #[inline(always)]
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) * n) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_those_of_the_distribution() {
        let mut normal = Normal::new(0);
        let draws: Vec<f64> = (0..20_000).map(|_| normal.next()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }
}
