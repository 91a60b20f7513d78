use tch::Tensor;

use crate::engine::kernels::{self, AdamFactors};
use crate::optimizers::learning_rate::{
    LearningRate, check_epsilon, check_shares, learning_rate_options, moment_options,
};
use crate::optimizers::optimizer::OptimizerKind;
use crate::optimizers::shared_options::{SharedOptions, shared_options};
use crate::optimizers::slots::Slots;
use crate::{Optimizer, OptimizerConfig, OptimizerState, Result};

/// Adam (Kingma and Ba 2015) as Keras computes it.
///
/// Learning rate 0.001, beta_1 0.9, beta_2 0.999, epsilon 1e-7. In step t
///
/// ```text
/// m += (1 - beta_1) (g - m)
/// v += (1 - beta_2) (g² - v)
/// w -= learning_rate · sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon)
/// ```
///
/// Here epsilon is what the paper calls epsilon hat. libtorch's own Adam adds it after the
/// correction of v, which makes it up to 30 times larger in effect in the first steps.
///
/// With [`weight_decay`](Self::weight_decay) it is [`AdamW`](crate::AdamW), with
/// [`amsgrad`](Self::amsgrad) the variant of Reddi et al. (2018).
#[derive(Debug)]
pub struct Adam {
    learning_rate: LearningRate,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    weight_decay: f64,
    amsgrad: bool,
    shared: SharedOptions,
    step: i64,
    slots: Slots,
}

impl Adam {
    /// Adam with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    learning_rate_options!("0.001");

    moment_options!();

    /// Shrinks every weight by `learning_rate · weight_decay` of it before each step, biases
    /// included; the default is 0.
    ///
    /// This is AdamW (Loshchilov and Hutter 2019); Keras's class of that name has 0.004.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Says whether to divide by the largest mean of squares so far; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }

    shared_options!();

