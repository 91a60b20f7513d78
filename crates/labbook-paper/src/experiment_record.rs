use std::ops::{Deref, DerefMut};

use labbook_nn::{Evaluation, History, Sequential};
use labbook_records::{RunRecord, figures};
use serde::de::DeserializeOwned;

use crate::{ExperimentFacts, PaperError, Result, Scale, SpeedRun};

/// The facts of a record that make it one of an experiment.
const EXPERIMENT: &str = "experiment";
const SCALE: &str = "scale";
const SPEED_RUN: &str = "speed_run";
/// Keras's names of the share of images that are right.
const ACCURACY: [&str; 3] = ["accuracy", "acc", "sparse_categorical_accuracy"];
/// The paper has sixteen experiments; numbers after those are for one's own.
const MOST_EXPERIMENT: u32 = 999;

/// A record that says which experiment it is of, and at which scale; it
/// [derefs](RunRecord) to all else that is known of the run.
///
/// Accuracies are fractions from 0 to 1. Loss and accuracy of training are means over an epoch
/// while the weights change, as Keras prints them and as the paper's table shows them.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentRecord {
    /// 1 to 16 as in the paper, 0 for its demonstration network, from 17 for what goes beyond.
    pub experiment: u32,
    /// How much of the original's work the run did, with all its sizes.
    pub scale: Scale,
    /// The training in all its sizes and tricks, where it is one of Experiments 18 to 20.
    pub speed_run: Option<SpeedRun>,
    /// Where the images came from.
    pub data: String,
    /// Mean loss on the test images, penalties included.
    pub test_loss: f64,
    /// Accuracy on the test images.
    pub test_accuracy: f64,
    run: RunRecord,
}

impl Deref for ExperimentRecord {
    type Target = RunRecord;

    fn deref(&self) -> &RunRecord {
        &self.run
    }
}

impl DerefMut for ExperimentRecord {
    fn deref_mut(&mut self) -> &mut RunRecord {
        &mut self.run
    }
}

impl ExperimentRecord {
    /// The record of a training and the test that followed.
    ///
    /// `name` begins as the model's. What neither model nor history tell can be added:
    /// [`callbacks`](Self::callbacks).
    ///
    /// # Errors
    /// [`PaperError::Record`] when the model was trained with another seed than the facts say,
    /// no epoch was finished or the model was never built; [`PaperError::Facts`] when the test has
    /// no accuracy, or the experiment's number is above 999.
    pub fn new(
        facts: &ExperimentFacts,
        experiment: u32,
        model: &Sequential,
        history: &History,
        test: &Evaluation,
    ) -> Result<Self> {
        if experiment > MOST_EXPERIMENT {
            return Err(PaperError::Facts {
                what: "experiment",
                expected: format!("a number up to {MOST_EXPERIMENT}"),
                received: experiment.to_string(),
                advice: "the paper's are 1 to 16, those beyond 17 to 20; take the next for your own",
            });
        }
        let run = RunRecord::new(&facts.general(), model, history, test)?;
        let accuracy = accuracy(|name| run.metrics.get(&format!("test_{name}")).copied());
        let Some(test_accuracy) = accuracy else {
            let names: Vec<String> = figures(test).into_iter().map(|(name, _)| name).collect();
            return Err(PaperError::Facts {
                what: "evaluation",
                expected: "an accuracy".to_owned(),
                received: names.join(", "),
                advice: "compile the model with [\"accuracy\"]",
            });
        };
        Ok(Self {
            experiment,
            scale: facts.scale,
            speed_run: None,
            data: facts.data.clone(),
            test_loss: test.loss,
            test_accuracy,
            run,
        })
    }

    /// Reads a record's facts: `None` for a record of anything else than an experiment, a sentence
    /// for one whose facts or figures cannot be.
    #[must_use]
    pub fn of(run: RunRecord) -> Option<Result<Self, String>> {
        run.facts.contains_key(EXPERIMENT).then(|| Self::read(run))
    }

    fn read(run: RunRecord) -> Result<Self, String> {
        let experiment: u32 = fact(&run, EXPERIMENT)?;
        let metric = |name: &str| {
            let metric = run.metrics.get(name).copied();
            metric.ok_or_else(|| format!("expected a whole record, received one without {name}"))
        };
        let (test_loss, test_accuracy) = (metric("test_loss")?, metric("test_accuracy")?);
        let flaw = if experiment > MOST_EXPERIMENT {
            Some(format!(
                "an experiment of number {experiment}, where 0 to {MOST_EXPERIMENT} is possible"
            ))
        } else if test_accuracy.is_nan() {
            Some("a test_accuracy of NaN, where a share from 0 to 1 is possible".to_owned())
        } else {
            None
        };
        if let Some(flaw) = flaw {
            return Err(format!("expected a whole record, received {flaw}"));
        }
        let data = run.data.clone();
        Ok(Self {
            experiment,
            scale: fact(&run, SCALE)?,
            speed_run: match run.facts.contains_key(SPEED_RUN) {
                true => fact(&run, SPEED_RUN)?,
                false => None,
            },
            data: data.ok_or("expected a whole record, received one that names no data")?,
            test_loss,
            test_accuracy,
            run,
        })
    }

