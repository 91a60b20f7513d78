use tch::Tensor;

use crate::optimizers::learning_rate::{
    LearningRate, check_option, check_shares, learning_rate_options,
};
use crate::optimizers::learning_rate_multipliers::LearningRateMultipliers;
use crate::optimizers::optimizer::OptimizerKind;
use crate::optimizers::shared_options::{SharedOptions, shared_options};
use crate::optimizers::slots::Slots;
use crate::{Optimizer, OptimizerConfig, OptimizerState, Result};

/// Gradient descent as Keras computes it, with momentum if asked for.
///
/// Learning rate 0.01, no momentum. With momentum
///
/// ```text
/// v = momentum · v - learning_rate · g
/// w += v                                      or, with Nesterov's momentum,
/// w += momentum · v - learning_rate · g
/// ```
///
/// Kinds of weights may have learning rates of their own:
///
/// ```
/// use labbook_nn::SGD;
///
/// let sgd = SGD::new().momentum(0.9).learning_rate_multiplier("beta", 64.0);
/// ```
#[derive(Debug)]
pub struct SGD {
    learning_rate: LearningRate,
    multipliers: LearningRateMultipliers,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    shared: SharedOptions,
    step: i64,
    slots: Slots,
}

impl SGD {
    /// Plain gradient descent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    learning_rate_options!("0.01");

    /// Sets the share of a step that goes on in the next one, from 0 to 1; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Says whether momentum is Nesterov's; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// Shrinks every weight by `learning_rate · weight_decay` of it before each step, biases
    /// included; the default is 0.
    ///
    /// As in Keras the decay takes no part in the gradient or the momentum (Loshchilov and
    /// Hutter 2019). PyTorch's `weight_decay` is part of both: d of it comes to about
    /// d / (1 - momentum) here.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Multiplies the learning rate of the weights whose names end so.
    ///
    /// `beta` stands for the shifts of all batch normalizations, `dense_1/kernel` for a single
    /// weight. Of several that fit, the last one given applies. Weight decay goes by the plain
    /// learning rate. The rate of a schedule or a callback is multiplied, too. Not of Keras.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn learning_rate_multiplier(mut self, name: impl Into<String>, factor: f64) -> Self {
        self.multipliers.push(name.into(), factor);
        self
    }

    pub(crate) fn multipliers(mut self, multipliers: LearningRateMultipliers) -> Self {
        self.multipliers = multipliers;
        self
    }

    shared_options!();

    fn kinds(&self) -> Vec<&'static str> {
        self.shared.kinds(match self.momentum > 0.0 {
            true => &["momentum"],
            false => &[],
        })
    }
}

impl Default for SGD {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::constant(0.01),
            multipliers: LearningRateMultipliers::default(),
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            shared: SharedOptions::default(),
            step: 0,
            slots: Slots::default(),
        }
    }
}

