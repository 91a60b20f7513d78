use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp, Unit};
use labbook_files::write_file;
use labbook_nn::{Evaluation, History, Model};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flaw::flaw;
use crate::read::read;
use crate::{LayerRecord, RecordError, Result, RunFacts, figures, number};

/// The version of the records that this crate writes; those of version 1 are read too.
pub(crate) const FORMAT: u32 = 2;

/// All that is to be kept of one run: what was trained on what, and what came of it.
///
/// The figures of training are means over an epoch while the weights change, as Keras prints them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this form of record: 2.
    pub format: u32,
    /// The model's name, or another that tells the run from others.
    pub name: String,
    /// Words to find runs by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When the training began, RFC 3339 in UTC: the time of recording less the seconds of
    /// training and test, so a training that was resumed seems to begin late.
    pub started: String,
    /// Seed of kernels, shuffles and dropout.
    pub seed: u64,
    /// Where the data came from, if that was told.
    pub data: Option<String>,
    /// The device in words.
    pub device: String,
    /// Threads that libtorch computed with; figures repeat to the bit only with as many.
    pub threads: i64,
    /// The libraries in use.
    pub versions: String,
    /// The layers in their order.
    pub layers: Vec<LayerRecord>,
    /// Number of weights.
    pub parameters: i64,
    /// The optimizer's options as a saved model has them, where they were told.
    pub optimizer: Option<Value>,
    /// The loss's options as a saved model has them, where they were told.
    pub loss: Option<Value>,
    /// The callbacks in words, where there were any.
    pub callbacks: Option<String>,
    /// Epochs asked for.
    pub epochs: usize,
    /// Epochs run: fewer when training was stopped early.
    pub epochs_run: usize,
    /// Examples per step.
    pub batch_size: i64,
    /// The figures of every epoch.
    pub history: History,
    /// Duration of the training in seconds, validation and callbacks included.
    pub seconds: f64,
    /// What evaluations gave, by set and metric, such as `test_loss` and `test_accuracy`.
    #[serde(with = "number::map")]
    pub metrics: BTreeMap<String, f64>,
    /// Whatever else is to be known of the run, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, Value>,
}

impl RunRecord {
    /// The record of a training and the test that followed, named as the model.
    ///
    /// # Errors
    /// [`RecordError::Facts`] when the model was trained with another seed than the facts
    /// say or no epoch was finished, [`RecordError::Model`] when it was never built.
    pub fn new(
        facts: &RunFacts,
        model: &Model,
        history: &History,
        test: &Evaluation,
    ) -> Result<Self> {
        let mut record = Self::of_training(facts, model, history)?.evaluation("test", test);
        record.started = seconds_ago(history.seconds + test.seconds);
        Ok(record)
    }

