use labbook_charts::ImageGrid;
use tch::Tensor;

use crate::error::NotebookError;
use crate::tensors::images as bytes;

/// Images in rows, to be drawn with captions or without: those of a data set, or what a model made.
///
/// `images` has the shape (N, height, width, 1) or (N, height, width, 3), in bytes or in numbers
/// from 0 to 1.
///
/// ```
/// use labbook_notebook::image_grid;
/// use tch::{Device, Kind, Tensor};
///
/// let made = Tensor::rand([20, 8, 8, 1], (Kind::Float, Device::Cpu));
/// let figure = image_grid(&made)?.columns(10).image_size(32).figure()?;
/// # assert!(figure.width() > 320);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or other numbers.
pub fn image_grid(images: &Tensor) -> Result<ImageGrid, NotebookError> {
    Ok(ImageGrid::new(&bytes(images)?))
}
