use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// x where positive, else alpha · (exp(x) - 1).
///
/// ```
/// use labbook_nn::{ELU, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(ELU::new().input_shape(4));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct ELU {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    alpha: f64,
}

registered!(ELU);

impl ELU {
    /// With an alpha of 1, as in Keras.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings { alpha: 1.0 })
    }

    /// Sets what large negative numbers come close to, with a minus; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.settings.alpha = alpha;
        self
    }

    layer_options!();
}

impl Layer for ELU {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(ELU);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let alpha = self.settings.alpha;
        if !(alpha.is_finite() && alpha >= 0.0) {
            return Err(context.error("a alpha of at least 0", alpha, "leave it out for 1"));
        }
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let negative = x.f_clamp_max(0.0)?.f_expm1()?;
        Ok(x.f_relu()?
            .f_add(&negative.f_mul_scalar(self.settings.alpha)?)?)
    }
}

impl Default for ELU {
    fn default() -> Self {
        Self::new()
    }
}
