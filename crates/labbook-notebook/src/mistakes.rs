use labbook_analysis::{ConfusionMatrix, confused_indices, largest_loss_indices, sample_losses};
use labbook_charts::{ChartError, Figure, ImageGrid, panels};
use labbook_data::ImageSet;
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes;
use crate::tensors::table;

/// Example images of a pair of classes.
const EXAMPLES: usize = 10;
const EXAMPLE_SIZE: u32 = 64;
/// Images per row where each has a caption.
const COLUMNS: usize = 6;

/// Which predictions are wrong, one flag per image: what a scatter plot's `errors` takes.
///
/// Both tensors hold integer classes, shaped (N,) or (N, 1).
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or kind, or different lengths.
pub fn mistakes(labels: &Tensor, predicted: &Tensor) -> Result<Vec<bool>, NotebookError> {
    let labels = classes(labels, "labels")?;
    let predicted = classes(predicted, "predicted classes")?;
    paired("predicted classes", labels.len(), predicted.len())?;
    Ok(labels.iter().zip(&predicted).map(|(a, b)| a != b).collect())
}

/// The `n` pairs of classes that were mixed up most often, each with up to ten example images.
///
/// `images` and `predicted` are those that the matrix counts. Where nothing was mixed up, the figure
/// says so above the first ten images.
///
/// # Errors
/// [`NotebookError::Tensor`] when the three do not belong together or `n` is 0;
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn show_most_confused(
    matrix: &ConfusionMatrix,
    images: &ImageSet,
    predicted: &Tensor,
    n: usize,
) -> Result<Figure, NotebookError> {
    let predicted = classes(predicted, "predicted classes")?;
    paired("predicted classes", images.len(), predicted.len())?;
    let counted = usize::try_from(matrix.total()).unwrap_or(usize::MAX);
    paired(
        "images counted by the confusion matrix",
        images.len(),
        counted,
    )?;
    let mut rows = Vec::new();
    for pair in matrix.most_confused(n) {
        let (truth, taken_for) = (pair.true_class, pair.predicted_class);
        let mut found = confused_indices(&images.labels, &predicted, truth, taken_for)?;
        found.truncate(EXAMPLES);
        if found.is_empty() {
            return Err(NotebookError::Tensor {
                what: "predicted classes",
                expected: format!("those that the confusion matrix counts: {pair}"),
                received: "none such".to_owned(),
            });
        }
        rows.push(examples(&images.select(&found)?, pair.to_string())?);
    }
    if rows.is_empty() && n > 0 && counted > 0 {
        // A perfect network must not stop a notebook.
        let title = format!("Nothing mixed up: {counted} of {counted} right");
        rows.push(examples(&images.take(EXAMPLES), title)?);
    }
    if rows.is_empty() {
        return Err(NotebookError::Tensor {
            what: "pairs to show",
            expected: "n of at least 1, and a matrix that counts images".to_owned(),
            received: format!("n = {n}, {counted} images"),
        });
    }
    let rows: Vec<&Figure> = rows.iter().collect();
    Ok(panels(&rows, 1)?)
}

/// One row of images under a title.
fn examples(images: &ImageSet, title: String) -> Result<Figure, ChartError> {
    let grid = ImageGrid::new(&images.images).columns(EXAMPLES);
    grid.image_size(EXAMPLE_SIZE).title(title).figure()
}

