use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_rate};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Drops whole channels of a sequence in training and scales up the rest
/// (Tompson et al. 2015): neighbouring steps resemble each other, so that
/// dropping them one by one would do little.
///
/// ```
/// use labbook_nn::{SpatialDropout1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(SpatialDropout1D::new(0.2).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels), output as input.
#[derive(Debug)]
pub struct SpatialDropout1D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rate: f64,
}

registered!(SpatialDropout1D);

impl SpatialDropout1D {
    /// Drops each channel of each example with probability `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self::of(Settings { rate })
    }

    layer_options!();
}

impl Layer for SpatialDropout1D {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(SpatialDropout1D);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(
            self.settings.rate,
            "use SpatialDropout1D::new(0.2)",
            context,
        )?;
        axes(input, 1, context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        if phase == Phase::Infer || self.settings.rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let mask = x.f_detach()?.f_narrow(1, 0, 1)?.f_ones_like()?;
        Ok(x.f_mul(&mask.f_dropout(self.settings.rate, true)?)?)
    }
}