    /// The record of a training that no test followed, named as the model.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn of_training(facts: &RunFacts, model: &Model, history: &History) -> Result<Self> {
        if history.params.seed != facts.seed {
            return Err(RecordError::Facts {
                what: "seed",
                expected: facts.seed.to_string(),
                received: history.params.seed.to_string(),
                advice: "call set_random_seed with the session's seed before building the model",
            });
        }
        if history.epoch.is_empty() {
            return Err(RecordError::Facts {
                what: "history",
                expected: "at least one epoch".to_owned(),
                received: "none".to_owned(),
                advice: "train until the first epoch ends before recording the run",
            });
        }
        let layers: Vec<LayerRecord> = model
            .layers()?
            .into_iter()
            .map(|layer| LayerRecord {
                output_shape: layer.output_shape.to_string(),
                name: layer.name,
                class_name: layer.class_name,
                params: layer.params,
                activation: layer.activation,
                flops: Some(layer.flops),
            })
            .collect();
        Ok(Self {
            format: FORMAT,
            name: model.name().to_owned(),
            tags: Vec::new(),
            started: seconds_ago(history.seconds),
            seed: facts.seed,
            data: facts.data.clone(),
            device: facts.device.clone(),
            threads: i64::from(tch::get_num_threads()),
            versions: facts.versions.clone(),
            parameters: layers.iter().map(|layer| layer.params).sum(),
            layers,
            optimizer: told(model.optimizer_config())?,
            loss: told(model.loss_config())?,
            callbacks: None,
            epochs: history.params.epochs,
            epochs_run: history.epoch.len(),
            batch_size: history.params.batch_size,
            seconds: history.seconds,
            history: history.clone(),
            metrics: BTreeMap::new(),
            facts: BTreeMap::new(),
        })
    }

    /// Reads the record in a file.
    ///
    /// Texts that are very long or that a terminal would obey are [cleaned](crate::clean).
    ///
    /// # Errors
    /// [`RecordError::Unreadable`] for a file that is missing or holds no record.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        read(path).map_err(|reason| RecordError::Unreadable {
            path: path.to_owned(),
            reason,
        })
    }

    /// Writes the record to this file, in place of what is there; [`Runs::save`](crate::Runs::save) finds a
    /// name of its own.
    ///
    /// The file is whole, or what was there before.
    ///
    /// # Errors
    /// [`RecordError::Flaw`] for a record that could not be read again, [`RecordError::Write`] when
    /// the folder or the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = self.to_text()?;
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            write_file(path, &text)
        };
        write().map_err(|source| RecordError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The record as its file has it.
    pub(crate) fn to_text(&self) -> Result<Vec<u8>> {
        if let Some(flaw) = self.flaw() {
            return Err(RecordError::Flaw { flaw });
        }
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Names the run.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a word to find the run by.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn tagged(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds a fact, or replaces the one of this name.
    ///
    /// # Errors
    /// [`RecordError::Json`] for a value that JSON cannot hold.
    pub fn fact(mut self, name: impl Into<String>, value: impl Serialize) -> Result<Self> {
        self.facts.insert(name.into(), serde_json::to_value(value)?);
        Ok(self)
    }

    /// Adds the callbacks in words.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn callbacks(mut self, callbacks: impl Into<String>) -> Self {
        self.callbacks = Some(callbacks.into());
        self
    }

    /// Adds how well the trained model does on a set of data, such as `train`: its metrics get that
    /// name before theirs, as in `train_loss`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn evaluation(mut self, set: &str, evaluation: &Evaluation) -> Self {
        for (name, value) in figures(evaluation) {
            self.metrics.insert(format!("{set}_{name}"), value);
        }
        self
    }

    /// A figure by its name: of an evaluation, such as `test_loss`, else of the last epoch, such
    /// as `val_loss`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let evaluated = self.metrics.get(name).copied();
        evaluated.or_else(|| self.history.get(name)?.last().copied())
    }

    /// Seconds that the steps took, without validation; of an older record, all that it knows.
    #[must_use]
    pub fn training_seconds(&self) -> f64 {
        match self.history.training_seconds > 0.0 {
            true => self.history.training_seconds,
            false => self.seconds,
        }
    }

    /// Floating-point operations of the whole training: three times those of predictions for all
    /// examples of its steps, as backward passes take twice as many.
    ///
    /// Counts layers with kernels; the others take little.
    #[must_use]
    pub fn training_flops(&self) -> f64 {
        let per_example: f64 = self.layers.iter().map(LayerRecord::operations).sum();
        let params = &self.history.params;
        let examples = (params.examples as f64).min(params.steps as f64 * params.batch_size as f64);
        3.0 * per_example * examples * self.epochs_run as f64
    }

    /// The number, from 0, of the first epoch with the highest value of a figure such as
    /// `val_accuracy`; NaN is no value.
    #[must_use]
    pub fn best_epoch(&self, figure: &str) -> Option<usize> {
        let values = self.history.get(figure)?;
        let mut best: Option<(usize, f64)> = None;
        for (&epoch, value) in self.history.epoch.iter().zip(values) {
            if best.is_none_or(|(_, so_far)| value > so_far) && !value.is_nan() {
                best = Some((epoch, value));
            }
        }
        best.map(|(epoch, _)| epoch)
    }

    /// Whether another run had the same seed and data.
    #[must_use]
    pub fn belongs_to(&self, facts: &RunFacts) -> bool {
        self.seed == facts.seed && self.data == facts.data
    }

    /// What is wrong with the record, in words; `None` when it can be saved and read again.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        flaw(self)
    }

    /// What its file is called, such as `two-dense-layers-s0-20261122T210155Z`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let mut name = String::new();
        for character in self.name.to_lowercase().chars() {
            match character.is_ascii_alphanumeric() {
                true => name.push(character),
                false if name.ends_with('-') || name.is_empty() => {}
                false => name.push('-'),
            }
        }
        name.truncate(MOST_NAME);
        let name = match name.trim_end_matches('-') {
            "" => "run",
            name => name,
        };
        format!("{name}-s{}-{}", self.seed, self.started_digits())
    }

    /// When the training began, as a file's name has it: `20261122T210155Z`.
    #[must_use]
    pub fn started_digits(&self) -> String {
        let digits = self.started.chars().filter(|c| !matches!(c, '-' | ':'));
        digits.collect()
    }
}

