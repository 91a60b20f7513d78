use tch::{Device, Kind, Tensor};

use crate::images::augmentation::Flip;
use crate::random::Rng;
use crate::{Augmentation, Result};

/// Bytes changed at a time: what is copied here and there stays in the processor's cache.
const CHUNK_BYTES: usize = 1 << 18;

/// Keeps the first flips of alternating ones apart from other random numbers of a seed.
const FLIP_STREAM: u64 = 1 << 63;

/// Applies an [`Augmentation`] to the batches of one epoch.
#[derive(Debug)]
pub(crate) struct Augmenter {
    augmentation: Augmentation,
    seed: u64,
    epoch: usize,
    /// Room for some images as they were, and as they become.
    source: Vec<u8>,
    result: Vec<u8>,
}

/// What happens to one image.
#[derive(Debug, Clone, Copy)]
struct Change {
    flip: bool,
    /// Rows and columns from a pixel to the one that takes its place.
    down: i64,
    right: i64,
    /// The centre of the cut-out square.
    row: i64,
    column: i64,
}

/// Sizes of an image, its pixels in bytes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    height: usize,
    width: usize,
    pixel: usize,
}

impl Augmenter {
    pub(crate) fn new(augmentation: Augmentation, seed: u64, epoch: usize) -> Self {
        Self {
            augmentation,
            seed,
            epoch,
            source: Vec::new(),
            result: Vec::new(),
        }
    }

    /// Changes a batch (N, height, width, channels) of any kind of number.
    ///
    /// `rows` says which images of the training data these are.
    pub(crate) fn apply(&mut self, x: Tensor, rows: &[i64], rng: &mut Rng) -> Result<Tensor> {
        let &[count, height, width, channels] = x.size().as_slice() else {
            return Ok(x);
        };
        let changes = self.draw(rows, (height, width), rng);
        if self.augmentation == Augmentation::new() {
            return Ok(x);
        }
        if x.device() != Device::Cpu {
            return self.apply_by_index(x, &changes);
        }
        let sizes = Sizes {
            height: height as usize,
            width: width as usize,
            pixel: channels as usize * x.f_kind()?.elt_size_in_bytes(),
        };
        let image = sizes.height * sizes.width * sizes.pixel;
        let chunk = (CHUNK_BYTES / image.max(1)).clamp(1, count as usize);
        self.source.resize(chunk * image, 0);
        self.result.resize(chunk * image, 0);
        let y = x.f_empty_like()?;
        let mut start = 0;
        for changes in changes.chunks(chunk) {
            let length = changes.len() as i64;
            let part = x.f_narrow(0, start, length)?;
            part.f_copy_data_u8(&mut self.source, part.numel())?;
            let images = self.source.chunks_exact(image);
            let results = self.result.chunks_exact_mut(image);
            for ((change, from), to) in changes.iter().zip(images).zip(results) {
                self.augmentation.change(sizes, *change, from, to);
            }
            let bytes = &self.result[..changes.len() * image];
            let size = [length, height, width, channels];
            let part = Tensor::f_from_data_size(bytes, &size, x.f_kind()?)?;
            y.f_narrow(0, start, length)?.f_copy_(&part)?;
            start += length;
        }
        Ok(y)
    }

    /// Draws in the same order whatever is switched on: one image after the other.
    fn draw(&self, images: &[i64], (height, width): (i64, i64), rng: &mut Rng) -> Vec<Change> {
        let Augmentation { flip, shift, .. } = self.augmentation;
        let mut draw = |image: &i64| {
            let [flips, down, right, row, column] =
                [2, 2 * shift + 1, 2 * shift + 1, height, width].map(|bound| rng.below(bound));
            Change {
                flip: match flip {
                    Flip::Never => false,
                    Flip::Random => flips == 1,
                    Flip::Alternating => self.alternating_flip(*image),
                },
                down: down - shift,
                right: right - shift,
                row,
                column,
            }
        };
        images.iter().map(&mut draw).collect()
    }

