use jiff::{SignedDuration, Timestamp, Unit};
use labbook_nn::{Activation, Evaluation, History, LossConfig, OptimizerConfig, Sequential};
use serde::{Deserialize, Serialize};

use crate::{ExperimentError, Result, RunFacts, Scale, SpeedRun, number};

/// The version of the records that this crate writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// All that is to be kept of one run: what was trained on what, and what came of it.
///
/// Accuracies are fractions from 0 to 1. Loss and accuracy of training are means over an epoch
/// while the weights change, as Keras prints them and as the paper's table shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this form of record: 1.
    pub format: u32,
    /// 1 to 16 as in the paper, 0 for its demonstration network, from 17 for what goes beyond.
    pub experiment: u32,
    /// The model's or the experiment's name.
    pub name: String,
    /// The training in all its sizes and tricks, where it is one of Experiments 18 to 20.
    #[serde(default)]
    pub speed_run: Option<SpeedRun>,
    /// When the training began, RFC 3339 in UTC: the time of recording less the seconds of
    /// training and test, so a training that was resumed seems to begin late.
    pub started: String,
    /// How much of the original's work the run did, with all its sizes.
    pub scale: Scale,
    /// Seed of kernels, shuffles and dropout.
    pub seed: u64,
    /// Where the images came from.
    pub data: String,
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
    /// The optimizer's options, where they were told.
    pub optimizer: Option<OptimizerConfig>,
    /// The loss's options, where they were told.
    pub loss: Option<LossConfig>,
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
    /// Mean loss on the test images, penalties included.
    #[serde(with = "number")]
    pub test_loss: f64,
    /// Accuracy on the test images.
    #[serde(with = "number")]
    pub test_accuracy: f64,
    /// Loss on the training images after the training, where it was evaluated.
    #[serde(with = "number::option", default)]
    pub train_loss_after: Option<f64>,
    /// Accuracy on the training images after the training, where it was evaluated.
    #[serde(with = "number::option", default)]
    pub train_accuracy_after: Option<f64>,
}

/// A layer as a record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Name within the model, such as `conv2d_1`.
    pub name: String,
    /// Kind of layer, such as `Conv2D`.
    pub class_name: String,
    /// Shape of the output with the batch axis, such as `(None, 30, 30, 64)`.
    pub output_shape: String,
    /// Number of weights.
    pub params: i64,
    /// The function that the layer ends with.
    pub activation: Activation,
    /// Floating-point operations for one example, twice the multiplications of the kernels;
    /// `None` in records of earlier versions.
    #[serde(default)]
    pub flops: Option<i64>,
}

impl LayerRecord {
    /// The sizes of the output without the batch axis, which is no number.
    fn sizes(&self) -> Vec<i64> {
        let shape = self.output_shape.trim_matches(['(', ')']);
        let sizes = shape.split(',').filter_map(|size| size.trim().parse().ok());
        sizes.collect()
    }

    /// [`flops`](Self::flops); where they are missing, two for each weight and place where the
    /// layer applies it.
    fn flops(&self) -> f64 {
        if let Some(flops) = self.flops {
            return flops as f64;
        }
        if !["Conv2D", "Dense", "Whitening"].contains(&self.class_name.as_str()) {
            return 0.0;
        }
        // The last size is that of filters or units.
        let places: i64 = self.sizes().iter().rev().skip(1).product();
        2.0 * places as f64 * self.params as f64
    }
}

impl RunRecord {
    /// The record of a training and the test that followed.
    ///
    /// `name` begins as the model's. What neither model nor history tell can be added:
    /// [`callbacks`](Self::callbacks).
    ///
    /// # Errors
    /// [`ExperimentError::Facts`] when the model was trained with another seed than the facts
    /// say or no epoch was finished, [`ExperimentError::Network`] when it was never built.
    pub fn new(
        facts: &RunFacts,
        experiment: u32,
        model: &Sequential,
        history: &History,
        test: &Evaluation,
    ) -> Result<Self> {
        if history.params.seed != facts.seed {
            return Err(ExperimentError::Facts {
                what: "seed",
                expected: facts.seed.to_string(),
                received: history.params.seed.to_string(),
                advice: "call set_random_seed with the session's seed before building the model",
            });
        }
        if history.epoch.is_empty() {
            return Err(ExperimentError::Facts {
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
            experiment,
            name: model.name().to_owned(),
            speed_run: None,
            started: seconds_ago(history.seconds + test.seconds),
            scale: facts.scale,
            seed: facts.seed,
            data: facts.data.clone(),
            device: facts.device.clone(),
            threads: i64::from(tch::get_num_threads()),
            versions: facts.versions.clone(),
            parameters: layers.iter().map(|layer| layer.params).sum(),
            layers,
            optimizer: model.optimizer_config(),
            loss: model.loss_config(),
            callbacks: None,
            epochs: history.params.epochs,
            epochs_run: history.epoch.len(),
            batch_size: history.params.batch_size,
            seconds: history.seconds,
            history: history.clone(),
            test_loss: test.loss,
            test_accuracy: test.accuracy,
            train_loss_after: None,
            train_accuracy_after: None,
        })
    }

    /// Names the run.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds the callbacks in words.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn callbacks(mut self, callbacks: impl Into<String>) -> Self {
        self.callbacks = Some(callbacks.into());
        self
    }