    /// The record with the experiment among its facts, as it is kept.
    ///
    /// # Errors
    /// [`PaperError::Record`] for facts that JSON cannot hold.
    pub fn to_record(&self) -> Result<RunRecord> {
        let mut run = self.run.clone();
        run.data = Some(self.data.clone());
        run.tags = vec![
            format!("experiment {}", self.experiment),
            self.scale.name.to_owned(),
        ];
        let metrics = [
            ("test_loss", self.test_loss),
            ("test_accuracy", self.test_accuracy),
        ];
        for (name, value) in metrics {
            run.metrics.insert(name.to_owned(), value);
        }
        let run = run.fact(EXPERIMENT, self.experiment)?;
        let mut run = run.fact(SCALE, self.scale)?;
        run.facts.remove(SPEED_RUN);
        match &self.speed_run {
            Some(speed_run) => Ok(run.fact(SPEED_RUN, speed_run)?),
            None => Ok(run),
        }
    }

    /// Names the run.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.run.name = name.into();
        self
    }

    /// Adds the callbacks in words.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn callbacks(mut self, callbacks: impl Into<String>) -> Self {
        self.run.callbacks = Some(callbacks.into());
        self
    }

    /// Says which of Experiments 18 to 20 the run is, and names it so.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn speed_run(mut self, run: &SpeedRun) -> Self {
        self.run.name = run.title();
        self.speed_run = Some(run.clone());
        self
    }

    /// Accuracy of the last epoch on the training images.
    #[must_use]
    pub fn train_accuracy(&self) -> Option<f64> {
        accuracy(|name| self.last(name)).filter(|accuracy| !accuracy.is_nan())
    }

    /// Accuracy of the last epoch on the validation images.
    #[must_use]
    pub fn val_accuracy(&self) -> Option<f64> {
        accuracy(|name| self.last(&format!("val_{name}"))).filter(|accuracy| !accuracy.is_nan())
    }

    /// Loss of the last epoch on the training images, penalties included.
    #[must_use]
    pub fn train_loss(&self) -> Option<f64> {
        self.last("loss")
    }

    /// Loss of the last epoch on the validation images, penalties included.
    #[must_use]
    pub fn val_loss(&self) -> Option<f64> {
        self.last("val_loss")
    }

    /// Whether the training had as many epochs and as large batches as its scale asks for.
    #[must_use]
    pub fn has_sizes_of_scale(&self) -> bool {
        (self.epochs, self.batch_size) == (self.scale.epochs, self.scale.batch_size)
    }

    /// The filters of each learned convolution.
    pub(crate) fn filters(&self) -> Vec<i64> {
        let layers = self.layers.iter();
        let convolutions = layers.filter(|layer| layer.class_name == "Conv2D");
        convolutions
            .filter_map(|layer| layer.sizes().last().copied())
            .collect()
    }

    /// How far the accuracy of training lies above that of the test, as a fraction.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        Some(self.train_accuracy()? - self.test_accuracy)
    }

    /// The number, from 0, of the first epoch with the highest validation accuracy.
    #[must_use]
    pub fn best_val_epoch(&self) -> Option<usize> {
        let best = |name: &&str| self.best_epoch(&format!("val_{name}"));
        ACCURACY.iter().find_map(|name| best(&name))
    }

    /// Whether another run had the same scale, seed and data.
    #[must_use]
    pub fn belongs_to(&self, facts: &ExperimentFacts) -> bool {
        self.scale == facts.scale && self.seed == facts.seed && self.data == facts.data
    }

    /// What its file is called, such as `e16-laptop-s0-20261122T210155Z`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!(
            "e{:02}-{}-s{}-{}",
            self.experiment,
            self.scale.name,
            self.seed,
            self.started_digits()
        )
    }

    fn last(&self, key: &str) -> Option<f64> {
        self.history.get(key)?.last().copied()
    }
}

/// The accuracy under the first of its names that there is.
fn accuracy(figure: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    ACCURACY.iter().find_map(|name| figure(name))
}

