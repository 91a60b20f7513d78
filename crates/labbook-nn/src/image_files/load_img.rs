use std::path::Path;

use tch::Tensor;

use super::color_mode::ColorMode;
use super::decode::decode;
use super::form::MAX_PIXELS;
use crate::Result;
use crate::data::guard::call;

/// One image in its own size: bytes of shape (height, width, 3).
///
/// JPEG, PNG, BMP, GIF (its first frame) and WebP are read as in an
/// [`ImageFolder`](crate::ImageFolder), whose [`load`](crate::ImageFolder::load) makes one image
/// what a model was trained on.
///
/// ```
/// use labbook_nn::load_img;
///
/// # fn main() -> labbook_nn::Result<()> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/plain.png");
/// let photo = load_img(path)?;
/// assert_eq!(photo.size(), [6, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// For what is no image, or one that is damaged or has more than 89,478,485 pixels.
pub fn load_img(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let pixels = call("the decoder", || decode(path, ColorMode::Rgb, MAX_PIXELS))??;
    let shape = [pixels.height, pixels.width, pixels.channels].map(|size| size as i64);
    Ok(Tensor::f_from_slice(&pixels.bytes)?.f_reshape(shape)?)
}
