use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// x where positive, else a share of it.
///
/// ```
/// use labbook_nn::{LeakyReLU, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(LeakyReLU::new().input_shape(4));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct LeakyReLU {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    negative_slope: f64,
}

registered!(LeakyReLU);

impl LeakyReLU {
    /// With a slope of 0.3, as in Keras.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            negative_slope: 0.3,
        })
    }

    /// Sets the share of negative numbers that is left; the default is 0.3.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.settings.negative_slope = negative_slope;
        self
    }

    layer_options!();
}

impl Layer for LeakyReLU {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(LeakyReLU);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let negative_slope = self.settings.negative_slope;
        if !(negative_slope.is_finite() && negative_slope >= 0.0) {
            return Err(context.error(
                "a negative_slope of at least 0",
                negative_slope,
                "leave it out for 0.3",
            ));
        }
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let negative = x.f_clamp_max(0.0)?;
        Ok(x.f_relu()?
            .f_add(&negative.f_mul_scalar(self.settings.negative_slope)?)?)
    }
}

impl Default for LeakyReLU {
    fn default() -> Self {
        Self::new()
    }
}
