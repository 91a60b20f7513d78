use tch::Tensor;

use crate::{Output, Result};

/// The steps of a batch of sequences that a mask lets count, one after another.
pub(super) struct Counted {
    pub(super) output: Output,
    pub(super) y: Tensor,
    pub(super) weights: Option<Tensor>,
}

impl Counted {
    /// Those of an output (N, steps, ..) and its targets; `None` if the mask (N, steps) does not
    /// belong to both. The weight of an example is that of its steps.
    pub(super) fn of(
        mask: &Tensor,
        output: &Output,
        y: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Option<Self>> {
        let size = mask.size();
        if !output.raw().size().starts_with(&size) || !y.size().starts_with(&size) {
            return Ok(None);
        }
        let at = Some(mask);
        let output = match output {
            Output::Logits(values) => Output::Logits(values.f_index(&[at])?),
            Output::BinaryLogits(values) => Output::BinaryLogits(values.f_index(&[at])?),
            Output::Values(values) => Output::Values(values.f_index(&[at])?),
        };
        let weights = weights.map(|weights| -> Result<Tensor> {
            let mut shape = vec![1; size.len()];
            shape[0] = -1;
            let each = weights.f_reshape(shape)?.f_expand(size.as_slice(), true)?;
            Ok(each.f_index(&[at])?)
        });
        Ok(Some(Self {
            output,
            y: y.f_index(&[at])?,
            weights: weights.transpose()?,
        }))
    }
}
