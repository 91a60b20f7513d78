use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::class_numbers;
use crate::losses::loss::{Loss, Output};
use crate::{Result, SparseCategoricalCrossentropy};

/// How many equally probable tokens a model's doubt at each step amounts to: the exponential of the
/// mean cross-entropy, as KerasHub's `Perplexity`. Targets are class numbers.
///
/// A model that knows nothing of `n` tokens has the perplexity `n`, one that is always right 1. Steps
/// that a mask leaves out do not count; without masks, [`mask_token_id`](Self::mask_token_id) names
/// the token that fills sequences up.
///
/// ```
/// use labbook_nn::{Metric, Perplexity};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[2_i64, 1]).reshape([1, 2]);
/// let even = Tensor::from_slice(&[0.25_f32; 8]).reshape([1, 2, 4]);
/// let mut metric = Perplexity::new();
/// metric.update(&truth, &even, None)?;
/// assert!((metric.result()? - 4.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Perplexity {
    name: Option<String>,
    from_logits: bool,
    mask_token_id: Option<i64>,
    #[serde(skip)]
    mean: Mean,
}

impl Perplexity {
    /// Perplexity under the key `perplexity`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether the model's output still lacks its softmax; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// Leaves out steps whose target is this token; the default is none.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mask_token_id(mut self, token: i64) -> Self {
        self.mask_token_id = Some(token);
        self
    }

    name_option!("perplexity");
}

impl Metric for Perplexity {
    described!("Perplexity", "perplexity", higher_is_better: false);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        // Each step counts as an example of its own.
        let truth = class_numbers(Metric::name(self), y_true, y_pred)?;
        let classes = y_pred.size().last().copied().unwrap_or(1);
        let rows = y_pred.f_reshape([-1, classes])?;
        let steps = truth.f_reshape([-1])?;
        let loss = SparseCategoricalCrossentropy::new().from_logits(self.from_logits);
        let losses = loss.per_example(&steps, &Output::Values(rows))?;
        let mut weights = match sample_weight {
            None => None,
            Some(weights) => {
                let mut size = vec![1; truth.dim()];
                size[0] = -1;
                let each = weights.f_reshape(size)?.f_expand(truth.size(), true)?;
                Some(each.f_reshape([-1])?)
            }
        };
        if let Some(token) = self.mask_token_id {
            let counted = steps.f_ne(token)?.f_to_kind(losses.f_kind()?)?;
            weights = Some(match weights {
                Some(weights) => weights.f_mul(&counted)?,
                None => counted,
            });
        }
        self.mean.add(&losses, weights.as_ref())
    }

    fn result(&self) -> Result<f64> {
        Ok(self.mean.result()?.exp())
    }

    fn reset(&mut self) {
        self.mean.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    const TRUTH: [i64; 6] = [1, 2, 0, 2, 1, 1];
    const LOGITS: [f64; 18] = [
        0.5, 1.0, -1.0, 0.0, 0.3, 2.0, 1.5, 1.0, 0.0, 0.2, 0.1, 0.4, 1.0, 1.0, 1.0, -2.0, 0.0, 2.0,
    ];

    fn perplexity(mut metric: Perplexity, weights: Option<&Tensor>) -> Result<f64> {
        let truth = Tensor::from_slice(&TRUTH).reshape([2, 3]);
        let logits = Tensor::from_slice(&LOGITS).to_kind(Kind::Float);
        let logits = logits.reshape([2, 3, 3]);
        let given = match metric.from_logits {
            true => logits,
            false => logits.softmax(-1, None::<Kind>),
        };
        metric.update(&truth, &given, weights)?;
        metric.result()
    }

    /// The definition, in plain numbers: a weight for each step.
    fn by_hand(weights: [f64; 6]) -> f64 {
        let rows = LOGITS.chunks(3).zip(TRUTH).zip(weights);
        let sum: f64 = rows
            .map(|((row, truth), weight)| {
                let all: f64 = row.iter().map(|logit| logit.exp()).sum();
                weight * (all.ln() - row[truth as usize])
            })
            .sum();
        (sum / weights.iter().sum::<f64>()).exp()
    }

    #[test]
    fn the_figure_is_the_exponential_of_the_mean_cross_entropy_of_steps_that_count() -> Result<()> {
        let close = |found: f64, weights: [f64; 6]| {
            let wanted = by_hand(weights);
            assert!((found - wanted).abs() < 1e-5, "{found}, not {wanted}");
        };
        close(perplexity(Perplexity::new(), None)?, [1.0; 6]);
        close(
            perplexity(Perplexity::new().from_logits(true), None)?,
            [1.0; 6],
        );
        let masked = perplexity(Perplexity::new().mask_token_id(0), None)?;
        close(masked, [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
        let weights = Tensor::from_slice(&[1.0_f32, 3.0]);
        let weighted = perplexity(Perplexity::new(), Some(&weights))?;
        close(weighted, [1.0, 1.0, 1.0, 3.0, 3.0, 3.0]);
        Ok(())
    }
}