    fn alternating_flip(&self, image: i64) -> bool {
        let stream = FLIP_STREAM.wrapping_add(image.cast_unsigned());
        let first = Rng::new(self.seed, stream).below(2) == 1;
        first != (self.epoch % 2 == 1)
    }

    /// The same by libtorch alone, for devices that a copy to the processor would slow down.
    fn apply_by_index(&self, x: Tensor, changes: &[Change]) -> Result<Tensor> {
        let &[count, height, width, _] = x.size().as_slice() else {
            return Ok(x);
        };
        let Augmentation {
            flip,
            shift,
            reflect,
            cutout,
        } = self.augmentation;
        let device = x.device();
        let per_image = |of: fn(&Change) -> i64| -> Result<Tensor> {
            let values: Vec<i64> = changes.iter().map(of).collect();
            let values = Tensor::f_from_slice(&values)?.f_to_device(device)?;
            Ok(values.f_reshape([count, 1, 1])?)
        };
        let axis = |size: i64, shape: [i64; 3]| -> Result<Tensor> {
            Ok(Tensor::f_arange(size, (Kind::Int64, device))?.f_reshape(shape)?)
        };
        let mut x = x;
        if flip != Flip::Never || shift > 0 {
            let mut rows = axis(height, [1, height, 1])?.f_add(&per_image(|c| c.down)?)?;
            let columns = axis(width, [1, 1, width])?;
            // Column c becomes width - 1 - c where the image is flipped.
            let mirrored = columns.f_mul_scalar(-2)?.f_add_scalar(width - 1)?;
            let flips = per_image(|c| i64::from(c.flip))?;
            let mut columns = columns
                .f_add(&mirrored.f_mul(&flips)?)?
                .f_add(&per_image(|c| c.right)?)?;
            if reflect {
                let reflected = |places: &Tensor, size: i64| -> Result<Tensor> {
                    // 0 .. size - 1 stay, those beyond either end come back.
                    let last = size - 1;
                    let below_last = places.f_abs()?.f_sub_scalar(last)?.f_abs()?;
                    Ok(below_last.f_mul_scalar(-1)?.f_add_scalar(last)?)
                };
                rows = reflected(&rows, height)?;
                columns = reflected(&columns, width)?;
            } else {
                rows = rows.f_add_scalar(shift)?;
                columns = columns.f_add_scalar(shift)?;
                x = x.f_constant_pad_nd([0, 0, shift, shift, shift, shift])?;
            }
            let images = axis(count, [count, 1, 1])?;
            x = x.f_index(&[Some(images), Some(rows), Some(columns)])?;
        }
        if cutout > 0 {
            let near = |places: Tensor, centres: &Tensor| -> Result<Tensor> {
                let place = places.f_sub(&centres.f_sub_scalar(cutout / 2)?)?;
                Ok(place.f_ge(0)?.f_logical_and(&place.f_lt(cutout)?)?)
            };
            let rows = near(axis(height, [1, height, 1])?, &per_image(|c| c.row)?)?;
            let columns = near(axis(width, [1, 1, width])?, &per_image(|c| c.column)?)?;
            let inside = rows.f_logical_and(&columns)?;
            x = x.f_masked_fill(&inside.f_unsqueeze(-1)?, 0.0)?;
        }
        Ok(x)
    }
}