impl Optimizer for SGD {
    fn name(&self) -> &'static str {
        "SGD"
    }

    fn config(&self) -> Option<OptimizerConfig> {
        Some(OptimizerConfig(OptimizerKind::Sgd {
            learning_rate: self.learning_rate.constant,
            schedule: self.learning_rate.schedule.clone(),
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
            multipliers: self.multipliers.clone(),
            shared: self.shared.clone(),
        }))
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check(self.name())?;
        self.multipliers.check(self.name())?;
        self.shared.check(self.name())?;
        let fits = (0.0..=1.0).contains(&self.momentum);
        check_option(self.name(), "momentum", self.momentum, fits, "from 0 to 1")?;
        check_shares(self.name(), &[("weight_decay", self.weight_decay)])
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate.at(self.step)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = LearningRate::constant(learning_rate);
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        let plain_rate = self.learning_rate.at(self.step);
        let slots = self.slots.of("SGD", &self.kinds(), weights)?;
        let (steps, shared) = (self.step, &self.shared);
        self.step += 1;
        let (momentum, nesterov, multipliers) = (self.momentum, self.nesterov, &self.multipliers);
        let weight_decay = self.weight_decay;
        shared.step(steps, slots, weights, gradients, |slots, gradients, _| {
            for ((slot, (name, weight)), gradient) in slots.iter_mut().zip(weights).zip(gradients) {
                let mut weight = weight.shallow_clone();
                let keep = shared.keep(name, plain_rate, weight_decay);
                if keep < 1.0 {
                    let _ = weight.f_mul_scalar_(keep)?;
                }
                let rate = plain_rate * multipliers.factor(name);
                let scratch = &mut slot.scratch;
                let _ = gradient.f_mul_scalar_out(scratch, -rate)?;
                if momentum > 0.0
                    && let Some(velocity) = slot.tensors.first_mut()
                {
                    let _ = velocity.f_mul_scalar_(momentum)?;
                    let _ = velocity.f_add_(scratch)?;
                    if !nesterov {
                        let _ = weight.f_add_(velocity)?;
                        continue;
                    }
                    let _ = scratch.f_add_(&velocity.f_mul_scalar(momentum)?)?;
                }
                let _ = weight.f_add_(scratch)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.shared.finish(&self.slots, weights)
    }

    fn state(&self) -> Result<OptimizerState> {
        self.slots.state("SGD", &self.kinds(), self.step)
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.slots.set_state("SGD", &self.kinds(), state)?;
        self.step = state.step;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut sgd: SGD) -> Result<[f64; 3]> {
        sgd.check()?;
        let weight = [("w:0".to_owned(), Tensor::from(1.0))];
        let mut path = [0.0; 3];
        for (place, gradient) in path.iter_mut().zip([1.0, -2.0, 4.0]) {
            let mut resumed = sgd;
            let state = resumed.state()?;
            resumed.set_state(&state)?;
            sgd = resumed;
            sgd.step(&weight, &[Tensor::from(gradient)])?;
            *place = weight[0].1.double_value(&[]);
        }
        Ok(path)
    }

    fn assert_close(path: [f64; 3], expected: [f64; 3]) {
        for (value, expected) in path.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{path:?}");
        }
    }

    #[test]
    fn steps_have_the_values_worked_out_by_hand() -> Result<()> {
        let sgd = || SGD::new().learning_rate(0.5);
        assert_close(run(sgd())?, [0.5, 1.5, -0.5]);
        // v: -0.5, then -0.25 + 1 = 0.75, then 0.375 - 2 = -1.625.
        assert_close(run(sgd().momentum(0.5))?, [0.5, 1.25, -0.375]);
        // Each step: v / 2 - g / 2.
        let nesterov = run(sgd().momentum(0.5).nesterov(true))?;
        assert_close(nesterov, [0.25, 1.625, -1.1875]);
        Ok(())
    }

    #[test]
    fn weight_decay_and_multipliers_have_the_values_worked_out_by_hand() -> Result<()> {
        let sgd = || SGD::new().learning_rate(0.5).weight_decay(0.5);
        // 0.75 w - g / 2.
        assert_close(run(sgd())?, [0.25, 1.1875, -1.109375]);
        // The decay stays the same, the step is four times as large.
        let multiplied = run(sgd().learning_rate_multiplier("w", 4.0))?;
        assert_close(multiplied, [-1.25, 3.0625, -5.703125]);
        // v: -2, then -1 + 4 = 3, then 1.5 - 8 = -6.5.
        let momentum = SGD::new().learning_rate(0.5).momentum(0.5);
        let path = run(momentum.learning_rate_multiplier("w", 4.0))?;
        assert_close(path, [-1.0, 2.0, -4.5]);
        Ok(())
    }

    #[test]
    fn options_and_states_that_do_not_fit_are_errors() -> Result<()> {
        assert!(SGD::new().momentum(1.5).check().is_err());
        assert!(SGD::new().weight_decay(-0.1).check().is_err());
        let negative = SGD::new().learning_rate_multiplier("beta", -1.0);
        assert!(negative.check().is_err());
        assert!(SGD::new().learning_rate(f64::INFINITY).check().is_err());
        let mut with = SGD::new().momentum(0.9);
        with.step(
            &[("w:0".to_owned(), Tensor::from(1.0))],
            &[Tensor::from(1.0)],
        )?;
        let state = with.state()?;
        assert_eq!(state.slots[0].0, "SGD/w/momentum:0");
        let error = SGD::new().set_state(&state).unwrap_err().to_string();
        assert!(error.contains("no slots, received 1"), "{error}");
        Ok(())
    }

    #[test]
    fn a_file_keeps_the_options_and_older_files_lack_some() {
        let sgd = SGD::new()
            .learning_rate(0.1)
            .momentum(0.2)
            .nesterov(true)
            .weight_decay(0.3)
            .learning_rate_multiplier("beta", 4.0);
        let config = sgd.config().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        let read: OptimizerConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read.into_optimizer().config().unwrap(), config);
        let older = r#"{"class_name":"SGD","config":{"learning_rate":0.01,"schedule":null,
            "momentum":0.0,"nesterov":false}}"#;
        let read: OptimizerConfig = serde_json::from_str(older).unwrap();
        assert_eq!(Some(read), SGD::new().config());
    }
}
