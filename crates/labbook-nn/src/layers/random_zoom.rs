use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::affine::{Factor, FillMode, Moving, moving_options};
use super::interpolation::Interpolation;
use super::random_images::{RandomImages, random_images_facts};
use super::registry::{Registered, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{BuildContext, Layer, LayerOptions, Result, Shape};

/// Zooms into and out of each image by a random factor in training.
///
/// ```
/// use labbook_nn::{RandomZoom, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomZoom::new(0.2).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomZoom {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    height_factor: Factor,
    width_factor: Option<Factor>,
    moving: Moving,
}

registered!(RandomZoom);

impl RandomZoom {
    /// `0.2` shows from 20 % less to 20 % more of the image's height; `(-0.3, -0.2)` only zooms in.
    /// The width goes with it.
    #[must_use]
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        Self::of(Settings {
            height_factor: height_factor.into(),
            width_factor: None,
            moving: Moving::new(),
        })
    }

    /// Draws a factor for the width apart.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn width_factor(mut self, width_factor: impl Into<Factor>) -> Self {
        self.settings.width_factor = Some(width_factor.into());
        self
    }
    moving_options!();

    layer_options!();
}

impl Layer for RandomZoom {
    random_images_facts!(RandomZoom);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        // At -1 the image would be one pixel.
        let range = (-1.0 + f64::EPSILON, 1.0);
        let settings = &self.settings;
        settings
            .height_factor
            .check("height_factor", range, context)?;
        if let Some(factor) = settings.width_factor {
            factor.check("width_factor", range, context)?;
        }
        settings.moving.check(context)?;
        axes(input, 2, context)?;
        Ok(input.clone())
    }
}

impl RandomImages for RandomZoom {
    const DRAWS: i64 = 2;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let size = images.size();
        let settings = &self.settings;
        let zoom = |factor: Factor, draw: i64| -> Result<Tensor> {
            Ok(factor.at(&draws.f_select(0, draw)?)?.f_add_scalar(1.0)?)
        };
        let y = zoom(settings.height_factor, 0)?;
        let x = match settings.width_factor {
            Some(factor) => zoom(factor, 1)?,
            None => y.shallow_clone(),
        };
        // About the centre.
        let shift = |zoom: &Tensor, size: i64| -> Result<Tensor> {
            let rest = zoom.f_neg()?.f_add_scalar(1.0)?;
            Ok(rest.f_mul_scalar((size - 1) as f64 / 2.0)?)
        };
        let (right, down) = (shift(&x, size[2])?, shift(&y, size[1])?);
        let (none, nor) = (x.f_zeros_like()?, y.f_zeros_like()?);
        settings
            .moving
            .apply(images, [x, none, right, nor, y, down])
    }
}