/// Letters of a record's name that its file's name begins with.
const MOST_NAME: usize = 40;

fn told(options: Option<impl Serialize>) -> Result<Option<Value>> {
    Ok(options.map(serde_json::to_value).transpose()?)
}

/// The time so many seconds ago, to the second, as RFC 3339 in UTC.
fn seconds_ago(seconds: f64) -> String {
    let now = Timestamp::now();
    let ago = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    let then = now.checked_sub(ago).unwrap_or(now);
    then.round(Unit::Second).unwrap_or(then).to_string()
}

#[cfg(test)]
pub(crate) mod tests {
    use labbook_nn::Sequential;

    use super::*;
    use labbook_nn::Activation::{Relu, Softmax};
    use labbook_nn::{Adam, Dense, Evaluate, Fit, SparseCategoricalCrossentropy};
    use tch::{Device, Kind, Tensor};

    pub(crate) fn facts() -> RunFacts {
        RunFacts::new(7, Device::Cpu, "Rust 1.95.0, tch 0.26.0").data("forty rows")
    }

    /// A real training of a few weights.
    pub(crate) fn record() -> RunRecord {
        let x = Tensor::arange(80, (Kind::Float, Device::Cpu)).reshape([40, 2]) / 80.0;
        let y = Tensor::arange(40, (Kind::Int64, Device::Cpu)).remainder(2);
        let mut model = Sequential::on(Device::Cpu).seeded(7).named("a net");
        model.add(Dense::new(3).name("hidden").activation(Relu).input_shape(2));
        model.add(Dense::new(2).name("out").activation(Softmax));
        let loss = SparseCategoricalCrossentropy::new();
        model.compile(Adam::new(), loss, ["accuracy"]).unwrap();
        let options = Fit::new()
            .epochs(2)
            .batch_size(16)
            .validation_data(&x, &y)
            .verbose(0);
        let history = model.fit(&x, &y, &options).unwrap();
        let test = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0));
        RunRecord::new(&facts(), &model, &history, &test.unwrap()).unwrap()
    }

    #[test]
    fn a_file_of_a_chosen_name_holds_the_last_record_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/folder/case.json");
        let missing = RunRecord::read(&path).unwrap_err().to_string();
        assert!(missing.contains("case.json"), "{missing}");
        for name in ["first", "second"] {
            let record = record().named(name);
            record.write(&path).unwrap();
            assert_eq!(RunRecord::read(&path).unwrap(), record);
        }
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn a_record_holds_what_was_run_and_comes_back_from_json_to_the_bit() {
        let mut record = record()
            .callbacks("EarlyStopping")
            .tagged("first")
            .fact("rows", 40)
            .unwrap();
        assert_eq!(
            (record.name.as_str(), record.parameters, record.epochs_run),
            ("a net", 17, 2)
        );
        assert_eq!(record.layers[0].output_shape, "(None, 3)");
        // The same data, in batches of another size.
        let [val, test] = ["val_loss", "test_loss"].map(|name| record.metric(name).unwrap());
        assert!((val - test).abs() < 1e-6);
        assert_eq!(record.metric("no such"), None);
        assert_eq!(record.flaw(), None);
        record.metrics.insert("test_loss".to_owned(), 0.1 + 0.2);
        record
            .metrics
            .insert("other_loss".to_owned(), f64::INFINITY);
        let text = serde_json::to_string(&record).unwrap();
        assert!(
            text.contains("\"Adam\"") && text.contains("\"relu\""),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);

        record.metrics.insert("test_loss".to_owned(), f64::NAN);
        let text = serde_json::to_string(&record).unwrap();
        let back: RunRecord = serde_json::from_str(&text).unwrap();
        assert!(back.metrics["test_loss"].is_nan());
    }

    #[test]
    fn a_model_of_another_seed_is_refused() {
        let record = record();
        assert!(record.belongs_to(&facts()));
        let other = RunFacts { seed: 8, ..facts() };
        assert!(!record.belongs_to(&other));
        let mut model = Sequential::on(Device::Cpu).seeded(7);
        model.add(Dense::new(2).input_shape(2));
        let loss = SparseCategoricalCrossentropy::new().from_logits(true);
        model.compile(Adam::new(), loss, ["accuracy"]).unwrap();
        let x = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
        let y = Tensor::zeros([4], (Kind::Int64, Device::Cpu));
        let test = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0));
        let error = RunRecord::new(&other, &model, &record.history, &test.unwrap());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("expected 8, received 7"), "{text}");
    }

    #[test]
    fn operations_are_counted_where_weights_apply() {
        let layer = |class_name: &str, output_shape: &str, params| LayerRecord {
            name: String::new(),
            class_name: class_name.to_owned(),
            output_shape: output_shape.to_owned(),
            params,
            activation: Relu,
            flops: None,
        };
        // 40 examples, 2 epochs: 2 to 3 to 2 units.
        let mut record = record();
        assert_eq!(record.training_flops(), 3.0 * 2.0 * 12.0 * 80.0);
        // Of an earlier version.
        record.layers = vec![
            layer("Conv2D", "(None, 30, 30, 64)", 1792),
            layer("BatchNormalization", "(None, 30, 30, 64)", 256),
            layer("Dense", "(None, 10)", 650),
        ];
        let per_image = 2.0 * (900.0 * 1792.0 + 650.0);
        assert_eq!(record.training_flops(), 3.0 * per_image * 80.0);
        // Two batches of 16 that leave out the rest.
        record.history.params.steps = 2;
        assert_eq!(record.training_flops(), 3.0 * per_image * 64.0);
    }

    #[test]
    fn the_best_epoch_is_the_first_of_equals_and_never_nan() {
        let mut record = record();
        let with = |values: &str| {
            let mut json = serde_json::to_value(&record.history).unwrap();
            json["columns"] =
                serde_json::from_str(&format!("[[\"val_accuracy\",{values}]]")).unwrap();
            serde_json::from_value::<History>(json).unwrap()
        };
        let (tied, broken) = (with("[0.5,0.5]"), with("[\"NaN\",0.25]"));
        record.history = tied;
        assert_eq!(record.best_epoch("val_accuracy"), Some(0));
        assert_eq!(record.best_epoch("val_loss"), None);
        record.history = broken;
        assert_eq!(record.best_epoch("val_accuracy"), Some(1));
    }

    #[test]
    fn a_file_is_named_after_the_run() {
        let mut record = record();
        record.started = "2026-11-22T21:01:55Z".to_owned();
        assert_eq!(record.file_stem(), "a-net-s7-20261122T210155Z");
        for (name, stem) in [("../../etc/x", "etc-x"), ("猫", "run"), ("A (b)", "a-b")] {
            let named = record.clone().named(name).file_stem();
            assert_eq!(named, format!("{stem}-s7-20261122T210155Z"));
        }
    }
}
