use labbook_charts::{Figure, LineChart, side_by_side};
use labbook_nn::History;
use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};

use crate::error::NotebookError;
use crate::render::shown_as;

/// Size of the two charts in CSS pixels; Keras's notebook draws 16 x 4 inches.
const CHARTS: (u32, u32) = (1120, 300);

/// A training history as a polars frame.
pub trait HistoryFrame {
    /// One row per epoch: `epoch` from 1, then the columns in Keras's order, then `seconds`.
    ///
    /// # Errors
    /// When polars cannot build the frame, as for columns of different lengths.
    fn to_frame(&self) -> Result<DataFrame, NotebookError>;
}

impl HistoryFrame for History {
    fn to_frame(&self) -> Result<DataFrame, NotebookError> {
        let epochs: Vec<u32> = self
            .epoch
            .iter()
            .map(|&epoch| u32::try_from(epoch + 1).unwrap_or(u32::MAX))
            .collect();
        let mut columns: Vec<Column> = vec![Series::new("epoch".into(), epochs).into_column()];
        for (name, values) in self.columns() {
            columns.push(Series::new(name.as_str().into(), values.as_slice()).into_column());
        }
        let seconds = self.epoch_seconds.as_slice();
        columns.push(Series::new("seconds".into(), seconds).into_column());
        Ok(DataFrame::new(self.epoch.len(), columns)?)
    }
}

shown_as!(History => |history| history.to_frame());

/// Training and validation loss, and training and validation accuracy, side by side over epochs.
///
/// # Errors
/// [`NotebookError::NoColumn`] without a loss or an accuracy; [`NotebookError::Chart`] when the
/// figure cannot be drawn.
pub fn plot_history(history: &History) -> Result<Figure, NotebookError> {
    let chart = |title: &str, key: &str| -> Result<LineChart, NotebookError> {
        let values = history.get(key).ok_or_else(|| NotebookError::NoColumn {
            missing: key.to_owned(),
            found: history.keys().join(", "),
        })?;
        let mut chart = LineChart::new(title)
            .series(format!("Training {key}"), &values)
            .x_label("Epoch")
            .y_label(title);
        if let Some(values) = history.get(&format!("val_{key}")) {
            chart = chart.series(format!("Validation {key}"), &values);
        }
        Ok(chart)
    };
    let charts = [chart("Loss", "loss")?, chart("Accuracy", "accuracy")?];
    Ok(side_by_side(&charts, CHARTS.0, CHARTS.1)?)
}
