use tch::Tensor;

use crate::optimizers::learning_rate::{
    LearningRate, check_option, check_shares, learning_rate_options,
};
use crate::optimizers::optimizer::OptimizerKind;
use crate::optimizers::shared_options::{SharedOptions, shared_options};
use crate::optimizers::slots::Slots;
use crate::{Optimizer, OptimizerConfig, OptimizerState, Result};

/// RMSprop (Tieleman and Hinton 2012) as Keras 3 computes it.
///
/// Learning rate 0.001, rho 0.9, no momentum, epsilon 1e-7, not centred:
///
/// ```text
/// s = rho · s + (1 - rho) g²
/// w -= learning_rate · g / sqrt(s + epsilon)
/// ```
///
/// With momentum
///
/// ```text
/// v = momentum · v + learning_rate · g / sqrt(s + epsilon)
/// w -= v
/// ```
///
/// Keras 2.4 without momentum adds epsilon after the root, which makes steps larger where
/// gradients are below 1e-3.
///
/// A centred one subtracts the square of the mean gradient from s before the root.
#[derive(Debug)]
pub struct RMSprop {
    learning_rate: LearningRate,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
    weight_decay: f64,
    shared: SharedOptions,
    step: i64,
    slots: Slots,
}

impl RMSprop {
    /// RMSprop with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    learning_rate_options!("0.001");

    /// Sets how slowly the mean of squared gradients forgets; the default is 0.9.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Sets the share of a step that goes on in the next one; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the number that keeps the division finite; the default is 1e-7.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Says whether to divide by the standard deviation of the gradients in place of their
    /// root mean square; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn centered(mut self, centered: bool) -> Self {
        self.centered = centered;
        self
    }

    /// Shrinks every weight by `learning_rate · weight_decay` of it before each step, biases
    /// included; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    shared_options!();

    fn kinds(&self) -> Vec<&'static str> {
        self.shared
            .kinds(match (self.momentum > 0.0, self.centered) {
                (false, false) => &["rms"],
                (true, false) => &["rms", "momentum"],
                (false, true) => &["rms", "mg"],
                (true, true) => &["rms", "momentum", "mg"],
            })
    }
}

impl Default for RMSprop {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::constant(1e-3),
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            centered: false,
            weight_decay: 0.0,
            shared: SharedOptions::default(),
            step: 0,
            slots: Slots::default(),
        }
    }
}