fn fact<T: DeserializeOwned>(run: &RunRecord, name: &str) -> Result<T, String> {
    let value = run.facts.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value)
        .map_err(|error| format!("expected a whole record, received a flaw in its {name}: {error}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use labbook_data::Provenance;
    use labbook_nn::Activation::{Relu, Softmax};
    use labbook_nn::{Adam, Dense, Evaluate, Fit, SparseCategoricalCrossentropy};
    use serde_json::json;
    use tch::{Device, Kind, Tensor};

    pub(crate) fn facts() -> ExperimentFacts {
        let drawn = Provenance::drawn("drawn set");
        let scale = Scale::smoke().with_images(40).with_epochs(2);
        ExperimentFacts::new(scale, 7, &drawn, Device::Cpu, "Rust 1.95.0, tch 0.26.0")
    }

    /// A real training of a few weights.
    fn trained(metrics: [&str; 1], experiment: u32) -> Result<ExperimentRecord> {
        let x = Tensor::arange(80, (Kind::Float, Device::Cpu)).reshape([40, 2]) / 80.0;
        let y = Tensor::arange(40, (Kind::Int64, Device::Cpu)).remainder(2);
        let mut model = Sequential::on(Device::Cpu).seeded(7).named("net");
        model.add(Dense::new(3).name("hidden").activation(Relu).input_shape(2));
        model.add(Dense::new(2).name("out").activation(Softmax));
        let loss = SparseCategoricalCrossentropy::new();
        model.compile(Adam::new(), loss, metrics)?;
        let options = Fit::new()
            .epochs(2)
            .batch_size(16)
            .validation_data(&x, &y)
            .verbose(0);
        let history = model.fit(&x, &y, &options)?;
        let test = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
        ExperimentRecord::new(&facts(), experiment, &model, &history, &test)
    }

    pub(crate) fn record(experiment: u32) -> ExperimentRecord {
        trained(["accuracy"], experiment).unwrap()
    }

    /// A record with these figures.
    pub(crate) fn made(
        experiment: u32,
        columns: &[(&str, &[f64])],
        test_accuracy: f64,
        seconds: f64,
    ) -> ExperimentRecord {
        static PATTERN: std::sync::OnceLock<ExperimentRecord> = std::sync::OnceLock::new();
        let mut made = PATTERN.get_or_init(|| record(0)).clone();
        let epochs = columns.first().map_or(0, |(_, values)| values.len());
        let number = |value: &f64| match value.is_finite() {
            true => json!(value),
            false => json!(value.to_string()),
        };
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, values)| (name, values.iter().map(number).collect::<Vec<_>>()))
            .collect();
        let mut history = serde_json::to_value(&made.history).unwrap();
        history["columns"] = json!(columns);
        history["epoch"] = (0..epochs).collect();
        history["epoch_seconds"] = vec![1.0; epochs].into();
        made.history = serde_json::from_value(history).unwrap();
        made.experiment = experiment;
        made.epochs_run = epochs;
        made.test_accuracy = test_accuracy;
        made.seconds = seconds;
        made
    }

    #[test]
    fn an_experiment_comes_back_from_the_facts_of_its_record() {
        let run = SpeedRun::numbered(18).unwrap();
        for record in [
            record(16).callbacks("EarlyStopping"),
            record(18).speed_run(&run),
        ] {
            let kept = record.to_record().unwrap();
            assert_eq!(kept.facts["experiment"], record.experiment);
            assert_eq!(kept.tags[1], "custom");
            let text = serde_json::to_string(&kept).unwrap();
            let back = ExperimentRecord::of(serde_json::from_str(&text).unwrap());
            let back = back.unwrap().unwrap();
            assert_eq!(back.to_record().unwrap(), kept);
            assert_eq!(
                (
                    back.scale,
                    &back.speed_run,
                    back.test_accuracy,
                    back.train_accuracy()
                ),
                (
                    record.scale,
                    &record.speed_run,
                    record.test_accuracy,
                    record.train_accuracy()
                )
            );
        }
    }

    #[test]
    fn records_of_other_things_are_none_and_impossible_ones_are_named() {
        let good = record(16).to_record().unwrap();
        let mut other = good.clone();
        other.facts.clear();
        assert_eq!(ExperimentRecord::of(other), None);
        let cases = [
            ("experiment", json!(4_294_967_295_u32), "number 4294967295"),
            ("experiment", json!(-1), "its experiment"),
            ("experiment", json!("x"), "its experiment"),
            ("scale", json!({"name": "huge"}), "its scale"),
            ("speed_run", json!(5), "its speed_run"),
        ];
        for (name, value, part) in cases {
            let bad = good.clone().fact(name, value).unwrap();
            let reason = ExperimentRecord::of(bad).unwrap().unwrap_err();
            assert!(reason.contains(part), "{name}: {reason}");
        }
        let mut bad = good;
        bad.metrics.insert("test_accuracy".to_owned(), f64::NAN);
        let reason = ExperimentRecord::of(bad.clone()).unwrap().unwrap_err();
        assert!(reason.contains("test_accuracy of NaN"), "{reason}");
        bad.metrics.clear();
        assert!(ExperimentRecord::of(bad).unwrap().is_err());
        let error = trained(["accuracy"], 1000).unwrap_err().to_string();
        assert!(error.contains("up to 999, received 1000"), "{error}");
    }

    #[test]
    fn a_gap_needs_an_accuracy_of_training() {
        let some = made(
            1,
            &[("accuracy", &[0.5, 0.75]), ("val_accuracy", &[0.5, 0.5])],
            0.5,
            1.0,
        );
        assert_eq!((some.gap(), some.best_val_epoch()), (Some(0.25), Some(0)));
        let none = made(1, &[("val_accuracy", &[0.5])], 0.5, 1.0);
        assert_eq!((none.gap(), none.val_accuracy()), (None, Some(0.5)));
    }
}
