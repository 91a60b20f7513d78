use labbook_analysis::ConfusionMatrix;
use labbook_charts::{Figure, MatrixPlot, panels};
use tch::{Device, Kind, Tensor};

use crate::error::NotebookError;
use crate::render::Render;
use crate::table::{Align, Cell, Table};

/// More classes than this make no table that a page holds.
const MOST_SHOWN: usize = 60;
/// Pairs listed in its place.
const PAIRS: usize = 20;

/// Counts of true classes (rows) against predicted ones (columns).
///
/// Both tensors hold integer classes, shaped (N,) or (N, 1). Classes get `class_names`' names, of
/// `&str` or `String` in any list, and their number.
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or kind; [`NotebookError::Analysis`] when the lengths
/// differ or a class is out of range.
pub fn confusion_matrix(
    labels: &Tensor,
    predicted: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ConfusionMatrix, NotebookError> {
    let class_names: Vec<String> = class_names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
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
        if self.n_classes() > MOST_SHOWN {
            return most_confused(self).to_html();
        }
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
        match self.n_classes() > MOST_SHOWN {
            true => most_confused(self).to_plain(),
            false => self.to_string(),
        }
    }
}

/// What stands for the table of many classes.
fn most_confused(matrix: &ConfusionMatrix) -> Table {
    let mut table = Table::new(["actual", "taken for", "count", "share"]).caption(format!(
        "Confusion matrix of {} classes, {:.2} % on the diagonal: the most confused pairs. \
         plot_confusion_matrix(&matrix, title)? draws all of it.",
        matrix.n_classes(),
        100.0 * matrix.accuracy()
    ));
    for column in [2, 3] {
        table = table.align(column, Align::Right);
    }
    for pair in matrix.most_confused(PAIRS) {
        table.push([
            pair.true_name,
            pair.predicted_name,
            pair.count.to_string(),
            format!("{:.1} %", 100.0 * pair.share),
        ]);
    }
    table
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
    fn names_may_be_text_of_either_kind() {
        let labels = Tensor::from_slice(&[0i64, 1]);
        let expected = confusion_matrix(&labels, &labels, names()).unwrap();
        for matrix in [
            confusion_matrix(&labels, &labels, &["cat", "dog"]),
            confusion_matrix(&labels, &labels, ["cat", "dog"]),
            confusion_matrix(&labels, &labels, vec!["cat", "dog"]),
            confusion_matrix(&labels, &labels, &names()[..]),
        ] {
            assert_eq!(matrix.unwrap(), expected);
        }
    }

    #[test]
    fn many_classes_are_shown_by_their_most_confused_pairs() {
        let labels = Tensor::arange(1000, tch::kind::INT64_CPU);
        let predicted = labels.clamp(5, 999);
        let names: Vec<String> = (0..1000).map(|class| format!("class {class}")).collect();
        let matrix = confusion_matrix(&labels, &predicted, &names).unwrap();
        let text = matrix.to_plain();
        assert!(
            text.contains("1000 classes, 99.50 % on the diagonal"),
            "{text}"
        );
        assert_eq!(text.matches("class 5 ").count(), 5, "{text}");
        assert!(matrix.to_html().len() < 10_000);
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
