use std::cell::RefCell;
use std::fmt;

use crate::losses::registry;
use crate::metrics::{MetricChoice, Metrics};
use crate::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Error, Ftrl, Lion, Loss, Metric, Nadam, Optimizer,
    OptimizerConfig, RMSprop, Result, SGD,
};

/// What `compile` was given.
pub(crate) struct Compiled {
    /// The optimizer's options at first; callbacks may change the learning rate.
    pub(crate) as_compiled: Option<OptimizerConfig>,
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// One for each output.
    pub(crate) losses: Vec<OutputLoss>,
    /// Those of each output.
    pub(crate) metrics: RefCell<Vec<OutputMetrics>>,
}

/// An output's loss, and how much it counts.
pub(crate) struct OutputLoss {
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) weight: f64,
}

/// An output's metrics with their keys in the history.
#[derive(Default)]
pub(crate) struct OutputMetrics {
    pub(crate) metrics: Vec<(String, Box<dyn Metric>)>,
    /// Those that examples count for by their weights.
    pub(crate) weighted: Vec<(String, Box<dyn Metric>)>,
}

impl Compiled {
    /// Checks that there is a loss to train by or to measure.
    pub(crate) fn check_losses(&self) -> Result<()> {
        match self.losses.is_empty() {
            false => Ok(()),
            true => Err(Error::option(
                "loss",
                "a loss for each output",
                "none",
                "compile the model with one, or train it with fit_with_step",
            )),
        }
    }

    /// Whether a loss or a metric is no mean over examples, so that batches must stay whole.
    pub(crate) fn needs_whole_batch(&self) -> bool {
        let mut losses = self.losses.iter();
        let metrics = self.metrics.borrow();
        let mut metrics = metrics.iter().flat_map(OutputMetrics::all);
        losses.any(|output| !output.loss.is_mean_over_examples())
            || metrics.any(|(_, metric)| metric.needs_whole_batch())
    }

    /// The keys of all metrics, output by output.
    pub(crate) fn metric_names(&self) -> Vec<String> {
        let metrics = self.metrics.borrow();
        let all = metrics.iter().flat_map(OutputMetrics::all);
        all.map(|(name, _)| name.clone()).collect()
    }
}

impl OutputMetrics {
    pub(crate) fn all(&self) -> impl Iterator<Item = &(String, Box<dyn Metric>)> {
        self.metrics.iter().chain(&self.weighted)
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let losses: Vec<&str> = self
            .losses
            .iter()
            .map(|output| output.loss.name())
            .collect();
        f.debug_struct("Compiled")
            .field("optimizer", &self.optimizer)
            .field("losses", &losses)
            .field("metrics", &self.metric_names())
            .finish_non_exhaustive()
    }
}

/// An optimizer, as an object or by Keras's name: `"adam"`, `"sgd"`, `"rmsprop"`.
///
/// ```
/// use labbook_nn::{Adam, OptimizerChoice};
///
/// let named = OptimizerChoice::from("adam");
/// let object = OptimizerChoice::from(Adam::new().learning_rate(0.01));
/// ```
#[derive(Debug)]
pub struct OptimizerChoice(Result<Box<dyn Optimizer>>);

impl OptimizerChoice {
    pub(crate) fn into_optimizer(self) -> Result<Box<dyn Optimizer>> {
        self.0
    }
}

impl<O: Optimizer + 'static> From<O> for OptimizerChoice {
    fn from(optimizer: O) -> Self {
        Self(Ok(Box::new(optimizer)))
    }
}

impl From<Box<dyn Optimizer>> for OptimizerChoice {
    fn from(optimizer: Box<dyn Optimizer>) -> Self {
        Self(Ok(optimizer))
    }
}

impl From<&str> for OptimizerChoice {
    fn from(name: &str) -> Self {
        Self(match name.to_lowercase().as_str() {
            "adam" => Ok(Box::new(Adam::new())),
            "sgd" => Ok(Box::new(SGD::new())),
            "rmsprop" => Ok(Box::new(RMSprop::new())),
            "adamw" => Ok(Box::new(AdamW::new())),
            "adadelta" => Ok(Box::new(Adadelta::new())),
            "adagrad" => Ok(Box::new(Adagrad::new())),
            "adamax" => Ok(Box::new(Adamax::new())),
            "ftrl" => Ok(Box::new(Ftrl::new())),
            "lion" => Ok(Box::new(Lion::new())),
            "nadam" => Ok(Box::new(Nadam::new())),
            _ => Err(Error::option(
                "optimizer",
                "one of adam, sgd, rmsprop, adamw, adadelta, adagrad, adamax, ftrl, lion, nadam",
                name,
                "or pass an optimizer with its options: Adam::new().learning_rate(0.01)",
            )),
        })
    }
}

