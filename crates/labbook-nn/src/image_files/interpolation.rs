/// How the pixels of an image of another size are computed.
///
/// All but [`Area`](Self::Area) look at few pixels around a place, also where many come together
/// in one, as `tf.image.resize` does; with
/// [`antialias`](crate::ImageFolder::antialias) they then look at all of them, as Pillow does.
///
/// ```no_run
/// use labbook_nn::{ImageInterpolation, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let photos = image_dataset_from_directory("photos", (180, 180))?;
/// let photos = photos.interpolation(ImageInterpolation::Lanczos3).antialias(true);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageInterpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear between neighbours; the default.
    #[default]
    Bilinear,
    /// Cubic between neighbours (Keys 1981, with a = -0.5).
    Bicubic,
    /// The sinc function within three pixels, in a window of the same form.
    Lanczos3,
    /// The mean over the area of the new pixel.
    Area,
}

impl ImageInterpolation {
    /// How far from its middle the function is not zero, in pixels.
    pub(super) fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Area => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos3 => 3.0,
        }
    }

    pub(super) fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Nearest | Self::Area => f64::from(u8::from(x <= 0.5)),
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos3 if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos3 => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    match x == 0.0 {
        true => 1.0,
        false => x.sin() / x,
    }
}
