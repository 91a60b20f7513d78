//! One token of those that may come next.

use super::Generate;
use crate::random::Rng;
use crate::{Error, Result};

impl Generate {
    /// The most probable token of these logits, or one that is drawn.
    pub(super) fn choose(&self, logits: &[f64], rng: &mut Rng) -> Result<i64> {
        let order = ordered(logits);
        let Some(&best) = order.first().filter(|&&best| logits[best].is_finite()) else {
            return Err(no_logits());
        };
        if !self.draws() {
            return Ok(best as i64);
        }
        let kept = &order[..self.top_k.unwrap_or(order.len()).min(order.len())];
        let temperature = self.temperature.unwrap_or(1.0);
        let weight = |&token: &usize| ((logits[token] - logits[best]) / temperature).exp();
        let weights: Vec<f64> = kept.iter().map(weight).collect();
        let all: f64 = weights.iter().sum();
        let mut count = weights.len();
        if let Some(top_p) = self.top_p {
            // The token that crosses the line belongs to them.
            let sums = weights.iter().scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            });
            let below = sums.take_while(|&sum| sum < top_p * all).count();
            count = count.min(below + 1);
        }
        let sum: f64 = weights[..count].iter().sum();
        let mut left = f64::from(rng.next_f32()) * sum;
        for (token, weight) in kept[..count].iter().zip(&weights) {
            left -= weight;
            if left < 0.0 {
                return Ok(*token as i64);
            }
        }
        // Rounding may leave a little.
        Ok(best as i64)
    }
}

/// The tokens, the most probable first, and of equals the one with the lower number.
pub(super) fn ordered(logits: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).filter(|&i| !logits[i].is_nan()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order
}

pub(super) fn no_logits() -> Error {
    Error::data(
        "the model's output",
        "finite numbers",
        "none",
        "train it with a lower learning rate",
    )
}
