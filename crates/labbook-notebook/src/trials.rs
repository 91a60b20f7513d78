use std::time::Duration;

use labbook_charts::{BarChart, Figure};
use labbook_nn::{Evaluation, History};
use labbook_records::{Spread, figures, is_share};

use crate::error::NotebookError;
use crate::numbers::{deviation, figure, metric, points};
use crate::render::Render;
use crate::table::Table;

/// Trainings set side by side that differ in one thing each: remedies, tricks, sizes.
///
/// Trainings of one name, with other seeds, make one row: mean, standard deviation and range of
/// one metric, and the mean of their times. Differences are to the first name. The metric is the
/// accuracy where every evaluation has one, else the first that they have beside the loss, else
/// the loss; [`metric`](Self::metric) chooses another.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    title: String,
    metric: Option<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    /// The figures of each training's evaluation, by name.
    evaluations: Vec<Vec<(String, f64)>>,
    /// The same of what was learned from, in the last epoch.
    trainings: Vec<Vec<(String, f64)>>,
    seconds: Vec<f64>,
}

/// What [`Trials`] keep of how a model was fitted: a training's history, or, of a model without
/// epochs, the time it took.
pub trait Fitting {
    /// The figures of the last epoch by name, if there are epochs.
    fn last_epoch(&self) -> Vec<(String, f64)>;

    /// How long it took, in seconds.
    fn fitting_seconds(&self) -> f64;
}

impl Fitting for &History {
    fn last_epoch(&self) -> Vec<(String, f64)> {
        let columns = self.columns().iter();
        let last = columns.filter_map(|(name, values)| Some((name.clone(), *values.last()?)));
        last.collect()
    }

    fn fitting_seconds(&self) -> f64 {
        self.training_seconds
    }
}

impl Fitting for Duration {
    fn last_epoch(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    fn fitting_seconds(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl Trials {
    /// No trainings yet.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            metric: None,
            rows: Vec::new(),
        }
    }

    /// Chooses the metric to compare, such as `auc`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn metric(mut self, name: impl Into<String>) -> Self {
        self.metric = Some(name.into());
        self
    }

    /// Adds a training and what an evaluation said of it.
    pub fn add(&mut self, name: &str, history: &History, evaluation: &Evaluation) {
        self.add_figures(name, history, figures(evaluation));
    }