/// The `n` images that the model got most wrong, worst first: the predicted class and its
/// probability, the true class, and the loss, which is minus the logarithm of the true class's
/// probability.
///
/// `predictions` are probabilities, (N, classes), as `predict` gives them for these images.
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape; [`NotebookError::Analysis`] when the lengths differ
/// or the numbers are no probabilities; [`NotebookError::Chart`] when a class has no name or `n` is
/// 0.
pub fn show_largest_losses(
    images: &ImageSet,
    predictions: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
    n: usize,
) -> Result<Figure, NotebookError> {
    let predictions = table(predictions, "predictions")?;
    let losses = sample_losses(&images.labels, predictions.view())?;
    let worst = largest_loss_indices(&losses, n);
    let sample = images.select(&worst)?;
    let truth: Vec<i64> = sample.labels.iter().copied().collect();
    let (mut predicted, mut probabilities) = (Vec::new(), Vec::new());
    for &index in &worst {
        let row = predictions.row(index);
        let best = (0..row.len()).fold(
            0,
            |best, class| if row[class] > row[best] { class } else { best },
        );
        predicted.push(best as i64);
        probabilities.push(f64::from(row[best]));
    }
    let notes: Vec<String> = worst
        .iter()
        .map(|&index| format!("loss {:.2}", losses[index]))
        .collect();
    let grid = ImageGrid::new(&sample.images)
        .columns(COLUMNS)
        .title("Largest losses")
        .predictions(&predicted, &truth, class_names)
        .probabilities(&probabilities)
        .notes(&notes);
    Ok(grid.figure()?)
}

fn paired(what: &'static str, images: usize, received: usize) -> Result<(), NotebookError> {
    if images == received {
        return Ok(());
    }
    Err(NotebookError::Tensor {
        what,
        expected: format!("one for each of the {images} images"),
        received: received.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::confusion_matrix;
    use crate::some_images::some_images;

    /// Thirty images of which the first two balls are taken for flags.
    fn taken_for_flags() -> (ImageSet, Tensor, Vec<String>) {
        let images = some_images(30);
        let mut predicted: Vec<i64> = images.labels.iter().copied().collect();
        let balls = predicted.iter_mut().filter(|class| **class == 0);
        balls.take(2).for_each(|class| *class = 8);
        let names = images.class_names.clone();
        (images, Tensor::from_slice(&predicted), names)
    }

    #[test]
    fn the_pair_that_was_mixed_up_is_shown_with_its_images() {
        let (images, predicted, names) = taken_for_flags();
        let labels = images.labels_tensor();
        let matrix = confusion_matrix(&labels, &predicted, &names).unwrap();
        let figure = show_most_confused(&matrix, &images, &predicted, 3).unwrap();
        assert!(
            figure.title().starts_with("ball taken for flag: 2"),
            "{}",
            figure.title()
        );
        assert!(figure.alt().contains("2 in 2 columns"), "{}", figure.alt());
        assert_eq!(
            mistakes(&labels, &predicted)
                .unwrap()
                .iter()
                .filter(|&&m| m)
                .count(),
            2
        );

        let fewer = images.take(20);
        let error = show_most_confused(&matrix, &fewer, &predicted, 3).unwrap_err();
        assert!(
            error.to_string().contains("each of the 20 images"),
            "{error}"
        );
        let error = show_most_confused(&matrix, &images, &labels, 3).unwrap_err();
        assert!(error.to_string().contains("received none such"), "{error}");
        let perfect = confusion_matrix(&labels, &labels, &names).unwrap();
        let figure = show_most_confused(&perfect, &images, &labels, 3).unwrap();
        assert!(
            figure.title().contains("30 of 30 right"),
            "{}",
            figure.title()
        );
        assert!(
            figure.alt().contains("10 in 10 columns"),
            "{}",
            figure.alt()
        );
        let error = show_most_confused(&perfect, &images, &labels, 0).unwrap_err();
        assert!(error.to_string().contains("n = 0"), "{error}");
        assert!(show_most_confused(&matrix, &images, &predicted, 0).is_err());
    }

    #[test]
    fn the_worst_comes_first_and_tells_its_loss() {
        let (images, predicted, names) = taken_for_flags();
        let sure = predicted.one_hot(10).to_kind(tch::Kind::Float) * 0.9 + 0.01;
        let figure = show_largest_losses(&images, &sure, &names, 6).unwrap();
        let alt = figure.alt();
        assert!(
            alt.contains("4 of 6 predictions right: flag 91 % (actually ball) (loss 4.61)"),
            "{alt}"
        );
        assert!(show_largest_losses(&images, &predicted, &names, 6).is_err());
        assert!(show_largest_losses(&images, &sure, &names, 0).is_err());
    }
}
