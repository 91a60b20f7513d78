use labbook_analysis::{ConfusionMatrix, TsneEvent, TsneMap, UmapMap, nearest_on_embedding};
use ndarray::Array2;
use tch::Tensor;

use crate::error::NotebookError;
use crate::html::Preformatted;
use crate::matrix::classes;
use crate::render::shown_as;

/// Whose neighbour is whose in a map: counts of a point's class (rows) against the class of the
/// point nearest to it (columns).
///
/// `map` has one row of two numbers per point; `labels` are integers, (N,) or (N, 1).
///
/// # Errors
/// [`NotebookError::Tensor`] for labels of another shape or kind, [`NotebookError::Analysis`] when
/// the numbers of rows differ or a class is out of range.
pub fn neighbor_matrix(
    map: &Array2<f32>,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ConfusionMatrix, NotebookError> {
    let class_names: Vec<String> = class_names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    let labels = classes(labels, "labels")?;
    if labels.len() != map.nrows() {
        return Err(NotebookError::Tensor {
            what: "labels",
            expected: format!("{}, one per point of the map", map.nrows()),
            received: labels.len().to_string(),
        });
    }
    let nearest: Vec<i64> = nearest_on_embedding(map)?
        .into_iter()
        .map(|index| labels[index])
        .collect();
    let matrix = ConfusionMatrix::new(&labels, &nearest, class_names.len())?;
    Ok(matrix.with_class_names(class_names)?)
}

/// Prints a running t-SNE's lines as scikit-learn does with `verbose=1`.
pub fn print_progress(event: &TsneEvent) {
    if event.verbosity() <= 1 {
        println!("{event}");
    }
}

shown_as!(TsneMap => |map| Preformatted(format!(
    "t-SNE map of {} samples: KL divergence {:.4} after {} iterations",
    map.embedding.nrows(),
    map.kl_divergence,
    map.n_iter
)));

shown_as!(UmapMap => |map| Preformatted(format!(
    "UMAP of {} samples after {} epochs",
    map.embedding.nrows(),
    map.n_epochs
)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_point_decides() -> Result<(), NotebookError> {
        let map = ndarray::arr2(&[[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 9.5]]);
        let names = ["cat", "dog"].map(str::to_owned);
        let matrix = neighbor_matrix(&map, &Tensor::from_slice(&[0_i64, 0, 0, 1]), &names)?;
        assert_eq!(matrix.counts(), &ndarray::arr2(&[[2, 1], [1, 0]]));
        assert!(neighbor_matrix(&map, &Tensor::from_slice(&[0_i64]), &names).is_err());
        Ok(())
    }
}
