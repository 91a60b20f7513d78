use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

use crate::{FitParams, Logs, Model, Reporter, Result};

/// Something to do during training. Every method does nothing unless written otherwise.
///
/// Epochs count from 0. One instance may serve several trainings, so what it remembers is
/// best set back in `on_train_begin`. To read a callback after training, keep an
/// `Arc<Mutex<..>>` of it and hand a clone to `fit`.
///
/// ```
/// use labbook_nn::{Callback, Control, Dense, Fit, Logs, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// /// Ends the training once the loss is small.
/// struct GoodEnough;
///
/// impl Callback for GoodEnough {
///     fn on_epoch_end(&mut self, _epoch: usize, logs: &Logs, control: &mut Control<'_>) {
///         if logs.get("loss").is_some_and(|loss| loss < 100.0) {
///             control.stop_training();
///         }
///     }
/// }
///
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let history = model.fit(&x, &y, &Fit::new().epochs(9).verbose(0).callbacks(GoodEnough))?;
/// assert_eq!(history.epoch, [0]);
/// # Ok(())
/// # }
/// ```
pub trait Callback: Send {
    /// Training is about to begin.
    fn on_train_begin(&mut self, _control: &mut Control<'_>) {}

    /// An epoch is about to begin.
    fn on_epoch_begin(&mut self, _epoch: usize, _control: &mut Control<'_>) {}

    /// The optimizer made its step for a batch; the first batch of an epoch is 0.
    ///
    /// Has to be quick. On a GPU the step may not have been computed yet.
    fn on_train_batch_end(&mut self, _batch: i64, _control: &mut Control<'_>) {}

    /// An epoch and its validation have ended; `logs` are the figures of the history.
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, _control: &mut Control<'_>) {}

    /// Training has ended.
    fn on_train_end(&mut self, _control: &mut Control<'_>) {}

    /// What the callback has to remember when a training is resumed in another process.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn state(&self) -> Result<CallbackState> {
        Ok(CallbackState::default())
    }

    /// Goes back to a remembered state, after `on_train_begin`.
    ///
    /// # Errors
    /// When the state is not of such a callback.
    fn set_state(&mut self, _state: &CallbackState) -> Result<()> {
        Ok(())
    }
}

/// What a callback remembers from epoch to epoch.
///
/// ```
/// use labbook_nn::{Callback, EarlyStopping};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let state = EarlyStopping::new().state()?;
/// EarlyStopping::new().set_state(&state)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct CallbackState {
    /// Numbers by their names, such as `wait`.
    pub values: Vec<(String, f64)>,
    /// Tensors by their names, such as weights.
    pub tensors: Vec<(String, Tensor)>,
}

impl<C: Callback> Callback for Arc<Mutex<C>> {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.on_train_begin(control);
    }

    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.on_epoch_begin(epoch, control);
    }

    fn on_train_batch_end(&mut self, batch: i64, control: &mut Control<'_>) {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.on_train_batch_end(batch, control);
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.on_epoch_end(epoch, logs, control);
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.on_train_end(control);
    }

    fn state(&self) -> Result<CallbackState> {
        self.lock().unwrap_or_else(PoisonError::into_inner).state()
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let mut callback = self.lock().unwrap_or_else(PoisonError::into_inner);
        callback.set_state(state)
    }
}

/// What a callback can do to the training that calls it.
///
/// ```
/// use labbook_nn::{Callback, Control, Dense, Fit, Logs, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// /// Adds a figure to the history, and says so.
/// struct Weighs;
///
/// impl Callback for Weighs {
///     fn on_epoch_end(&mut self, epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
///         let weights = control.model().count_params().unwrap_or_default();
///         control.log("weights", weights as f64);
///         control.message(&format!("{} of {}", epoch + 1, control.params().epochs));
///     }
/// }
///
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let history = model.fit(&x, &y, &Fit::new().verbose(0).callbacks(Weighs))?;
/// assert_eq!(history.get("weights"), Some(vec![3.0]));
/// # Ok(())
/// # }
/// ```
pub struct Control<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) params: &'a FitParams,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) stop: &'a mut bool,
    pub(crate) failure: &'a mut Option<String>,
    /// Figures for the history, besides those of the model.
    pub(crate) added: &'a mut Vec<(String, f64)>,
    pub(crate) resuming: bool,
}

impl Control<'_> {
    /// Ends the training after this epoch, which the history keeps.
    pub fn stop_training(&mut self) {
        *self.stop = true;
    }

    /// Ends the training with an error, for instance when a file cannot be written.
    pub fn fail(&mut self, message: impl Into<String>) {
        self.failure.get_or_insert(message.into());
    }

    /// The model being trained.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.model
    }

    /// The model being trained, for instance to set weights or the learning rate.
    pub fn model_mut(&mut self) -> &mut Model {
        self.model
    }

    /// The numbers that describe the training, such as how many epochs and steps it has.
    #[must_use]
    pub fn params(&self) -> &FitParams {
        self.params
    }

    /// Adds a figure to those of the epoch that ends: to the history and, under this name, to
    /// what the callbacks that follow are given.
    pub fn log(&mut self, key: impl Into<String>, value: f64) {
        self.added.push((key.into(), value));
    }

    /// Adds the learning rate as `lr`, as Keras's callbacks for it do.
    pub(crate) fn log_learning_rate(&mut self) {
        match self.model.learning_rate() {
            Ok(rate) => self.log("lr", rate),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Whether a training begins that goes on with one of an earlier process.
    #[must_use]
    pub fn is_resuming(&self) -> bool {
        self.resuming
    }

    /// Tells something in a line of its own, after the line of the epoch.
    pub fn message(&self, line: &str) {
        self.reporter.message(line);
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("model", &self.model)
            .field("stop", &self.stop)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// The callbacks of a training: one, a tuple of up to four, or a vector of boxes.
///
/// ```
/// use labbook_nn::{EarlyStopping, Fit, ReduceLROnPlateau};
///
/// let stopping = EarlyStopping::new().patience(3);
/// let slower = ReduceLROnPlateau::new().factor(0.5);
/// let options = Fit::new().callbacks((stopping, slower));
/// ```
#[derive(Default)]
pub struct Callbacks(pub(crate) Vec<Box<dyn Callback>>);

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callbacks({})", self.0.len())
    }
}

impl From<Vec<Box<dyn Callback>>> for Callbacks {
    fn from(callbacks: Vec<Box<dyn Callback>>) -> Self {
        Self(callbacks)
    }
}

impl<C: Callback + 'static> From<C> for Callbacks {
    fn from(callback: C) -> Self {
        Self(vec![Box::new(callback)])
    }
}

impl<A: Callback + 'static, B: Callback + 'static> From<(A, B)> for Callbacks {
    fn from((a, b): (A, B)) -> Self {
        Self(vec![Box::new(a), Box::new(b)])
    }
}

impl<A, B, C> From<(A, B, C)> for Callbacks
where
    A: Callback + 'static,
    B: Callback + 'static,
    C: Callback + 'static,
{
    fn from((a, b, c): (A, B, C)) -> Self {
        Self(vec![Box::new(a), Box::new(b), Box::new(c)])
    }
}

impl<A, B, C, D> From<(A, B, C, D)> for Callbacks
where
    A: Callback + 'static,
    B: Callback + 'static,
    C: Callback + 'static,
    D: Callback + 'static,
{
    fn from((a, b, c, d): (A, B, C, D)) -> Self {
        Self(vec![Box::new(a), Box::new(b), Box::new(c), Box::new(d)])
    }
}
