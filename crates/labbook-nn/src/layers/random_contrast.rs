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
use tch::Kind;

/// Changes the contrast of each image by a random factor in training: the distance of every number from
/// the mean of its channel is multiplied.
///
/// ```
/// use labbook_nn::{RandomContrast, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomContrast::new(0.2).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomContrast {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    factor: Factor,
    value_range: (f64, f64),
}

registered!(RandomContrast);

impl RandomContrast {
    /// By a factor from `1 - factor` to `1 + factor`, as Keras's documentation says; what Keras 3.15
    /// computes for one number is from 1 to `1 + factor`.
    #[must_use]
    pub fn new(factor: f64) -> Self {
        Self::between(factor, factor)
    }

    /// By a factor from `1 - lower` to `1 + upper`, both from 0 to 1: Keras's pair of numbers.
    #[must_use]
    pub fn between(lower: f64, upper: f64) -> Self {
        Self::of(Settings {
            factor: Factor::from((-lower, upper)),
            value_range: (0.0, 255.0),
        })
    }

    value_range_option!();

    layer_options!();
}

impl Layer for RandomContrast {
    random_images_facts!(RandomContrast);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.factor.check("factor", (-1.0, 1.0), context)?;
        check_value_range(self.settings.value_range, context)?;
        axes(input, 2, context)?;
        Ok(input.clone())
    }
}

impl RandomImages for RandomContrast {
    const DRAWS: i64 = 1;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let factor = self.settings.factor.at(draws)?.f_add_scalar(1.0)?;
        let factor = factor
            .f_reshape([-1, 1, 1, 1])?
            .f_to_kind(images.f_kind()?)?;
        let mean = images.f_mean_dim([1_i64, 2].as_slice(), true, None::<Kind>)?;
        let y = images.f_sub(&mean)?.f_mul(&factor)?.f_add(&mean)?;
        let (least, most) = self.settings.value_range;
        Ok(y.f_clamp(least, most)?)
    }
}