impl Optimizer for RMSprop {
    fn name(&self) -> &'static str {
        "RMSprop"
    }

    fn config(&self) -> Option<OptimizerConfig> {
        Some(OptimizerConfig(OptimizerKind::RmsProp {
            learning_rate: self.learning_rate.constant,
            schedule: self.learning_rate.schedule.clone(),
            rho: self.rho,
            momentum: self.momentum,
            epsilon: self.epsilon,
            centered: self.centered,
            weight_decay: self.weight_decay,
            shared: self.shared.clone(),
        }))
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check(self.name())?;
        self.shared.check(self.name())?;
        check_shares(self.name(), &[("weight_decay", self.weight_decay)])?;
        for (option, value) in [("rho", self.rho), ("momentum", self.momentum)] {
            let fits = (0.0..=1.0).contains(&value);
            check_option(self.name(), option, value, fits, "from 0 to 1")?;
        }
        let fits = self.epsilon.is_finite() && self.epsilon > 0.0;
        check_option(
            self.name(),
            "epsilon",
            self.epsilon,
            fits,
            "a number above 0",
        )
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate.at(self.step)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = LearningRate::constant(learning_rate);
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        let rate = self.learning_rate.at(self.step);
        let slots = self.slots.of("RMSprop", &self.kinds(), weights)?;
        let (steps, shared) = (self.step, &self.shared);
        self.step += 1;
        let (rho, epsilon, share) = (self.rho, self.epsilon, self.momentum);
        let (centered, weight_decay) = (self.centered, self.weight_decay);
        shared.step(steps, slots, weights, gradients, |slots, gradients, _| {
            for ((slot, (name, weight)), gradient) in slots.iter_mut().zip(weights).zip(gradients) {
                let mut kept = slot.tensors.iter_mut();
                let Some(rms) = kept.next() else {
                    continue;
                };
                let momentum = if share > 0.0 { kept.next() } else { None };
                let mean = if centered { kept.next() } else { None };
                let mut weight = weight.shallow_clone();
                let keep = shared.keep(name, rate, weight_decay);
                if keep < 1.0 {
                    let _ = weight.f_mul_scalar_(keep)?;
                }
                let scratch = &mut slot.scratch;
                let _ = gradient.f_square_out(scratch)?;
                let _ = rms.f_lerp_(scratch, 1.0 - rho)?;
                scratch.f_copy_(rms)?;
                if let Some(mean) = mean {
                    let _ = mean.f_lerp_(gradient, 1.0 - rho)?;
                    let _ = scratch.f_sub_(&mean.f_square()?)?;
                }
                let root = scratch.f_add_scalar_(epsilon)?.f_sqrt_()?;
                let step = gradient.f_div(&root)?.f_mul_scalar(rate)?;
                let Some(momentum) = momentum else {
                    let _ = weight.f_sub_(&step)?;
                    continue;
                };
                let _ = momentum.f_mul_scalar_(share)?.f_add_(&step)?;
                let _ = weight.f_sub_(momentum)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.shared.finish(&self.slots, weights)
    }

    fn state(&self) -> Result<OptimizerState> {
        self.slots.state("RMSprop", &self.kinds(), self.step)
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.slots.set_state("RMSprop", &self.kinds(), state)?;
        self.step = state.step;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRADIENTS: [f64; 3] = [1.0, -2.0, 4.0];

    fn run(mut optimizer: RMSprop) -> Result<f64> {
        optimizer.check()?;
        let weight = [("w:0".to_owned(), Tensor::from(1.0))];
        for gradient in GRADIENTS {
            let state = optimizer.state()?;
            optimizer.set_state(&state)?;
            optimizer.step(&weight, &[Tensor::from(gradient)])?;
        }
        Ok(weight[0].1.double_value(&[]))
    }

    /// The formulas of the type's description, in plain Rust.
    fn reference(momentum: f64, centered: bool) -> f64 {
        let (mut weight, mut rms, mut mean, mut velocity) = (1.0, 0.0, 0.0, 0.0);
        for gradient in GRADIENTS {
            rms = 0.75 * rms + 0.25 * gradient * gradient;
            mean = 0.75 * mean + 0.25 * gradient;
            let square = if centered { rms - mean * mean } else { rms };
            if momentum > 0.0 {
                velocity = momentum * velocity + 0.1 * gradient / (square + 0.01_f64).sqrt();
                weight -= velocity;
            } else {
                weight -= 0.1 * gradient / (square + 0.01_f64).sqrt();
            }
        }
        weight
    }

    #[test]
    fn rmsprop_follows_the_formulas_of_keras() -> Result<()> {
        for (momentum, centered) in [(0.0, false), (0.5, false), (0.0, true), (0.5, true)] {
            let optimizer = RMSprop::new()
                .learning_rate(0.1)
                .rho(0.75)
                .epsilon(0.01)
                .momentum(momentum)
                .centered(centered);
            let (computed, expected) = (run(optimizer)?, reference(momentum, centered));
            assert!((computed - expected).abs() < 1e-12, "{computed} {expected}");
        }
        Ok(())
    }

    #[test]
    fn options_outside_their_range_are_errors() {
        for optimizer in [
            RMSprop::new().rho(-0.1),
            RMSprop::new().momentum(f64::NAN),
            RMSprop::new().epsilon(0.0),
            RMSprop::new().learning_rate(-1.0),
        ] {
            assert!(optimizer.check().is_err());
        }
    }
}
