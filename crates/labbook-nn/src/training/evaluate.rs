use std::fmt;
use std::sync::Arc;

use tch::{Tensor, no_grad_guard};

use super::examples::{Examples, Stream};
use super::fit::{check_batch_size, check_steps};
use super::predict::PREDICT_BATCH;
use super::progress::{Progress, Stopwatch};
use super::reporter::default_reporter;
use super::tally::Tally;
use crate::data::tensor_batches::TensorBatches;
use crate::engine::allocator::keep_freed_tensors;
use crate::engine::piece_size;
use crate::interrupt::{self, Interruptible};
use crate::tensors::casts::Casts;
use crate::{
    Dataset, Logs, Model, Phase, Reporter, Result, Tensors, TestTimeAugmentation, Verbosity,
};

/// The options of [`Sequential::evaluate_with`](crate::Model::evaluate_with).
///
/// ```
/// use labbook_nn::{Dense, Evaluate, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let options = Evaluate::new().batch_size(2).steps(1).verbose(0);
/// assert_eq!(model.evaluate_with(&x, &y, &options)?.examples, 2);
/// # Ok(())
/// # }
/// ```
pub struct Evaluate {
    pub(crate) batch_size: i64,
    pub(crate) views: Option<TestTimeAugmentation>,
    pub(crate) sample_weight: Option<Tensor>,
    pub(crate) steps: Option<i64>,
    verbose: u8,
    reporter: Option<Arc<dyn Reporter>>,
}

impl Evaluate {
    /// Keras's defaults: batches of 32, verbosity 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the examples per step; the default is 32. It changes the figures only by rounding.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Measures the mean of the predictions for several views of each image; the default is one
    /// view.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test_time_augmentation(mut self, views: TestTimeAugmentation) -> Self {
        self.views = Some(views);
        self
    }

    /// Sets the weight of each example in the loss and in weighted metrics, of shape (N,).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn sample_weight(mut self, sample_weight: &Tensor) -> Self {
        self.sample_weight = Some(sample_weight.shallow_clone());
        self
    }

    /// Ends the evaluation after so many batches.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn steps(mut self, steps: i64) -> Self {
        self.steps = Some(steps);
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
        check_steps("steps", self.steps)?;
        Verbosity::from_number(self.verbose)
    }

    pub(crate) fn chosen_reporter(&self) -> Arc<dyn Reporter> {
        self.reporter.clone().unwrap_or_else(default_reporter)
    }
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            batch_size: PREDICT_BATCH,
            views: None,
            sample_weight: None,
            steps: None,
            verbose: 1,
            reporter: None,
        }
    }
}

impl fmt::Debug for Evaluate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluate")
            .field("batch_size", &self.batch_size)
            .field("test_time_augmentation", &self.views)
            .field("verbose", &self.verbose)
            .finish_non_exhaustive()
    }
}

/// How well a model does on a data set.
///
/// ```
/// use labbook_nn::{Dense, Evaluate, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
/// assert_eq!(evaluation.get("loss"), Some(evaluation.loss));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss per example, penalties of the layers included.
    pub loss: f64,
    /// The first metric whose name speaks of accuracy, such as the share of examples whose most
    /// probable class is the right one; NaN if the model was compiled without.
    pub accuracy: f64,
    /// Number of examples.
    pub examples: i64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Steps, times and the compiled metrics.
    pub progress: Progress,
}

impl Evaluation {
    /// The loss or a metric by its key in the history, such as `auc`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.progress.logs.get(key)
    }

    /// The keys of loss and metrics with their values.
    #[must_use]
    pub fn entries(&self) -> &[(String, f64)] {
        self.progress.logs.entries()
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (name, value) in self.entries() {
            if !text.is_empty() {
                text.push_str(" - ");
            }
            text.push_str(&format!("{name}: {value:.4}"));
        }
        write!(f, "{text} ({} examples)", self.examples)
    }
}

