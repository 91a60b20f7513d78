use labbook_charts::{Figure, ImageGrid};
use labbook_data::ImageSet;
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes;

/// How many images are drawn, and in how many columns.
const IMAGES: usize = 10;
const COLUMNS: usize = 5;

/// Ten random images in two rows, the name of its class under each.
///
/// The same `seed` draws the same images.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let digits = labbook_data::datasets::mnist::drawn(40, 10, 0)?;
/// labbook_notebook::show_examples(&digits.train, 1)?
/// # ;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`NotebookError::Chart`] when there is no image.
pub fn show_examples(images: &ImageSet, seed: u64) -> Result<Figure, NotebookError> {
    let sample = images.select(&images.sample_indices(IMAGES, seed))?;
    let names = sample.labels.iter().map(|&label| {
        let place = usize::try_from(label).ok();
        let name = place.and_then(|place| images.class_names.get(place));
        name.map_or("?", String::as_str)
    });
    let names: Vec<&str> = names.collect();
    let grid = ImageGrid::new(&sample.images).columns(COLUMNS);
    Ok(grid.captions(&names).figure()?)
}

/// Ten random images in two rows, the predicted class under each: green where it is the true one,
/// red where it is not.
///
/// `predicted` holds one integer class per image of `images`, shaped (N,) or (N, 1). The same
/// `seed` draws the same images.
///
/// # Errors
/// [`NotebookError::Tensor`] when `predicted` does not fit; [`NotebookError::Chart`] when a class
/// has no name.
pub fn show_random_examples(
    images: &ImageSet,
    predicted: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
    seed: u64,
) -> Result<Figure, NotebookError> {
    let predicted = classes(predicted, "predicted classes")?;
    if predicted.len() != images.len() {
        return Err(NotebookError::Tensor {
            what: "predicted classes",
            expected: format!("one for each of the {} images", images.len()),
            received: format!("{}", predicted.len()),
        });
    }
    // Positions travel through the same shuffle as the images would.
    let chosen = images.sample_indices(IMAGES, seed);
    let sample = images.select(&chosen)?;
    let truth: Vec<i64> = sample.labels.iter().copied().collect();
    let shown: Vec<i64> = chosen.iter().map(|&index| predicted[index]).collect();
    let grid = ImageGrid::new(&sample.images).columns(COLUMNS);
    Ok(grid.predictions(&shown, &truth, class_names).figure()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::some_images::some_images;

    #[test]
    fn the_seed_chooses_the_images() {
        let images = some_images(30);
        let truth = images.labels_tensor();
        let draw = |seed| show_random_examples(&images, &truth, &images.class_names, seed).unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn examples_bear_the_names_of_their_classes() {
        let images = some_images(30);
        let figure = show_examples(&images, 1).unwrap();
        assert_eq!(figure, show_examples(&images, 1).unwrap());
        let chosen = images.select(&images.sample_indices(IMAGES, 1)).unwrap();
        let first = &images.class_names[chosen.labels[[0, 0]] as usize];
        assert!(figure.alt().contains(first.as_str()), "{}", figure.alt());
        assert!(show_examples(&images.take(0), 1).is_err());
    }

    #[test]
    fn predictions_of_another_set_are_refused() {
        let images = some_images(30);
        let fewer = images.take(10).labels_tensor();
        let error = show_random_examples(&images, &fewer, &images.class_names, 0);
        assert!(error.unwrap_err().to_string().contains("30 images"));
    }
}
