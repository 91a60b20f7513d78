use labbook_data::Rng;

/// What stand-ins are drawn from: made of the generator's bits with sums and products alone, so that
/// every machine draws the same.
#[derive(Clone, Debug)]
pub(crate) struct Random(Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Close to the normal distribution of this mean and deviation, and never beyond six deviations: a
    /// sum of twelve uniform numbers.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        mean + deviation * (sum - 6.0)
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    /// One of several, of which there is at least one.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// The number of one of several by their shares, which need not add up to 1.
    pub(crate) fn by_share(&mut self, shares: &[f64]) -> usize {
        let mut left = self.unit() * shares.iter().sum::<f64>();
        for (place, share) in shares.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return place;
            }
        }
        shares.len().saturating_sub(1)
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_shares_and_moments_that_they_should() {
        let mut random = Random::new(1);
        let mut counts = [0; 3];
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..8000 {
            counts[random.by_share(&[1.0, 2.0, 1.0])] += 1;
            let value = random.normal(3.0, 2.0);
            sum += value;
            squares += (value - 3.0).powi(2);
        }
        assert!((1850..2150).contains(&counts[0]), "{counts:?}");
        assert!((3800..4200).contains(&counts[1]), "{counts:?}");
        assert!((sum / 8000.0 - 3.0).abs() < 0.1);
        assert!((squares / 8000.0 - 4.0).abs() < 0.2);
    }
}
