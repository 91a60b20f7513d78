use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::affine::{Factor, FillMode, Moving, moving_options};
use super::interpolation::Interpolation;
use super::random_images::{RandomImages, random_images_facts};
use super::registry::{Registered, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{BuildContext, Layer, LayerOptions, Result, Shape};

/// Turns each image by a random angle in training.
///
/// ```
/// use labbook_nn::{RandomRotation, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomRotation::new(0.1).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomRotation {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    factor: Factor,
    moving: Moving,
}

registered!(RandomRotation);

impl RandomRotation {
    /// By a share of a whole turn: `0.1` for up to 36 degrees either way, or bounds such as
    /// `(-0.2, 0.3)`.
    #[must_use]
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self::of(Settings {
            factor: factor.into(),
            moving: Moving::new(),
        })
    }

    moving_options!();

    layer_options!();
}

impl Layer for RandomRotation {
    random_images_facts!(RandomRotation);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.factor.check("factor", (-1.0, 1.0), context)?;
        self.settings.moving.check(context)?;
        axes(input, 2, context)?;
        Ok(input.clone())
    }
}

impl RandomImages for RandomRotation {
    const DRAWS: i64 = 1;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let size = images.size();
        let turns = self.settings.factor.at(&draws.f_reshape([-1])?)?;
        let angle = turns.f_mul_scalar(std::f64::consts::TAU)?;
        let (cos, sin) = (angle.f_cos()?, angle.f_sin()?);
        let (x, y) = ((size[2] - 1) as f64 / 2.0, (size[1] - 1) as f64 / 2.0);
        // About the centre.
        let shift = |at: f64, of_x: &Tensor, of_y: &Tensor| -> Result<Tensor> {
            let moved = of_x.f_mul_scalar(x)?.f_add(&of_y.f_mul_scalar(y)?)?;
            Ok(moved.f_neg()?.f_add_scalar(at)?)
        };
        let minus_sin = sin.f_neg()?;
        let (right, down) = (shift(x, &cos, &minus_sin)?, shift(y, &sin, &cos)?);
        let again = cos.shallow_clone();
        let places = [cos, minus_sin, right, sin, again, down];
        self.settings.moving.apply(images, places)
    }
}
