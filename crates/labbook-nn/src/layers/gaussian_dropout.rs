use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::check_rate;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Multiplies by normally distributed numbers around 1 in training: noise with the mean and the
/// variance of [`Dropout`](crate::Dropout)'s, sqrt(rate / (1 - rate)).
///
/// ```
/// use labbook_nn::{GaussianDropout, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GaussianDropout::new(0.2).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct GaussianDropout {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rate: f64,
}

registered!(GaussianDropout);

impl GaussianDropout {
    /// Noise as of a dropout of `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self::of(Settings { rate })
    }

    layer_options!();
}

impl Layer for GaussianDropout {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(GaussianDropout);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(self.settings.rate, "use GaussianDropout::new(0.2)", context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        let rate = self.settings.rate;
        if phase == Phase::Infer || rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let noise = x.f_detach()?.f_randn_like()?;
        let factors = noise.f_mul_scalar((rate / (1.0 - rate)).sqrt())?;
        Ok(x.f_mul(&factors.f_add_scalar(1.0)?)?)
    }
}
