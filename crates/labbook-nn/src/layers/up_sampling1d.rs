use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Repeats every step.
///
/// ```
/// use labbook_nn::{UpSampling1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(UpSampling1D::new(2).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [20, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, size · steps, channels).
#[derive(Debug)]
pub struct UpSampling1D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    size: i64,
}

registered!(UpSampling1D);

impl UpSampling1D {
    /// Makes `size` steps of each; Keras's default is 2.
    #[must_use]
    pub fn new(size: i64) -> Self {
        Self::of(Settings { size })
    }

    layer_options!();
}

impl Layer for UpSampling1D {
    layer_facts!(UpSampling1D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let size = self.settings.size;
        check_sizes("a size", &[size], 1, context)?;
        let (sizes, channels) = axes(input, 1, context)?;
        output_shape(vec![sizes[0].saturating_mul(size), channels], context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        Ok(x.f_repeat_interleave_self_int(self.settings.size, 1, None)?)
    }
}
