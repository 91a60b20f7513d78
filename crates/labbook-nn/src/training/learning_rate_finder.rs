use std::fmt;

use tch::Tensor;

use super::fit::check_batch_size;
use super::tally::Tally;
use super::trainable::Trainable;
use crate::data::spans::spans;
use crate::data::tensor_batches::TensorBatches;
use crate::interrupt::{self, Interruptible};
use crate::random::{Rng, as_torch_seed};
use crate::{Error, Model, Result, Tensors, engine};

/// Keeps the order of examples apart from those of trainings.
const FINDER_STREAM: u64 = 1 << 62;

/// How slowly the shown loss follows that of the batches, as in fastai.
const SMOOTHING: f64 = 0.98;
/// The sweep ends where the loss is so many times the least one, as in fastai.
const DIVERGED: f64 = 4.0;
/// Steps at the beginning whose loss says little, as in Lightning.
const SKIP_BEGIN: usize = 10;
/// Steps at the end, where the loss already rises.
const SKIP_END: usize = 1;

/// The options of [`Model::find_learning_rate`]: 100 steps from 1e-7 to 10, batches of 32.
///
/// The method is Smith's range test (2017), with the defaults of fastai.
///
/// ```
/// use labbook_nn::{Adam, Dense, LearningRateFinder, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::linspace(-1.0, 1.0, 64, (Kind::Float, Device::Cpu)).reshape([32, 2]);
/// let y = x.sum_dim_intlist(-1, true, Kind::Float);
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(Adam::new(), "mse", [])?;
/// let curve = model.find_learning_rate(&x, &y, &LearningRateFinder::new().batch_size(16))?;
/// let rate = curve.suggestion()?;
/// model.set_learning_rate(rate)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRateFinder {
    lowest: f64,
    highest: f64,
    steps: usize,
    batch_size: i64,
}

impl LearningRateFinder {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the first and the last rate.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn range(mut self, lowest: f64, highest: f64) -> Self {
        (self.lowest, self.highest) = (lowest, highest);
        self
    }

    /// Sets how many batches to train on.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the examples per batch: that of the training to come.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    fn check(self) -> Result<()> {
        check_batch_size(self.batch_size)?;
        let ordered = self.lowest > 0.0 && self.lowest < self.highest && self.highest.is_finite();
        if !ordered {
            return Err(Error::option(
                "range",
                "two finite rates above 0, the lower one first",
                format!("{} and {}", self.lowest, self.highest),
                "use .range(1e-7, 10.0)",
            ));
        }
        let least = 2 * (SKIP_BEGIN + SKIP_END);
        match (least..=1_000_000).contains(&self.steps) {
            true => Ok(()),
            false => Err(Error::option(
                "steps",
                format!("{least} to 1000000"),
                self.steps,
                "use .steps(100)",
            )),
        }
    }

    fn rate(self, step: usize) -> f64 {
        let share = step as f64 / (self.steps - 1) as f64;
        self.lowest * (self.highest / self.lowest).powf(share)
    }
}

impl Default for LearningRateFinder {
    fn default() -> Self {
        Self {
            lowest: 1e-7,
            highest: 10.0,
            steps: 100,
            batch_size: 32,
        }
    }
}

/// The loss at each learning rate of a sweep.
///
/// ```
/// use labbook_nn::LearningRateCurve;
///
/// let rates: Vec<f64> = (0..40).map(|step| 1e-4 * 1.3_f64.powi(step)).collect();
/// let losses = rates.iter().map(|rate| (rate.log10() + 1.0).powi(2)).collect();
/// let curve = LearningRateCurve { learning_rates: rates, losses, stopped: false };
/// assert!(curve.suggestion().is_ok_and(|rate| rate < 0.1));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRateCurve {
    /// The rates, each a constant factor above the one before.
    pub learning_rates: Vec<f64>,
    /// The loss at each, smoothed over the steps before.
    pub losses: Vec<f64>,
    /// Whether the sweep ended early, because the loss grew to four times its least value.
    pub stopped: bool,
}

