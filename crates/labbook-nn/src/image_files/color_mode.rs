/// The channels that images have, whatever their files have.
///
/// ```no_run
/// use labbook_nn::{ColorMode, Dataset, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let digits = image_dataset_from_directory("digits", 28)?.color_mode(ColorMode::Grayscale);
/// assert_eq!(digits.first()?.inputs[0].size(), [28, 28, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorMode {
    /// Red, green and blue; transparency is left out.
    #[default]
    Rgb,
    /// Red, green, blue, and opacity from 0 to 255.
    Rgba,
    /// Brightness: 0.299 of red, 0.587 of green and 0.114 of blue (ITU-R BT.601), as Pillow's
    /// mode `L`.
    Grayscale,
}

impl ColorMode {
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
            Self::Grayscale => 1,
        }
    }
}
