use std::fmt;

use labbook_data::Rng;
use labbook_records::Spread;

/// With more seeds, so many sign changes are drawn instead of all tried.
const MOST_TRIED: usize = 16;
const DRAWN: u32 = 1 << 16;

/// How much better one trial is than another, seed by seed.
///
/// The test is Fisher's for pairs: were there no difference, each seed's could as well have the other sign. `p` is
/// the share of all choices of signs whose mean is at least as far from zero. Nothing is assumed about how figures
/// are distributed, and nothing hidden: with n seeds `p` is never below 2 / 2^n, so that three seeds cannot show
/// a difference at the usual 5 %, and six are the fewest that can.
///
/// ```
/// use labbook_study::PairedComparison;
///
/// let better = PairedComparison::of(&[0.02, 0.03, 0.01]).expect("three differences");
/// assert_eq!((better.p, better.least_p), (0.25, 0.25));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedComparison {
    /// Of the differences.
    pub spread: Spread,
    /// The share of choices of signs with a mean at least as far from zero.
    pub p: f64,
    /// The smallest `p` that so many seeds could give.
    pub least_p: f64,
}

impl PairedComparison {
    /// Of differences; `None` if there are none or one is no number.
    #[must_use]
    pub fn of(differences: &[f64]) -> Option<Self> {
        let spread = Spread::of(differences)?;
        if !differences.iter().all(|difference| difference.is_finite()) {
            return None;
        }
        let observed = differences.iter().sum::<f64>().abs();
        // Sums of the same numbers in another order may differ by rounding.
        let at_least = |sum: f64| sum.abs() >= observed * (1.0 - 1e-9);
        let sum = |signs: u64| {
            let signed = differences.iter().enumerate();
            signed
                .map(|(index, difference)| {
                    if (signs >> index) & 1 == 1 {
                        -difference
                    } else {
                        *difference
                    }
                })
                .sum()
        };
        let count = differences.len();
        let p = if count <= MOST_TRIED {
            let all = 1_u64 << count;
            (0..all).filter(|signs| at_least(sum(*signs))).count() as f64 / all as f64
        } else {
            let mut rng = Rng::new(0);
            let sums = (0..DRAWN).map(|_| {
                let signed = differences
                    .iter()
                    .map(|d| if rng.bits() & 1 == 1 { -d } else { *d });
                signed.sum::<f64>()
            });
            // The observed signs are one of the choices.
            (sums.filter(|sum| at_least(*sum)).count() + 1) as f64 / f64::from(DRAWN + 1)
        };
        let least_p = 2.0_f64.powi(1 - i32::try_from(count).unwrap_or(i32::MAX));
        Some(Self {
            spread,
            p,
            least_p: least_p.min(1.0),
        })
    }
}

impl fmt::Display for PairedComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.4}", self.spread.mean)?;
        if let Some(deviation) = self.spread.deviation {
            write!(f, " ± {deviation:.4}")?;
        }
        let seeds = self.spread.count;
        write!(
            f,
            " over {seeds} seed{}: p = {:.3}",
            if seeds == 1 { "" } else { "s" },
            self.p
        )?;
        match self.least_p > 0.05 {
            true => write!(
                f,
                ", and below {:.3} it cannot be with so few; run more seeds to know",
                self.least_p
            ),
            false => write!(
                f,
                " (paired over seeds; the more trials are compared, the more of them look different by chance)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_is_the_share_of_signs_counted_by_hand() {
        let alike = PairedComparison::of(&[1.0, 2.0, 1.0]).unwrap();
        assert_eq!(alike.p, 2.0 / 8.0);
        // Of the sums 6, 4, 2, 0 and their negatives, 4 and 6 are at least 4 away.
        let mixed = PairedComparison::of(&[-1.0, 2.0, 3.0]).unwrap();
        assert_eq!(mixed.p, 4.0 / 8.0);
        assert_eq!(PairedComparison::of(&[0.0, 0.0]).unwrap().p, 1.0);
        assert_eq!(PairedComparison::of(&[]), None);
        assert_eq!(PairedComparison::of(&[f64::NAN]), None);
    }

    #[test]
    fn many_seeds_are_drawn_and_agree_with_all_signs() {
        let differences: Vec<f64> = (0..16).map(|i| f64::from(i % 5) - 1.6).collect();
        let all = PairedComparison::of(&differences).unwrap().p;
        let mut with_nothing = differences.clone();
        // A difference of zero changes no sum.
        with_nothing.push(0.0);
        let drawn = PairedComparison::of(&with_nothing).unwrap().p;
        assert!((all - drawn).abs() < 0.01, "{all} {drawn}");
    }

    #[test]
    fn too_few_seeds_are_said_to_be_too_few() {
        let text = PairedComparison::of(&[0.5, 0.25, 0.75])
            .unwrap()
            .to_string();
        assert!(
            text.contains("over 3 seeds: p = 0.250") && text.contains("run more seeds"),
            "{text}"
        );
        let six = PairedComparison::of(&[0.5; 6]).unwrap().to_string();
        assert!(
            six.contains("p = 0.031") && !six.contains("run more"),
            "{six}"
        );
    }
}
