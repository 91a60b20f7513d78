//! Stopping a training from outside. The request belongs to the process, hence the lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use labbook_nn::Activation::Softmax;
use labbook_nn::{
    Adam, Callback, Control, Dense, Fit, FitParams, Progress, Reporter, Result, Sequential,
    SparseCategoricalCrossentropy, Verbosity, interrupt,
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
