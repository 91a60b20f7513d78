use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// The largest value of each channel over the whole volume.
///
/// ```
/// use labbook_nn::{GlobalMaxPooling3D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GlobalMaxPooling3D::new().input_shape([5, 4, 4, 3]));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, depth, height, width, channels) to (N, channels).
#[derive(Debug)]
pub struct GlobalMaxPooling3D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

registered!(GlobalMaxPooling3D);

impl GlobalMaxPooling3D {
    /// A layer with no options.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {})
    }

    layer_options!();
}

impl Layer for GlobalMaxPooling3D {
    layer_facts!(GlobalMaxPooling3D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (_, channels) = axes(input, 3, context)?;
        Ok(Shape::from(channels))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let axes: [i64; 3] = [1, 2, 3];
        Ok(x.f_amax(axes, false)?)
    }
}

impl Default for GlobalMaxPooling3D {
    fn default() -> Self {
        Self::new()
    }
}