    /// Adds a training and figures that were computed of its predictions, such as errors in another unit
    /// than the one that was trained for. Where nothing has epochs, as in a forest, the time that fitting
    /// took stands for the history.
    ///
    /// ```
    /// # use labbook_nn::{Dense, Fit, SGD, Sequential};
    /// # use labbook_notebook::Trials;
    /// # use tch::{Device, Kind, Tensor};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
    /// # let mut model = Sequential::new();
    /// # model.add(Dense::new(1).input_shape(2));
    /// # model.compile(SGD::new(), "mse", [])?;
    /// let history = model.fit(&x, &x.narrow(1, 0, 1), &Fit::new().verbose(0))?;
    /// let mut trials = Trials::new("Error in percent of the price");
    /// trials.add_scores("linear", &history, [("mape", 7.5)]);
    /// assert_eq!(trials.mean("linear")?, 7.5);
    ///
    /// let start = std::time::Instant::now();
    /// // ... a forest is fitted ...
    /// trials.add_scores("forest", start.elapsed(), [("mape", 7.0)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_scores<'a>(
        &mut self,
        name: &str,
        fitting: impl Fitting,
        scores: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let scores = scores.into_iter();
        let scores = scores.map(|(name, value)| (name.to_owned(), value));
        self.add_figures(name, fitting, scores.collect());
    }

    fn add_figures(&mut self, name: &str, fitting: impl Fitting, figures: Vec<(String, f64)>) {
        let known = self.rows.iter().position(|row| row.name == name);
        let index = known.unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                evaluations: Vec::new(),
                trainings: Vec::new(),
                seconds: Vec::new(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[index];
        row.evaluations.push(figures);
        row.trainings.push(fitting.last_epoch());
        row.seconds.push(fitting.fitting_seconds());
    }

    /// The mean of the compared metric over the trainings of a name, for what is concluded of the table.
    ///
    /// # Errors
    /// [`NotebookError::NoColumn`] when there is no training of this name, or it lacks the metric.
    pub fn mean(&self, name: &str) -> Result<f64, NotebookError> {
        let compared = self.compared();
        let Some(row) = self.rows.iter().find(|row| row.name == name) else {
            let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
            return Err(NotebookError::NoColumn {
                missing: name.to_owned(),
                found: names.join(", "),
            });
        };
        let spread = row.evaluated(&compared);
        let spread = spread.ok_or_else(|| NotebookError::NoColumn {
            missing: compared,
            found: self.names().join(", "),
        })?;
        Ok(spread.mean)
    }

    /// The compared metric as bars, in the order in which the trainings were added.
    ///
    /// # Errors
    /// [`NotebookError::NoColumn`] when no evaluation has the chosen metric;
    /// [`NotebookError::Chart`] when there is no training yet, or the figure cannot be drawn.
    pub fn plot(&self) -> Result<Figure, NotebookError> {
        let compared = self.compared();
        let rows = self.rows.iter();
        let (names, means): (Vec<&str>, Vec<f64>) = rows
            .filter_map(|row| Some((row.name.as_str(), row.evaluated(&compared)?.mean)))
            .unzip();
        if names.is_empty() && !self.rows.is_empty() {
            return Err(NotebookError::NoColumn {
                missing: compared,
                found: self.names().join(", "),
            });
        }
        let chart = BarChart::new(&self.title).bars(&names, &means);
        let chart = match is_share(&compared) {
            true => chart.percent(),
            false => chart,
        };
        Ok(chart.figure()?)
    }

    /// The names of the figures that every evaluation has, in the first one's order.
    fn names(&self) -> Vec<&str> {
        let mut evaluations = self.rows.iter().flat_map(|row| &row.evaluations);
        let first = evaluations.next().into_iter().flatten();
        let mut names: Vec<&str> = first.map(|(name, _)| name.as_str()).collect();
        for evaluation in evaluations {
            names.retain(|name| evaluation.iter().any(|(other, _)| other == name));
        }
        names
    }

    fn compared(&self) -> String {
        if let Some(chosen) = &self.metric {
            return chosen.clone();
        }
        let names = self.names();
        let accuracy = names.iter().find(|&&name| name == "accuracy");
        let found = accuracy.or_else(|| names.iter().find(|&&name| name != "loss"));
        found.copied().unwrap_or("loss").to_owned()
    }

    fn table(&self) -> Table {
        let compared = self.compared();
        let share = is_share(&compared);
        let several = self.rows.iter().any(|row| row.evaluations.len() > 1);
        let mut headings = vec!["", compared.as_str()];
        if several {
            headings.extend(["std", "lowest", "highest", "trainings"]);
        }
        let compares = self.rows.len() > 1;
        headings.extend(compares.then_some("against the first"));
        headings.extend(["in training", "seconds"]);
        let mut table = Table::new(&headings)
            .caption(&self.title)
            .numeric()
            .header_column();
        let value = |value: f64| metric(&compared, value);
        let mut first = None;
        for row in &self.rows {
            let Some(spread) = row.evaluated(&compared) else {
                table.push(&[&row.name]);
                continue;
            };
            let mut cells = vec![row.name.clone(), value(spread.mean)];
            if several {
                cells.extend([
                    match share {
                        true => deviation(&spread),
                        false => spread.deviation.map_or_else(String::new, figure),
                    },
                    value(spread.lowest),
                    value(spread.highest),
                    spread.count.to_string(),
                ]);
            }
            if compares {
                cells.push(match first {
                    Some(first) if share => points(spread.mean - first, true),
                    Some(first) => signed(spread.mean - first),
                    None => String::new(),
                });
            }
            first = first.or(Some(spread.mean));
            let training = values(&row.trainings, &compared);
            cells.push(mean(&training).map_or_else(String::new, value));
            cells.push(mean(&row.seconds).map_or_else(String::new, |s| format!("{s:.1}")));
            table.push(&cells);
        }
        table
    }
}

