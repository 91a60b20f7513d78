use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tch::Tensor;

use super::labelled::Labelled;
use super::reporter::default_reporter;
use crate::data::spans::spans;
use crate::{Augmentation, Callbacks, Dataset, Error, Reporter, Result, Tensors, Verbosity};

/// The options of [`Model::fit`](crate::Model::fit), with Keras's defaults.
///
/// One epoch, batches of 32, a new order in each epoch, verbosity 1, no validation.
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
/// let options = Fit::new().epochs(3).batch_size(2).validation_split(0.5).verbose(0);
/// assert_eq!(model.fit(&x, &y, &options)?.keys(), ["loss", "val_loss"]);
/// # Ok(())
/// # }
/// ```
pub struct Fit {
    pub(crate) epochs: usize,
    pub(crate) initial_epoch: usize,
    pub(crate) batch_size: i64,
    pub(crate) drop_remainder: bool,
    pub(crate) shuffle: bool,
    pub(crate) validation: Option<Validation>,
    pub(crate) validation_split: f64,
    pub(crate) validation_freq: usize,
    pub(crate) validation_batch_size: Option<i64>,
    pub(crate) validation_steps: Option<i64>,
    pub(crate) steps_per_epoch: Option<i64>,
    pub(crate) sample_weight: Option<Tensor>,
    pub(crate) class_weight: Vec<(i64, f64)>,
    pub(crate) callbacks: RefCell<Callbacks>,
    pub(crate) augmentation: Option<Augmentation>,
    pub(crate) place: Option<Place>,
    pub(crate) resume: bool,
    verbose: u8,
    reporter: Option<Arc<dyn Reporter>>,
}

/// What is measured after an epoch.
pub(crate) enum Validation {
    /// Examples in memory.
    Tensors(Labelled),
    /// A data set that gives batches.
    Dataset(Arc<dyn Dataset>),
}

/// Where a training is kept after every epoch.
#[derive(Debug)]
pub(crate) enum Place {
    /// In this file, for good.
    File(PathBuf),
    /// Under this name, until it has ended.
    Run(String),
}

