use tch::Tensor;

use super::monitor::{Monitor, monitor_options, remembered, remembered_count};
use crate::{Callback, CallbackState, Control, Logs, Result};

/// Stops training when a figure no longer improves, by the rules of Keras 2.4.
///
/// Watches `val_loss`, with patience 0. An epoch whose figure is not strictly better, by more
/// than `min_delta`, than the best one so far counts as bad; training stops at the end of the
/// `patience`-th bad epoch in a row, and patience 0 stops like patience 1. Figures that are
/// NaN are bad. A figure that does not exist is told in a line and never stops.
///
/// The model keeps its last weights unless
/// [`restore_best_weights`](Self::restore_best_weights) asks for the best; even then only a
/// training that was stopped gets them, not one that reached its last epoch.
///
/// ```
/// use labbook_nn::{EarlyStopping, Fit};
///
/// let stopping = EarlyStopping::new().monitor("val_loss").patience(5).restore_best_weights(true);
/// let options = Fit::new().epochs(100).callbacks(stopping);
/// ```
#[derive(Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    min_delta: f64,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    verbose: u8,
    wait: usize,
    best: f64,
    /// How many epochs there were when training stopped; 0 if it did not.
    stopped_after: usize,
    best_weights: Vec<(String, Tensor)>,
}

impl EarlyStopping {
    /// Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            monitor: Monitor::new(),
            min_delta: 0.0,
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            verbose: 0,
            wait: 0,
            best: f64::INFINITY,
            stopped_after: 0,
            best_weights: Vec::new(),
        }
    }

    monitor_options!();

    /// Sets by how much a figure has to be better; the default is 0. The sign does not matter.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta.abs();
        self
    }

    /// Sets how many bad epochs in a row end the training; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn patience(mut self, patience: usize) -> Self {
        self.patience = patience;
        self
    }

    /// Sets a figure that the first epochs have to be better than.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Says whether a stopped model goes back to its best weights; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    fn stop(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        self.stopped_after = epoch + 1;
        control.stop_training();
        // Keras 2.4 fails here when no epoch was better than the baseline.
        if self.restore_best_weights && !self.best_weights.is_empty() {
            if self.verbose > 0 {
                control.message("Restoring model weights from the end of the best epoch.");
            }
            control.model_mut().set_weights(&self.best_weights)?;
        }
        Ok(())
    }

    /// Ends the line about the stop where not one epoch counted as better, which Keras does not
    /// tell.
    fn why_never_better(&self) -> String {
        let key = &self.monitor.key;
        let why = match self.baseline {
            Some(baseline) if self.best == baseline => {
                format!(": {key} was never better than the baseline {baseline:?}")
            }
            None if self.best == self.monitor.worst() => format!(": {key} was never a number"),
            _ => return String::new(),
        };
        match self.restore_best_weights {
            true => why + ", so that there are no best weights to restore",
            false => why,
        }
    }

    fn judge(&mut self, epoch: usize, figure: f64, control: &mut Control<'_>) -> Result<()> {
        let counted = figure - self.monitor.toward_better(self.min_delta);
        if self.monitor.is_better(counted, self.best) {
            self.best = figure;
            self.wait = 0;
            if self.restore_best_weights {
                self.best_weights = control.model().weights()?;
            }
            return Ok(());
        }
        self.wait += 1;
        if self.wait >= self.patience {
            self.stop(epoch, control)?;
        }
        Ok(())
    }
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self::new()
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, _control: &mut Control<'_>) {
        self.wait = 0;
        self.stopped_after = 0;
        self.best = self.baseline.unwrap_or_else(|| self.monitor.worst());
        self.best_weights.clear();
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        let Some(figure) = self.monitor.figure(logs) else {
            let missing = self.monitor.missing(logs);
            control.message(&format!("Warning: Early stopping conditioned on {missing}"));
            return;
        };
        if let Err(error) = self.judge(epoch, figure, control) {
            control.fail(format!("EarlyStopping: {error}"));
        }
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        let epoch = self.stopped_after;
        if epoch > 0 && self.verbose > 0 {
            let why = self.why_never_better();
            control.message(&format!("Epoch {epoch:05}: early stopping{why}"));
        }
    }

    fn state(&self) -> Result<CallbackState> {
        let tensors = self.best_weights.iter();
        Ok(CallbackState {
            values: vec![
                ("wait".to_owned(), self.wait as f64),
                ("best".to_owned(), self.best),
                ("stopped_after".to_owned(), self.stopped_after as f64),
            ],
            tensors: tensors
                .map(|(name, weight)| (name.clone(), weight.shallow_clone()))
                .collect(),
        })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.wait = remembered_count(&state.values, "wait")?;
        self.best = remembered(&state.values, "best")?;
        self.stopped_after = remembered_count(&state.values, "stopped_after")?;
        let tensors = state.tensors.iter();
        self.best_weights = tensors
            .map(|(name, weight)| (name.clone(), weight.shallow_clone()))
            .collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::{Outcome, model, rehearse};
    use super::*;
    use crate::MonitorMode;

    const FALLING: [f64; 6] = [0.9, 0.5, 0.6, 0.55, 0.7, 0.4];

    fn run(mut callback: EarlyStopping, key: &str, figures: &[f64]) -> Result<(Outcome, f64)> {
        let mut model = model()?;
        let outcome = rehearse(&mut callback, &mut model, key, figures)?;
        let weight = model.weights()?[0].1.double_value(&[0, 0]);
        Ok((outcome, weight))
    }

    fn stops_at(callback: EarlyStopping, key: &str, figures: &[f64]) -> Result<Option<usize>> {
        let (outcome, _) = run(callback, key, figures)?;
        Ok(outcome.stopped.then_some(outcome.last_epoch))
    }

    #[test]
    fn patience_counts_bad_epochs_in_a_row() -> Result<()> {
        let stop = |patience| {
            stops_at(
                EarlyStopping::new().patience(patience),
                "val_loss",
                &FALLING,
            )
        };
        assert_eq!(stop(0)?, Some(2));
        assert_eq!(stop(1)?, Some(2));
        assert_eq!(stop(2)?, Some(3));
        assert_eq!(stop(3)?, Some(4));
        assert_eq!(stop(4)?, None, "the last epoch is better again");
        Ok(())
    }

    #[test]
    fn ties_and_nan_are_bad_and_accuracies_have_to_rise() -> Result<()> {
        let accuracy = || EarlyStopping::new().monitor("val_accuracy").patience(2);
        let ties = [0.6429, 0.6429, 0.6429];
        assert_eq!(stops_at(accuracy(), "val_accuracy", &ties)?, Some(2));
        let rising = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(stops_at(accuracy(), "val_accuracy", &rising)?, None);
        let fell = accuracy().mode(MonitorMode::Min);
        assert_eq!(stops_at(fell, "val_accuracy", &rising)?, Some(2));
        let nan = [f64::NAN, f64::NAN, 0.1];
        assert_eq!(stops_at(accuracy(), "val_accuracy", &nan)?, Some(1));
        Ok(())
    }

    #[test]
    fn min_delta_is_measured_from_the_best_and_baseline_from_the_start() -> Result<()> {
        let slow = [1.0, 0.95, 0.9, 0.85, 0.8];
        let delta = EarlyStopping::new().min_delta(-0.08).patience(2);
        // 0.9 is 0.1 below the best, 0.85 is not 0.08 below 0.9, 0.8 is.
        assert_eq!(stops_at(delta, "val_loss", &slow)?, None);
        let delta = EarlyStopping::new().min_delta(0.3).patience(3);
        assert_eq!(stops_at(delta, "val_loss", &slow)?, Some(3));
        let baseline = EarlyStopping::new().baseline(0.5).patience(2);
        assert_eq!(stops_at(baseline, "val_loss", &slow)?, Some(1));
        Ok(())
    }

    #[test]
    fn only_a_stopped_model_goes_back_to_its_best_weights() -> Result<()> {
        let restoring = |patience| {
            EarlyStopping::new()
                .patience(patience)
                .restore_best_weights(true)
                .verbose(1)
        };
        let (outcome, weight) = run(restoring(2), "val_loss", &FALLING)?;
        assert_eq!(weight, 1.0);
        assert_eq!(
            outcome.messages,
            [
                "Restoring model weights from the end of the best epoch.",
                "Epoch 00004: early stopping"
            ]
        );
        let (outcome, weight) = run(restoring(5), "val_loss", &FALLING[..5])?;
        assert_eq!((weight, outcome.messages.len()), (4.0, 0));
        let (_, weight) = run(EarlyStopping::new(), "val_loss", &FALLING)?;
        assert_eq!(weight, 2.0, "the last weights stay");
        let never = restoring(1).baseline(0.1);
        let (outcome, weight) = run(never, "val_loss", &FALLING)?;
        assert_eq!((weight, outcome.failure), (0.0, None));
        Ok(())
    }

    #[test]
    fn a_stop_without_any_better_epoch_is_told_with_its_reason() -> Result<()> {
        let callback = || EarlyStopping::new().patience(1).verbose(1);
        let (outcome, _) = run(callback().baseline(0.001), "val_loss", &FALLING)?;
        assert_eq!(
            (outcome.last_epoch, outcome.messages),
            (
                0,
                vec![
                    "Epoch 00001: early stopping: val_loss was never better than the baseline \
                     0.001"
                        .to_owned()
                ]
            )
        );
        let nan = [f64::NAN; 2];
        let (outcome, _) = run(callback().restore_best_weights(true), "val_loss", &nan)?;
        assert_eq!(
            outcome.messages,
            [
                "Epoch 00001: early stopping: val_loss was never a number, so that there are no best \
              weights to restore"
            ]
        );
        let (outcome, _) = run(callback(), "val_loss", &FALLING)?;
        assert_eq!(outcome.messages, ["Epoch 00003: early stopping"]);
        Ok(())
    }

    #[test]
    fn a_missing_figure_is_told_and_does_not_stop() -> Result<()> {
        let (outcome, _) = run(EarlyStopping::new(), "loss", &[1.0, 2.0])?;
        assert!(!outcome.stopped);
        assert_eq!(
            outcome.messages[0],
            "Warning: Early stopping conditioned on metric `val_loss` which is not available. \
             Available metrics are: loss"
        );
        Ok(())
    }

    #[test]
    fn a_second_training_starts_afresh_and_a_state_goes_on() -> Result<()> {
        let mut callback = EarlyStopping::new().patience(2).restore_best_weights(true);
        let mut model = model()?;
        for _ in 0..2 {
            let outcome = rehearse(&mut callback, &mut model, "val_loss", &FALLING)?;
            assert_eq!(outcome.last_epoch, 3);
        }
        let mut copy = EarlyStopping::new().patience(2).restore_best_weights(true);
        copy.set_state(&callback.state()?)?;
        assert_eq!(format!("{copy:?}"), format!("{callback:?}"));
        assert!(copy.set_state(&CallbackState::default()).is_err());
        Ok(())
    }

    #[test]
    fn series_stop_where_keras_stops_them() -> Result<()> {
        use serde_json::Value;
        let text = include_str!("../../tests/fixtures/early_stopping.json");
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 90);
        for case in &cases {
            let options = &case["options"];
            let key = case["monitor"].as_str().unwrap();
            let figures = case["figures"].as_array().unwrap().iter();
            let figures: Vec<f64> = figures.map(|figure| figure.as_f64().unwrap()).collect();
            let mut callback = EarlyStopping::new()
                .monitor(key)
                .patience(options["patience"].as_u64().unwrap() as usize)
                .min_delta(options["min_delta"].as_f64().unwrap_or_default())
                .mode(match options["mode"].as_str() {
                    Some("max") => MonitorMode::Max,
                    Some("min") => MonitorMode::Min,
                    _ => MonitorMode::Auto,
                });
            if let Some(baseline) = options["baseline"].as_f64() {
                callback = callback.baseline(baseline);
            }
            let (outcome, _) = run(callback, key, &figures)?;
            let expected = (case["stopped"].as_bool(), case["last_epoch"].as_u64());
            let computed = (Some(outcome.stopped), Some(outcome.last_epoch as u64));
            assert_eq!(computed, expected, "{case}");
        }
        Ok(())
    }
}
