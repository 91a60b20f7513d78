use serde::{Deserialize, Serialize};

use crate::Result;
use crate::optimizers::learning_rate::check_option;

/// Factors of the learning rate for the weights whose names end in a certain way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LearningRateMultipliers(Vec<(String, f64)>);

impl LearningRateMultipliers {
    pub(crate) fn push(&mut self, name: String, factor: f64) {
        self.0.push((name, factor));
    }

    pub(crate) fn check(&self, optimizer: &str) -> Result<()> {
        for (name, factor) in &self.0 {
            check_option(
                optimizer,
                &format!("learning_rate_multiplier of {name}"),
                *factor,
                factor.is_finite() && *factor >= 0.0,
                "a finite number of at least 0",
            )?;
        }
        Ok(())
    }

    /// The factor of a weight: 1 unless a name fits.
    pub(crate) fn factor(&self, weight: &str) -> f64 {
        let fitting = self.0.iter().rev().find(|(name, _)| fits(weight, name));
        fitting.map_or(1.0, |&(_, factor)| factor)
    }
}

/// Whether the last parts of a weight's name, such as `batch_normalization/beta:0`, are these.
fn fits(weight: &str, name: &str) -> bool {
    let weight = weight.strip_suffix(":0").unwrap_or(weight);
    let name = name.strip_suffix(":0").unwrap_or(name);
    match weight.strip_suffix(name) {
        Some(before) => before.is_empty() || before.ends_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_at_the_end_of_a_name_count_and_the_last_that_fits() {
        let mut multipliers = LearningRateMultipliers::default();
        for (name, factor) in [("beta", 64.0), ("dense/kernel:0", 2.0), ("norm/beta", 3.0)] {
            multipliers.push(name.to_owned(), factor);
        }
        for (weight, factor) in [
            ("batch_normalization/beta:0", 64.0),
            ("norm/beta:0", 3.0),
            ("other/alphabeta:0", 1.0),
            ("dense/kernel:0", 2.0),
            ("dense_1/kernel:0", 1.0),
            ("beta/kernel:0", 1.0),
        ] {
            assert_eq!(multipliers.factor(weight), factor, "{weight}");
        }
    }
}
