use labbook_analysis::ConfusionMatrix;
use labbook_charts::{Figure, MatrixPlot, panels};
use tch::{Device, Kind, Tensor};

use crate::error::NotebookError;
use crate::render::Render;
use crate::table::{Cell, Table};

/// Counts of true classes (rows) against predicted ones (columns).
///
/// Both tensors hold integer classes, shaped (N,) or (N, 1). Classes get `class_names`' names and
/// number.
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or kind; [`NotebookError::Analysis`] when the lengths
/// differ or a class is out of range.
pub fn confusion_matrix(
    labels: &Tensor,
    predicted: &Tensor,
    class_names: &[String],
) -> Result<ConfusionMatrix, NotebookError> {
    let labels = classes(labels, "labels")?;
    let predicted = classes(predicted, "predicted classes")?;
    let matrix = ConfusionMatrix::new(&labels, &predicted, class_names.len())?;
    Ok(matrix.with_class_names(class_names)?)
}

/// The matrix as a picture in blue, counts written in.
///
/// # Errors
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_confusion_matrix(
    matrix: &ConfusionMatrix,
    title: &str,
) -> Result<Figure, NotebookError> {
    let plot = MatrixPlot::new(matrix)
        .title(title)
        .labels("Predicted Classes", "Actual Classes");
    Ok(plot.figure()?)
}

/// The matrices of the training and of the test images side by side, as pictures in blue.
///
/// # Errors
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_confusion_matrices(
    train: &ConfusionMatrix,
    test: &ConfusionMatrix,
    title: &str,
) -> Result<Figure, NotebookError> {
    let train = plot_confusion_matrix(train, &format!("{title}, training images"))?;
    let test = plot_confusion_matrix(test, &format!("{title}, test images"))?;
    Ok(panels(&[&train, &test], 2)?)
}

/// Reads a tensor of classes.
pub(crate) fn classes(tensor: &Tensor, what: &'static str) -> Result<Vec<i64>, NotebookError> {
    let size = tensor.size();
    let flat = matches!(size.as_slice(), [_] | [_, 1]);
    let integer = matches!(
        tensor.kind(),
        Kind::Int64 | Kind::Int | Kind::Int16 | Kind::Int8 | Kind::Uint8
    );
    if !flat || !integer {
        return Err(NotebookError::Tensor {
            what,
            expected: "integers shaped [N] or [N, 1]; `predict_classes` gives such".to_owned(),
            received: format!("{:?} shaped {size:?}", tensor.kind()),
        });
    }
    let wide = tensor
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Int64)?
        .f_flatten(0, -1)?;
    Ok(Vec::<i64>::try_from(wide.f_contiguous()?)?)
}

impl Render for ConfusionMatrix {
    fn to_html(&self) -> String {
        let names = self.class_names();
        let headings: Vec<&str> = std::iter::once("")
            .chain(names.iter().map(String::as_str))
            .collect();
        let mut table = Table::new(&headings)
            .numeric()
            .header_column()
            .caption("Rows: actual classes. Columns: predicted classes.");
        for (name, row) in names.iter().zip(self.counts().rows()) {
            let counts = row.iter().map(|count| Cell::new(count.to_string()));
            table.push_cells(std::iter::once(Cell::new(name)).chain(counts).collect());
        }
        table.to_html()
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["cat", "dog"].map(str::to_owned).to_vec()
    }

    #[test]
    fn labels_may_be_a_column_and_of_another_kind() {
        let labels = Tensor::from_slice(&[0u8, 1, 1]).view([3, 1]);
        let predicted = Tensor::from_slice(&[0i64, 0, 1]);
        let matrix = confusion_matrix(&labels, &predicted, &names()).unwrap();
        assert_eq!(matrix.counts(), &ndarray::arr2(&[[1, 0], [1, 1]]));
        assert!(matrix.to_html().contains("<th scope=\"row\""));
        assert!(matrix.to_html().contains("dog"));
    }

    #[test]
    fn probabilities_are_refused_with_the_way_out() {
        let labels = Tensor::from_slice(&[0i64]);
        let error = confusion_matrix(
            &labels,
            &Tensor::rand([1, 2], tch::kind::FLOAT_CPU),
            &names(),
        );
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("predict_classes") && text.contains("[1, 2]"),
            "{text}"
        );
    }
}
