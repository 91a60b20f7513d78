use std::fmt;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::optimizers::shared_options::SharedOptions;
use crate::{LearningRateSchedule, Result};

/// How one weight is changed by its gradient: what is particular to an optimizer.
pub(crate) trait Rule: fmt::Debug + Clone {
    /// The optimizer's name in Keras.
    const NAME: &'static str;

    /// The tensors that it keeps for every weight.
    fn kinds(&self) -> &'static [&'static str];

    /// Checks the options.
    fn check(&self) -> Result<()>;

    /// What a kept tensor holds before the first step.
    fn first(&self, kind: usize) -> f64 {
        let _ = kind;
        0.0
    }

    /// Changes a weight in place; its decay is done.
    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()>;
}

/// When a step is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) learning_rate: f64,
    /// Which update it is, counted from 1.
    pub(crate) t: f64,
}

/// The options of an optimizer that is a rule, as a file keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ruled<R> {
    pub(crate) learning_rate: f64,
    pub(crate) schedule: Option<LearningRateSchedule>,
    pub(crate) weight_decay: f64,
    #[serde(default, skip_serializing_if = "SharedOptions::is_default")]
    pub(crate) shared: SharedOptions,
    pub(crate) rule: R,
}

/// An optimizer made of a rule: its type, the builder methods that all share, and its steps.
macro_rules! ruled_optimizer {
    ($(#[$doc:meta])* $name:ident, $rule:ident, $rate:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            learning_rate: $crate::optimizers::learning_rate::LearningRate,
            weight_decay: f64,
            shared: $crate::optimizers::shared_options::SharedOptions,
            rule: $rule,
            step: i64,
            slots: $crate::optimizers::slots::Slots,
        }

        impl $name {
            /// With Keras's defaults.
            #[must_use]
            pub fn new() -> Self {
                Self {
                    learning_rate: $crate::optimizers::learning_rate::LearningRate::constant($rate),
                    weight_decay: 0.0,
                    shared: $crate::optimizers::shared_options::SharedOptions::default(),
                    rule: $rule::default(),
                    step: 0,
                    slots: $crate::optimizers::slots::Slots::default(),
                }
            }

            $crate::optimizers::learning_rate::learning_rate_options!($rate);

            /// Shrinks every weight by `learning_rate · weight_decay` of it before each step,
            /// biases included; the default is 0.
            #[must_use = "method moves the value of self and returns the modified value"]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.weight_decay = weight_decay;
                self
            }

            $crate::optimizers::shared_options::shared_options!();

            pub(crate) fn of(ruled: $crate::optimizers::ruled::Ruled<$rule>) -> Self {
                let optimizer = Self::new()
                    .learning_rate(ruled.learning_rate)
                    .weight_decay(ruled.weight_decay)
                    .shared(ruled.shared);
                let optimizer = Self {
                    rule: ruled.rule,
                    ..optimizer
                };
                match ruled.schedule {
                    Some(schedule) => optimizer.schedule(schedule),
                    None => optimizer,
                }
            }

            fn kinds(&self) -> Vec<&'static str> {
                self.shared.kinds($crate::optimizers::ruled::Rule::kinds(&self.rule))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $crate::Optimizer for $name {
            fn name(&self) -> &'static str {
                stringify!($name)
            }

            fn config(&self) -> Option<$crate::OptimizerConfig> {
                let ruled = $crate::optimizers::ruled::Ruled {
                    learning_rate: self.learning_rate.constant,
                    schedule: self.learning_rate.schedule.clone(),
                    weight_decay: self.weight_decay,
                    shared: self.shared.clone(),
                    rule: self.rule.clone(),
                };
                let kind = $crate::optimizers::optimizer::OptimizerKind::$name(ruled);
                Some($crate::OptimizerConfig(kind))
            }

            fn check(&self) -> $crate::Result<()> {
                use $crate::optimizers::learning_rate::check_shares;
                self.learning_rate.check(self.name())?;
                self.shared.check(self.name())?;
                check_shares(self.name(), &[("weight_decay", self.weight_decay)])?;
                $crate::optimizers::ruled::Rule::check(&self.rule)
            }

            fn learning_rate(&self) -> f64 {
                self.learning_rate.at(self.step)
            }

            fn set_learning_rate(&mut self, learning_rate: f64) {
                self.learning_rate =
                    $crate::optimizers::learning_rate::LearningRate::constant(learning_rate);
            }

            fn step(
                &mut self,
                weights: &[(String, tch::Tensor)],
                gradients: &[tch::Tensor],
            ) -> $crate::Result<()> {
                let learning_rate = self.learning_rate.at(self.step);
                let kinds = self.kinds();
                let slots = self.slots.of(stringify!($name), &kinds, weights)?;
                let steps = self.step;
                self.step += 1;
                let options = (&self.rule, &self.shared, self.weight_decay);
                let given = (weights, gradients);
                $crate::optimizers::ruled::step(options, learning_rate, steps, slots, given)
            }

            fn finish(&mut self, weights: &[(String, tch::Tensor)]) -> $crate::Result<()> {
                self.shared.finish(&self.slots, weights)
            }

            fn state(&self) -> $crate::Result<$crate::OptimizerState> {
                self.slots.state(stringify!($name), &self.kinds(), self.step)
            }

            fn set_state(&mut self, state: &$crate::OptimizerState) -> $crate::Result<()> {
                self.slots.set_state(stringify!($name), &self.kinds(), state)?;
                self.step = state.step;
                Ok(())
            }
        }
    };
}
pub(crate) use ruled_optimizer;

/// A step by a rule.
pub(crate) fn step<R: Rule>(
    (rule, shared, weight_decay): (&R, &SharedOptions, f64),
    learning_rate: f64,
    steps: i64,
    slots: &mut [crate::optimizers::slots::Slot],
    (weights, gradients): (&[(String, Tensor)], &[Tensor]),
) -> Result<()> {
    let own = rule.kinds().len();
    if steps == 0 {
        for slot in slots.iter_mut() {
            for (kind, kept) in slot.tensors.iter_mut().take(own).enumerate() {
                let _ = kept.f_fill_(rule.first(kind))?;
            }
        }
    }
    shared.step(
        steps,
        slots,
        weights,
        gradients,
        |slots, gradients, updates| {
            let moment = Moment {
                learning_rate,
                t: updates as f64 + 1.0,
            };
            for ((slot, (name, weight)), gradient) in slots.iter_mut().zip(weights).zip(gradients) {
                let mut weight = weight.shallow_clone();
                let keep = shared.keep(name, learning_rate, weight_decay);
                if keep < 1.0 {
                    let _ = weight.f_mul_scalar_(keep)?;
                }
                rule.update(moment, &mut weight, gradient, &mut slot.tensors[..own])?;
            }
            Ok(())
        },
    )
}
