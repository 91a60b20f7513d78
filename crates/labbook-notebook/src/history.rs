use labbook_charts::{Figure, LineChart, panels, side_by_side};
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

/// A chart for every figure of a history over its epochs, the loss first: the training's curve and,
/// where it was validated, the validation's. Two charts stand side by side, more in rows of two.
///
/// # Errors
/// [`NotebookError::NoColumn`] when there is no figure, or no epoch ended;
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_history(history: &History) -> Result<Figure, NotebookError> {
    let charts: Vec<LineChart> = charted(&history.keys())
        .iter()
        .filter_map(|name| chart(history, name))
        .collect();
    let (width, height) = CHARTS;
    let rows: Result<Vec<Figure>, _> = charts
        .chunks(IN_A_ROW)
        .map(|row| side_by_side(row, width * row.len() as u32 / IN_A_ROW as u32, height))
        .collect();
    match rows?.as_slice() {
        [] => Err(NotebookError::NoColumn {
            missing: "loss".to_owned(),
            found: "no epoch that ended".to_owned(),
        }),
        [row] => Ok(row.clone()),
        rows => Ok(panels(&rows.iter().collect::<Vec<_>>(), 1)?),
    }
}

/// The learning curves of several trainings in one chart, each under its name: one figure of their
/// histories, such as `"val_loss"`.
///
/// ```
/// use labbook_nn::{Dense, Fit, SGD, Sequential};
/// use labbook_notebook::plot_histories;
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
/// let y = Tensor::ones([4, 1], (Kind::Float, Device::Cpu));
/// let train = |rate: f64| -> labbook_nn::Result<labbook_nn::History> {
///     let mut model = Sequential::new();
///     model.add(Dense::new(1).input_shape(2));
///     model.compile(SGD::new().learning_rate(rate), "mse", [])?;
///     model.fit(&x, &y, &Fit::new().epochs(3).verbose(0))
/// };
/// let figure = plot_histories("loss", &[("slow", &train(0.01)?), ("fast", &train(0.1)?)])?;
/// # assert!(figure.alt().contains("slow"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`NotebookError::NoColumn`] when a history has no such figure, [`NotebookError::Chart`] when the
/// chart cannot be drawn.
pub fn plot_histories<N: AsRef<str>>(
    key: &str,
    histories: &[(N, &History)],
) -> Result<Figure, NotebookError> {
    let title = title(key);
    let mut chart = LineChart::new(&title).x_label("Epoch").y_label(&title);
    for (name, history) in histories {
        let values = history
            .get(key)
            .filter(|values| !values.is_empty())
            .ok_or_else(|| NotebookError::NoColumn {
                missing: key.to_owned(),
                found: history.keys().join(", "),
            })?;
        chart = chart.series(name.as_ref(), &values);
    }
    Ok(chart.figure()?)
}

/// Charts in a row of the figure.
const IN_A_ROW: usize = 2;

/// What validation puts before a figure's name.
const VALIDATION: &str = "val_";

/// The names of figures, without those of validation where the training has them too.
fn charted(keys: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for key in keys {
        let name = key.strip_prefix(VALIDATION).unwrap_or(key);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // The sort keeps the order of the others.
    names.sort_by_key(|&name| name != "loss");
    names
}

/// The curves of one figure, if there are any.
fn chart(history: &History, name: &str) -> Option<LineChart> {
    let title = title(name);
    let mut chart = LineChart::new(&title).x_label("Epoch").y_label(&title);
    let validation = format!("{VALIDATION}{name}");
    let mut empty = true;
    for (set, key) in [("Training", name), ("Validation", &validation)] {
        let values = history.get(key).unwrap_or_default();
        if !values.is_empty() {
            chart = chart.series(format!("{set} {name}"), &values);
            empty = false;
        }
    }
    (!empty).then_some(chart)
}

/// `Mean squared error` of `mean_squared_error`; what is an abbreviation stays one.
fn title(name: &str) -> String {
    const ABBREVIATIONS: [&str; 6] = ["auc", "mae", "mape", "mse", "msle", "rmse"];
    if ABBREVIATIONS.contains(&name) {
        return name.to_uppercase();
    }
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn history(columns: &[(&str, &[f64])]) -> History {
        let epochs = columns.first().map_or(0, |(_, values)| values.len());
        let history = json!({
            "epoch": (0..epochs).collect::<Vec<_>>(),
            "params": {
                "epochs": epochs, "initial_epoch": 0, "steps": 1, "batch_size": 1,
                "examples": 1, "validation_examples": 0, "seed": 0
            },
            "seconds": 1.0,
            "epoch_seconds": vec![1.0; epochs],
            "interrupted": false,
            "columns": columns,
        });
        serde_json::from_value(history).unwrap()
    }

    #[test]
    fn loss_and_accuracy_stand_side_by_side() {
        let columns: [(&str, &[f64]); 4] = [
            ("loss", &[1.0, 0.5]),
            ("accuracy", &[0.5, 0.75]),
            ("val_loss", &[1.0, 0.75]),
            ("val_accuracy", &[0.5, 0.5]),
        ];
        let figure = plot_history(&history(&columns)).unwrap();
        assert_eq!(figure.title(), "Loss, Accuracy");
        assert_eq!(figure.width(), CHARTS.0);
        for name in ["Training loss", "Validation loss", "Validation accuracy"] {
            assert!(figure.alt().contains(name), "{name}: {}", figure.alt());
        }
    }

    #[test]
    fn any_figures_are_drawn_the_loss_first() {
        let one = plot_history(&history(&[("loss", &[1.0, 0.5])])).unwrap();
        assert_eq!((one.title(), one.width()), ("Loss", CHARTS.0 / 2));
        let columns: [(&str, &[f64]); 4] = [
            ("sparse_categorical_accuracy", &[0.5]),
            ("auc", &[0.5]),
            ("val_only", &[2.0]),
            ("loss", &[1.0]),
        ];
        let names: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let order = ["loss", "sparse_categorical_accuracy", "auc", "only"];
        assert_eq!(charted(&names), order);
        let figure = plot_history(&history(&columns)).unwrap();
        for part in ["Sparse categorical accuracy", "AUC", "Validation only"] {
            let found = figure.title().contains(part) || figure.alt().contains(part);
            assert!(found, "{part}: {}", figure.alt());
        }
    }

    #[test]
    fn without_an_epoch_it_says_so() {
        let error = plot_history(&history(&[])).unwrap_err().to_string();
        assert!(error.contains("no epoch that ended"), "{error}");
    }
}