impl Row {
    fn evaluated(&self, metric: &str) -> Option<Spread> {
        Spread::of(&values(&self.evaluations, metric))
    }
}

/// One figure of each training, where it has it.
fn values(trainings: &[Vec<(String, f64)>], metric: &str) -> Vec<f64> {
    let found = |figures: &Vec<(String, f64)>| {
        let figure = figures.iter().find(|(name, _)| name == metric);
        figure.map(|&(_, value)| value)
    };
    trainings.iter().filter_map(found).collect()
}

/// A difference with its sign.
fn signed(difference: f64) -> String {
    let sign = if difference < 0.0 { "" } else { "+" };
    format!("{sign}{}", figure(difference))
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
        Dense, Evaluate, Fit, Logs, SGD, Sequential, SparseCategoricalCrossentropy as Crossentropy,
    };
    use tch::{Device, Kind, Tensor};

    use super::*;

    /// A training, and an evaluation that found these figures.
    fn training(found: &[(&str, f64)]) -> labbook_nn::Result<(History, Evaluation)> {
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
        let mut evaluation = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
        let found = found.iter().map(|&(name, value)| (name.to_owned(), value));
        evaluation.progress.logs = Logs::new(found.collect());
        Ok((history, evaluation))
    }

    #[test]
    fn trainings_of_one_name_make_one_row() -> labbook_nn::Result<()> {
        let mut trials = Trials::new("remedies");
        for (name, accuracy) in [("none", 0.5), ("one", 0.62)] {
            let (history, evaluation) = training(&[("loss", 1.0), ("accuracy", accuracy)])?;
            let alone = name == "none";
            trials.add(name, &history, &evaluation);
            assert_ne!(trials.to_plain().contains("against the first"), alone);
        }
        let text = trials.to_plain();
        assert!(text.contains("+12.0 ") && !text.contains("std"), "{text}");
        let (history, evaluation) = training(&[("loss", 1.0), ("accuracy", 0.66)])?;
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
        assert_eq!(trials.mean("none").ok(), Some(0.5));
        assert!((trials.mean("one").unwrap() - 0.64).abs() < 1e-12);
        let error = trials.mean("two").unwrap_err().to_string();
        assert!(error.contains("none, one"), "{error}");
        assert!(trials.metric("auc").mean("none").is_err());
        Ok(())
    }

    #[test]
    fn any_metric_is_compared() -> labbook_nn::Result<()> {
        let mut trials = Trials::new("sizes");
        for (name, error) in [("small", 2.5), ("large", 1.25)] {
            let (history, evaluation) = training(&[("loss", 9.0), ("mae", error)])?;
            trials.add(name, &history, &evaluation);
        }
        let text = trials.to_plain();
        for part in ["mae", "2.5000", "1.2500", "-1.2500"] {
            assert!(text.contains(part) && !text.contains('%'), "{part}: {text}");
        }
        assert!(trials.plot().is_ok());
        let losses = trials.clone().metric("loss");
        assert!(losses.to_plain().contains("9.0000"));
        let error = trials.metric("auc").plot().unwrap_err().to_string();
        assert!(
            error.contains("no \"auc\"") && error.contains("loss, mae"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn a_model_compiled_without_metrics_is_compared_by_its_loss() -> labbook_nn::Result<()> {
        let mut trials = Trials::new("");
        let (history, evaluation) = training(&[("loss", 0.25)])?;
        trials.add("only", &history, &evaluation);
        assert!(
            trials.to_plain().contains("0.2500"),
            "{}",
            trials.to_plain()
        );
        assert!(trials.plot().is_ok());
        Ok(())
    }
}
