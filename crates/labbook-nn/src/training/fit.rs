use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tch::Tensor;

use crate::training::reporter::default_reporter;
use crate::model::sequential::spans;
use crate::{Augmentation, Callbacks, Error, Reporter, Result, Verbosity};

/// The options of [`Sequential::fit`](crate::Sequential::fit), with Keras's defaults.
///
/// One epoch, batches of 32, a new order in each epoch, verbosity 1, no validation.
pub struct Fit {
    pub(crate) epochs: usize,
    pub(crate) initial_epoch: usize,
    pub(crate) batch_size: i64,
    pub(crate) drop_remainder: bool,
    pub(crate) shuffle: bool,
    pub(crate) validation: Option<(Tensor, Tensor)>,
    pub(crate) callbacks: RefCell<Callbacks>,
    pub(crate) augmentation: Option<Augmentation>,
    pub(crate) place: Option<Place>,
    pub(crate) resume: bool,
    verbose: u8,
    reporter: Option<Arc<dyn Reporter>>,
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
    pub fn validation_data(mut self, x: &Tensor, y: &Tensor) -> Self {
        self.validation = Some((x.shallow_clone(), y.shallow_clone()));
        self
    }

    /// Sets the callbacks: one, a tuple of up to four, or a `Vec<Box<dyn Callback>>`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn callbacks(mut self, callbacks: impl Into<Callbacks>) -> Self {
        self.callbacks = RefCell::new(callbacks.into());
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
        Verbosity::from_number(self.verbose)
    }

    /// Start and length of each batch of an epoch.
    pub(crate) fn batches(&self, examples: i64) -> Result<Vec<(i64, i64)>> {
        let mut batches = spans(examples, self.batch_size);
        if self.drop_remainder {
            batches.retain(|&(_, length)| length == self.batch_size);
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
        let validation = self.validation.as_ref().map(|(x, _)| x.size());
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
