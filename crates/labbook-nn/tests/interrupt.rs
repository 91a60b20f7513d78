//! Stopping a training from outside. The request belongs to the process, hence the lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use labbook_nn::Activation::Softmax;
use labbook_nn::{
    Adam, Callback, Control, Dense, Evaluate, Fit, FitParams, Loss, Output, Progress, Reporter,
    Result, Sequential, SparseCategoricalCrossentropy, Targets, Verbosity, interrupt,
};
use tch::{Device, Kind, Tensor};

fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    lock(&LOCK)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn model() -> Result<(Sequential, Tensor, Tensor)> {
    let x = (Tensor::arange(120, (Kind::Float, Device::Cpu)) * 0.7)
        .sin()
        .reshape([40, 3]);
    let y = Tensor::arange(40, (Kind::Int64, Device::Cpu)).remainder(2);
    let mut model = Sequential::on(Device::Cpu).seeded(3);
    model.add(Dense::new(2).activation(Softmax).input_shape(3));
    model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), [])?;
    Ok((model, x, y))
}

/// Presses the stop button in one step of the third epoch; another thread does it.
#[derive(Default)]
struct StopButton {
    seen: Arc<Mutex<Vec<String>>>,
    epoch: Mutex<usize>,
}

impl Reporter for StopButton {
    fn epoch_begin(&self, epoch: usize, _params: &FitParams) {
        *lock(&self.epoch) = epoch;
    }

    fn step_end(&self, progress: &Progress) {
        let epoch = *lock(&self.epoch);
        lock(&self.seen).push(format!("{epoch}:{}", progress.step));
        if (epoch, progress.step) == (2, 2) {
            let pressed = std::thread::spawn(interrupt::request).join();
            assert!(pressed.is_ok());
        }
    }

    fn epoch_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
    fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
    fn message(&self, _line: &str) {}

    fn train_end(&self, history: &labbook_nn::History) {
        lock(&self.seen).push(format!("end {}", history.interrupted));
    }
}

struct Ends(Arc<Mutex<usize>>);

impl Callback for Ends {
    fn on_train_end(&mut self, _control: &mut Control<'_>) {
        *lock(&self.0) += 1;
    }
}

#[test]
fn a_request_stops_within_the_epoch_and_the_model_lives_on() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = model()?;
    let button = StopButton::default();
    let (seen, ends) = (button.seen.clone(), Arc::new(Mutex::new(0)));
    let options = Fit::new()
        .epochs(5)
        .batch_size(8)
        .reporter(button)
        .callbacks(Ends(ends.clone()));
    let history = model.fit(&x, &y, &options)?;
    assert!(history.interrupted);
    assert_eq!(history.epoch, [0, 1]);
    assert_eq!(history.get("loss").map(|losses| losses.len()), Some(2));
    assert_eq!(*lock(&ends), 1);
    let seen = lock(&seen);
    // The third step was computed before the request was seen, and told nobody.
    assert_eq!(seen[10..], ["2:1", "2:2", "end true"]);
    assert_eq!(model.optimizer_state()?.step, 13);
    assert!(!interrupt::is_requested(), "the request is done with");

    let history = model.fit(&x, &y, &Fit::new().batch_size(8).verbose(0))?;
    assert!(!history.interrupted);
    Ok(())
}

#[test]
fn requests_from_before_the_training_are_forgotten() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = model()?;
    interrupt::request();
    assert!(interrupt::is_requested());
    assert!(!model.fit(&x, &y, &Fit::new().verbose(0))?.interrupted);
    interrupt::request();
    interrupt::clear();
    assert!(!interrupt::is_requested());
    Ok(())
}

/// Presses the stop button when it is asked for the loss the given number of times.
#[derive(Debug)]
struct PressingLoss(Mutex<i32>);

impl Loss for PressingLoss {
    fn name(&self) -> &str {
        "pressing"
    }

    fn targets(&self) -> Targets {
        Targets::Any
    }

    fn per_example(&self, _targets: &Tensor, output: &Output) -> Result<Tensor> {
        let mut left = lock(&self.0);
        *left -= 1;
        if *left == 0 {
            interrupt::request();
        }
        Ok(output.predictions()?.mean_dim(-1, false, Kind::Float))
    }
}

#[test]
fn an_epoch_interrupted_in_its_validation_does_not_count() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = model()?;
    // An epoch asks five times in training and five times in validation.
    model.compile(Adam::new(), PressingLoss(Mutex::new(18)), [])?;
    let options = Fit::new().epochs(4).batch_size(8).verbose(0);
    let options = options.validation_data(&x, &y);
    let history = model.fit(&x, &y, &options)?;
    assert!(history.interrupted);
    assert_eq!(history.epoch, [0]);
    assert!(!interrupt::is_requested(), "the request is done with");
    Ok(())
}

#[test]
fn an_interrupted_evaluation_is_an_error_and_the_next_one_is_not() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = model()?;
    model.compile(Adam::new(), PressingLoss(Mutex::new(1)), [])?;
    let options = Evaluate::new().verbose(0);
    interrupt::request();
    let error = model.evaluate_with(&x, &y, &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "evaluate was interrupted; call it again to compute it anew"
    );
    assert!(!interrupt::is_requested(), "the request is done with");
    assert!(model.evaluate_with(&x, &y, &options).is_ok());
    interrupt::request();
    assert!(model.predict(&x).is_ok(), "the request is older");
    Ok(())
}

/// Presses the stop button and predicts, as a callback that draws pictures would.
struct PressesAndPredicts(Tensor);

impl Callback for PressesAndPredicts {
    fn on_epoch_end(&mut self, epoch: usize, _logs: &labbook_nn::Logs, control: &mut Control<'_>) {
        if epoch == 1 {
            interrupt::request();
            assert!(control.model_mut().predict(&self.0).is_err());
        }
    }
}

#[test]
fn a_prediction_within_a_training_leaves_the_request_to_it() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = model()?;
    let callback = PressesAndPredicts(x.shallow_clone());
    let options = Fit::new().epochs(4).verbose(0).callbacks(callback);
    let history = model.fit(&x, &y, &options)?;
    assert!(history.interrupted);
    assert_eq!(history.epoch, [0, 1]);
    assert!(!interrupt::is_requested());
    Ok(())
}