impl Model {
    /// Loss and metrics on a data set, in batches of 32; prints Keras's line.
    ///
    /// # Errors
    /// When the model is not compiled, the data do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate(&mut self, x: impl Into<Tensors>, y: impl Into<Tensors>) -> Result<Evaluation> {
        self.evaluate_with(x, y, &Evaluate::new())
    }

    /// [`evaluate`](Self::evaluate) with options.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate_with(
        &mut self,
        x: impl Into<Tensors>,
        y: impl Into<Tensors>,
        options: &Evaluate,
    ) -> Result<Evaluation> {
        let (x, y) = (x.into(), y.into());
        let verbosity = options.check()?;
        let interruptible = Interruptible::begin();
        keep_freed_tensors()?;
        self.compiled()?.check_losses()?;
        self.build_for("x", &x)?;
        let spec = self.data_spec()?;
        let weights = options.sample_weight.as_ref();
        let batches = TensorBatches::labelled(&spec, ("x", &x), ("y", &y), weights, &[])?;
        let steps = batches.steps(options.batch_size);
        let steps = options.steps.map_or(steps, |most| most.min(steps));
        self.evaluation(
            Examples::Tensors(batches),
            steps,
            verbosity,
            options,
            &interruptible,
        )
    }

    /// [`evaluate_with`](Self::evaluate_with) on a data set that gives batches.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate_dataset(
        &mut self,
        data: &dyn Dataset,
        options: &Evaluate,
    ) -> Result<Evaluation> {
        let verbosity = options.check()?;
        let interruptible = Interruptible::begin();
        keep_freed_tensors()?;
        self.compiled()?.check_losses()?;
        if self.built().is_err() {
            self.build_for_dataset(data)?;
        }
        let spec = self.data_spec()?;
        let stream = Stream::new(&spec, data, &[], self.seed, options.steps);
        stream.check_end("steps")?;
        let steps = stream.steps().unwrap_or_default();
        self.evaluation(
            Examples::Stream(stream),
            steps,
            verbosity,
            options,
            &interruptible,
        )
    }

    fn evaluation(
        &self,
        mut examples: Examples<'_>,
        steps: i64,
        verbosity: Verbosity,
        options: &Evaluate,
        interruptible: &Interruptible,
    ) -> Result<Evaluation> {
        self.check_views(options.views)?;
        let mut watch = Stopwatch::start(steps);
        let sizes = (options.batch_size, options.steps);
        let measured = measure(self, &mut examples, sizes, options.views)?;
        let Some(Measured {
            logs,
            examples,
            steps: done,
        }) = measured
        else {
            return Err(interruptible.error("evaluate"));
        };
        let steps = match steps {
            0 => done,
            steps => steps,
        };
        watch.set_steps(steps);
        let progress = watch.progress(steps, logs);
        if verbosity != Verbosity::Silent {
            options.chosen_reporter().evaluate_end(&progress, verbosity);
        }
        let of = |names: fn(&str) -> bool| {
            let mut entries = progress.logs.entries().iter();
            entries
                .find(|(name, _)| names(name))
                .map_or(f64::NAN, |&(_, value)| value)
        };
        Ok(Evaluation {
            loss: of(|name| name == "loss"),
            accuracy: of(|name| name.contains("acc")),
            examples,
            seconds: progress.seconds,
            progress,
        })
    }
}

/// What a measurement found.
pub(crate) struct Measured {
    pub(crate) logs: Logs,
    examples: i64,
    steps: i64,
}

/// Losses, with penalties, and metrics, without training, of all batches or the first ones; none
/// if interrupted.
pub(crate) fn measure(
    model: &Model,
    examples: &mut Examples<'_>,
    (batch_size, batches): (i64, Option<i64>),
    views: Option<TestTimeAugmentation>,
) -> Result<Option<Measured>> {
    let _guard = no_grad_guard();
    let _casts = Casts::keep();
    let compiled = model.compiled()?;
    let mut tally = Tally::begin(compiled, model.device)?;
    // Penalties on outputs are those of this evaluation: what layers saw before is let go.
    model.penalty()?;
    let mut steps = 0;
    let most = batches.map_or(i64::MAX, |batches| batches.saturating_mul(batch_size));
    let whole = examples.each(piece_size(model, batch_size)?, most, |batch| {
        let (outputs, masks) = match views {
            None => model.compute_masked(&batch.inputs, Phase::Infer)?,
            Some(_) => (vec![model.infer(&batch.inputs[0], views)?], Vec::new()),
        };
        let _ = tally.add(compiled, &outputs, &masks, &batch)?;
        steps += 1;
        Ok(!interrupt::is_requested())
    })?;
    if !whole {
        return Ok(None);
    }
    let count = tally.examples();
    if let Some(penalty) = model.penalty()? {
        tally.add_loss(&penalty, count)?;
    }
    Ok(Some(Measured {
        logs: tally.logs(compiled, &model.output_names())?,
        examples: count,
        steps,
    }))
}
