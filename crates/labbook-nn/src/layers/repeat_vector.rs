use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::{check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Repeats each example's numbers as the steps of a sequence.
///
/// ```
/// use labbook_nn::{RepeatVector, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RepeatVector::new(3).input_shape(32));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [3, 32]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, features) to (N, n, features).
#[derive(Debug)]
pub struct RepeatVector {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    n: i64,
}

registered!(RepeatVector);

impl RepeatVector {
    /// Makes `n` steps.
    #[must_use]
    pub fn new(n: i64) -> Self {
        Self::of(Settings { n })
    }

    layer_options!();
}

impl Layer for RepeatVector {
    layer_facts!(RepeatVector);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let n = self.settings.n;
        check_sizes("a number of steps", &[n], 1, context)?;
        match *input.dims() {
            [features] => output_shape(vec![n, features], context),
            _ => Err(context.error(
                "an input (None, features)",
                input,
                "put it after Flatten or a Dense layer",
            )),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        Ok(x.f_unsqueeze(1)?.f_repeat([1, self.settings.n, 1])?)
    }
}
