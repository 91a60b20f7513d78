use labbook_data::ImageSet;
use ndarray::Array2;
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes;
use crate::tensors::images as bytes;

/// Images and their classes as a set, such as those of a batch: what [`show_largest_losses`] and the like take.
///
/// `images` has the shape (N, height, width, 1) or (N, height, width, 3), in bytes or in numbers from 0 to 1;
/// `labels` are integers, (N,) or (N, 1).
///
/// ```
/// use labbook_notebook::image_set;
/// use tch::{Device, Kind, Tensor};
///
/// let images = Tensor::rand([2, 8, 8, 3], (Kind::Float, Device::Cpu));
/// let set = image_set(&images, &Tensor::from_slice(&[1_i64, 0]), ["cat", "dog"])?;
/// assert_eq!(set.counts(), [1, 1]);
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for other shapes or numbers, [`NotebookError::Data`] when there are not as many
/// labels as images, or one has no name.
///
/// [`show_largest_losses`]: crate::show_largest_losses
pub fn image_set(
    images: &Tensor,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ImageSet, NotebookError> {
    let names: Vec<String> = class_names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    let labels = classes(labels, "labels")?;
    let column = Array2::from_shape_fn((labels.len(), 1), |(row, _)| labels[row]);
    Ok(ImageSet::new(bytes(images)?, column, &names)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::some_images::some_images;

    #[test]
    fn a_set_goes_out_and_comes_back() {
        let images = some_images(6);
        let (x, y) = (images.images_tensor(), images.labels_tensor());
        let again = image_set(&x, &y, &images.class_names).unwrap();
        assert_eq!(again, images);
        let scaled = x.to_kind(tch::Kind::Float) / 255.0;
        assert_eq!(image_set(&scaled, &y, &images.class_names).unwrap(), images);
        let error = |x: &Tensor, y: &Tensor, names: &[&str]| image_set(x, y, names).unwrap_err();
        let two = y.narrow(0, 0, 2);
        assert!(matches!(error(&x, &two, &["a"]), NotebookError::Data(_)));
        assert!(matches!(
            error(&x, &x, &["a"]),
            NotebookError::Tensor { .. }
        ));
    }
}
