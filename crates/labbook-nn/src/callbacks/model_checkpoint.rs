use std::path::Path;

use super::file_template::FileTemplate;
use super::monitor::{Monitor, monitor_options, remembered};
use crate::saving::file_name::with_extension;
use crate::{Callback, CallbackState, Control, Logs, Result};

/// Saves the model at the end of every epoch, or of every best one, by the rules of Keras 2.4.
///
/// The name may hold figures: `model_{epoch:02d}_{val_accuracy:.4f}`, with epochs counted
/// from 1 and every format that Python has for numbers. Two epochs that give the same name leave
/// one file. Files are safetensors, and the names end with `.safetensors`, which is added; see
/// [`Model::save`](crate::Model::save). A name that cannot be ends the training before
/// its first epoch.
///
/// What counts as best is remembered from training to training, as in Keras: make a new
/// callback to begin afresh.
///
/// ```
/// use labbook_nn::{Fit, ModelCheckpoint};
///
/// let best = ModelCheckpoint::new("models/{epoch:02d}-{val_loss:.2f}").save_best_only(true);
/// let options = Fit::new().callbacks(best);
/// ```
#[derive(Debug)]
pub struct ModelCheckpoint {
    path: String,
    monitor: Monitor,
    save_best_only: bool,
    save_weights_only: bool,
    verbose: u8,
    best: Option<f64>,
}

impl ModelCheckpoint {
    /// Saves the whole model to this path after every epoch.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            monitor: Monitor::new(),
            save_best_only: false,
            save_weights_only: false,
            verbose: 0,
            best: None,
        }
    }

    monitor_options!();

    /// Says whether to save only after an epoch that is strictly better than all before; the
    /// default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn save_best_only(mut self, save_best_only: bool) -> Self {
        self.save_best_only = save_best_only;
        self
    }

    /// Says whether to save the weights alone; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn save_weights_only(mut self, save_weights_only: bool) -> Self {
        self.save_weights_only = save_weights_only;
        self
    }

    fn best(&self) -> f64 {
        self.best.unwrap_or_else(|| self.monitor.worst())
    }

    /// Refuses names that no epoch could have, while nothing has been computed yet.
    fn check(&self, control: &Control<'_>) -> Result<()> {
        let template = FileTemplate::parse(&self.path)?;
        let sample = template.figures().map(|key| (key.to_owned(), 0.5));
        let name = template.fill(0, &Logs::new(sample.collect()))?;
        with_extension(Path::new(&name))?;
        let mut known = vec!["loss".to_owned()];
        if let Ok(compiled) = control.model().compiled() {
            known.extend(compiled.metric_names());
        }
        let mut validated: Vec<String> = known.iter().map(|key| format!("val_{key}")).collect();
        if control.params().validation_examples > 0 {
            known.append(&mut validated);
        }
        for key in template.figures() {
            if validated.iter().any(|name| name == key) {
                return Err(template.unknown(key, &known));
            }
            // Callbacks add figures, and only then is it known which; two of ours add this one.
            if key != "lr" && !known.iter().any(|name| name == key) {
                let known = known.join(", ");
                control.message(&format!(
                    "Warning: the checkpoint's name asks for {key}, but the figures are {known}. \
                     Unless a callback adds it, training ends after the first epoch."
                ));
            }
        }
        Ok(())
    }

    fn end_epoch(&mut self, epoch: usize, logs: &Logs, control: &Control<'_>) -> Result<()> {
        // Keras makes the name first too, so that a wrong one is told in the first epoch.
        let path = FileTemplate::parse(&self.path)?.fill(epoch, logs)?;
        let number = epoch + 1;
        let key = &self.monitor.key;
        let speaks = self.verbose > 0;
        if self.save_best_only {
            let Some(figure) = self.monitor.figure(logs) else {
                control.message(&format!(
                    "Warning: Can save best model only with {key} available, skipping."
                ));
                return Ok(());
            };
            let best = self.best();
            let old = five_digits(best);
            if !self.monitor.is_better(figure, best) {
                if speaks {
                    control.message(&format!(
                        "Epoch {number:05}: {key} did not improve from {old}"
                    ));
                }
                return Ok(());
            }
            if speaks {
                let new = five_digits(figure);
                control.message(&format!(
                    "Epoch {number:05}: {key} improved from {old} to {new}, \
                     saving model to {path}"
                ));
            }
            self.best = Some(figure);
        } else if speaks {
            control.message(&format!("Epoch {number:05}: saving model to {path}"));
        }
        match self.save_weights_only {
            true => control.model().save_weights(path)?,
            false => control.model().save(path)?,
        };
        Ok(())
    }
}