impl LearningRateCurve {
    /// The rate at which the loss falls most steeply over the logarithm of the rate, before its
    /// least value.
    ///
    /// # Errors
    /// When the loss falls nowhere, or too few of its values are finite.
    pub fn suggestion(&self) -> Result<f64> {
        let finite = self
            .losses
            .iter()
            .take_while(|loss| loss.is_finite())
            .count();
        let finite = finite.min(self.learning_rates.len());
        let lowest = (0..finite).min_by(|&a, &b| self.losses[a].total_cmp(&self.losses[b]));
        let end = lowest
            .unwrap_or_default()
            .min(finite.saturating_sub(1 + SKIP_END));
        let slope = |step: usize| {
            let (rates, losses) = (&self.learning_rates, &self.losses);
            (losses[step + 1] - losses[step - 1]) / (rates[step + 1] / rates[step - 1]).ln()
        };
        let steps = SKIP_BEGIN..end;
        let steepest = steps
            .map(|step| (slope(step), step))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match steepest {
            Some((slope, step)) if slope < 0.0 => Ok(self.learning_rates[step]),
            _ => Err(Error::option(
                "learning rate",
                "a range in which the loss falls",
                format!("one of {} steps in which it does not", self.losses.len()),
                "widen .range(..), take more .steps(..), or check data and model",
            )),
        }
    }
}

impl fmt::Display for LearningRateCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.suggestion() {
            Ok(rate) => write!(f, "suggested learning rate: {rate:.2e}"),
            Err(error) => write!(f, "{error}"),
        }
    }
}

