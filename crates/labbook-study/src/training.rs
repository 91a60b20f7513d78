use std::path::Path;
use std::{fmt, fs, io};

use labbook_nn::{
    Dataset, Dense, Evaluate, Evaluation, Fit, History, Model, SGD, Sequential, Tensors,
};
use tch::{Device, Kind, Tensor};

use crate::{Result, StudyError};

/// What a training program makes of a case: a compiled model, the data that it learns from, and how.
///
/// ```
/// use labbook_nn::{Dense, Fit, SGD, Sequential};
/// use labbook_study::{Case, Training};
/// use tch::{Device, Kind, Tensor};
///
/// fn train(hp: &Case) -> Result<Training, Box<dyn std::error::Error>> {
///     let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
///     let y = Tensor::ones([4, 1], (Kind::Float, Device::Cpu));
///     let mut model = Sequential::new();
///     model.add(Dense::new(1).input_shape(2));
///     model.compile(SGD::new().learning_rate(hp.float("learning_rate")?), "mse", [])?;
///     let options = Fit::new().epochs(3).validation_split(0.5);
///     Ok(Training::new(model, x, y).fit(options).data("four rows of ones"))
/// }
/// # let _ = train;
/// ```
pub struct Training {
    model: Model,
    data: Data,
    fit: Fit,
    test: Option<Data>,
    evaluate: Evaluate,
    description: Option<String>,
}

enum Data {
    Tensors(Tensors, Tensors),
    Dataset(Box<dyn Dataset>),
}

impl Training {
    /// A training on tensors, with the options that `fit` has unless others are given.
    #[must_use]
    pub fn new(model: impl Into<Model>, x: impl Into<Tensors>, y: impl Into<Tensors>) -> Self {
        Self::of(model.into(), Data::Tensors(x.into(), y.into()))
    }

    /// A training on a data set that gives batches.
    #[must_use]
    pub fn on_dataset(model: impl Into<Model>, data: impl Dataset + 'static) -> Self {
        Self::of(model.into(), Data::Dataset(Box::new(data)))
    }

    fn of(model: Model, data: Data) -> Self {
        Self {
            model,
            data,
            fit: Fit::new().verbose(2),
            test: None,
            evaluate: Evaluate::new().verbose(0),
            description: None,
        }
    }

    /// Sets the options of `fit`: epochs, validation, callbacks. The training is kept by the case; a file or a
    /// run name in the options has no effect.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn fit(mut self, options: Fit) -> Self {
        self.fit = options;
        self
    }

    /// Evaluates the trained model on these data; its figures begin with `test_`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test(mut self, x: impl Into<Tensors>, y: impl Into<Tensors>) -> Self {
        self.test = Some(Data::Tensors(x.into(), y.into()));
        self
    }

    /// The same on a data set.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test_dataset(mut self, data: impl Dataset + 'static) -> Self {
        self.test = Some(Data::Dataset(Box::new(data)));
        self
    }

    /// Sets the options of that evaluation.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn evaluate(mut self, options: Evaluate) -> Self {
        self.evaluate = options;
        self
    }

    /// Says in words which data these are, for the record.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn data(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// About how many bytes the process takes at most: what it holds with model and data, and what the training
    /// takes besides.
    ///
    /// # Errors
    /// [`StudyError::Model`](crate::StudyError::Model) for a model that is not compiled, or not built, and
    /// [`StudyError::Read`](crate::StudyError::Read) where the system does not tell what a process holds.
    pub fn memory(&mut self) -> Result<u64> {
        // As `run` will.
        self.fit = std::mem::take(&mut self.fit).resume_from(".safetensors");
        let memory = match &self.data {
            Data::Tensors(..) => self.model.training_memory(&self.fit)?,
            Data::Dataset(data) => {
                let first = data.epoch(0)?.next().transpose()?;
                let size = first.and_then(|batch| Some(*batch.inputs.first()?.size().first()?));
                let options = Fit::new().resume_from(".safetensors");
                self.model
                    .training_memory(&options.batch_size(size.unwrap_or(32)))?
            }
        };
        let tested = match &self.test {
            Some(_) => memory.optimizer + self.model.evaluation_memory(&self.evaluate)?,
            None => 0,
        };
        begin_libraries()?;
        Ok(held()?.saturating_add(memory.more().max(tested)))
    }

    /// Trains, keeping the state in a file after every epoch and going on from there.
    pub(crate) fn run(&mut self, state: &Path) -> Result<History> {
        let fit = std::mem::take(&mut self.fit).resume_from(state);
        Ok(match &self.data {
            Data::Tensors(x, y) => self.model.fit(x, y, &fit)?,
            Data::Dataset(data) => self.model.fit_dataset(data.as_ref(), &fit)?,
        })
    }

    /// How well the model does on the data to test on, if there are any.
    pub(crate) fn tested(&mut self) -> Result<Option<Evaluation>> {
        Ok(match &self.test {
            None => None,
            Some(Data::Tensors(x, y)) => Some(self.model.evaluate_with(x, y, &self.evaluate)?),
            Some(Data::Dataset(data)) => {
                Some(self.model.evaluate_dataset(data.as_ref(), &self.evaluate)?)
            }
        })
    }
}

/// Has libtorch load and start what it does at the first training, which the process then holds.
fn begin_libraries() -> Result<()> {
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).input_shape(1));
    model.compile(SGD::new(), "mse", [])?;
    let x = Tensor::zeros([2, 1], (Kind::Float, Device::Cpu));
    model.fit(&x, &x, &Fit::new().verbose(0))?;
    Ok(())
}

/// Bytes of memory that this process holds.
fn held() -> Result<u64> {
    const STATUS: &str = "/proc/self/status";
    let cannot = |source| StudyError::Read {
        path: STATUS.into(),
        source,
    };
    let text = fs::read_to_string(STATUS).map_err(cannot)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let kibibytes = kibibytes.ok_or_else(|| cannot(io::Error::other("it does not tell VmRSS")))?;
    Ok(1024 * kibibytes)
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training")
            .field("model", &self.model)
            .field("data", &self.description)
            .finish_non_exhaustive()
    }
}