impl Augmentation {
    /// Writes one image as it becomes. Zero is a zero byte in every kind of number.
    fn change(self, sizes: Sizes, change: Change, from: &[u8], to: &mut [u8]) {
        let Sizes {
            height,
            width,
            pixel,
        } = sizes;
        let line = width * pixel;
        // The columns whose pixels come from inside the image; a shift as wide leaves none.
        let right = change.right;
        let first = right.min(0).unsigned_abs().min(width as u64) as usize;
        let inside = width - (right.unsigned_abs() as usize).min(width);
        let last = first + inside;
        let source = right.max(0) as usize;
        for (row, to) in to.chunks_exact_mut(line).enumerate() {
            let Some(row) = self.place(row as i64 + change.down, height) else {
                to.fill(0);
                continue;
            };
            let from = &from[row * line..][..line];
            let inside = &from[source.min(width) * pixel..][..inside * pixel];
            match change.flip {
                true => mirror(
                    inside,
                    &mut to[(width - last) * pixel..][..inside.len()],
                    pixel,
                ),
                false => to[first * pixel..last * pixel].copy_from_slice(inside),
            }
            for column in (0..first).chain(last..width) {
                let place = match change.flip {
                    true => width - 1 - column,
                    false => column,
                };
                let to = &mut to[place * pixel..][..pixel];
                match self.place(column as i64 + right, width) {
                    Some(column) => to.copy_from_slice(&from[column * pixel..][..pixel]),
                    None => to.fill(0),
                }
            }
        }
        let square = |centre: i64, size: usize| {
            let first = centre - self.cutout / 2;
            let end = (first + self.cutout).clamp(0, size as i64) as usize;
            first.max(0) as usize..end
        };
        if self.cutout > 0 {
            let columns = square(change.column, width);
            for row in square(change.row, height) {
                to[row * line..][columns.start * pixel..columns.end * pixel].fill(0);
            }
        }
    }

    /// The row or column that a place shows, or none outside of the image.
    fn place(self, place: i64, size: usize) -> Option<usize> {
        let last = size as i64 - 1;
        match (0..=last).contains(&place) {
            true => Some(place as usize),
            false if self.reflect => Some((last - (place.abs() - last).abs()) as usize),
            false => None,
        }
    }
}

