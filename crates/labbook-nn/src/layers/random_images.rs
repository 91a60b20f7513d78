use tch::{Kind, Tensor};

use crate::{BuildContext, Result};

/// A layer that changes each image of a batch by numbers that it draws.
pub(crate) trait RandomImages {
    /// How many numbers it draws for each image.
    const DRAWS: i64;

    /// The images (N, height, width, channels) changed by numbers from 0 to 1, of shape (DRAWS, N).
    fn apply(&self, images: &Tensor, draws: &Tensor) -> Result<Tensor>;

    /// The same with numbers from libtorch's generator.
    fn draw(&self, images: &Tensor) -> Result<Tensor> {
        let count = images.size().first().copied().unwrap_or_default();
        let options = (Kind::Float, images.device());
        self.apply(images, &Tensor::f_rand([Self::DRAWS, count], options)?)
    }
}

/// What such layers answer in the same way: images change in training alone.
macro_rules! random_images_facts {
    ($layer:ident) => {
        $crate::layers::registry::layer_facts!($layer);

        fn forward(
            &self,
            x: &tch::Tensor,
            phase: $crate::Phase,
            _activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            match phase {
                $crate::Phase::Train => self.draw(x),
                $crate::Phase::Infer => Ok(x.shallow_clone()),
            }
        }
    };
}
pub(super) use random_images_facts;

/// The builder method of layers that change the values of pixels.
macro_rules! value_range_option {
    () => {
        /// Sets the least and the largest number a pixel can have; the default is (0, 255).
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn value_range(mut self, value_range: (f64, f64)) -> Self {
            self.settings.value_range = value_range;
            self
        }
    };
}
pub(super) use value_range_option;

/// Checks the least and the largest number a pixel can have.
pub(super) fn check_value_range(
    (least, most): (f64, f64),
    context: &BuildContext<'_>,
) -> Result<()> {
    match least.is_finite() && most.is_finite() && least < most {
        true => Ok(()),
        false => Err(context.error(
            "a value_range of two finite numbers, the smaller first",
            format!("{least} to {most}"),
            "use (0.0, 1.0) for scaled pixels, (0.0, 255.0) for bytes",
        )),
    }
}
