use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Adds normally distributed noise in training.
///
/// ```
/// use labbook_nn::{GaussianNoise, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GaussianNoise::new(0.1).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct GaussianNoise {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    stddev: f64,
}

registered!(GaussianNoise);

impl GaussianNoise {
    /// Noise of this standard deviation, from 0 to 1 as in Keras.
    #[must_use]
    pub fn new(stddev: f64) -> Self {
        Self::of(Settings { stddev })
    }

    layer_options!();
}

impl Layer for GaussianNoise {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(GaussianNoise);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let stddev = self.settings.stddev;
        if !(0.0..=1.0).contains(&stddev) {
            let advice = "scale the data first, or use GaussianNoise::new(0.1)";
            return Err(context.error("a standard deviation from 0 to 1", stddev, advice));
        }
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        if phase == Phase::Infer || self.settings.stddev == 0.0 {
            return Ok(x.shallow_clone());
        }
        let noise = x.f_detach()?.f_randn_like()?;
        Ok(x.f_add(&noise.f_mul_scalar(self.settings.stddev)?)?)
    }
}