    /// The moments kept for every weight, and what the shared options keep.
    fn kinds(&self) -> Vec<&'static str> {
        self.shared.kinds(match self.amsgrad {
            true => &["m", "v", "vhat"],
            false => &["m", "v"],
        })
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::constant(1e-3),
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.0,
            amsgrad: false,
            shared: SharedOptions::default(),
            step: 0,
            slots: Slots::default(),
        }
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn config(&self) -> Option<OptimizerConfig> {
        Some(OptimizerConfig(OptimizerKind::Adam {
            learning_rate: self.learning_rate.constant,
            schedule: self.learning_rate.schedule.clone(),
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            amsgrad: self.amsgrad,
            shared: self.shared.clone(),
        }))
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check(self.name())?;
        self.shared.check(self.name())?;
        let shares = [
            ("beta_1", self.beta_1),
            ("beta_2", self.beta_2),
            ("weight_decay", self.weight_decay),
        ];
        check_shares(self.name(), &shares)?;
        check_epsilon(self.name(), self.epsilon)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate.at(self.step)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = LearningRate::constant(learning_rate);
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        let learning_rate = self.learning_rate.at(self.step);
        let kinds = self.kinds();
        let slots = self.slots.of("Adam", &kinds, weights)?;
        let (steps, shared) = (self.step, &self.shared);
        self.step += 1;
        let (beta_1, beta_2, epsilon) = (self.beta_1, self.beta_2, self.epsilon);
        let (amsgrad, weight_decay) = (self.amsgrad, self.weight_decay);
        shared.step(
            steps,
            slots,
            weights,
            gradients,
            |slots, gradients, updates| {
                let t = updates as f64 + 1.0;
                let rate = learning_rate * (1.0 - beta_2.powf(t)).sqrt() / (1.0 - beta_1.powf(t));
                for ((slot, (name, weight)), gradient) in
                    slots.iter_mut().zip(weights).zip(gradients)
                {
                    let [m, v, others @ ..] = &mut slot.tensors[..] else {
                        continue;
                    };
                    let keep = shared.keep(name, learning_rate, weight_decay);
                    let factors = AdamFactors {
                        first: (1.0 - beta_1) as f32,
                        second: (1.0 - beta_2) as f32,
                        keep: keep as f32,
                        rate: rate as f32,
                        epsilon: epsilon as f32,
                    };
                    if rate != 0.0 && !amsgrad && kernels::adam(weight, gradient, m, v, factors) {
                        continue;
                    }
                    let scratch = &mut slot.scratch;
                    let _ = m.f_lerp_(gradient, 1.0 - beta_1)?;
                    let _ = gradient.f_square_out(scratch)?;
                    let _ = v.f_lerp_(scratch, 1.0 - beta_2)?;
                    let mut below: &Tensor = v;
                    if let (true, [largest, ..]) = (amsgrad, &mut *others) {
                        let _ = largest.f_maximum_out(largest, v)?;
                        below = largest;
                    }
                    if rate == 0.0 {
                        continue;
                    }
                    let mut weight = weight.shallow_clone();
                    if keep < 1.0 {
                        let _ = weight.f_mul_scalar_(keep)?;
                    }
                    // w -= rate · m / (sqrt(v) + epsilon), with -1 / rate in the denominator.
                    let _ = below.f_sqrt_out(scratch)?;
                    let _ = scratch.f_add_scalar_(epsilon)?;
                    let _ = scratch.f_mul_scalar_(-1.0 / rate)?;
                    let _ = weight.f_addcdiv_(m, scratch)?;
                }
                Ok(())
            },
        )
    }

    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.shared.finish(&self.slots, weights)
    }

    fn state(&self) -> Result<OptimizerState> {
        self.slots.state("Adam", &self.kinds(), self.step)
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.slots.set_state("Adam", &self.kinds(), state)?;
        self.step = state.step;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// The formulas of the type's description, in plain Rust.
    fn reference(weights: &mut [f64], gradients: &[[f64; 3]], rate: f64) -> ([f64; 3], [f64; 3]) {
        let (mut m, mut v) = ([0.0; 3], [0.0; 3]);
        for (t, gradient) in (1..).zip(gradients) {
            let corrected = rate * (1.0 - 0.999_f64.powi(t)).sqrt() / (1.0 - 0.9_f64.powi(t));
            for i in 0..3 {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                weights[i] -= corrected * m[i] / (v[i].sqrt() + 1e-7);
            }
        }
        (m, v)
    }

    const GRADIENTS: [[f64; 3]; 4] = [
        [0.1, -2.0, 1e-7],
        [0.2, 1.0, -1e-7],
        [-0.3, 0.5, 2e-7],
        [0.4, 0.0, 1e-7],
    ];

    fn run(adam: &mut Adam, weight: &Tensor, gradients: &[[f64; 3]]) -> Result<()> {
        let weights = [("dense/kernel:0".to_owned(), weight.shallow_clone())];
        for gradient in gradients {
            adam.step(&weights, &[Tensor::from_slice(gradient)])?;
        }
        Ok(())
    }

    #[test]
    fn adam_follows_the_formula_of_keras() -> Result<()> {
        let mut expected = [1.0, -1.0, 0.5];
        let weight = Tensor::from_slice(&expected);
        let mut adam = Adam::new().learning_rate(0.01);
        run(&mut adam, &weight, &GRADIENTS)?;
        let (m, v) = reference(&mut expected, &GRADIENTS, 0.01);
        let state = adam.state()?;
        assert_eq!(state.step, 4);
        for i in 0..3 {
            let at = |tensor: &Tensor| tensor.double_value(&[i as i64]);
            assert!((at(&weight) - expected[i]).abs() < 1e-12);
            assert!((at(state.slot("Adam/dense/kernel/m:0").unwrap()) - m[i]).abs() < 1e-15);
            assert!((at(state.slot("Adam/dense/kernel/v:0").unwrap()) - v[i]).abs() < 1e-15);
        }
        Ok(())
    }

    #[test]
    fn the_first_step_has_the_value_worked_out_by_hand() -> Result<()> {
        // m = 0.1 g and v = 0.001 g², so with g = 1e-7 the step is
        // 0.001 · sqrt(0.001) / 0.1 · 1e-8 / (sqrt(1e-17) + 1e-7) = 3.0653e-5.
        let weight = Tensor::from_slice(&[0.0_f64]);
        let weights = [("w:0".to_owned(), weight.shallow_clone())];
        Adam::new().step(&weights, &[Tensor::from_slice(&[1e-7_f64])])?;
        assert!((weight.double_value(&[0]) + 3.065_34e-5).abs() < 1e-9);
        Ok(())
    }

    #[test]
    fn single_precision_and_other_memory_orders_follow_it_too() -> Result<()> {
        let wave = |shift: f64| {
            let numbers = Tensor::arange(40 * 70, (tch::Kind::Double, tch::Device::Cpu)) + shift;
            (numbers * 0.7).sin().reshape([40, 70])
        };
        for order in [[0_i64, 1], [1, 0]] {
            let exact = wave(0.0);
            let weight = exact.permute(order).contiguous().permute(order);
            let weight = weight.to_kind(tch::Kind::Float);
            let mut adams = [0.0, 0.1].map(|decay| {
                (
                    Adam::new().weight_decay(decay),
                    Adam::new().weight_decay(decay),
                )
            });
            for (ours, plain) in &mut adams {
                for step in 1..4 {
                    let gradient = wave(f64::from(step));
                    let same = gradient.permute(order).contiguous().permute(order);
                    let named = |weight: &Tensor| [("w:0".to_owned(), weight.shallow_clone())];
                    ours.step(&named(&weight), &[same.to_kind(tch::Kind::Float)])?;
                    plain.step(&named(&exact), &[gradient])?;
                }
                let difference = (&weight - &exact).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{difference}");
                let (ours, plain) = (ours.state()?, plain.state()?);
                for ((_, slot), (_, exact)) in ours.slots.iter().zip(&plain.slots) {
                    let difference = (slot - exact).abs().max().double_value(&[]);
                    assert!(difference < 1e-6, "{difference}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_restored_state_goes_on_as_if_never_interrupted() -> Result<()> {
        let whole = Tensor::from_slice(&[1.0, -1.0, 0.5]);
        run(&mut Adam::new(), &whole, &GRADIENTS)?;

        let halves = Tensor::from_slice(&[1.0, -1.0, 0.5]);
        let mut first = Adam::new();
        run(&mut first, &halves, &GRADIENTS[..2])?;
        let mut second = Adam::new();
        second.set_state(&first.state()?)?;
        run(&mut second, &halves, &GRADIENTS[2..])?;
        assert_eq!(whole, halves);
        Ok(())
    }

    #[test]
    fn options_and_states_that_do_not_fit_are_errors() -> Result<()> {
        assert!(Adam::new().check().is_ok());
        for adam in [
            Adam::new().learning_rate(f64::NAN),
            Adam::new().learning_rate(-1.0),
            Adam::new().beta_1(1.0),
            Adam::new().beta_2(-0.1),
            Adam::new().epsilon(0.0),
        ] {
            assert!(matches!(adam.check(), Err(Error::Option { .. })));
        }
        let mut adam = Adam::new();
        run(
            &mut adam,
            &Tensor::from_slice(&[1.0, -1.0, 0.5]),
            &GRADIENTS,
        )?;
        let other = [("w:0".to_owned(), Tensor::from_slice(&[1.0]))];
        let error = adam.step(&other, &[Tensor::from_slice(&[1.0])]);
        assert!(matches!(error, Err(Error::Weights { .. })));
        let mut state = adam.state()?;
        state.slots.swap(0, 1);
        assert!(matches!(adam.set_state(&state), Err(Error::Weights { .. })));
        state.slots.pop();
        assert!(matches!(adam.set_state(&state), Err(Error::Weights { .. })));
        Ok(())
    }

    #[test]
    fn weight_decay_shrinks_the_weights_besides() -> Result<()> {
        let (plain, decayed) = (Tensor::from(2.0), Tensor::from(2.0));
        let step = |adam: Adam, weight: &Tensor| {
            let mut adam = adam.learning_rate(0.1);
            adam.step(
                &[("w:0".to_owned(), weight.shallow_clone())],
                &[Tensor::from(3.0)],
            )
        };
        step(Adam::new(), &plain)?;
        step(Adam::new().weight_decay(0.5), &decayed)?;
        // 2 · 0.1 · 0.5 more is gone.
        let difference = (plain - decayed).double_value(&[]);
        assert!((difference - 0.1).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn a_schedule_gives_every_step_its_rate_until_a_rate_is_set() -> Result<()> {
        let schedule = crate::LearningRateSchedule::piecewise_constant(&[0], &[0.5, 0.25]);
        let mut adam = Adam::new().schedule(schedule);
        adam.check()?;
        let weight = [("w:0".to_owned(), Tensor::from(0.0))];
        assert_eq!(Optimizer::learning_rate(&adam), 0.5);
        adam.step(&weight, &[Tensor::from(1.0)])?;
        assert!((weight[0].1.double_value(&[]) + 0.5).abs() < 1e-5);
        assert_eq!(Optimizer::learning_rate(&adam), 0.25);
        adam.set_learning_rate(0.1);
        assert_eq!(Optimizer::learning_rate(&adam), 0.1);
        Ok(())
    }
}
