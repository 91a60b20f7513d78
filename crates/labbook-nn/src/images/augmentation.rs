use serde::{Deserialize, Serialize};

use crate::{Error, Result, Shape};

/// Random changes to the images of training batches: flips, shifts, cut-out squares.
///
/// Every image is changed in another way in every epoch, by random numbers of the model's own
/// seed; validation, evaluation and prediction see images as they are. Given to
/// [`Fit::augmentation`](crate::Fit::augmentation).
///
/// ```
/// use labbook_nn::{Augmentation, Fit};
///
/// let options = Fit::new().augmentation(Augmentation::new().flip().shift(4).cutout(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Augmentation {
    pub(crate) flip: Flip,
    pub(crate) shift: i64,
    pub(crate) reflect: bool,
    pub(crate) cutout: i64,
}

/// Which images are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Flip {
    /// None.
    #[default]
    Never,
    /// Every other one, drawn anew in every epoch.
    Random,
    /// A drawn half in the epochs of even number, the other half in those of odd number.
    Alternating,
}

impl Augmentation {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Mirrors every other image, left to right.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn flip(mut self) -> Self {
        self.flip = Flip::Random;
        self
    }

    /// Mirrors a random half of the images in the first epoch, and from then on every image
    /// in every other epoch (Jordan 2024), in place of [`flip`](Self::flip).
    ///
    /// Two epochs in a row thus show each image both ways round, where random flips repeat
    /// half of the images. An image is known by its row in the training data.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alternating_flip(mut self) -> Self {
        self.flip = Flip::Alternating;
        self
    }

    /// Moves images by up to so many pixels in each direction; zeros come in at the border.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn shift(mut self, pixels: i64) -> Self {
        self.shift = pixels;
        self
    }

    /// Lets the mirror image of what lies inside come in at the border of shifted images,
    /// in place of zeros.
    ///
    /// The border's own pixels are not repeated, as in NumPy's and PyTorch's `reflect`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn reflect(mut self) -> Self {
        self.reflect = true;
        self
    }

    /// Sets a square of so many pixels a side to zero, its centre anywhere in the image
    /// (DeVries and Taylor 2017).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn cutout(mut self, side: i64) -> Self {
        self.cutout = side;
        self
    }

    /// Checks the options against the shape of one example.
    pub(crate) fn check(self, example: &Shape) -> Result<()> {
        let &[height, width, _] = example.dims() else {
            return Err(Error::option(
                "augmentation",
                "images (None, height, width, channels)",
                example,
                "leave it out for data that are no images",
            ));
        };
        let side = height.min(width);
        // A mirror has no more to show than the pixels beside the border's own.
        let furthest = side - i64::from(self.reflect);
        for (option, pixels, most) in [
            ("shift", self.shift, furthest),
            ("cutout", self.cutout, side),
        ] {
            if !(0..=most).contains(&pixels) {
                return Err(Error::option(
                    &format!("augmentation {option}"),
                    format!("from 0 to {most} pixels"),
                    pixels,
                    "use an eighth of the image for shifts and a quarter for cut-outs",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_options_are_told() -> Result<()> {
        let check = |augmentation: Augmentation| augmentation.check(&Shape::from((4, 5, 2)));
        check(Augmentation::new().flip().shift(4).cutout(4))?;
        check(Augmentation::new().shift(3).reflect())?;
        assert!(check(Augmentation::new().shift(4).reflect()).is_err());
        assert!(check(Augmentation::new().shift(5)).is_err());
        assert!(check(Augmentation::new().cutout(-1)).is_err());
        assert!(Augmentation::new().check(&Shape::from(10)).is_err());
        Ok(())
    }
}
