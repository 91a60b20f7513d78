use crate::data::spans::spans;
use crate::data::stopping;
use crate::data::tensor_batches::{DataSpec, TensorBatches};
use crate::random::Rng;
use crate::{Batch, Batches, Dataset, Error, Result, interrupt};

/// Keeps the random numbers of data sets apart from those of kernels and trainings.
const DATA_STREAM: u64 = 1 << 63;

/// Where the batches of a training or an evaluation come from.
pub(crate) enum Examples<'a> {
    /// Tensors in memory, cut into batches.
    Tensors(TensorBatches<'a>),
    /// A data set that gives batches.
    Stream(Stream<'a>),
}

/// A data set on its way through the epochs.
pub(crate) struct Stream<'a> {
    pub(crate) spec: &'a DataSpec,
    pub(crate) data: &'a dyn Dataset,
    pub(crate) class_weight: &'a [(i64, f64)],
    /// Decides about all passes.
    pub(crate) seed: u64,
    pub(crate) steps_per_epoch: Option<i64>,
    /// The pass that is going on, and how many began.
    current: Option<Batches>,
    passes: u64,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(
        spec: &'a DataSpec,
        data: &'a dyn Dataset,
        class_weight: &'a [(i64, f64)],
        seed: u64,
        steps_per_epoch: Option<i64>,
    ) -> Self {
        Self {
            spec,
            data,
            class_weight,
            seed,
            steps_per_epoch,
            current: None,
            passes: 0,
        }
    }

    /// How many steps an epoch has, if that is known.
    pub(crate) fn steps(&self) -> Option<i64> {
        let length = || {
            self.data
                .len()
                .and_then(|length| i64::try_from(length).ok())
        };
        self.steps_per_epoch.or_else(length)
    }

    /// Checks that an epoch ends, by itself or after so many steps.
    pub(crate) fn check_end(&self, option: &str) -> Result<()> {
        match self.data.is_infinite() && self.steps_per_epoch.is_none() {
            false => Ok(()),
            true => Err(Error::option(
                option,
                "a number of batches, since the data set never ends",
                "none",
                format!("add .{option}(..) to the options, or .take(..) to the data set"),
            )),
        }
    }

    /// Goes to where a training is after so many epochs.
    pub(crate) fn skip_epochs(&mut self, epochs: u64) -> Result<()> {
        match self.steps_per_epoch {
            // Every epoch is a pass of its own.
            None => self.passes = epochs,
            Some(steps) => {
                for _ in 0..epochs.saturating_mul(steps.unsigned_abs()) {
                    self.next_of_endless()?;
                    stopping::check("fit")?;
                }
            }
        }
        Ok(())
    }

    /// The next batch of the epoch, after `step` others; `None` at its end.
    pub(crate) fn next(&mut self, step: i64) -> Result<Option<Batch>> {
        let batch = match self.steps_per_epoch {
            Some(steps) if step >= steps => return Ok(None),
            Some(_) => Some(self.next_of_endless()?),
            None => {
                if step == 0 {
                    self.begin_pass()?;
                }
                let current = self.current.as_mut();
                current.and_then(Iterator::next).transpose()?
            }
        };
        match batch {
            Some(batch) => self.spec.accept(batch, true, self.class_weight).map(Some),
            None if step == 0 => Err(empty()),
            None => Ok(None),
        }
    }

    /// The next batch, pass after pass.
    fn next_of_endless(&mut self) -> Result<Batch> {
        if let Some(batch) = self.current.as_mut().and_then(Iterator::next) {
            return batch;
        }
        self.begin_pass()?;
        let batch = self.current.as_mut().and_then(Iterator::next);
        batch.unwrap_or_else(|| Err(empty()))
    }

    fn begin_pass(&mut self) -> Result<()> {
        // The old pass ends first: it may have a thread.
        self.current = None;
        let seed = Rng::new(self.seed, DATA_STREAM + self.passes).next_u64();
        self.passes += 1;
        self.current = Some(self.data.epoch(seed)?);
        Ok(())
    }
}

fn empty() -> Error {
    Error::data(
        "data set",
        "at least one batch",
        "none",
        "check how the data were selected, or whether a generator can begin anew",
    )
}

/// What to make of an error of a data set that somebody interrupted: the end of the work.
pub(crate) fn unless_interrupted<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::Interrupted { .. }) if interrupt::is_requested() => Ok(None),
        result => result.map(Some),
    }
}

impl Examples<'_> {
    /// The number of examples, if that is known.
    pub(crate) fn count(&self) -> Option<i64> {
        match self {
            Self::Tensors(batches) => Some(batches.count()),
            Self::Stream(_) => None,
        }
    }

    /// The largest batch that may come, given that of tensors.
    pub(crate) fn largest_batch(&self, batch_size: i64) -> i64 {
        match self {
            Self::Tensors(_) => batch_size,
            Self::Stream(_) => i64::MAX,
        }
    }

    /// The batches of a measurement, in their order; of tensors so many examples.
    pub(crate) fn each(
        &mut self,
        batch_size: i64,
        examples: i64,
        mut see: impl FnMut(Batch) -> Result<bool>,
    ) -> Result<bool> {
        match self {
            Self::Tensors(batches) => {
                for (start, length) in spans(batches.count().min(examples), batch_size) {
                    if !see(batches.slice(start, length)?)? {
                        return Ok(false);
                    }
                }
            }
            Self::Stream(stream) => {
                // Every measurement sees the same.
                (stream.passes, stream.current) = (0, None);
                let mut step = 0;
                loop {
                    match unless_interrupted(stream.next(step))? {
                        None => return Ok(false),
                        Some(None) => break,
                        Some(Some(batch)) => {
                            step += 1;
                            if !see(batch)? {
                                return Ok(false);
                            }
                        }
                    }
                }
                stream.current = None;
            }
        }
        Ok(true)
    }
}
