use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// The largest value of each channel over all steps.
///
/// ```
/// use labbook_nn::{GlobalMaxPooling1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GlobalMaxPooling1D::new().input_shape((9, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, channels).
#[derive(Debug)]
pub struct GlobalMaxPooling1D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

registered!(GlobalMaxPooling1D);

impl GlobalMaxPooling1D {
    /// A layer with no options.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {})
    }

    layer_options!();
}

impl Layer for GlobalMaxPooling1D {
    layer_facts!(GlobalMaxPooling1D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (_, channels) = axes(input, 1, context)?;
        Ok(Shape::from(channels))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let axes: [i64; 1] = [1];
        Ok(x.f_amax(axes, false)?)
    }
}

impl Default for GlobalMaxPooling1D {
    fn default() -> Self {
        Self::new()
    }
}
