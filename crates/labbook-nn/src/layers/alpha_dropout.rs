use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::check_rate;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Dropout for networks of SELU (Klambauer et al. 2017): sets numbers to what SELU saturates at, and
/// scales and shifts all so that mean and variance stay.
///
/// ```
/// use labbook_nn::{AlphaDropout, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(AlphaDropout::new(0.2).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct AlphaDropout {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rate: f64,
}

registered!(AlphaDropout);

impl AlphaDropout {
    /// Drops each number with probability `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self::of(Settings { rate })
    }

    layer_options!();
}

impl Layer for AlphaDropout {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(AlphaDropout);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(self.settings.rate, "use AlphaDropout::new(0.2)", context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        let rate = self.settings.rate;
        if phase == Phase::Infer || rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let a = ((1.0 - rate) * (1.0 + rate * SATURATED * SATURATED)).powf(-0.5);
        let b = -a * SATURATED * rate;
        let kept = x
            .f_detach()?
            .f_rand_like()?
            .f_ge(rate)?
            .f_to_kind(x.f_kind()?)?;
        // a · (x · kept + saturated · (1 - kept)) + b
        let filled = kept
            .f_mul_scalar(-a * SATURATED)?
            .f_add_scalar(a * SATURATED + b)?;
        Ok(x.f_mul(&kept.f_mul_scalar(a)?)?.f_add(&filled)?)
    }
}

/// SELU's limit for large negative numbers: -1.0507 · 1.67326.
const SATURATED: f64 = -1.050_700_987_355_480_5 * 1.673_263_242_354_377_2;
