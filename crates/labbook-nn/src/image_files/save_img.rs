use std::io::Cursor;
use std::path::Path;

use image::{ColorType, ImageFormat};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::WebP,
];

/// Writes one image, (height, width, 1) or (height, width, 3), to a file: JPEG (quality 75), PNG, BMP
/// or WebP, as the file's name ends. Keras's function of this name.
///
/// Bytes are written as they are, other numbers are taken to go from 0 to 1; what lies outside is cut off.
/// The counterpart of [`load_img`](crate::load_img).
///
/// ```
/// use labbook_nn::{load_img, save_img};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("grey.png");
/// let grey = Tensor::full([4, 6, 3], 0.5, (Kind::Float, Device::Cpu));
/// save_img(&path, &grey)?;
/// assert_eq!(load_img(&path)?.double_value(&[0, 0, 0]), 128.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Data`] for another shape, and numbers that are NaN; [`Error::File`] for another ending, and
/// where nothing can be written.
pub fn save_img(path: impl AsRef<Path>, image: &Tensor) -> Result<()> {
    let path = path.as_ref();
    let sizes = image.size();
    let side = |size: i64| u32::try_from(size).ok().filter(|&side| side > 0);
    let found = match sizes[..] {
        [height, width, 1] => side(height).zip(side(width)).zip(Some(ColorType::L8)),
        [height, width, 3] => side(height).zip(side(width)).zip(Some(ColorType::Rgb8)),
        _ => None,
    };
    let Some(((height, width), color)) = found else {
        return Err(Error::data(
            "image",
            "one image of shape [height, width, 1] or [height, width, 3]",
            format!("{sizes:?}"),
            "take one of several with get(0)",
        ));
    };
    let format = ImageFormat::from_path(path).ok();
    let Some(format) = format.filter(|format| FORMATS.contains(format)) else {
        let ending = path.extension().unwrap_or_default().display().to_string();
        let expected = "a file name that ends in jpg, png, bmp or webp";
        return Err(Error::file(path, expected, ending, "give it one of them"));
    };
    let image = image.f_detach()?.f_to_device(Device::Cpu)?;
    let bytes = match image.f_kind()? {
        Kind::Uint8 => image,
        _ => {
            let numbers = image.f_to_kind(Kind::Float)?;
            if numbers.f_isnan()?.f_any()?.int64_value(&[]) != 0 {
                let advice = "look where they come from";
                return Err(Error::data("image", "numbers from 0 to 1", "NaN", advice));
            }
            let scaled = numbers.f_clamp(0.0, 1.0)?.f_mul_scalar(255.0)?;
            scaled.f_round()?.f_to_kind(Kind::Uint8)?
        }
    };
    let bytes = Vec::<u8>::try_from(bytes.f_contiguous()?.f_view([-1])?)?;
    let refused = |received: String| {
        let advice = "check the size, the folder and whether you may write there";
        Error::file(path, "a file to write the image to", received, advice)
    };
    let mut encoded = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut encoded, &bytes, width, height, color, format)
        .map_err(|error| refused(error.to_string()))?;
    labbook_files::write_file(path, encoded.get_ref()).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_img;

    /// A picture without sharp edges, which JPEG hardly changes.
    fn slope() -> Tensor {
        let values: Vec<u8> = (0..16 * 24 * 3).map(|place| (place / 6) as u8).collect();
        Tensor::from_slice(&values).reshape([16, 24, 3])
    }

    #[test]
    fn every_form_is_read_back() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, most) in [
            ("a.png", 0.0),
            ("a.bmp", 0.0),
            ("a.webp", 0.0),
            ("a.jpg", 12.0),
        ] {
            let path = folder.path().join(name);
            save_img(&path, &slope())?;
            let read = load_img(&path)?.to_kind(Kind::Float);
            let difference = (read - slope().to_kind(Kind::Float)).abs().max();
            assert!(
                difference.double_value(&[]) <= most,
                "{name}: {difference:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn numbers_are_shares_and_a_grey_image_has_one_channel() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("grey.png");
        let shares = Tensor::from_slice(&[-1.0_f32, 0.0, 0.4, 2.0]).reshape([2, 2, 1]);
        save_img(&path, &shares)?;
        let read = load_img(&path)?.select(2, 0).reshape([-1]);
        assert_eq!(Vec::<u8>::try_from(read)?, [0, 0, 102, 255]);
        Ok(())
    }

    #[test]
    fn what_is_no_image_or_has_no_form_is_told() {
        let told = |name: &str, image: &Tensor| {
            let folder = tempfile::tempdir().expect("a folder");
            save_img(folder.path().join(name), image)
                .unwrap_err()
                .to_string()
        };
        let several = Tensor::zeros([2, 4, 4, 3], tch::kind::FLOAT_CPU);
        assert!(told("a.png", &several).contains("get(0)"));
        assert!(
            told("a.png", &Tensor::zeros([0, 4, 3], tch::kind::FLOAT_CPU)).contains("[0, 4, 3]")
        );
        assert!(told("a.txt", &slope()).contains("jpg, png"));
        assert!(told("a.gif", &slope()).contains("jpg, png"));
        assert!(told("a", &slope()).contains("jpg, png"));
        assert!(told("nowhere/a.png", &slope()).contains("write"));
        let gap = Tensor::full([2, 2, 1], f64::NAN, tch::kind::FLOAT_CPU);
        assert!(told("a.png", &gap).contains("NaN"));
    }
}