impl Model {
    /// Trains for some steps with a learning rate that grows, and tells the loss at each, to
    /// choose the rate of a training by (fastai's `lr_find`).
    ///
    /// Weights, optimizer and learning rate are afterwards what they were. The loss is that of
    /// the batches, without penalties; NaN and infinity end the sweep.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn find_learning_rate(
        &mut self,
        x: impl Into<Tensors>,
        y: impl Into<Tensors>,
        options: &LearningRateFinder,
    ) -> Result<LearningRateCurve> {
        let (x, y) = (x.into(), y.into());
        options.check()?;
        let interruptible = Interruptible::begin();
        self.compiled()?.check_losses()?;
        self.build_for("x", &x)?;
        let spec = self.data_spec()?;
        let data = TensorBatches::labelled(&spec, ("x", &x), ("y", &y), None, &[])?;
        let weights = self.weights()?;
        let swept = match self.compiled()?.optimizer.config() {
            // A copy makes the steps, so that a schedule stays what it is.
            Some(copy) => {
                let optimizer = &mut self.compiled_mut()?.optimizer;
                let own = std::mem::replace(optimizer, copy.into_optimizer());
                let swept = self.sweep(&data, *options);
                self.compiled_mut()?.optimizer = own;
                swept
            }
            None => {
                let (rate, state) = (self.learning_rate()?, self.optimizer_state()?);
                let swept = self.sweep(&data, *options);
                self.set_optimizer_state(&state)?;
                self.set_learning_rate(rate)?;
                swept
            }
        };
        self.set_weights(&weights)?;
        swept?.ok_or_else(|| interruptible.error("find_learning_rate"))
    }

    fn sweep(
        &mut self,
        data: &TensorBatches<'_>,
        options: LearningRateFinder,
    ) -> Result<Option<LearningRateCurve>> {
        let mut curve = LearningRateCurve {
            learning_rates: Vec::new(),
            losses: Vec::new(),
            stopped: false,
        };
        let mut rng = Rng::new(self.seed, FINDER_STREAM);
        tch::manual_seed(as_torch_seed(rng.next_u64()));
        let weights = Trainable::of(self)?;
        let mut engine = engine::choose(self, options.batch_size)?;
        let (mut order, mut waiting): (Option<Tensor>, Vec<(i64, i64)>) = (None, Vec::new());
        let (mut average, mut least) = (0.0, f64::INFINITY);
        for step in 0..options.steps {
            if waiting.is_empty() {
                order = Some(data.order(&rng.permutation(data.count()))?);
                waiting = spans(data.count(), options.batch_size);
                waiting.reverse();
            }
            let Some((start, length)) = waiting.pop() else {
                break;
            };
            let batch = data.ready(data.pick(order.as_ref(), start, length)?)?;
            let rate = options.rate(step);
            self.set_learning_rate(rate)?;
            let mut tally = Tally::begin(self.compiled()?, self.device)?;
            self.train_step(&weights, engine.as_mut(), &batch, &mut tally)?;
            let logs = tally.logs(self.compiled()?, &self.output_names())?;
            let loss = logs.get("loss").unwrap_or(f64::NAN);
            average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
            let smoothed = average / (1.0 - SMOOTHING.powi(step as i32 + 1));
            curve.stopped = !smoothed.is_finite() || smoothed > DIVERGED * least;
            if curve.stopped {
                break;
            }
            least = least.min(smoothed);
            curve.learning_rates.push(rate);
            curve.losses.push(smoothed);
            if interrupt::is_requested() {
                return Ok(None);
            }
        }
        Ok(Some(curve))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{Adam, Dense, Fit, LearningRateSchedule, SGD, Sequential};

    fn data() -> (Tensor, Tensor) {
        let x = Tensor::linspace(-1.0, 1.0, 256, (Kind::Float, Device::Cpu)).reshape([64, 4]);
        let y = x.sum_dim_intlist(-1, true, Kind::Float).sin();
        (x, y)
    }

    #[test]
    fn a_sweep_suggests_a_rate_that_trains_and_changes_nothing() -> Result<()> {
        let (x, y) = data();
        let mut model = Sequential::new().seeded(2);
        model.add(
            Dense::new(16)
                .activation(crate::Activation::Relu)
                .input_shape(4),
        );
        model.add(Dense::new(1));
        let schedule = LearningRateSchedule::cosine_decay(0.5, 10);
        model.compile(Adam::new().schedule(schedule), "mse", ["mae"])?;
        let (weights, config) = (model.weights()?, model.optimizer_config());
        let options = LearningRateFinder::new().batch_size(16);
        let curve = model.find_learning_rate(&x, &y, &options)?;
        assert_eq!(curve.learning_rates.len(), curve.losses.len());
        assert!((curve.learning_rates[0] - 1e-7).abs() < 1e-12);
        assert_eq!(curve, model.find_learning_rate(&x, &y, &options)?);
        let rate = curve.suggestion()?;
        assert!((1e-5..1.0).contains(&rate), "{rate}");
        assert_eq!(model.optimizer_config(), config);
        assert_eq!(model.optimizer_state()?.step, 0);
        for ((_, now), (_, before)) in model.weights()?.iter().zip(&weights) {
            assert_eq!(now, before);
        }
        model.compile(Adam::new().learning_rate(rate), "mse", [])?;
        let fit = Fit::new().epochs(30).batch_size(16).verbose(0);
        let history = model.fit(&x, &y, &fit)?;
        let losses = history.get("loss").unwrap();
        assert!(losses[29] < 0.5 * losses[0], "{losses:?}");
        Ok(())
    }

    #[test]
    fn what_cannot_be_swept_is_told() -> Result<()> {
        let (x, y) = data();
        let mut model = Sequential::new();
        model.add(Dense::new(1).input_shape(4));
        let told = |model: &mut Sequential, options: LearningRateFinder| {
            let swept = model.find_learning_rate(&x, &y, &options);
            swept.unwrap_err().to_string()
        };
        assert!(told(&mut model, LearningRateFinder::new()).contains("compile"));
        model.compile(SGD::new(), "mse", [])?;
        for (options, expected) in [
            (LearningRateFinder::new().range(0.0, 1.0), "range"),
            (LearningRateFinder::new().range(1.0, f64::INFINITY), "range"),
            (LearningRateFinder::new().steps(3), "steps"),
            (LearningRateFinder::new().batch_size(0), "batch_size"),
        ] {
            let error = told(&mut model, options);
            assert!(error.starts_with(expected), "{error}");
        }
        let flat = LearningRateCurve {
            learning_rates: (1..40).map(f64::from).collect(),
            losses: vec![1.0; 39],
            stopped: false,
        };
        assert!(
            flat.suggestion()
                .unwrap_err()
                .to_string()
                .contains("loss falls")
        );
        let none = LearningRateCurve {
            learning_rates: Vec::new(),
            losses: Vec::new(),
            stopped: true,
        };
        assert!(none.suggestion().is_err());
        Ok(())
    }
}
