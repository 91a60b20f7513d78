use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// x where it is above a threshold, up to a largest value; below, a share of how far below.
///
/// With its defaults it is `max(x, 0)`.
///
/// ```
/// use labbook_nn::{ReLU, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(ReLU::new().max_value(6.0).input_shape(4));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct ReLU {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    max_value: Option<f64>,
    negative_slope: f64,
    threshold: f64,
}

registered!(ReLU);

impl ReLU {
    /// `max(x, 0)`.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            max_value: None,
            negative_slope: 0.0,
            threshold: 0.0,
        })
    }

    /// Sets what no output exceeds; without this there is no limit.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_value(mut self, max_value: f64) -> Self {
        self.settings.max_value = Some(max_value);
        self
    }

    /// Sets the slope below the threshold; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.settings.negative_slope = negative_slope;
        self
    }

    /// Sets above what numbers pass; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.settings.threshold = threshold;
        self
    }

    layer_options!();
}

impl Layer for ReLU {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(ReLU);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let settings = &self.settings;
        let numbers = [settings.negative_slope, settings.threshold];
        let mut numbers = numbers.into_iter().chain(settings.max_value);
        match numbers.all(|number| number.is_finite() && number >= 0.0) {
            true => Ok(input.clone()),
            false => Err(context.error(
                "a max_value, a negative_slope and a threshold of at least 0",
                format!("{settings:?}"),
                "leave them out for max(x, 0)",
            )),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Settings {
            max_value,
            negative_slope,
            threshold,
        } = self.settings;
        let mut y = match threshold == 0.0 {
            true => x.f_relu()?,
            false => x.f_mul(&x.f_gt(threshold)?.f_to_kind(x.f_kind()?)?)?,
        };
        if let Some(max_value) = max_value {
            y = y.f_clamp_max(max_value)?;
        }
        if negative_slope == 0.0 {
            return Ok(y);
        }
        let below = x.f_neg()?.f_add_scalar(threshold)?.f_relu()?;
        Ok(y.f_sub(&below.f_mul_scalar(negative_slope)?)?)
    }
}

impl Default for ReLU {
    fn default() -> Self {
        Self::new()
    }
}