/// Copies pixels in reverse order.
fn mirror(from: &[u8], to: &mut [u8], pixel: usize) {
    /// With a size known beforehand a pixel is a load and a store or two.
    fn sized<const PIXEL: usize>(from: &[u8], to: &mut [u8]) {
        let (from, to) = (from.as_chunks::<PIXEL>().0, to.as_chunks_mut::<PIXEL>().0);
        for (to, from) in to.iter_mut().zip(from.iter().rev()) {
            *to = *from;
        }
    }
    match pixel {
        1 => sized::<1>(from, to),
        3 => sized::<3>(from, to),
        4 => sized::<4>(from, to),
        12 => sized::<12>(from, to),
        _ => {
            let pixels = from.chunks_exact(pixel).rev();
            for (to, from) in to.chunks_exact_mut(pixel).zip(pixels) {
                to.copy_from_slice(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn images(count: i64) -> Tensor {
        Tensor::arange(count * 4 * 5 * 2, (Kind::Float, Device::Cpu)).reshape([count, 4, 5, 2]) + 1
    }

    fn apply_in(augmentation: Augmentation, seed: u64, epoch: usize) -> Result<Tensor> {
        augmentation.check(&Shape::from((4, 5, 2)))?;
        let rows: Vec<i64> = (0..40).collect();
        let mut augmenter = Augmenter::new(augmentation, seed, epoch);
        augmenter.apply(images(40), &rows, &mut Rng::new(seed, 0))
    }

    fn apply(augmentation: Augmentation, seed: u64) -> Result<Tensor> {
        apply_in(augmentation, seed, 0)
    }

    /// Which images came out mirrored; the others are as they were.
    fn mirrored(y: &Tensor) -> Vec<bool> {
        let (x, mirrored) = (images(40), images(40).flip([2]));
        let flips = (0..40).map(|i| {
            let flip = y.get(i) == mirrored.get(i);
            assert!(flip || y.get(i) == x.get(i));
            flip
        });
        flips.collect()
    }

    #[test]
    fn about_half_of_the_images_are_mirrored() -> Result<()> {
        let flips = mirrored(&apply(Augmentation::new().flip(), 1)?);
        let count = flips.iter().filter(|&&flip| flip).count();
        assert!((10..=30).contains(&count), "{count}");
        Ok(())
    }

    #[test]
    fn alternating_flips_follow_row_seed_and_epoch() -> Result<()> {
        let augmentation = Augmentation::new().alternating_flip();
        let flips =
            |seed, epoch| Ok::<_, crate::Error>(mirrored(&apply_in(augmentation, seed, epoch)?));
        let first = flips(1, 0)?;
        let count = first.iter().filter(|&&flip| flip).count();
        assert!((10..=30).contains(&count), "{count}");
        let others: Vec<bool> = first.iter().map(|flip| !flip).collect();
        assert_eq!(flips(1, 1)?, others);
        assert_eq!(flips(1, 2)?, first);
        assert_ne!(flips(2, 0)?, first);
        // A shuffled batch flips the same images.
        let mut augmenter = Augmenter::new(augmentation, 1, 0);
        let y = augmenter.apply(
            images(40).flip([0]),
            &(0..40).rev().collect::<Vec<_>>(),
            &mut Rng::new(9, 0),
        )?;
        assert_eq!(mirrored(&y.flip([0])), first);
        Ok(())
    }

    /// Where each image lies in one that was padded by a pixel.
    fn assert_windows(y: &Tensor, padded: &Tensor) {
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
    }

    #[test]
    fn shifted_images_are_windows_of_the_padded_ones() -> Result<()> {
        let zeros = images(40).constant_pad_nd([0, 0, 1, 1, 1, 1]);
        assert_windows(&apply(Augmentation::new().shift(1), 2)?, &zeros);
        let channels_first = images(40).permute([0, 3, 1, 2]);
        let reflected = channels_first.reflection_pad2d([1, 1, 1, 1]);
        let y = apply(Augmentation::new().shift(1).reflect(), 2)?;
        assert_windows(&y, &reflected.permute([0, 2, 3, 1]));
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
    fn rows_of_bytes_and_libtorchs_indices_agree() -> Result<()> {
        let new = Augmentation::new;
        for (case, augmentation) in [
            new().flip().shift(4).cutout(3),
            new().alternating_flip().shift(3).reflect(),
            new().shift(2).reflect().cutout(4),
            new().flip(),
        ]
        .into_iter()
        .enumerate()
        {
            for (kind, channels) in [
                (Kind::Float, 1),
                (Kind::Uint8, 1),
                (Kind::Float, 3),
                (Kind::Uint8, 3),
                (Kind::Double, 2),
            ] {
                let x = Tensor::arange(9 * 4 * 5 * channels, (Kind::Int64, Device::Cpu)) + 1;
                let x = x.remainder(251).reshape([9, 4, 5, channels]).to_kind(kind);
                let rows: Vec<i64> = (0..9).collect();
                let mut augmenter = Augmenter::new(augmentation, 5, 1);
                let changes = augmenter.draw(&rows, (4, 5), &mut Rng::new(7, 0));
                let expected = augmenter.apply_by_index(x.shallow_clone(), &changes)?;
                let y = augmenter.apply(x, &rows, &mut Rng::new(7, 0))?;
                assert_eq!(y, expected, "case {case}, {kind:?}, {channels} channels");
            }
        }
        Ok(())
    }

    #[test]
    fn batches_larger_than_a_chunk_lose_nothing() -> Result<()> {
        let count = 400;
        let x = Tensor::arange(count * 16 * 16 * 3, (Kind::Float, Device::Cpu));
        let x = x.reshape([count, 16, 16, 3]);
        let rows: Vec<i64> = (0..count).collect();
        let mut augmenter = Augmenter::new(Augmentation::new().flip().shift(2), 1, 0);
        let changes = augmenter.draw(&rows, (16, 16), &mut Rng::new(1, 0));
        let y = augmenter.apply(x.shallow_clone(), &rows, &mut Rng::new(1, 0))?;
        assert_eq!(y, augmenter.apply_by_index(x, &changes)?);
        Ok(())
    }

    #[test]
    fn the_seed_decides() -> Result<()> {
        let all = Augmentation::new().flip().shift(2).cutout(3);
        assert_eq!(apply(all, 4)?, apply(all, 4)?);
        assert_ne!(apply(all, 4)?, apply(all, 5)?);
        assert_eq!(apply(Augmentation::new(), 4)?, images(40));
        Ok(())
    }
}