/// The losses of a model: one for each output, as objects or by Keras's names.
///
/// Made from one loss or name, an array or vector of names, and tuples of up to four in which
/// losses and names may be mixed.
///
/// ```
/// use labbook_nn::{Huber, Losses};
///
/// let one = Losses::from("mse");
/// let two = Losses::from(("mse", Huber::new()));
/// ```
pub struct Losses(Vec<LossChoice>);

/// A loss asked for, by Keras's name or as an object.
///
/// ```
/// use labbook_nn::{Huber, LossChoice};
///
/// let named = LossChoice::from("mse");
/// let object = LossChoice::from(Huber::new());
/// ```
pub enum LossChoice {
    /// A name such as `mse`.
    Name(String),
    /// A loss with options of its own.
    Object(Box<dyn Loss>),
}

impl LossChoice {
    fn into_loss(self) -> Result<Box<dyn Loss>> {
        let loss = match self {
            Self::Name(name) => registry::by_name(&name)?,
            Self::Object(loss) => loss,
        };
        loss.check()?;
        Ok(loss)
    }
}

impl From<&str> for LossChoice {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<Box<dyn Loss>> for LossChoice {
    fn from(loss: Box<dyn Loss>) -> Self {
        Self::Object(loss)
    }
}

impl<L: Loss + 'static> From<L> for LossChoice {
    fn from(loss: L) -> Self {
        Self::Object(Box::new(loss))
    }
}

impl<L: Loss + 'static> From<L> for Losses {
    fn from(loss: L) -> Self {
        Self(vec![loss.into()])
    }
}

impl From<&str> for Losses {
    fn from(name: &str) -> Self {
        Self(vec![name.into()])
    }
}

impl From<Box<dyn Loss>> for Losses {
    fn from(loss: Box<dyn Loss>) -> Self {
        Self(vec![loss.into()])
    }
}

impl<const N: usize> From<[&str; N]> for Losses {
    fn from(names: [&str; N]) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl From<()> for Losses {
    /// None: for a model that [`fit_with_step`](crate::Model::fit_with_step) trains.
    fn from((): ()) -> Self {
        Self(Vec::new())
    }
}

impl From<Vec<Box<dyn Loss>>> for Losses {
    fn from(losses: Vec<Box<dyn Loss>>) -> Self {
        Self(losses.into_iter().map(Into::into).collect())
    }
}

macro_rules! from_tuples {
    ($(($($letter:ident),+)),+) => {$(
        impl<$($letter: Into<LossChoice>),+> From<($($letter,)+)> for Losses {
            #[allow(non_snake_case, reason = "a letter names the type and its value")]
            fn from(($($letter,)+): ($($letter,)+)) -> Self {
                Self(vec![$($letter.into()),+])
            }
        }
    )+};
}
from_tuples!((A, B), (A, B, C), (A, B, C, D));

/// The options of [`Model::compile_with`](crate::Model::compile_with).
///
/// ```
/// use labbook_nn::{Adam, Compile, Dense, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(3);
/// let price = Dense::new(1).name("price").call(&inputs);
/// let size = Dense::new(1).name("size").call(&inputs);
/// let mut model = Model::new(&inputs, [&price, &size])?;
/// let options = Compile::new(Adam::new(), ["mse", "mae"]);
/// model.compile_with(options.loss_weights([1.0, 0.2]).output_metrics("price", ["mape"]))?;
/// # Ok(())
/// # }
/// ```
pub struct Compile {
    optimizer: OptimizerChoice,
    losses: Losses,
    metrics: Metrics,
    weighted_metrics: Metrics,
    output_metrics: Vec<(String, Metrics)>,
    weighted_of_outputs: Vec<(usize, MetricChoice)>,
    loss_weights: Option<Vec<f64>>,
}

impl Compile {
    /// An optimizer and a loss for each output, as objects or by name.
    #[must_use]
    pub fn new(optimizer: impl Into<OptimizerChoice>, losses: impl Into<Losses>) -> Self {
        Self {
            optimizer: optimizer.into(),
            losses: losses.into(),
            metrics: Metrics::default(),
            weighted_metrics: Metrics::default(),
            output_metrics: Vec::new(),
            weighted_of_outputs: Vec::new(),
            loss_weights: None,
        }
    }

    /// Sets the metrics that are reported for every output; each example counts once.
    ///
    /// A metric that is given as an object serves the first output; others take names, or
    /// [`output_metrics`](Self::output_metrics).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn metrics(mut self, metrics: impl Into<Metrics>) -> Self {
        self.metrics = metrics.into();
        self
    }

