use std::fmt;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::optimizers::adadelta::AdadeltaRule;
use crate::optimizers::adagrad::AdagradRule;
use crate::optimizers::adamax::AdamaxRule;
use crate::optimizers::ftrl::FtrlRule;
use crate::optimizers::learning_rate_multipliers::LearningRateMultipliers;
use crate::optimizers::lion::LionRule;
use crate::optimizers::multi_optimizer::PartConfig;
use crate::optimizers::nadam::NadamRule;
use crate::optimizers::ruled::Ruled;
use crate::optimizers::shared_options::SharedOptions;
use crate::{
    Adadelta, Adagrad, Adam, Adamax, Ftrl, LearningRateSchedule, Lion, MultiOptimizer, Muon, Nadam,
    RMSprop, Result, SGD,
};

/// Changes the weights of a model by their gradients, one step at a time.
///
/// ```
/// use labbook_nn::{Optimizer, SGD};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let weights = [("w".to_owned(), Tensor::from_slice(&[1_f32]))];
/// let mut optimizer = SGD::new().learning_rate(0.5);
/// optimizer.step(&weights, &[Tensor::from_slice(&[1_f32])])?;
/// assert_eq!(weights[0].1.double_value(&[0]), 0.5);
/// # Ok(())
/// # }
/// ```
pub trait Optimizer: fmt::Debug + Send {
    /// Name as in Keras, such as `Adam`.
    fn name(&self) -> &'static str;

    /// The options, if a saved model can keep them: those of an optimizer written elsewhere it
    /// cannot.
    fn config(&self) -> Option<OptimizerConfig> {
        None
    }

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    fn check(&self) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate from the next step on.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// Updates every weight in place.
    ///
    /// Weights and gradients come in the same order and in Keras's shapes, without autograd.
    ///
    /// # Errors
    /// When libtorch refuses, or the weights are not those of the steps before.
    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()>;

    /// Is told all weights when a training begins, to check that it was made for them.
    ///
    /// # Errors
    /// When it was made for others.
    fn begin(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        let _ = weights;
        Ok(())
    }

    /// Is told the weights when a training ends, to leave in them what is to stay: the average of
    /// the last weights, for instance. Most leave them as they are.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        let _ = weights;
        Ok(())
    }

    /// A copy of what the optimizer remembers between steps.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn state(&self) -> Result<OptimizerState>;

    /// Goes back to a remembered state.
    ///
    /// # Errors
    /// When the state is not of this kind of optimizer.
    fn set_state(&mut self, state: &OptimizerState) -> Result<()>;
}

/// What an optimizer remembers: how many steps it made, and its tensors per weight.
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
/// model.fit(&x, &y, &Fit::new().verbose(0))?;
/// let state = model.optimizer_state()?;
/// assert_eq!(state.step, 1);
/// model.set_optimizer_state(&state)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OptimizerState {
    /// Steps made so far.
    pub step: i64,
    /// Name and tensor of each slot, such as `Adam/dense/kernel/m:0`, in Keras's shapes.
    pub slots: Vec<(String, Tensor)>,
}

impl OptimizerState {
    /// One slot by its name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&Tensor> {
        self.slots
            .iter()
            .find(|(slot, _)| slot == name)
            .map(|(_, tensor)| tensor)
    }
}

/// The options of one of this crate's optimizers, as a saved model keeps them.
///
/// ```
/// use labbook_nn::{Adam, Optimizer};
///
/// assert_eq!(Adam::new().config(), Adam::new().config());
/// assert_ne!(Adam::new().config(), Adam::new().learning_rate(0.1).config());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OptimizerConfig(pub(crate) OptimizerKind);

