use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::affine::Factor;
use super::random_images::{
    RandomImages, check_value_range, random_images_facts, value_range_option,
};
use super::registry::{Registered, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{BuildContext, Layer, LayerOptions, Result, Shape};

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

    value_range_option!();

    layer_options!();
}

impl Layer for RandomBrightness {
    random_images_facts!(RandomBrightness);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.factor.check("factor", (-1.0, 1.0), context)?;
        check_value_range(self.settings.value_range, context)?;
        axes(input, 2, context)?;
        Ok(input.clone())
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
