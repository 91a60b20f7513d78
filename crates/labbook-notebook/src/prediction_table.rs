use labbook_charts::{LightPalette, css_hex, text_color_on};
use tch::{Device, Kind, Tensor};

use crate::error::NotebookError;
use crate::table::{Cell, Table};

/// Probabilities as a table of percentages, shaded by value within each column.
///
/// `predictions` is (N, classes), as `predict` returns it; one column per class name. The shading
/// is the original's: seaborn's light palette for husl (260, 75, 60), scaled to each column's range
/// as pandas' `background_gradient` does.
///
/// # Errors
/// [`NotebookError::Tensor`] when the shape does not fit the names.
pub fn prediction_table(
    predictions: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Table, NotebookError> {
    let class_names: Vec<String> = class_names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    let size = predictions.size();
    let columns = class_names.len();
    if size.len() != 2 || usize::try_from(size[1]) != Ok(columns) {
        return Err(NotebookError::Tensor {
            what: "predictions",
            expected: format!("probabilities shaped [N, {columns}], one column per class name"),
            received: format!("{size:?}"),
        });
    }
    let flat = predictions
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Double)?
        .f_flatten(0, -1)?;
    let values = Vec::<f64>::try_from(flat.f_contiguous()?)?;
    let rows: Vec<&[f64]> = values.chunks(columns.max(1)).collect();
    let ranges: Vec<(f64, f64)> = (0..columns)
        .map(|column| {
            let of =
                |pick: fn(f64, f64) -> f64, start| rows.iter().map(|r| r[column]).fold(start, pick);
            (of(f64::min, f64::INFINITY), of(f64::max, f64::NEG_INFINITY))
        })
        .collect();

    let palette = LightPalette::husl(260.0, 75.0, 60.0);
    let headings: Vec<&str> = std::iter::once("")
        .chain(class_names.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(&headings).numeric().header_column();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&ranges).map(|(&value, &(low, high))| {
            let position = if high > low {
                (value - low) / (high - low)
            } else {
                0.0
            };
            let color = palette.color(position);
            Cell::new(format!("{:.2}%", 100.0 * value))
                .shaded(&css_hex(color), &css_hex(text_color_on(color)))
        });
        table.push_cells(
            std::iter::once(Cell::new(index.to_string()))
                .chain(cells)
                .collect(),
        );
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;

    #[test]
    fn the_largest_of_a_column_is_darkest() {
        let predictions = Tensor::from_slice(&[0.9f32, 0.1, 0.2, 0.8]).view([2, 2]);
        let names = ["a", "b"].map(str::to_owned);
        let table = prediction_table(&predictions, &names).unwrap();
        assert!(table.to_plain().contains("90.00%"));
        let palette = LightPalette::husl(260.0, 75.0, 60.0);
        let html = table.to_html();
        let full = format!("background:{}", css_hex(palette.color(1.0)));
        let pale = format!("background:{}", css_hex(palette.color(0.0)));
        assert_eq!(
            (html.matches(&full).count(), html.matches(&pale).count()),
            (2, 2)
        );
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let predictions = Tensor::zeros([2, 3], tch::kind::FLOAT_CPU);
        let error = prediction_table(&predictions, &["a".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("[N, 1]") && error.contains("[2, 3]"),
            "{error}"
        );
    }
}