    /// Says which of Experiments 18 to 20 the run is, and names it so.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn speed_run(mut self, run: &SpeedRun) -> Self {
        self.name = run.title();
        self.speed_run = Some(run.clone());
        self
    }

    /// Adds how well the trained model does on its training images.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn train_evaluation(mut self, train: &Evaluation) -> Self {
        self.train_loss_after = Some(train.loss);
        self.train_accuracy_after = Some(train.accuracy);
        self
    }

    /// Accuracy of the last epoch on the training images.
    #[must_use]
    pub fn train_accuracy(&self) -> Option<f64> {
        self.last("accuracy").filter(|accuracy| !accuracy.is_nan())
    }

    /// Accuracy of the last epoch on the validation images.
    #[must_use]
    pub fn val_accuracy(&self) -> Option<f64> {
        self.last("val_accuracy")
            .filter(|accuracy| !accuracy.is_nan())
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

    /// Seconds that the steps took, without validation; of an older record, all that it knows.
    #[must_use]
    pub fn training_seconds(&self) -> f64 {
        match self.history.training_seconds > 0.0 {
            true => self.history.training_seconds,
            false => self.seconds,
        }
    }

    /// Floating-point operations of the whole training: three times those of predictions for all
    /// images of its steps, as backward passes take twice as many.
    ///
    /// Counts layers with kernels; the others take little.
    #[must_use]
    pub fn training_flops(&self) -> f64 {
        let per_image: f64 = self.layers.iter().map(LayerRecord::flops).sum();
        let params = &self.history.params;
        let images = params.examples.min(params.steps * params.batch_size);
        3.0 * per_image * images as f64 * self.epochs_run as f64
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
        let values = self.history.get("val_accuracy")?;
        let mut best: Option<(usize, f64)> = None;
        for (&epoch, value) in self.history.epoch.iter().zip(values) {
            if best.is_none_or(|(_, so_far)| value > so_far) && !value.is_nan() {
                best = Some((epoch, value));
            }
        }
        best.map(|(epoch, _)| epoch)
    }

    /// Whether another run had the same scale, seed and data.
    #[must_use]
    pub fn belongs_to(&self, facts: &RunFacts) -> bool {
        self.scale == facts.scale && self.seed == facts.seed && self.data == facts.data
    }

    /// What its file is called, such as `e16-laptop-s0-20261122T210155Z`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let digits = self.started.chars().filter(|c| !matches!(c, '-' | ':'));
        let started: String = digits.collect();
        format!(
            "e{:02}-{}-s{}-{started}",
            self.experiment, self.scale.name, self.seed
        )
    }

    /// What a file might not keep to; `None` when all is well.
    pub(crate) fn flaw(&self) -> Option<String> {
        let epochs = self.history.epoch.len();
        let columns = self.history.columns().iter();
        let lengths = columns.map(|(_, values)| values.len());
        if lengths
            .chain([self.history.epoch_seconds.len(), self.epochs_run])
            .any(|n| n != epochs)
        {
            return Some("a history whose columns differ in length".to_owned());
        }
        if self.started.parse::<Timestamp>().is_err() {
            return Some(format!(
                "a time of start that is no RFC 3339 time: {}",
                self.started
            ));
        }
        None
    }

    fn last(&self, key: &str) -> Option<f64> {
        self.history.get(key)?.last().copied()
    }
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
    use super::*;
    use labbook_data::Provenance;
    use labbook_nn::Activation::{Relu, Softmax};
    use labbook_nn::{Adam, Dense, Fit, SparseCategoricalCrossentropy};
    use tch::{Device, Kind, Tensor};

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
        let mut record = record(&facts(), 1);
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
    fn records_of_earlier_versions_lack_what_was_added() {
        let record = record(&facts(), 1);
        let mut json = serde_json::to_value(&record).unwrap();
        json.as_object_mut().unwrap().remove("speed_run").unwrap();
        for layer in json["layers"].as_array_mut().unwrap() {
            layer.as_object_mut().unwrap().remove("flops").unwrap();
        }
        let mut older: RunRecord = serde_json::from_value(json).unwrap();
        assert_eq!((older.layers[0].flops, &older.speed_run), (None, &None));
        // Weights applied once each, the five biases with them.
        assert_eq!(older.training_flops(), 3.0 * 2.0 * 17.0 * 80.0);
        older.layers.clone_from(&record.layers);
        assert_eq!(older, record);
    }

    pub(crate) fn facts() -> RunFacts {
        let drawn = Provenance::Drawn { seed: 0 };
        let scale = Scale::smoke().with_images(40).with_epochs(2);
        RunFacts::new(scale, 7, &drawn, Device::Cpu, "Rust 1.95.0, tch 0.26.0")
    }

    /// A real training of a few weights.
    pub(crate) fn record(facts: &RunFacts, experiment: u32) -> RunRecord {
        let x = Tensor::arange(80, (Kind::Float, Device::Cpu)).reshape([40, 2]) / 80.0;
        let y = Tensor::arange(40, (Kind::Int64, Device::Cpu)).remainder(2);
        let mut model = Sequential::on(Device::Cpu).seeded(7).named("net");
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
        let quiet = labbook_nn::Evaluate::new().verbose(0);
        let test = model.evaluate_with(&x, &y, &quiet).unwrap();
        RunRecord::new(facts, experiment, &model, &history, &test).unwrap()
    }

    /// A record with these figures.
    pub(crate) fn made(
        experiment: u32,
        columns: &[(&str, &[f64])],
        test_accuracy: f64,
        seconds: f64,
    ) -> RunRecord {
        static PATTERN: std::sync::OnceLock<RunRecord> = std::sync::OnceLock::new();
        let mut record = PATTERN.get_or_init(|| record(&facts(), 0)).clone();
        let epochs = columns.first().map_or(0, |(_, values)| values.len());
        let number = |value: &f64| match value.is_finite() {
            true => serde_json::json!(value),
            false => serde_json::json!(value.to_string()),
        };
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, values)| (name, values.iter().map(number).collect::<Vec<_>>()))
            .collect();
        let mut history = serde_json::to_value(&record.history).unwrap();
        history["columns"] = serde_json::json!(columns);
        history["epoch"] = (0..epochs).collect();
        history["epoch_seconds"] = vec![1.0; epochs].into();
        record.history = serde_json::from_value(history).unwrap();
        record.experiment = experiment;
        record.epochs_run = epochs;
        record.test_accuracy = test_accuracy;
        record.seconds = seconds;
        record
    }

    #[test]
    fn a_record_holds_what_was_run_and_comes_back_from_json_to_the_bit() {
        let mut record = record(&facts(), 16).callbacks("EarlyStopping");
        assert_eq!(
            (record.name.as_str(), record.parameters, record.epochs_run),
            ("net", 17, 2)
        );
        assert_eq!(record.layers[0].output_shape, "(None, 3)");
        // The same data, in batches of another size.
        assert!((record.val_loss().unwrap() - record.test_loss).abs() < 1e-6);
        assert!(record.flaw().is_none());
        record.test_loss = 0.1 + 0.2;
        record.train_loss_after = Some(f64::INFINITY);
        let text = serde_json::to_string(&record).unwrap();
        assert!(
            text.contains("\"Adam\"") && text.contains("\"relu\""),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);

        record.test_loss = f64::NAN;
        let text = serde_json::to_string(&record).unwrap();
        let back: RunRecord = serde_json::from_str(&text).unwrap();
        assert!(back.test_loss.is_nan());
    }

    #[test]
    fn a_model_of_another_seed_is_refused() {
        let record = record(&facts(), 1);
        assert!(record.belongs_to(&facts()));
        let mut model = Sequential::on(Device::Cpu).seeded(7);
        model.add(Dense::new(2).input_shape(2));
        let other = RunFacts { seed: 8, ..facts() };
        let test = {
            let loss = SparseCategoricalCrossentropy::new().from_logits(true);
            model.compile(Adam::new(), loss, ["accuracy"]).unwrap();
            let x = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
            let y = Tensor::zeros([4], (Kind::Int64, Device::Cpu));
            let quiet = labbook_nn::Evaluate::new().verbose(0);
            model.evaluate_with(&x, &y, &quiet).unwrap()
        };
        let error = RunRecord::new(&other, 1, &model, &record.history, &test).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("expected 8, received 7"), "{text}");
    }

    #[test]
    fn the_best_epoch_is_the_first_of_equals_and_never_nan() {
        let mut record = record(&facts(), 1);
        let with = |values: &str| {
            let mut json = serde_json::to_value(&record.history).unwrap();
            json["columns"] =
                serde_json::from_str(&format!("[[\"val_accuracy\",{values}]]")).unwrap();
            serde_json::from_value::<History>(json).unwrap()
        };
        let (tied, broken) = (with("[0.5,0.5]"), with("[\"NaN\",0.25]"));
        record.history = tied;
        assert_eq!(record.best_val_epoch(), Some(0));
        assert_eq!(record.gap(), None);
        record.history = broken;
        assert_eq!(record.best_val_epoch(), Some(1));
    }
}
