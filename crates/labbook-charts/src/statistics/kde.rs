use super::mean_interval::standard_deviation;
use super::quantile::sorted;

/// Above so many values, neighbours are gathered first.
const GATHERED: usize = 5_000;
/// Places that gathered values take at most; and how many a bandwidth has, if there are so many.
const PLACES: f64 = 65_536.0;
const PER_BANDWIDTH: f64 = 20.0;
/// Further away a normal curve is nothing, in bandwidths.
const REACH: f64 = 8.5;

/// A density estimated by a normal curve round each value, its width after Scott's rule: scipy's
/// `gaussian_kde` in one dimension.
///
/// Many values are gathered on a grid of a twentieth of the bandwidth, each shared by the two
/// places beside it; that changes the density by less than a thousandth of its largest value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kde {
    /// Places from small to large and the share of the values at each.
    places: Vec<(f64, f64)>,
    bandwidth: f64,
    range: (f64, f64),
}

impl Kde {
    /// Nothing for fewer than two values and for values that are all the same.
    pub(crate) fn new(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len() as f64;
        let bandwidth = standard_deviation(&sorted)? * n.powf(-0.2);
        let range = (low, high);
        // One over the width is to be a number.
        if high - low <= 1e-12 * high.abs().max(low.abs()) || bandwidth < 1e-290 {
            return None;
        }
        let places = match sorted.len() > GATHERED {
            true => gathered(&sorted, range, bandwidth),
            false => sorted.iter().map(|&value| (value, 1.0 / n)).collect(),
        };
        Some(Self {
            places,
            bandwidth,
            range,
        })
    }

    /// The standard deviation of the curve round each value.
    #[cfg(test)]
    pub(crate) fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// The density at a value: its integral over all values is 1.
    pub(crate) fn density(&self, at: f64) -> f64 {
        let (from, to) = (at - REACH * self.bandwidth, at + REACH * self.bandwidth);
        let first = self.places.partition_point(|(place, _)| *place < from);
        let near = self.places[first..].iter();
        let sum: f64 = near
            .take_while(|(place, _)| *place <= to)
            .map(|(place, share)| {
                let distance = (at - place) / self.bandwidth;
                share * (-0.5 * distance * distance).exp()
            })
            .sum();
        sum / (self.bandwidth * std::f64::consts::TAU.sqrt())
    }

    /// `(value, density)` at `n` places from `cut` bandwidths below the smallest value to as many
    /// above the largest.
    pub(crate) fn curve(&self, n: usize, cut: f64) -> Vec<(f64, f64)> {
        let (low, high) = self.range;
        let (low, high) = (low - cut * self.bandwidth, high + cut * self.bandwidth);
        (0..n)
            .map(|i| low + (high - low) * i as f64 / (n.max(2) - 1) as f64)
            .map(|at| (at, self.density(at)))
            .collect()
    }
}

fn gathered(sorted: &[f64], (low, high): (f64, f64), bandwidth: f64) -> Vec<(f64, f64)> {
    let places = ((high - low) / bandwidth * PER_BANDWIDTH)
        .clamp(2.0, PLACES)
        .ceil();
    let step = (high - low) / places;
    let mut shares = vec![0.0; places as usize + 2];
    let one = 1.0 / sorted.len() as f64;
    for value in sorted {
        let place = (value - low) / step;
        let part = place.fract();
        shares[place as usize] += (1.0 - part) * one;
        shares[place as usize + 1] += part * one;
    }
    let place = |(index, share)| (low + index as f64 * step, share);
    shares
        .into_iter()
        .enumerate()
        .filter(|(_, share)| *share > 0.0)
        .map(place)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_needs_two_values_that_differ() {
        assert_eq!(Kde::new(&[]), None);
        assert_eq!(Kde::new(&[4.0]), None);
        assert_eq!(Kde::new(&[4.0; 30]), None);
        assert!(Kde::new(&[4.0, 5.0]).is_some());
        let huge = Kde::new(&[-1e300, 0.0, 1e300]).unwrap();
        assert!(huge.density(0.0).is_finite());
    }

    #[test]
    fn gathering_changes_little() {
        // The same values, as they are and often enough to be gathered.
        let values: Vec<f64> = (0..4000)
            .map(|i| (f64::from(i) * 0.7).sin() * f64::from(i % 7))
            .collect();
        let plain = Kde::new(&values).unwrap();
        let gathered = Kde {
            places: gathered(&sorted(&values), plain.range, plain.bandwidth),
            ..plain.clone()
        };
        let highest = plain
            .curve(200, 0.0)
            .iter()
            .fold(0.0, |a: f64, (_, d)| a.max(*d));
        for (at, density) in plain.curve(200, 2.0) {
            let difference = (gathered.density(at) - density).abs();
            assert!(difference < 1e-3 * highest, "{at}: {difference}");
        }
    }
}
