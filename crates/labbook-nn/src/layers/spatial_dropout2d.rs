use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_rate};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Drops whole channels of an image in training and scales up the rest
/// (Tompson et al. 2015): neighbouring pixels resemble each other, so that
/// dropping them one by one would do little.
///
/// ```
/// use labbook_nn::{SpatialDropout2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(SpatialDropout2D::new(0.2).input_shape((8, 8, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct SpatialDropout2D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rate: f64,
}

registered!(SpatialDropout2D);

impl SpatialDropout2D {
    /// Drops each channel of each example with probability `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self::of(Settings { rate })
    }

    layer_options!();
}

impl Layer for SpatialDropout2D {
    layer_facts!(SpatialDropout2D);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(
            self.settings.rate,
            "use SpatialDropout2D::new(0.2)",
            context,
        )?;
        axes(input, 2, context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        if phase == Phase::Infer || self.settings.rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let mask = x
            .f_detach()?
            .f_narrow(1, 0, 1)?
            .f_narrow(2, 0, 1)?
            .f_ones_like()?;
        Ok(x.f_mul(&mask.f_dropout(self.settings.rate, true)?)?)
    }
}
