//! What attention with scores of its own shares.

use tch::{Kind, Tensor};

use super::attention_heads::{Attended, check_rate};
use super::spatial::axes;
use crate::{BuildContext, Phase, Result, Shape};

/// Taken off the scores of what must not be seen, as in Keras.
const UNSEEN: f64 = 1e9;

/// Scores (N, steps, steps of the value), and what they are scores of.
pub(super) struct Scored<'a> {
    pub(super) scores: Tensor,
    pub(super) attended: Attended<'a>,
    pub(super) query_mask: Option<&'a Tensor>,
}

impl Scored<'_> {
    /// The means of the value's steps, weighted by the softmax of the scores.
    pub(super) fn gather(&self, dropout: f64, phase: Phase) -> Result<Tensor> {
        let mut mask = self.attended.mask()?;
        if mask.is_none() && self.attended.causal {
            mask = Some(self.attended.causal_mask()?);
        }
        let mut scores = self.scores.shallow_clone();
        if let Some(mask) = mask {
            let unseen = mask.f_logical_not()?.f_to_kind(scores.f_kind()?)?;
            scores = scores.f_sub(&unseen.f_mul_scalar(UNSEEN)?)?;
        }
        let mut weights = scores.f_softmax(-1, None::<Kind>)?;
        if phase == Phase::Train && dropout > 0.0 {
            weights = weights.f_dropout(dropout, true)?;
        }
        let y = weights.f_matmul(self.attended.value)?;
        match self.query_mask {
            Some(mask) => {
                let unseen = mask.f_logical_not()?.f_unsqueeze(-1)?;
                Ok(y.f_masked_fill(&unseen, 0.0)?)
            }
            None => Ok(y),
        }
    }
}

/// The output's shape for query, value and key of these shapes.
pub(super) fn shape(
    [query, value, key]: [&Shape; 3],
    dropout: f64,
    context: &BuildContext<'_>,
) -> Result<Shape> {
    check_rate(dropout, context)?;
    let (steps, of_query) = axes(query, 1, context)?;
    let (seen, of_value) = axes(value, 1, context)?;
    let (keys, of_key) = axes(key, 1, context)?;
    match seen == keys && of_query == of_key {
        true => Ok(Shape::from((steps[0], of_value))),
        false => Err(context.error(
            "a key with as many features as the query and as many steps as the value",
            format!("{query}, {value} and {key}"),
            "bring them to one size with Dense",
        )),
    }
}
