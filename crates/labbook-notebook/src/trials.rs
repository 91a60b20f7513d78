use labbook_charts::{BarChart, Figure};
use labbook_experiments::Spread;
use labbook_nn::{Evaluation, History};

use crate::error::NotebookError;
use crate::record::{deviation, percent, points};
use crate::render::Render;
use crate::table::Table;

/// Trainings set side by side that differ in one thing each: remedies, tricks, sizes.
///
/// Trainings of one name, with other seeds, make one row: mean, standard deviation and range of
/// their accuracies, and the mean of their times. Differences are to the first name.
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
        let spreads = self.rows.iter().filter_map(Row::accuracy);
        let means: Vec<f64> = spreads.map(|spread| spread.mean).collect();
        let chart = BarChart::new(&self.title).bars(&names, &means).percent();
        Ok(chart.figure()?)
    }

    fn table(&self) -> Table {
        let several = self.rows.iter().any(|row| row.accuracies.len() > 1);
        let mut headings = vec!["", "accuracy"];
        if several {
            headings.extend(["std", "lowest", "highest", "trainings"]);
        }
        headings.extend(["difference", "on the training images", "seconds"]);
        let mut table = Table::new(&headings)
            .caption(&self.title)
            .numeric()
            .header_column();
        let mut first = None;
        for row in &self.rows {
            let Some(accuracy) = row.accuracy() else {
                continue;
            };
            let mut cells = vec![row.name.clone(), percent(Some(accuracy.mean))];
            if several {
                cells.extend([
                    deviation(&accuracy),
                    percent(Some(accuracy.lowest)),
                    percent(Some(accuracy.highest)),
                    accuracy.count.to_string(),
                ]);
            }
            cells.push(match first {
                Some(first) => points(accuracy.mean - first, true),
                None => String::new(),
            });
            first = first.or(Some(accuracy.mean));
            cells.push(percent(mean(&row.train_accuracies)));
            cells.push(mean(&row.seconds).map_or_else(String::new, |s| format!("{s:.1}")));
            table.push(&cells);
        }
        table
    }
}

impl Row {
    /// There is one from the first training on.
    fn accuracy(&self) -> Option<Spread> {
        Spread::of(&self.accuracies)
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

fn mean(values: &[f64]) -> Option<f64> {
    Spread::of(values).map(|spread| spread.mean)
}

#[cfg(test)]
mod tests {
    use labbook_nn::{
        Dense, Evaluate, Fit, SGD, Sequential, SparseCategoricalCrossentropy as Crossentropy,
    };
    use tch::{Device, Kind, Tensor};

    use super::*;

    /// A training, and an evaluation that found this accuracy.
    fn training(accuracy: f64) -> labbook_nn::Result<(History, Evaluation)> {
        let x = Tensor::arange(8, (Kind::Float, Device::Cpu)).reshape([4, 2]);
        let y = Tensor::from_slice(&[0_i64, 1, 0, 1]);
        let mut model = Sequential::on(Device::Cpu).seeded(1);
        model.add(Dense::new(2).input_shape(2));
        model.compile(
            SGD::new(),
            Crossentropy::new().from_logits(true),
            ["accuracy"],
        )?;
        let history = model.fit(&x, &y, &Fit::new().verbose(0))?;
        let found = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
        Ok((history, Evaluation { accuracy, ..found }))
    }

    #[test]
    fn trainings_of_one_name_make_one_row() -> labbook_nn::Result<()> {
        let mut trials = Trials::new("remedies");
        for (name, accuracy) in [("none", 0.5), ("one", 0.62)] {
            let (history, evaluation) = training(accuracy)?;
            trials.add(name, &history, &evaluation);
        }
        let text = trials.to_plain();
        assert!(text.contains("+12.0 ") && !text.contains("std"), "{text}");
        let (history, evaluation) = training(0.66)?;
        trials.add("one", &history, &evaluation);
        let text = trials.to_plain();
        let words: Vec<&str> = text
            .lines()
            .find_map(|line| line.strip_prefix("one "))
            .into_iter()
            .flat_map(str::split_whitespace)
            .collect();
        let expected = [
            "64.00", "%", "2.83", "62.00", "%", "66.00", "%", "2", "+14.0",
        ];
        assert_eq!(words[..expected.len()], expected, "{text}");
        assert!(trials.plot().is_ok() && Trials::new("").plot().is_err());
        Ok(())
    }
}
