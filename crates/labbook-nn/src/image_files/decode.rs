use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::color_mode::ColorMode;
use super::jpeg_end::has_end;
use super::resample::Pixels;
use crate::{Error, Result};

/// Most bytes of an image's file.
const MOST_BYTES: u64 = 1 << 30;

const DAMAGED: &str = "copy it anew, or leave it out with skip_damaged()";

/// The pixels of a file, turned as its EXIF says.
pub(super) fn decode(path: &Path, color: ColorMode, max_pixels: u64) -> Result<Pixels> {
    let bytes = bytes(path)?;
    let refused = |error: &dyn ToString| {
        Error::file(
            path,
            "a JPEG, PNG, BMP, GIF or WebP image",
            error.to_string(),
            DAMAGED,
        )
    };
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| refused(&error))?;
    let Some(format) = reader.format() else {
        return Err(refused(&"a file that begins like none of them"));
    };
    let mut limits = Limits::default();
    // Pixels of up to 16 bytes.
    limits.max_alloc = Some(max_pixels.saturating_mul(16));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > max_pixels {
        return Err(Error::file(
            path,
            format!("an image of 1 to {max_pixels} pixels"),
            format!("one of {width} x {height}"),
            "make it smaller, or raise max_pixels(..) if you trust it",
        ));
    }
    if format == ImageFormat::Jpeg && !has_end(&bytes) {
        return Err(refused(&"a JPEG image that was cut short"));
    }
    let orientation = decoder.orientation().map_err(|error| refused(&error))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    image.apply_orientation(orientation);
    Ok(pixels_of(image, color))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Error::file(
            path,
            "an image",
            "nothing there",
            "correct the path, or list the files anew",
        ),
        _ => Error::file(
            path,
            "an image",
            error.to_string(),
            "check that it is yours to read",
        ),
    };
    // A pipe would wait for somebody to write to it.
    let found = fs::metadata(path).map_err(refused)?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(Error::file(
            path,
            format!("a regular file of at most {MOST_BYTES} bytes"),
            match found.is_file() {
                true => format!("{} bytes", found.len()),
                false => "a folder, a pipe or a device".to_owned(),
            },
            "give the path of an image",
        ));
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    let read = File::open(path).and_then(|file| file.take(found.len()).read_to_end(&mut bytes));
    read.map_err(refused)?;
    Ok(bytes)
}

fn pixels_of(image: DynamicImage, color: ColorMode) -> Pixels {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let bytes = match color {
        ColorMode::Rgb => image.into_rgb8().into_raw(),
        ColorMode::Rgba => image.into_rgba8().into_raw(),
        ColorMode::Grayscale => match image.color().has_color() {
            true => grey(&image.into_rgb8().into_raw()),
            false => image.into_luma8().into_raw(),
        },
    };
    Pixels {
        width,
        height,
        channels: color.channels(),
        bytes,
    }
}

/// In units of 1 / 65,536, as Pillow computes it.
fn grey(bytes: &[u8]) -> Vec<u8> {
    let pixels = bytes.as_chunks::<3>().0.iter();
    let brightness = pixels.map(|pixel| {
        let [red, green, blue] = pixel.map(u32::from);
        ((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8
    });
    brightness.collect()
}
