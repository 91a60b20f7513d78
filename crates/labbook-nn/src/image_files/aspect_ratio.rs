/// What becomes of an image of other proportions than the wanted ones.
///
/// ```no_run
/// use labbook_nn::{AspectRatio, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let photos = image_dataset_from_directory("photos", (180, 240))?;
/// let photos = photos.aspect_ratio(AspectRatio::Crop);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AspectRatio {
    /// It is stretched, as Keras does unless told.
    #[default]
    Stretch,
    /// Its middle is kept, as with `crop_to_aspect_ratio=True`.
    Crop,
    /// Black is put beside it, as with `pad_to_aspect_ratio=True`.
    Pad,
}
