use labbook_data::{ImageSet, ImageSets};
use tch::{Kind, Tensor};

use crate::{PaperError, Result, Scale};

/// The images of a run as tensors: validation, training and test.
///
/// The first training images of the data are for validation, those that follow for training, as
/// in the paper. Images are `f32` from 0 to 1, (N, 32, 32, 3); labels are `i64`, (N, 1).
#[derive(Debug)]
pub struct Split {
    /// Images to learn from.
    pub train_images: Tensor,
    /// Their classes.
    pub train_labels: Tensor,
    /// Images to watch the training with.
    pub val_images: Tensor,
    /// Their classes.
    pub val_labels: Tensor,
    /// Images to judge the trained network by.
    pub test_images: Tensor,
    /// Their classes.
    pub test_labels: Tensor,
}

impl Split {
    /// Takes as many images as the scale asks for.
    ///
    /// # Errors
    /// [`PaperError::Facts`] when the data hold fewer training images than that, or no test
    /// images. (A scale's test images are at most so many.)
    pub fn new(data: &ImageSets, scale: &Scale) -> Result<Self> {
        let wanted = scale.validation_images + scale.train_images;
        if data.train.len() < wanted || data.test.is_empty() {
            return Err(PaperError::Facts {
                what: "images",
                expected: format!("{wanted} to train and validate on, and some to test on"),
                received: format!("{} and {}", data.train.len(), data.test.len()),
                advice: "choose the smoke scale, or get the whole of CIFAR-10 with `cargo xtask data`",
            });
        }
        let val = data.train.slice(..scale.validation_images);
        let train = data.train.slice(scale.validation_images..wanted);
        let test = data.test.take(scale.test_images);
        Ok(Self {
            train_images: normalised(&train)?,
            train_labels: train.labels_tensor(),
            val_images: normalised(&val)?,
            val_labels: val.labels_tensor(),
            test_images: normalised(&test)?,
            test_labels: test.labels_tensor(),
        })
    }
}

/// Pixels from 0 to 1.
fn normalised(set: &ImageSet) -> Result<Tensor> {
    let scaled = || {
        let images = set.images_tensor().f_to_kind(Kind::Float)?;
        images.f_div_scalar(255.0)
    };
    scaled().map_err(|error| PaperError::Network(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use labbook_data::datasets::cifar10;

    #[test]
    fn validation_comes_first_training_follows_and_pixels_lie_between_0_and_1() {
        let data = cifar10::drawn(60, 30, 1);
        let split = Split::new(&data, &Scale::smoke().with_images(40)).unwrap();
        assert_eq!(split.train_images.size(), [40, 32, 32, 3]);
        assert_eq!(split.val_images.size(), [10, 32, 32, 3]);
        assert_eq!(split.test_labels.size(), [10, 1]);
        let pixel = |image: usize| f64::from(data.train.images[[image, 3, 4, 1]]) / 255.0;
        let found = |images: &Tensor, image| images.double_value(&[image, 3, 4, 1]);
        assert!((found(&split.val_images, 9) - pixel(9)).abs() < 1e-6);
        assert!((found(&split.train_images, 0) - pixel(10)).abs() < 1e-6);
        assert_eq!(
            split.train_labels.int64_value(&[39, 0]),
            data.train.labels[[49, 0]]
        );
        assert!(split.train_images.max().double_value(&[]) <= 1.0);
    }

    #[test]
    fn too_few_images_are_an_error_that_names_both_numbers() {
        let data = cifar10::drawn(40, 10, 1);
        let error = Split::new(&data, &Scale::smoke().with_images(40)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("expected 50") && text.contains("received 40"),
            "{text}"
        );
        let none = Split::new(&data.take(40, 0), &Scale::smoke().with_images(20));
        assert!(none.is_err());
    }
}
