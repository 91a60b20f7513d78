use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};
use tch::Kind;

/// The mean of each channel over all steps or, where its input has a mask, those that count.
///
/// ```
/// use labbook_nn::{GlobalAveragePooling1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GlobalAveragePooling1D::new().input_shape((9, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, channels).
#[derive(Debug)]
pub struct GlobalAveragePooling1D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

registered!(GlobalAveragePooling1D);

impl GlobalAveragePooling1D {
    /// A layer with no options.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {})
    }

    layer_options!();
}

impl Layer for GlobalAveragePooling1D {
    layer_facts!(GlobalAveragePooling1D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (_, channels) = axes(input, 1, context)?;
        Ok(Shape::from(channels))
    }

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let ([x], [Some(mask)]) = (inputs, masks) else {
            return self.forward_many(inputs, phase, activation);
        };
        let mask = mask.f_unsqueeze(-1)?;
        let sum = x.f_where_scalarother(&mask, 0.0)?.f_sum_dim_intlist(
            [1_i64].as_slice(),
            false,
            None::<Kind>,
        )?;
        let count = mask.f_sum_dim_intlist([1_i64].as_slice(), false, x.f_kind()?)?;
        // A sequence without a step that counts has mean 0; in Keras it is no number.
        Ok(sum.f_div(&count.f_clamp_min(1.0)?)?)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let axes: [i64; 1] = [1];
        Ok(x.f_mean_dim(axes.as_slice(), false, None::<Kind>)?)
    }
}

impl Default for GlobalAveragePooling1D {
    fn default() -> Self {
        Self::new()
    }
}
