use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::affine::{Factor, RandomImages};
use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Adds a random number to all of each image in training.
///
/// ```
/// use labbook_nn::{RandomBrightness, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomBrightness::new(0.2).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomBrightness {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    factor: Factor,
    value_range: (f64, f64),
}

registered!(RandomBrightness);

impl RandomBrightness {
    /// A share of the range of values, from -1 to 1: `0.2` for as much up as down, or bounds such as
    /// `(-0.1, 0.3)`.
    #[must_use]
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self::of(Settings {
            factor: factor.into(),
            value_range: (0.0, 255.0),
        })
    }

    /// Sets the least and the largest number a pixel can have; the default is (0, 255).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn value_range(mut self, value_range: (f64, f64)) -> Self {
        self.settings.value_range = value_range;
        self
    }

    layer_options!();
}

impl Layer for RandomBrightness {
    layer_facts!(RandomBrightness);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.factor.check("factor", (-1.0, 1.0), context)?;
        let (least, most) = self.settings.value_range;
        if !(least.is_finite() && most.is_finite() && least < most) {
            return Err(context.error(
                "a value_range of two finite numbers, the smaller first",
                format!("{least} to {most}"),
                "use (0.0, 1.0) for scaled pixels, (0.0, 255.0) for bytes",
            ));
        }
        axes(input, 2, context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        match phase {
            Phase::Train => self.draw(x),
            Phase::Infer => Ok(x.shallow_clone()),
        }
    }
}

impl RandomImages for RandomBrightness {
    const DRAWS: i64 = 1;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let (least, most) = self.settings.value_range;
        let share = self.settings.factor.at(draws)?.f_reshape([-1, 1, 1, 1])?;
        let more = share
            .f_mul_scalar(most - least)?
            .f_to_kind(images.f_kind()?)?;
        Ok(images.f_add(&more)?.f_clamp(least, most)?)
    }
}
