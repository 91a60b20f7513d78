//! What attention with scores of its own shares.

use tch::{Kind, Tensor};

use super::attention_heads::{Attended, check_rate, three, three_masks};
use super::spatial::axes;
use crate::{BuildContext, Phase, Result, Shape};

/// Taken off the scores of what must not be seen, as in Keras.
const UNSEEN: f64 = 1e9;

/// The means of the value's steps, weighted by the softmax of what `scores` makes of query and key,
/// (N, steps, steps of the value); none unless there are two or three inputs.
pub(super) fn attend(
    inputs: &[&Tensor],
    masks: &[Option<&Tensor>],
    (dropout, causal): (f64, bool),
    phase: Phase,
    scores: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Option<Tensor>> {
    let Some([query, value, key]) = three(inputs) else {
        return Ok(None);
    };
    let [of_query, seen, _] = three_masks(masks);
    let attended = Attended {
        query,
        value,
        key,
        // Keras looks at the value's mask alone.
        masks: [None, seen, None],
        causal,
    };
    let mut mask = attended.mask()?;
    if mask.is_none() && causal {
        mask = Some(attended.causal_mask()?);
    }
    let mut scores = scores(query, key)?;
    if let Some(mask) = mask {
        let unseen = mask.f_logical_not()?.f_to_kind(scores.f_kind()?)?;
        scores = scores.f_sub(&unseen.f_mul_scalar(UNSEEN)?)?;
    }
    let mut weights = scores.f_softmax(-1, None::<Kind>)?;
    if phase == Phase::Train && dropout > 0.0 {
        weights = weights.f_dropout(dropout, true)?;
    }
    let y = weights.f_matmul(value)?;
    Ok(Some(match of_query {
        Some(mask) => {
            let unseen = mask.f_logical_not()?.f_unsqueeze(-1)?;
            y.f_masked_fill(&unseen, 0.0)?
        }
        None => y,
    }))
}

/// The builder methods that both share.
macro_rules! plain_attention_options {
    () => {
        /// Sets the share of the scores that is dropped in training; the default is 0.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn dropout(mut self, dropout: f64) -> Self {
            self.settings.dropout = dropout;
            self
        }

        /// Says whether no step sees those after it; the default is `false`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn use_causal_mask(mut self, use_causal_mask: bool) -> Self {
            self.settings.use_causal_mask = use_causal_mask;
            self
        }
    };
}
pub(super) use plain_attention_options;

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