/// Python's `%0.5f`.
fn five_digits(value: f64) -> String {
    match value.is_nan() {
        true => "nan".to_owned(),
        false => format!("{value:.5}"),
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        if let Err(error) = self.check(control) {
            control.fail(format!("ModelCheckpoint: {error}"));
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        if let Err(error) = self.end_epoch(epoch, logs, control) {
            control.fail(format!("ModelCheckpoint: {error}"));
        }
    }

    fn state(&self) -> Result<CallbackState> {
        Ok(CallbackState {
            values: vec![("best".to_owned(), self.best())],
            tensors: Vec::new(),
        })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.best = Some(remembered(&state.values, "best")?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::super::rehearsal::{model, rehearse};
    use super::*;
    use crate::tensors::copy::copy;
    use crate::{Fit, Sequential};

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_better_epochs_are_saved_and_told_as_keras_tells_them() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model_{val_accuracy:.4f}");
        let mut callback = ModelCheckpoint::new(path.to_str().unwrap())
            .monitor("val_accuracy")
            .save_best_only(true)
            .verbose(1);
        let figures = [0.428_571, 0.642_857, 0.642_857, 0.5];
        let outcome = rehearse(&mut callback, &mut model()?, "val_accuracy", &figures)?;
        assert_eq!(
            names(&folder),
            ["model_0.4286.safetensors", "model_0.6429.safetensors"]
        );
        let at = folder.path().display();
        assert_eq!(
            outcome.messages,
            [
                format!(
                    "Epoch 00001: val_accuracy improved from -inf to 0.42857, \
                     saving model to {at}/model_0.4286"
                ),
                format!(
                    "Epoch 00002: val_accuracy improved from 0.42857 to 0.64286, \
                     saving model to {at}/model_0.6429"
                ),
                "Epoch 00003: val_accuracy did not improve from 0.64286".to_owned(),
                "Epoch 00004: val_accuracy did not improve from 0.64286".to_owned(),
            ]
        );
        let loaded = Sequential::load_on(folder.path().join("model_0.6429"), Device::Cpu)?;
        assert_eq!(loaded.weights()?[0].1.double_value(&[0, 0]), 1.0);
        Ok(())
    }

    #[test]
    fn every_epoch_is_saved_otherwise_also_as_weights_alone() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w{epoch:02d}");
        let mut callback = ModelCheckpoint::new(path.to_str().unwrap())
            .save_weights_only(true)
            .verbose(1);
        let mut model = model()?;
        let outcome = rehearse(&mut callback, &mut model, "loss", &[1.0, 2.0])?;
        assert_eq!(names(&folder), ["w01.safetensors", "w02.safetensors"]);
        assert!(outcome.messages[1].starts_with("Epoch 00002: saving model to "));
        model.load_weights(folder.path().join("w01"))?;
        assert_eq!(model.weights()?[0].1.double_value(&[0, 0]), 0.0);
        Ok(())
    }

    #[test]
    fn a_missing_figure_to_watch_is_told() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let mut callback = ModelCheckpoint::new(path("m")).save_best_only(true);
        let outcome = rehearse(&mut callback, &mut model()?, "loss", &[1.0])?;
        assert_eq!(
            outcome.messages,
            ["Warning: Can save best model only with val_loss available, skipping."]
        );
        assert!(names(&folder).is_empty());
        Ok(())
    }

    #[test]
    fn names_that_cannot_be_end_the_training_before_its_first_epoch() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
        let y = Tensor::zeros([4], (Kind::Int64, Device::Cpu));
        for (name, part) in [
            ("m{val_loss:.2f}", "received val_loss in"),
            (
                "m{val_accuracy:.2%}",
                "epoch or one of loss, accuracy, received",
            ),
            ("m.h5", "ends with .h5"),
            ("m_{epoch:02d}_{loss:.2f}.keras", "ends with .keras"),
            ("m{epoch:.2d}", "received epoch:.2d"),
            ("m{epoch", "a closing brace"),
        ] {
            let path = folder.path().join(name).to_str().unwrap().to_owned();
            let mut model = model()?;
            let before = copy(&model.weights()?[0].1)?;
            let fit = Fit::new().epochs(2).verbose(0);
            let fit = fit.callbacks(ModelCheckpoint::new(path));
            let failure = model.fit(&x, &y, &fit).unwrap_err().to_string();
            assert!(failure.contains(part), "{failure}");
            assert_eq!(model.weights()?[0].1, before, "nothing was trained");
        }
        assert!(names(&folder).is_empty());
        Ok(())
    }

    #[test]
    fn a_figure_that_only_a_callback_could_add_is_told_before_the_training() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m{f1:.2f}");
        let mut callback = ModelCheckpoint::new(path.to_str().unwrap());
        let outcome = rehearse(&mut callback, &mut model()?, "f1", &[0.5])?;
        assert_eq!(outcome.failure, None);
        assert!(outcome.messages[0].contains("asks for f1, but the figures are loss, accuracy"));
        assert_eq!(names(&folder), ["m0.50.safetensors"]);
        Ok(())
    }
}
