mod callback;
mod csv_logger;
mod early_stopping;
mod file_template;
mod json_logger;
mod learning_rate_scheduler;
mod line_file;
mod lookahead;
mod ml_flow;
mod model_checkpoint;
mod monitor;
mod number_format;
mod reduce_lr_on_plateau;
mod tensor_board;

use std::time::{SystemTime, UNIX_EPOCH};

pub use callback::{Callback, CallbackState, Callbacks, Control};
pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use json_logger::JsonLogger;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use lookahead::Lookahead;
pub use ml_flow::MlFlow;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::MonitorMode;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use tensor_board::TensorBoard;

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// For the tests of single callbacks: runs one through the figures of some epochs.
#[cfg(test)]
mod rehearsal {
    use std::sync::Mutex;

    use tch::Device;

    use crate::{
        Adam, Callback, Control, Dense, FitParams, Logs, Progress, Reporter, Result, Sequential,
        SparseCategoricalCrossentropy, Verbosity,
    };

    #[derive(Default)]
    pub(super) struct Listener(Mutex<Vec<String>>);

    impl Reporter for Listener {
        fn epoch_begin(&self, _epoch: usize, _params: &FitParams) {}
        fn epoch_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
        fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
        fn message(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    /// What came of a rehearsal.
    #[derive(Debug, Default, PartialEq)]
    pub(super) struct Outcome {
        /// The last epoch, counted from 0.
        pub(super) last_epoch: usize,
        pub(super) stopped: bool,
        pub(super) messages: Vec<String>,
        pub(super) failure: Option<String>,
        /// What the callback added to the figures, epoch by epoch.
        pub(super) added: Vec<(String, f64)>,
    }

    pub(super) fn model() -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(1).named("net");
        // Else it counts the models before it.
        model.graph.inputs[0].name = "net_input".to_owned();
        model.add(Dense::new(2).name("out").input_shape(2));
        let loss = SparseCategoricalCrossentropy::new().from_logits(true);
        model.compile(Adam::new().learning_rate(0.1), loss, ["accuracy"])?;
        Ok(model)
    }

    /// Epochs whose only figure is `key`; every epoch fills the weights with its number.
    pub(super) fn rehearse(
        callback: &mut dyn Callback,
        model: &mut Sequential,
        key: &str,
        figures: &[f64],
    ) -> Result<Outcome> {
        let listener = Listener::default();
        let mut outcome = Outcome::default();
        let mut added = Vec::new();
        let params = FitParams {
            epochs: figures.len(),
            initial_epoch: 0,
            steps: 1,
            batch_size: 1,
            examples: 1,
            validation_examples: i64::from(key.starts_with("val_")),
            seed: 0,
        };
        macro_rules! control {
            () => {
                &mut Control {
                    model,
                    params: &params,
                    reporter: &listener,
                    stop: &mut outcome.stopped,
                    failure: &mut outcome.failure,
                    added: &mut added,
                    resuming: false,
                }
            };
        }
        callback.on_train_begin(control!());
        for (epoch, figure) in figures.iter().enumerate() {
            outcome.last_epoch = epoch;
            callback.on_epoch_begin(epoch, control!());
            let weights = model.weights()?.into_iter();
            let weights: Vec<_> = weights
                .map(|(name, weight)| (name, weight.full_like(epoch as f64)))
                .collect();
            model.set_weights(&weights)?;
            let logs = Logs::new(vec![(key.to_owned(), *figure)]);
            callback.on_epoch_end(epoch, &logs, control!());
            if outcome.stopped || outcome.failure.is_some() {
                break;
            }
        }
        callback.on_train_end(control!());
        outcome.added = added;
        outcome.messages = listener.0.into_inner().unwrap();
        Ok(outcome)
    }
}
