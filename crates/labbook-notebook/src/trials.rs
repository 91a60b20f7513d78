use labbook_charts::{BarChart, Figure};
use labbook_nn::{Evaluation, History};

use crate::error::NotebookError;
use crate::record::{percent, points};
use crate::render::Render;
use crate::table::Table;

/// Trainings set side by side that differ in one thing each: remedies, tricks, sizes.
///
/// Trainings of one name, with other seeds, make one row: the mean of their accuracies, their
/// standard deviation and the mean of their times. Differences are to the first name.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    title: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    accuracies: Vec<f64>,
    /// On the images learned from, in the last epoch.
    train_accuracies: Vec<f64>,
    seconds: Vec<f64>,
}

impl Trials {
    /// No trainings yet.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a training and what an evaluation said of it.
    pub fn add(&mut self, name: &str, history: &History, evaluation: &Evaluation) {
        let known = self.rows.iter().position(|row| row.name == name);
        let index = known.unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                accuracies: Vec::new(),
                train_accuracies: Vec::new(),
                seconds: Vec::new(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[index];
        row.accuracies.push(evaluation.accuracy);
        let train = history.get("accuracy").unwrap_or_default();
        row.train_accuracies.extend(train.last());
        row.seconds.push(history.training_seconds);
    }

    /// The accuracies as bars, in the order in which they were added.
    ///
    /// # Errors
    /// [`NotebookError::Chart`] when there is no training yet, or the figure cannot be drawn.
    pub fn plot(&self) -> Result<Figure, NotebookError> {
        let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
        let means: Vec<f64> = self.rows.iter().map(|row| mean(&row.accuracies)).collect();
        let chart = BarChart::new(&self.title).bars(&names, &means).percent();
        Ok(chart.figure()?)
    }

    fn table(&self) -> Table {
        let several = self.rows.iter().any(|row| row.accuracies.len() > 1);
        let mut headings = vec!["", "accuracy"];
        if several {
            headings.extend(["std", "trainings"]);
        }
        headings.extend(["difference", "on the training images", "seconds"]);
        let mut table = Table::new(&headings)
            .caption(&self.title)
            .numeric()
            .header_column();
        let first = self.rows.first().map(|row| mean(&row.accuracies));
        for (index, row) in self.rows.iter().enumerate() {
            let accuracy = mean(&row.accuracies);
            let mut cells = vec![row.name.clone(), percent(Some(accuracy))];
            if several {
                cells.push(
                    deviation(&row.accuracies).map_or_else(String::new, |d| points(d, false)),
                );
                cells.push(row.accuracies.len().to_string());
            }
            cells.push(match first {
                Some(first) if index > 0 => points(accuracy - first, true),
                _ => String::new(),
            });
            let train = &row.train_accuracies;
            cells.push(percent((!train.is_empty()).then(|| mean(train))));
            cells.push(format!("{:.1}", mean(&row.seconds)));
            table.push(&cells);
        }
        table
    }
}

impl Render for Trials {
    fn to_html(&self) -> String {
        self.table().to_html()
    }

    fn to_plain(&self) -> String {
        self.table().to_plain()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample; none for a single value.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
