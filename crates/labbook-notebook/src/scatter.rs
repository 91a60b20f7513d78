use labbook_analysis::FittedPca;
use labbook_charts::{BarChart, Figure, ScatterPlot, ThumbnailMap};
use labbook_data::ImageSet;
use ndarray::{ArrayBase, Data, Ix2};
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes as class_numbers;
use crate::numbers::percent;
use crate::render::shown_as;
use crate::table::Table;

/// A map of PCA or t-SNE, coloured by class; add a title and the like and call `figure()`.
///
/// `map` has one row per point and its first two columns are drawn; `classes` are integers, (N,)
/// or (N, 1).
///
/// # Errors
/// [`NotebookError::Tensor`] for classes of another shape or kind.
pub fn scatter<S, F>(
    map: &ArrayBase<S, Ix2>,
    classes: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ScatterPlot, NotebookError>
where
    S: Data<Elem = F>,
    F: Copy + Into<f64>,
{
    let classes = class_numbers(classes, "classes")?;
    Ok(ScatterPlot::new(map).classes(&classes, class_names))
}

/// The images themselves at their places in a map, framed in the colours of their classes; those
/// that would cover another are left out. Add a title and the like and call `figure()`.
///
/// # Errors
/// [`NotebookError::Tensor`] for classes of another shape or kind.
pub fn thumbnails<S, F>(
    map: &ArrayBase<S, Ix2>,
    images: &ImageSet,
    classes: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ThumbnailMap, NotebookError>
where
    S: Data<Elem = F>,
    F: Copy + Into<f64>,
{
    let classes = class_numbers(classes, "classes")?;
    Ok(ThumbnailMap::new(&images.images, map).classes(&classes, class_names))
}

/// The share of the variance that each principal component explains, as bars.
///
/// # Errors
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_explained_variance(pca: &FittedPca) -> Result<Figure, NotebookError> {
    let ratios = pca.explained_variance_ratio();
    let names: Vec<String> = (1..=ratios.len())
        .map(|i| format!("component {i}"))
        .collect();
    let ratios: Vec<f64> = ratios.iter().copied().collect();
    let sum: f64 = ratios.iter().sum();
    let title = format!("Explained variance, {:.1} % in all", 100.0 * sum);
    Ok(BarChart::new(title)
        .bars(&names, &ratios)
        .percent()
        .figure()?)
}

shown_as!(FittedPca => components);

fn components(pca: &FittedPca) -> Table {
    let mut table = Table::new(&["component", "variance", "share", "shares so far"])
        .numeric()
        .caption(format!(
            "Principal components of {} features",
            pca.mean().len()
        ));
    let shares = pca.explained_variance_ratio();
    let mut sum = 0.0;
    for (index, (variance, share)) in pca.explained_variance().iter().zip(shares).enumerate() {
        sum += share;
        table.push(&[
            (index + 1).to_string(),
            format!("{variance:.4}"),
            percent(Some(*share)),
            percent(Some(sum)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use labbook_analysis::Pca;
    use ndarray::{Array2, array};

    use super::*;
    use crate::mistakes::mistakes;
    use crate::some_images::some_images;

    #[test]
    fn a_map_is_coloured_by_class_and_marks_mistakes() {
        let map = array![[0.0_f32, 1.0], [2.0, 3.0], [1.0, 0.0]];
        let names = ["cat", "dog"].map(str::to_owned);
        let labels = Tensor::from_slice(&[0_i64, 1, 1]).reshape([3, 1]);
        let predicted = Tensor::from_slice(&[0_i64, 0, 1]);
        let figure = scatter(&map, &predicted, &names)
            .unwrap()
            .errors(&mistakes(&labels, &predicted).unwrap())
            .figure()
            .unwrap();
        assert!(
            figure.alt().contains("cat 2, dog 1; 1 marked as wrong"),
            "{}",
            figure.alt()
        );
        let probabilities = Tensor::zeros([3, 2], tch::kind::FLOAT_CPU);
        assert!(scatter(&map, &probabilities, &names).is_err());
    }

    #[test]
    fn images_stand_in_their_map() {
        let images = some_images(12);
        let map = Array2::from_shape_fn((12, 2), |(i, axis)| (i * (axis + 1) % 5) as f64);
        let labels = images.labels_tensor();
        let plot = thumbnails(&map, &images, &labels, &images.class_names).unwrap();
        assert!(plot.figure().unwrap().alt().contains("of 12 images shown"));
    }

    #[test]
    fn the_components_explain_their_shares() {
        let samples = array![[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]];
        let pca = Pca::new(2).fit(&samples).unwrap();
        let figure = plot_explained_variance(&pca).unwrap();
        assert!(
            figure.alt().contains("component 1 80.0 %"),
            "{}",
            figure.alt()
        );
        assert_eq!(figure.title(), "Explained variance, 100.0 % in all");
    }
}
