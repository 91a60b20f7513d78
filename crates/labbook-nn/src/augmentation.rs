use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::random::Rng;
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
    flip: bool,
    shift: i64,
    cutout: i64,
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
        self.flip = true;
        self
    }

    /// Moves images by up to so many pixels in each direction; zeros come in at the border.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn shift(mut self, pixels: i64) -> Self {
        self.shift = pixels;
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
        for (option, pixels) in [("shift", self.shift), ("cutout", self.cutout)] {
            if !(0..=side).contains(&pixels) {
                return Err(Error::option(
                    &format!("augmentation {option}"),
                    format!("from 0 to {side} pixels"),
                    pixels,
                    "use an eighth of the image for shifts and a quarter for cut-outs",
                ));
            }
        }
        Ok(())
    }

    /// Changes a batch (N, height, width, channels).
    pub(crate) fn apply(self, x: &Tensor, rng: &mut Rng) -> Result<Tensor> {
        let &[count, height, width, _] = x.size().as_slice() else {
            return Ok(x.shallow_clone());
        };
        let device = x.device();
        // All draws come in this order whatever is switched on: one image after the other.
        let mut draws: [Vec<i64>; 5] = Default::default();
        for _ in 0..count {
            let shifts = 2 * self.shift + 1;
            for (draws, bound) in draws.iter_mut().zip([2, shifts, shifts, height, width]) {
                draws.push(rng.below(bound));
            }
        }
        let per_image = |draws: &[i64], shape: [i64; 3]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(draws)?
                .f_to_device(device)?
                .f_reshape(shape)?)
        };
        let [flips, down, right, centre_rows, centre_columns] = &draws;
        let mut x = x.shallow_clone();
        if self.flip || self.shift > 0 {
            let zero_based = |size: i64, shape: [i64; 3]| axis(size, shape, device);
            let mut rows = zero_based(height, [1, height, 1])?;
            let mut columns = zero_based(width, [1, 1, width])?;
            if self.flip {
                let flip = per_image(flips, [count, 1, 1])?;
                // Column c becomes width - 1 - c where the image is flipped.
                let mirrored = columns.f_mul_scalar(-2)?.f_add_scalar(width - 1)?;
                columns = columns.f_add(&mirrored.f_mul(&flip)?)?;
            }
            if self.shift > 0 {
                rows = rows.f_add(&per_image(down, [count, 1, 1])?)?;
                columns = columns.f_add(&per_image(right, [count, 1, 1])?)?;
                let pixels = self.shift;
                x = x.f_constant_pad_nd([0, 0, pixels, pixels, pixels, pixels])?;
            }
            let images = axis(count, [count, 1, 1], device)?;
            x = x.f_index(&[Some(images), Some(rows), Some(columns)])?;
        }
        if self.cutout > 0 {
            let near = |size: i64, shape: [i64; 3], centres: &Tensor| -> Result<Tensor> {
                let first = centres.f_sub_scalar(self.cutout / 2)?;
                let place = axis(size, shape, device)?.f_sub(&first)?;
                Ok(place.f_ge(0)?.f_logical_and(&place.f_lt(self.cutout)?)?)
            };
            let centre_rows = per_image(centre_rows, [count, 1, 1])?;
            let centre_columns = per_image(centre_columns, [count, 1, 1])?;
            let inside = near(height, [1, height, 1], &centre_rows)?.f_logical_and(&near(
                width,
                [1, 1, width],
                &centre_columns,
            )?)?;
            x = x.f_masked_fill(&inside.f_unsqueeze(-1)?, 0.0)?;
        }
        Ok(x)
    }
}

/// The numbers 0..size along one of three axes.
fn axis(size: i64, shape: [i64; 3], device: Device) -> Result<Tensor> {
    Ok(Tensor::f_arange(size, (Kind::Int64, device))?.f_reshape(shape)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(count: i64) -> Tensor {
        Tensor::arange(count * 4 * 5 * 2, (Kind::Float, Device::Cpu)).reshape([count, 4, 5, 2]) + 1
    }

    fn apply(augmentation: Augmentation, seed: u64) -> Result<Tensor> {
        augmentation.check(&Shape::from((4, 5, 2)))?;
        augmentation.apply(&images(40), &mut Rng::new(seed, 0))
    }

    #[test]
    fn about_half_of_the_images_are_mirrored() -> Result<()> {
        let y = apply(Augmentation::new().flip(), 1)?;
        let (x, mirrored) = (images(40), images(40).flip([2]));
        let mut flipped = 0;
        for i in 0..40 {
            match y.get(i) == mirrored.get(i) {
                true => flipped += 1,
                false => assert_eq!(y.get(i), x.get(i)),
            }
        }
        assert!((10..=30).contains(&flipped), "{flipped}");
        Ok(())
    }

    #[test]
    fn shifted_images_are_windows_of_the_padded_ones() -> Result<()> {
        let y = apply(Augmentation::new().shift(1), 2)?;
        let padded = images(40).constant_pad_nd([0, 0, 1, 1, 1, 1]);
        let mut seen = std::collections::HashSet::new();
        for i in 0..40 {
            let places = (0..9).filter(|place| {
                let window = padded
                    .get(i)
                    .narrow(0, place / 3, 4)
                    .narrow(1, place % 3, 5);
                y.get(i) == window
            });
            let places: Vec<i64> = places.collect();
            assert_eq!(places.len(), 1);
            seen.extend(places);
        }
        assert!(seen.len() >= 8, "{seen:?}");
        Ok(())
    }

    #[test]
    fn a_cut_out_square_is_zero_and_nothing_else_changes() -> Result<()> {
        let y = apply(Augmentation::new().cutout(2), 3)?;
        for i in 0..40 {
            let gone = y.get(i).eq(0.0);
            let cells = gone.sum(Kind::Int64).int64_value(&[]);
            // Two channels; squares at the border are cut themselves.
            assert!([2, 4, 8].contains(&cells), "{cells}");
            let kept = images(40).get(i).masked_fill(&gone, 0.0);
            assert_eq!(y.get(i), kept);
        }
        Ok(())
    }

    #[test]
    fn the_seed_decides_and_impossible_options_are_told() -> Result<()> {
        let all = Augmentation::new().flip().shift(2).cutout(3);
        assert_eq!(apply(all, 4)?, apply(all, 4)?);
        assert_ne!(apply(all, 4)?, apply(all, 5)?);
        assert_eq!(apply(Augmentation::new(), 4)?, images(40));
        assert!(apply(Augmentation::new().shift(5), 1).is_err());
        assert!(apply(Augmentation::new().cutout(-1), 1).is_err());
        assert!(all.check(&Shape::from(10)).is_err());
        Ok(())
    }
}