/// The kinds of optimizers by their names in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
pub(crate) enum OptimizerKind {
    Adam {
        learning_rate: f64,
        schedule: Option<LearningRateSchedule>,
        beta_1: f64,
        beta_2: f64,
        epsilon: f64,
        weight_decay: f64,
        #[serde(default, skip_serializing_if = "is_false")]
        amsgrad: bool,
        #[serde(default, skip_serializing_if = "SharedOptions::is_default")]
        shared: SharedOptions,
    },
    #[serde(rename = "SGD")]
    Sgd {
        learning_rate: f64,
        schedule: Option<LearningRateSchedule>,
        momentum: f64,
        nesterov: bool,
        #[serde(default)]
        weight_decay: f64,
        #[serde(default)]
        multipliers: LearningRateMultipliers,
        #[serde(default, skip_serializing_if = "SharedOptions::is_default")]
        shared: SharedOptions,
    },
    Muon {
        learning_rate: f64,
        schedule: Option<LearningRateSchedule>,
        multipliers: LearningRateMultipliers,
        momentum: f64,
        nesterov: bool,
        ns_steps: usize,
        sgd_momentum: f64,
        bias_lr_ratio: f64,
        head_lr_ratio: f64,
        weight_decay: f64,
        exclude_layers: Vec<String>,
        #[serde(default, skip_serializing_if = "SharedOptions::is_default")]
        shared: SharedOptions,
    },
    #[serde(rename = "RMSprop")]
    RmsProp {
        learning_rate: f64,
        schedule: Option<LearningRateSchedule>,
        rho: f64,
        momentum: f64,
        epsilon: f64,
        centered: bool,
        #[serde(default, skip_serializing_if = "is_zero")]
        weight_decay: f64,
        #[serde(default, skip_serializing_if = "SharedOptions::is_default")]
        shared: SharedOptions,
    },
    Adadelta(Ruled<AdadeltaRule>),
    Adagrad(Ruled<AdagradRule>),
    Adamax(Ruled<AdamaxRule>),
    Ftrl(Ruled<FtrlRule>),
    Lion(Ruled<LionRule>),
    Nadam(Ruled<NadamRule>),
    MultiOptimizer {
        parts: Vec<PartConfig>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl OptimizerConfig {
    /// The optimizer that has these options.
    pub(crate) fn into_optimizer(self) -> Box<dyn Optimizer> {
        /// Sets a rate together with the schedule that may hide it.
        macro_rules! rated {
            ($optimizer:expr, $rate:expr, $schedule:expr) => {{
                let optimizer = $optimizer.learning_rate($rate);
                match $schedule {
                    Some(schedule) => optimizer.schedule(schedule),
                    None => optimizer,
                }
            }};
        }
        match self.0 {
            OptimizerKind::Adam {
                learning_rate,
                schedule,
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                amsgrad,
                shared,
            } => Box::new(
                rated!(Adam::new(), learning_rate, schedule)
                    .beta_1(beta_1)
                    .beta_2(beta_2)
                    .epsilon(epsilon)
                    .weight_decay(weight_decay)
                    .amsgrad(amsgrad)
                    .shared(shared),
            ),
            OptimizerKind::Sgd {
                learning_rate,
                schedule,
                momentum,
                nesterov,
                weight_decay,
                multipliers,
                shared,
            } => Box::new(
                rated!(SGD::new(), learning_rate, schedule)
                    .momentum(momentum)
                    .nesterov(nesterov)
                    .weight_decay(weight_decay)
                    .multipliers(multipliers)
                    .shared(shared),
            ),
            OptimizerKind::Muon {
                learning_rate,
                schedule,
                multipliers,
                momentum,
                nesterov,
                ns_steps,
                sgd_momentum,
                bias_lr_ratio,
                head_lr_ratio,
                weight_decay,
                exclude_layers,
                shared,
            } => {
                let names: Vec<&str> = exclude_layers.iter().map(String::as_str).collect();
                Box::new(
                    rated!(Muon::new(), learning_rate, schedule)
                        .multipliers(multipliers)
                        .momentum(momentum)
                        .nesterov(nesterov)
                        .ns_steps(ns_steps)
                        .sgd_momentum(sgd_momentum)
                        .bias_lr_ratio(bias_lr_ratio)
                        .head_lr_ratio(head_lr_ratio)
                        .weight_decay(weight_decay)
                        .exclude_layers(&names)
                        .shared(shared),
                )
            }
            OptimizerKind::RmsProp {
                learning_rate,
                schedule,
                rho,
                momentum,
                epsilon,
                centered,
                weight_decay,
                shared,
            } => Box::new(
                rated!(RMSprop::new(), learning_rate, schedule)
                    .rho(rho)
                    .momentum(momentum)
                    .epsilon(epsilon)
                    .centered(centered)
                    .weight_decay(weight_decay)
                    .shared(shared),
            ),
            OptimizerKind::Adadelta(ruled) => Box::new(Adadelta::of(ruled)),
            OptimizerKind::Adagrad(ruled) => Box::new(Adagrad::of(ruled)),
            OptimizerKind::Adamax(ruled) => Box::new(Adamax::of(ruled)),
            OptimizerKind::Ftrl(ruled) => Box::new(Ftrl::of(ruled)),
            OptimizerKind::Lion(ruled) => Box::new(Lion::of(ruled)),
            OptimizerKind::Nadam(ruled) => Box::new(Nadam::of(ruled)),
            OptimizerKind::MultiOptimizer { parts } => Box::new(MultiOptimizer::of(parts)),
        }
    }
}
