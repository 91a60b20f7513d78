use serde::{Deserialize, Serialize};

use crate::Logs;
use crate::saving::number;

/// The numbers that describe a training.
///
/// ```
/// use labbook_nn::{Dense, Fit, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let history = model.fit(&x, &y, &Fit::new().batch_size(3).verbose(0))?;
/// assert_eq!((history.params.examples, history.params.steps), (4, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitParams {
    /// Number of the last epoch asked for.
    pub epochs: usize,
    /// The epoch begun with, counted from 0.
    pub initial_epoch: usize,
    /// Steps per epoch.
    pub steps: i64,
    /// Examples per step.
    pub batch_size: i64,
    /// Training examples.
    pub examples: i64,
    /// Validation examples; 0 without validation.
    pub validation_examples: i64,
    /// Seed of the model's kernels, shuffles and dropout.
    pub seed: u64,
}

/// The figures of every epoch of a training.
///
/// ```
/// use labbook_nn::{Dense, Fit, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let history = model.fit(&x, &y, &Fit::new().epochs(2).verbose(0))?;
/// assert_eq!(history.epoch, [0, 1]);
/// assert_eq!(history.get("loss").map(|losses| losses.len()), Some(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Numbers of the epochs, from 0.
    pub epoch: Vec<usize>,
    /// The numbers that describe the training.
    pub params: FitParams,
    /// Duration of the whole training in seconds, callbacks included.
    pub seconds: f64,
    /// Duration of the epochs' steps in seconds: from the first batch to the last change of the
    /// weights, without validation and without callbacks at the ends of epochs.
    ///
    /// Shuffling, augmentation and callbacks after batches count. So does an epoch that was
    /// cut short.
    #[serde(default)]
    pub training_seconds: f64,
    /// Duration of each epoch in seconds, validation included.
    pub epoch_seconds: Vec<f64>,
    /// The part of each epoch that [`training_seconds`](Self::training_seconds) counts.
    #[serde(default)]
    pub epoch_training_seconds: Vec<f64>,
    /// The learning rate of each epoch's first step.
    #[serde(default)]
    pub learning_rates: Vec<f64>,
    /// Whether a request from outside ended the training; see [`interrupt`](crate::interrupt).
    /// The epoch that it cut short is not among the figures.
    pub interrupted: bool,
    #[serde(with = "number::columns")]
    columns: Vec<(String, Vec<f64>)>,
}

/// What an epoch was, besides its figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpochRecord {
    pub(crate) epoch: usize,
    pub(crate) seconds: f64,
    pub(crate) training_seconds: f64,
    pub(crate) learning_rate: f64,
}

impl History {
    pub(crate) fn new(params: FitParams) -> Self {
        Self {
            epoch: Vec::new(),
            params,
            seconds: 0.0,
            training_seconds: 0.0,
            epoch_seconds: Vec::new(),
            epoch_training_seconds: Vec::new(),
            learning_rates: Vec::new(),
            interrupted: false,
            columns: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, record: EpochRecord, logs: &Logs) {
        self.epoch.push(record.epoch);
        self.epoch_seconds.push(record.seconds);
        self.epoch_training_seconds.push(record.training_seconds);
        self.learning_rates.push(record.learning_rate);
        for (key, value) in logs.entries() {
            self.record(key, *value);
        }
    }

    /// Adds a figure to the last epoch; epochs without it hold NaN.
    pub(crate) fn record(&mut self, key: &str, value: f64) {
        let epochs = self.epoch.len();
        let index = match self.columns.iter().position(|(column, _)| column == key) {
            Some(index) => index,
            None => {
                self.columns.push((key.to_owned(), Vec::new()));
                self.columns.len() - 1
            }
        };
        let values = &mut self.columns[index].1;
        values.resize(epochs.saturating_sub(1), f64::NAN);
        values.push(value);
    }

    /// Whether every epoch has its figures, which a file might not keep to.
    pub(crate) fn is_sound(&self) -> bool {
        let epochs = self.epoch.len();
        let columns = self
            .columns
            .iter()
            .all(|(_, values)| values.len() == epochs);
        // Files of earlier versions lack the latter two.
        let later = [&self.epoch_training_seconds, &self.learning_rates]
            .iter()
            .all(|values| values.is_empty() || values.len() == epochs);
        columns && later && self.epoch_seconds.len() == epochs
    }

    /// Makes all columns as long as there are epochs.
    pub(crate) fn fill(&mut self) {
        for (_, values) in &mut self.columns {
            values.resize(self.epoch.len(), f64::NAN);
        }
    }

    /// The names of the columns in TensorFlow's order: loss, accuracy, val_loss, val_accuracy.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.columns.iter().map(|(key, _)| key.clone()).collect()
    }

    /// One column, a value per epoch.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<f64>> {
        self.columns
            .iter()
            .find(|(column, _)| column == key)
            .map(|(_, values)| values.clone())
    }

    /// All columns with their names.
    #[must_use]
    pub fn columns(&self) -> &[(String, Vec<f64>)] {
        &self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order_and_grow_by_the_epoch() {
        let mut history = History::new(FitParams {
            epochs: 2,
            initial_epoch: 0,
            steps: 1,
            batch_size: 1,
            examples: 1,
            validation_examples: 0,
            seed: 0,
        });
        let record = |epoch| EpochRecord {
            epoch,
            seconds: 0.5,
            training_seconds: 0.25,
            learning_rate: 0.1,
        };
        for epoch in 0..2 {
            let value = epoch as f64;
            let entries = vec![("loss".into(), value), ("accuracy".into(), -value)];
            history.push(record(epoch), &Logs::new(entries));
        }
        assert_eq!(history.keys(), ["loss", "accuracy"]);
        assert_eq!(history.get("accuracy"), Some(vec![0.0, -1.0]));
        assert_eq!(history.get("val_loss"), None);
        assert_eq!(history.epoch, [0, 1]);
        assert_eq!(history.epoch_seconds, [0.5, 0.5]);
        assert_eq!(history.epoch_training_seconds, [0.25, 0.25]);
        assert_eq!(history.learning_rates, [0.1, 0.1]);
        history.record("lr", 0.1);
        let lr = history.get("lr").unwrap();
        assert!(lr[0].is_nan() && lr[1] == 0.1 && lr.len() == 2);
        history.push(record(2), &Logs::default());
        history.fill();
        assert!(
            history
                .columns()
                .iter()
                .all(|(_, values)| values.len() == 3)
        );
    }
}
