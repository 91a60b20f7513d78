use std::io::Cursor;

use image::{ColorType, ImageFormat};
use tch::{Kind, Tensor};

use super::summary::Summary;
use crate::{Error, Result};

/// Most filters of a convolution, and the most pixels of a side.
const MOST: i64 = 12;
const LONGEST: i64 = 2048;

/// A kernel as pictures, from its least number in black to its largest in white: the matrix of a dense layer, the wide
/// side across, or the first filters of a convolution over one or three channels. Others are none.
pub(super) fn pictures(tag: String, kernel: &Tensor) -> Result<Option<Summary>> {
    let images = match kernel.size().as_slice() {
        [rows, columns] if rows > columns => kernel.f_tr()?.f_reshape([1, *columns, *rows, 1])?,
        [rows, columns] => kernel.f_reshape([1, *rows, *columns, 1])?,
        [_, _, 1 | 3, filters] => {
            let first = kernel.f_narrow(3, 0, MOST.min(*filters))?;
            first.f_permute([3, 0, 1, 2])?
        }
        _ => return Ok(None),
    };
    let &[count, height, width, channels] = images.size().as_slice() else {
        return Ok(None);
    };
    if images.numel() == 0 || height.max(width) > LONGEST {
        return Ok(None);
    }
    let numbers = images.f_to_kind(Kind::Float)?.f_nan_to_num(0.0, 0.0, 0.0)?;
    let (low, high) = (numbers.f_min()?, numbers.f_max()?);
    let range = (high - &low).f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
    let bytes = (numbers.f_sub(&low)?.f_div(&range)?.f_mul_scalar(255.0)?).f_round()?;
    let bytes = bytes.f_to_kind(Kind::Uint8)?.f_contiguous()?;
    let color = if channels == 3 {
        ColorType::Rgb8
    } else {
        ColorType::L8
    };
    let size = (width as u32, height as u32);
    let encoded = (0..count).map(|index| {
        let pixels = Vec::<u8>::try_from(bytes.f_get(index)?.f_view([-1])?)?;
        let mut png = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut png, &pixels, size.0, size.1, color, ImageFormat::Png)
            .map_err(|error| Error::Torch {
                operation: "a picture of weights".to_owned(),
                message: error.to_string(),
            })?;
        Ok(png.into_inner())
    });
    let encoded = encoded.collect::<Result<Vec<_>>>()?;
    Ok(Some(Summary::images(tag, size, &encoded)))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn kernels_are_pictures_and_biases_are_none() -> Result<()> {
        let shown = |sizes: &[i64]| -> Result<bool> {
            let numbers = Tensor::zeros(sizes, (Kind::Float, Device::Cpu));
            Ok(pictures("w".to_owned(), &numbers)?.is_some())
        };
        assert!(shown(&[4, 9])? && shown(&[3, 3, 3, 40])? && shown(&[3, 3, 1, 1])?);
        assert!(!shown(&[9])? && !shown(&[3, 3, 8, 4])? && !shown(&[1, 5000])? && !shown(&[0, 4])?);
        Ok(())
    }

    #[test]
    fn the_least_number_is_black_and_the_largest_white() -> Result<()> {
        let numbers = Tensor::from_slice(&[-1.0_f32, f32::NAN, 3.0, 1.0]).reshape([1, 4]);
        let written = pictures("w".to_owned(), &numbers)?.map(|found| found.message());
        let written = written.unwrap_or_default().into_bytes();
        let png = written.windows(4).position(|bytes| bytes == b"\x89PNG");
        let png = &written[png.expect("a picture")..];
        let image = image::load_from_memory_with_format(png, ImageFormat::Png);
        let image = image.expect("a sound picture").into_luma8();
        assert_eq!((image.width(), image.height()), (4, 1));
        assert_eq!(image.into_raw(), [0, 64, 255, 128]);
        Ok(())
    }
}
