use std::path::Path;

use super::aspect_ratio::AspectRatio;
use super::color_mode::ColorMode;
use super::decode::decode;
use super::interpolation::ImageInterpolation;
use super::resample::{Pixels, Taps, Target, resample};
use crate::data::guard::call;
use crate::tensors::shape::Size2D;
use crate::{Error, Result};

/// The longest side that images are made.
const LONGEST: i64 = 1 << 14;

/// What images are made, whatever their files hold.
#[derive(Debug, Clone)]
pub(super) struct Form {
    height: usize,
    width: usize,
    pub(super) color: ColorMode,
    pub(super) interpolation: ImageInterpolation,
    pub(super) antialias: bool,
    pub(super) aspect_ratio: AspectRatio,
    pub(super) max_pixels: u64,
}

impl Form {
    pub(super) fn new(size: Size2D) -> Result<Self> {
        let side = |side: i64| match (1..=LONGEST).contains(&side) {
            true => Ok(side as usize),
            false => Err(Error::option(
                "image_size",
                format!("a height and a width from 1 to {LONGEST}"),
                size,
                "give them in pixels",
            )),
        };
        Ok(Self {
            height: side(size.height)?,
            width: side(size.width)?,
            color: ColorMode::default(),
            interpolation: ImageInterpolation::default(),
            antialias: false,
            aspect_ratio: AspectRatio::default(),
            max_pixels: MAX_PIXELS,
        })
    }

    /// Height, width, channels.
    pub(super) fn shape(&self) -> [i64; 3] {
        [self.height, self.width, self.color.channels()].map(|size| size as i64)
    }

    pub(super) fn count(&self) -> usize {
        self.height * self.width * self.color.channels()
    }

    /// Reads a file and writes its numbers, from 0 to 255, row by row.
    pub(super) fn read(&self, path: &Path, numbers: &mut [f32]) -> Result<()> {
        let pixels = call("the decoder", || decode(path, self.color, self.max_pixels))??;
        self.fit(&pixels, numbers);
        Ok(())
    }

    fn fit(&self, pixels: &Pixels, numbers: &mut [f32]) {
        let (height, width) = (pixels.height, pixels.width);
        let channels = pixels.channels;
        let all = (self.height, self.width);
        let whole = ((0, height), (0, width), all, (0, 0));
        let (rows, columns, (new_height, new_width), (top, left)) = match self.aspect_ratio {
            AspectRatio::Stretch => whole,
            AspectRatio::Crop => {
                // As Keras's smart_resize cuts.
                let cut = |side: usize, other: usize, wanted: usize, of: usize| {
                    let kept = (other * wanted / of).clamp(1, side);
                    ((side - kept) / 2, kept)
                };
                let rows = cut(height, width, self.height, self.width);
                let columns = cut(width, height, self.width, self.height);
                (rows, columns, all, (0, 0))
            }
            AspectRatio::Pad => {
                // As tf.image.resize_with_pad rounds.
                let ratio = f64::max(
                    width as f64 / self.width as f64,
                    height as f64 / self.height as f64,
                );
                let new = |side: usize, most: usize| {
                    let exact = side as f64 / ratio;
                    let kept = (exact as usize).clamp(1, most);
                    let before = ((most as f64 - exact) / 2.0).max(0.0) as usize;
                    (kept, before.min(most - kept))
                };
                let (new_height, top) = new(height, self.height);
                let (new_width, left) = new(width, self.width);
                (whole.0, whole.1, (new_height, new_width), (top, left))
            }
        };
        let taps = |old, new| Taps::new(self.interpolation, self.antialias, old, new);
        let stride = self.width * channels;
        if (new_height, new_width) != all {
            numbers.fill(0.0);
        }
        let start = top * stride + left * channels;
        let target = Target {
            numbers,
            start,
            stride,
        };
        resample(
            pixels,
            &taps(rows, new_height),
            &taps(columns, new_width),
            target,
        );
    }
}

/// Pillow warns of more.
pub(super) const MAX_PIXELS: u64 = 89_478_485;

#[cfg(test)]
mod tests {
    use super::*;

    /// Red tells the row, green the column.
    fn numbered(height: usize, width: usize) -> Pixels {
        let bytes = (0..height * width).flat_map(|at| [(at / width) as u8, (at % width) as u8, 9]);
        Pixels {
            width,
            height,
            channels: 3,
            bytes: bytes.collect(),
        }
    }

    fn fitted(size: (i64, i64), aspect_ratio: AspectRatio, pixels: &Pixels) -> Vec<f32> {
        let mut form = Form::new(size.into()).unwrap();
        (form.aspect_ratio, form.interpolation) = (aspect_ratio, ImageInterpolation::Nearest);
        let mut numbers = vec![7.0; form.count()];
        form.fit(pixels, &mut numbers);
        numbers
    }

    #[test]
    fn the_middle_is_kept_or_black_is_put_beside() {
        let wide = numbered(2, 6);
        let cut = fitted((2, 2), AspectRatio::Crop, &wide);
        assert_eq!(cut[..6], [0.0, 2.0, 9.0, 0.0, 3.0, 9.0]);
        let padded = fitted((6, 6), AspectRatio::Pad, &wide);
        let row = |row: usize| &padded[row * 18..row * 18 + 6];
        assert_eq!(row(1), [0.0; 6]);
        assert_eq!(row(2), [0.0, 0.0, 9.0, 0.0, 1.0, 9.0]);
        assert_eq!(row(3), [1.0, 0.0, 9.0, 1.0, 1.0, 9.0]);
        assert_eq!(row(4), [0.0; 6]);
        let stretched = fitted((1, 3), AspectRatio::Stretch, &wide);
        assert_eq!(stretched, [1.0, 1.0, 9.0, 1.0, 3.0, 9.0, 1.0, 5.0, 9.0]);
        // Far from the wanted proportions a pixel is left.
        assert_eq!(
            fitted((9, 1), AspectRatio::Crop, &numbered(1, 50)).len(),
            27
        );
        assert_eq!(
            fitted((9, 1), AspectRatio::Pad, &numbered(1, 50))[12..15],
            [0.0, 25.0, 9.0]
        );
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for size in [(0, 5), (5, -1), (1 << 15, 5)] {
            let error = Form::new(size.into()).unwrap_err().to_string();
            assert!(error.contains("from 1 to 16384"), "{error}");
        }
    }
}