impl Fit {
    /// Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of the epoch to train up to; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the epoch to begin with, counted from 0, to go on with an earlier training.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn initial_epoch(mut self, initial_epoch: usize) -> Self {
        self.initial_epoch = initial_epoch;
        self
    }

    /// Sets the examples per step; the default is 32. The last batch may be smaller.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Says whether to leave out the last batch of an epoch if it is smaller than the others;
    /// the default is `false`.
    ///
    /// So in the batches of `tf.data`. With shuffles every epoch leaves out other examples.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn drop_remainder(mut self, drop_remainder: bool) -> Self {
        self.drop_remainder = drop_remainder;
        self
    }

    /// Says whether every epoch has an order of its own; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Evaluates on these data after each epoch, with the same batch size.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_data(mut self, x: impl Into<Tensors>, y: impl Into<Tensors>) -> Self {
        self.validation = Some(Validation::Tensors(Labelled {
            x: x.into(),
            y: y.into(),
            sample_weight: None,
        }));
        self
    }

    /// The same with a weight for each example, of shape (N,).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weighted_validation_data(
        mut self,
        x: impl Into<Tensors>,
        y: impl Into<Tensors>,
        sample_weight: &Tensor,
    ) -> Self {
        self.validation = Some(Validation::Tensors(Labelled {
            x: x.into(),
            y: y.into(),
            sample_weight: Some(sample_weight.shallow_clone()),
        }));
        self
    }

    /// Evaluates on a data set after each epoch.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_dataset(mut self, data: impl Dataset + 'static) -> Self {
        self.validation = Some(Validation::Dataset(Arc::new(data)));
        self
    }

    /// Holds back the last examples for validation: this share of them, at least 0 and below 1,
    /// taken before any shuffle, as in Keras.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// Evaluates after every so many epochs; the default is 1. Epochs without it hold NaN.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = epochs;
        self
    }

    /// Sets the examples per batch of the validation; the default is that of the training.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_batch_size(mut self, batch_size: i64) -> Self {
        self.validation_batch_size = Some(batch_size);
        self
    }

    /// Ends each validation after so many batches.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn validation_steps(mut self, steps: i64) -> Self {
        self.validation_steps = Some(steps);
        self
    }

    /// Ends each epoch after so many steps.
    ///
    /// The next epoch goes on where a data set was, and begins it anew when it is through; of
    /// tensors, which are shuffled for each epoch, every epoch sees so many batches.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn steps_per_epoch(mut self, steps: i64) -> Self {
        self.steps_per_epoch = Some(steps);
        self
    }

    /// Sets the weight of each example in the loss and in weighted metrics, of shape (N,).
    ///
    /// As in Keras 3, the loss of a batch is the sum of the weighted losses over the number of
    /// its examples, not over the sum of the weights.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn sample_weight(mut self, sample_weight: &Tensor) -> Self {
        self.sample_weight = Some(sample_weight.shallow_clone());
        self
    }

    /// Sets the weight of the examples of each class, as pairs of class and weight; classes
    /// that are left out count 1.
    ///
    /// ```
    /// use labbook_nn::Fit;
    ///
    /// let options = Fit::new().class_weight([(0, 1.0), (1, 5.0)]);
    /// ```
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn class_weight(mut self, class_weight: impl Into<Vec<(i64, f64)>>) -> Self {
        self.class_weight = class_weight.into();
        self
    }

    /// Adds callbacks: one, a tuple of up to four, or a `Vec<Box<dyn Callback>>`. They are asked in the order in
    /// which they came.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn callbacks(mut self, callbacks: impl Into<Callbacks>) -> Self {
        self.callbacks.get_mut().0.extend(callbacks.into().0);
        self
    }

    /// Changes the images of training batches at random; the default leaves them as they are.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn augmentation(mut self, augmentation: Augmentation) -> Self {
        self.augmentation = Some(augmentation);
        self
    }

    /// Keeps the training in a file after every epoch, and goes on from there if the file
    /// exists.
    ///
    /// After a crash, an interrupt or a kill, the same call with the same settings and data
    /// goes on after the last finished epoch, in another process if need be, and ends with the
    /// same weights, to the bit, as if nothing had happened (on one machine, with one thread
    /// count). The file holds weights, optimizer, history, the state of the shuffles and of
    /// the callbacks; it is written beside and renamed. A model without a chosen seed takes
    /// that of the file. A training that has reached its last epoch, or that a callback ended,
    /// is not repeated: its weights and history come from the file. More epochs may be asked
    /// for; other settings are an error. Remove the file, or use `.resume(false)`, to begin anew.
    ///
    /// `.safetensors` is added to the name if it is not there.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn resume_from(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Some(Place::File(path.into()));
        self
    }

    /// Names the training, and keeps it under this name until it has ended.
    ///
    /// A training that was cut short (the kernel was restarted, the memory was full, the power
    /// failed, an interrupt or an error ended it) goes on after its last finished epoch at the
    /// next `fit` with the same name, and says so; `.resume(false)` begins anew. So does
    /// `BackupAndRestore` of Keras. What is kept, and what has to be the same, is as in
    /// [`resume_from`](Self::resume_from). The files are in the folder of
    /// [`set_run_folder`](crate::set_run_folder); of `resume_from` and `run_name`, the last one
    /// counts. Two trainings of one name cannot run at the same time.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.place = Some(Place::Run(name.into()));
        self
    }

    /// Says whether to go on with a training that was kept under
    /// [`run_name`](Self::run_name) or [`resume_from`](Self::resume_from); the default is `true`.
    /// With `false` it is forgotten.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets how much to tell: 0 nothing, 1 the line with the bar (the default), 2 a short line.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }

    /// Sets who tells it, in place of the process's default reporter.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn reporter(mut self, reporter: impl Reporter + 'static) -> Self {
        self.reporter = Some(Arc::new(reporter));
        self
    }

    pub(crate) fn check(&self) -> Result<Verbosity> {
        check_batch_size(self.batch_size)?;
        if self.initial_epoch >= self.epochs {
            return Err(Error::option(
                "epochs",
                format!("more than initial_epoch, which is {}", self.initial_epoch),
                self.epochs,
                "epochs is the number of the last epoch, not how many to add",
            ));
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            return Err(Error::option(
                "validation_split",
                "at least 0 and below 1",
                self.validation_split,
                "use 0.2 to hold back a fifth",
            ));
        }
        if self.validation_freq == 0 {
            return Err(Error::option("validation_freq", "at least 1", 0, "use 1"));
        }
        let counts = [
            ("steps_per_epoch", self.steps_per_epoch),
            ("validation_steps", self.validation_steps),
        ];
        for (option, count) in counts {
            check_steps(option, count)?;
        }
        if let Some(batch_size) = self.validation_batch_size {
            check_batch_size(batch_size)?;
        }
        Verbosity::from_number(self.verbose)
    }

    /// Options that only tensors have.
    pub(crate) fn check_for_dataset(&self) -> Result<()> {
        let given = [
            ("validation_split", self.validation_split > 0.0),
            ("sample_weight", self.sample_weight.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(Error::option(
                option,
                "none for a data set",
                "one",
                "let the data set give the weights, and make the validation set with take and skip",
            )),
        }
    }

    /// Whether this epoch is followed by a validation.
    pub(crate) fn validates_after(&self, epoch: usize) -> bool {
        (epoch + 1).is_multiple_of(self.validation_freq)
    }

    /// The examples for training and those held back, if `validation_split` asks for that.
    pub(crate) fn split(&self, whole: &Labelled) -> Result<Option<(Labelled, Labelled)>> {
        if self.validation_split == 0.0 {
            return Ok(None);
        }
        let count = whole.count();
        let at = (count as f64 * (1.0 - self.validation_split)).floor() as i64;
        if at < 1 || at >= count {
            return Err(Error::option(
                "validation_split",
                format!("a share that leaves examples on both sides of {count}"),
                self.validation_split,
                "use more examples, or validation_data",
            ));
        }
        whole.split(at).map(Some)
    }

    /// Examples of a batch of the validation data, where there are some.
    pub(crate) fn validation_batch(&self) -> Option<i64> {
        let validates = self.validation.is_some() || self.validation_split > 0.0;
        validates.then(|| self.validation_batch_size.unwrap_or(self.batch_size))
    }

    /// Start and length of each batch of an epoch.
    pub(crate) fn batches(&self, examples: i64) -> Result<Vec<(i64, i64)>> {
        let mut batches = spans(examples, self.batch_size);
        if self.drop_remainder {
            batches.retain(|&(_, length)| length == self.batch_size);
        }
        if let Some(steps) = self.steps_per_epoch {
            batches.truncate(usize::try_from(steps).unwrap_or(usize::MAX));
        }
        match batches.is_empty() {
            true => Err(Error::option(
                "batch_size",
                format!("at most {examples} with drop_remainder, as many as there are examples"),
                self.batch_size,
                "use a smaller batch size, or keep the last batch",
            )),
            false => Ok(batches),
        }
    }

    pub(crate) fn chosen_reporter(&self) -> Arc<dyn Reporter> {
        self.reporter.clone().unwrap_or_else(default_reporter)
    }
}

