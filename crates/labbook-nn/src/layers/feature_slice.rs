//! Some neighbouring features of all that there are.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{first_mask, layer_options};
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Some neighbouring features: the numbers along the last axis from one on, so many. What
/// [`Bidirectional::call_apart`](super::Bidirectional::call_apart) makes of each half.
///
/// ```
/// use labbook_nn::{FeatureSlice, Sequential};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(FeatureSlice::new(1, 2).input_shape(4));
/// let x = Tensor::from_slice(&[1_f32, 2.0, 3.0, 4.0]).reshape([1, 4]);
/// assert_eq!(model.predict(&x)?, Tensor::from_slice(&[2_f32, 3.0]).reshape([1, 2]));
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, .., features) to (N, .., length).
#[derive(Debug)]
pub struct FeatureSlice {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    first: i64,
    length: i64,
}

registered!(FeatureSlice);

impl FeatureSlice {
    /// `length` features, from number `first` on; the first of all is number 0.
    #[must_use]
    pub fn new(first: i64, length: i64) -> Self {
        Self::of(Settings { first, length })
    }

    layer_options!();
}

impl Layer for FeatureSlice {
    layer_facts!(FeatureSlice);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings { first, length } = self.settings;
        let (mut dims, end) = (input.dims().to_vec(), first.saturating_add(length));
        match dims.last_mut() {
            Some(last) if first >= 0 && length >= 1 && end <= *last => *last = length,
            _ => {
                return Err(context.error(
                    &format!("at least {end} features, and at least one of them"),
                    input,
                    "use FeatureSlice::new(0, 2) for the first two",
                ));
            }
        }
        Ok(Shape::from(dims))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        Ok(x.f_narrow(-1, self.settings.first, self.settings.length)?)
    }

    fn compute_mask(
        &self,
        _inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        Ok(first_mask(masks).map(Tensor::shallow_clone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::build;

    #[test]
    fn what_lies_outside_is_told() {
        for (first, length) in [(-1, 2), (3, 2), (0, 0), (1, i64::MAX)] {
            let error = build(&mut FeatureSlice::new(first, length), 4);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("features"), "{error}");
        }
    }
}