    /// Sets the metrics in which examples count by their weights in `sample_weight` and
    /// `class_weight`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weighted_metrics(mut self, metrics: impl Into<Metrics>) -> Self {
        self.weighted_metrics = metrics.into();
        self
    }

    /// Adds metrics for one output, by the name of the layer that gives it.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_metrics(
        mut self,
        output: impl Into<String>,
        metrics: impl Into<Metrics>,
    ) -> Self {
        self.output_metrics.push((output.into(), metrics.into()));
        self
    }

    /// Adds a weighted metric for the output of this number.
    pub(crate) fn weighted_metric_of(mut self, output: usize, metric: MetricChoice) -> Self {
        self.weighted_of_outputs.push((output, metric));
        self
    }

    /// Sets how much the loss of each output counts; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn loss_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.loss_weights = Some(weights.into());
        self
    }

    pub(crate) fn into_compiled(self, outputs: &[String]) -> Result<Compiled> {
        let optimizer = self.optimizer.0?;
        optimizer.check()?;
        let count = outputs.len();
        let wrong = |option: &str, received: usize, advice: &str| {
            Error::option(
                option,
                format!(
                    "{count}, one for each of the outputs {}",
                    outputs.join(", ")
                ),
                received,
                advice,
            )
        };
        if self.losses.0.len() != count && !self.losses.0.is_empty() {
            return Err(wrong(
                "losses",
                self.losses.0.len(),
                "pass an array such as [\"mse\", \"mae\"], or a tuple of losses",
            ));
        }
        let weights = self.loss_weights.unwrap_or_else(|| vec![1.0; count]);
        if weights.len() != count {
            return Err(wrong(
                "loss_weights",
                weights.len(),
                "pass one number per output",
            ));
        }
        if let Some(weight) = weights.iter().find(|weight| !weight.is_finite()) {
            return Err(Error::option(
                "loss_weights",
                "finite numbers",
                weight,
                "use 1.0",
            ));
        }
        let losses = self
            .losses
            .0
            .into_iter()
            .zip(weights)
            .map(|(loss, weight)| {
                let loss = loss.into_loss()?;
                Ok(OutputLoss { loss, weight })
            });
        let losses = losses.collect::<Result<Vec<_>>>()?;
        let mut metrics: Vec<OutputMetrics> = Vec::new();
        metrics.resize_with(count, OutputMetrics::default);
        for (chosen, weighted) in [(self.metrics, false), (self.weighted_metrics, true)] {
            for choice in chosen.0 {
                let repeated = choice.repeated();
                let first = choice.into_metric()?;
                let others =
                    (1..count).map_while(|_| repeated.as_ref().map(|name| name.as_str().into()));
                let others = others.map(MetricChoice::into_metric);
                for (index, metric) in std::iter::once(Ok(first)).chain(others).enumerate() {
                    metrics[index].add(metric?, weighted);
                }
            }
        }
        for (output, chosen) in self.output_metrics {
            let index = outputs
                .iter()
                .position(|name| *name == output)
                .ok_or_else(|| {
                    Error::option(
                        "output_metrics",
                        format!("one of the outputs {}", outputs.join(", ")),
                        &output,
                        "an output has the name of its layer, which .name(..) sets",
                    )
                })?;
            for choice in chosen.0 {
                metrics[index].add(choice.into_metric()?, false);
            }
        }
        for (output, choice) in self.weighted_of_outputs {
            if let Some(metrics) = metrics.get_mut(output) {
                metrics.add(choice.into_metric()?, true);
            }
        }
        let mut keys: Vec<String> = Vec::new();
        for (output, metrics) in outputs.iter().zip(&mut metrics) {
            for (name, _) in metrics.metrics.iter_mut().chain(&mut metrics.weighted) {
                if count > 1 {
                    *name = format!("{output}_{name}");
                }
                // As in Keras, a second metric of one name is numbered.
                let plain = name.clone();
                let mut number = 1;
                while keys.contains(name) {
                    *name = format!("{plain}_{number}");
                    number += 1;
                }
                keys.push(name.clone());
            }
        }
        Ok(Compiled {
            as_compiled: optimizer.config(),
            optimizer,
            losses,
            metrics: RefCell::new(metrics),
        })
    }
}

impl OutputMetrics {
    fn add(&mut self, metric: Box<dyn Metric>, weighted: bool) {
        let named = (metric.name().to_owned(), metric);
        match weighted {
            true => self.weighted.push(named),
            false => self.metrics.push(named),
        }
    }
}

impl fmt::Debug for Compile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compile")
            .field("optimizer", &self.optimizer)
            .field("metrics", &self.metrics)
            .field("weighted_metrics", &self.weighted_metrics)
            .field("loss_weights", &self.loss_weights)
            .finish_non_exhaustive()
    }
}