/// A number of batches is at least one.
pub(crate) fn check_steps(option: &str, count: Option<i64>) -> Result<()> {
    match count.filter(|&count| count < 1) {
        None => Ok(()),
        Some(count) => Err(Error::option(
            option,
            "at least 1",
            count,
            "leave it out for all",
        )),
    }
}

/// Batches hold at least one example.
pub(crate) fn check_batch_size(batch_size: i64) -> Result<()> {
    if batch_size > 0 {
        return Ok(());
    }
    Err(Error::option(
        "batch_size",
        "at least 1",
        batch_size,
        "use 32, or 512 for small images",
    ))
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            epochs: 1,
            initial_epoch: 0,
            batch_size: 32,
            drop_remainder: false,
            shuffle: true,
            validation: None,
            validation_split: 0.0,
            validation_freq: 1,
            validation_batch_size: None,
            validation_steps: None,
            steps_per_epoch: None,
            sample_weight: None,
            class_weight: Vec::new(),
            callbacks: RefCell::default(),
            augmentation: None,
            place: None,
            resume: true,
            verbose: 1,
            reporter: None,
        }
    }
}

impl fmt::Debug for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let validation = self.validation.as_ref().map(|validation| match validation {
            Validation::Tensors(data) => format!("{data:?}"),
            Validation::Dataset(data) => format!("{:?} batches", data.len()),
        });
        let in_use = "in use";
        let callbacks = self.callbacks.try_borrow();
        let callbacks: &dyn fmt::Debug = match &callbacks {
            Ok(callbacks) => callbacks,
            Err(_) => &in_use,
        };
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("initial_epoch", &self.initial_epoch)
            .field("batch_size", &self.batch_size)
            .field("drop_remainder", &self.drop_remainder)
            .field("shuffle", &self.shuffle)
            .field("validation", &validation)
            .field("callbacks", callbacks)
            .field("augmentation", &self.augmentation)
            .field("place", &self.place)
            .field("resume", &self.resume)
            .field("verbose", &self.verbose)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batch_may_be_left_out() -> Result<()> {
        let fit = Fit::new().batch_size(4);
        assert_eq!(fit.batches(10)?, [(0, 4), (4, 4), (8, 2)]);
        let fit = fit.drop_remainder(true);
        assert_eq!(fit.batches(10)?, [(0, 4), (4, 4)]);
        assert_eq!(fit.batches(8)?, [(0, 4), (4, 4)]);
        let error = fit.batches(3).unwrap_err().to_string();
        assert!(error.contains("at most 3 with drop_remainder"), "{error}");
        Ok(())
    }
}
