use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::affine::{Factor, FillMode, Moving, moving_options};
use super::interpolation::Interpolation;
use super::random_images::{RandomImages, random_images_facts};
use super::registry::{Registered, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{BuildContext, Layer, LayerOptions, Result, Shape};

/// Moves each image by a random share of its size in training.
///
/// ```
/// use labbook_nn::{RandomTranslation, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomTranslation::new(0.1, 0.2).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomTranslation {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    height_factor: Factor,
    width_factor: Factor,
    moving: Moving,
}

registered!(RandomTranslation);

impl RandomTranslation {
    /// Down and to the right by up to these shares of height and width, or bounds such as
    /// `(-0.2, 0.3)`.
    #[must_use]
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        Self::of(Settings {
            height_factor: height_factor.into(),
            width_factor: width_factor.into(),
            moving: Moving::new(),
        })
    }

    moving_options!();

    layer_options!();
}

impl Layer for RandomTranslation {
    random_images_facts!(RandomTranslation);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let settings = &self.settings;
        settings
            .height_factor
            .check("height_factor", (-1.0, 1.0), context)?;
        settings
            .width_factor
            .check("width_factor", (-1.0, 1.0), context)?;
        settings.moving.check(context)?;
        axes(input, 2, context)?;
        Ok(input.clone())
    }
}

impl RandomImages for RandomTranslation {
    const DRAWS: i64 = 2;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let size = images.size();
        let back = |factor: Factor, draw: i64, size: i64| -> Result<Tensor> {
            let share = factor.at(&draws.f_select(0, draw)?)?;
            Ok(share.f_mul_scalar(-size as f64)?)
        };
        let y = back(self.settings.height_factor, 0, size[1])?;
        let x = back(self.settings.width_factor, 1, size[2])?;
        let (one, again) = (x.f_ones_like()?, x.f_ones_like()?);
        let (none, nor) = (x.f_zeros_like()?, x.f_zeros_like()?);
        self.settings
            .moving
            .apply(images, [one, none, x, nor, again, y])
    }
}
