use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::random_images::{RandomImages, random_images_facts};
use super::registry::{Registered, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{BuildContext, Layer, LayerOptions, Result, Shape};

/// Mirrors half of the images in training, at random.
///
/// With [`Flip::HorizontalAndVertical`] an image is mirrored both ways or not at all, as in Keras 3.
///
/// ```
/// use labbook_nn::{Flip, RandomFlip, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RandomFlip::new(Flip::Horizontal).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels), output as input.
#[derive(Debug)]
pub struct RandomFlip {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    mode: Flip,
}

registered!(RandomFlip);

impl RandomFlip {
    /// Mirrors in this direction.
    #[must_use]
    pub fn new(mode: Flip) -> Self {
        Self::of(Settings { mode })
    }

    layer_options!();
}

impl Layer for RandomFlip {
    random_images_facts!(RandomFlip);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        axes(input, 2, context)?;
        Ok(input.clone())
    }
}

/// In which direction images are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flip {
    /// Left and right change places.
    Horizontal,
    /// Above and below change places.
    Vertical,
    /// Both.
    #[default]
    HorizontalAndVertical,
}

impl RandomImages for RandomFlip {
    const DRAWS: i64 = 1;

    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor> {
        let axes: &[i64] = match self.settings.mode {
            Flip::Horizontal => &[2],
            Flip::Vertical => &[1],
            Flip::HorizontalAndVertical => &[1, 2],
        };
        let mirrored = draws.f_le(0.5)?.f_reshape([-1, 1, 1, 1])?;
        Ok(images.f_flip(axes)?.f_where_self(&mirrored, images)?)
    }
}
