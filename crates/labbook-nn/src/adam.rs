use tch::Tensor;

use crate::sequential::copy;
use crate::{Error, Optimizer, OptimizerState, Result};

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
#[derive(Debug)]
pub struct Adam {
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    step: i64,
    slots: Vec<Slot>,
}

/// The moments of one weight.
#[derive(Debug)]
struct Slot {
    weight: String,
    m: Tensor,
    v: Tensor,
    /// Room for intermediate results, so that a step allocates nothing.
    scratch: Tensor,
}

impl Adam {
    /// Adam with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the learning rate; the default is 0.001.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets how slowly the mean of gradients forgets; the default is 0.9.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.beta_1 = beta_1;
        self
    }

    /// Sets how slowly the mean of squared gradients forgets; the default is 0.999.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.beta_2 = beta_2;
        self
    }

    /// Sets the number that keeps the division finite; the default is 1e-7.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    fn make_slots(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        for (name, weight) in weights {
            self.slots.push(Slot {
                weight: name.clone(),
                m: weight.f_zeros_like()?,
                v: weight.f_zeros_like()?,
                scratch: weight.f_empty_like()?,
            });
        }
        Ok(())
    }

    fn check_slots(&self, weights: &[(String, Tensor)]) -> Result<()> {
        let fits = self.slots.len() == weights.len()
            && self
                .slots
                .iter()
                .zip(weights)
                .all(|(slot, (_, weight))| slot.m.size() == weight.size());
        if fits {
            return Ok(());
        }
        Err(Error::weights(
            format!("the {} that this Adam began with", self.slots.len()),
            format!("{} weights, or other shapes", weights.len()),
            "compile the model with a new Adam",
        ))
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            step: 0,
            slots: Vec::new(),
        }
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn check(&self) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        for (option, value, fits, expected) in [
            (
                "Adam learning_rate",
                self.learning_rate,
                self.learning_rate.is_finite() && self.learning_rate >= 0.0,
                "a finite number of at least 0",
            ),
            (
                "Adam beta_1",
                self.beta_1,
                share(self.beta_1),
                "at least 0 and below 1",
            ),
            (
                "Adam beta_2",
                self.beta_2,
                share(self.beta_2),
                "at least 0 and below 1",
            ),
            (
                "Adam epsilon",
                self.epsilon,
                positive(self.epsilon),
                "a number above 0",
            ),
        ] {
            if !fits {
                return Err(Error::option(
                    option,
                    expected,
                    value,
                    "leave it out for Keras's default",
                ));
            }
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        if self.slots.is_empty() {
            self.make_slots(weights)?;
        }
        self.check_slots(weights)?;
        self.step += 1;
        let t = self.step as f64;
        let rate =
            self.learning_rate * (1.0 - self.beta_2.powf(t)).sqrt() / (1.0 - self.beta_1.powf(t));
        if rate == 0.0 {
            return Ok(());
        }
        for ((slot, (_, weight)), gradient) in self.slots.iter_mut().zip(weights).zip(gradients) {
            let Slot { m, v, scratch, .. } = slot;
            let _ = m.f_lerp_(gradient, 1.0 - self.beta_1)?;
            let _ = gradient.f_square_out(scratch)?;
            let _ = v.f_lerp_(scratch, 1.0 - self.beta_2)?;
            // w -= rate · m / (sqrt(v) + epsilon), with -1 / rate in the denominator.
            let _ = v.f_sqrt_out(scratch)?;
            let _ = scratch.f_add_scalar_(self.epsilon)?;
            let _ = scratch.f_mul_scalar_(-1.0 / rate)?;
            let _ = weight.shallow_clone().f_addcdiv_(m, scratch)?;
        }
        Ok(())
    }

    fn state(&self) -> Result<OptimizerState> {
        let mut slots = Vec::new();
        for slot in &self.slots {
            let weight = slot.weight.trim_end_matches(":0");
            for (kind, tensor) in [("m", &slot.m), ("v", &slot.v)] {
                slots.push((format!("Adam/{weight}/{kind}:0"), copy(tensor)?));
            }
        }
        Ok(OptimizerState {
            step: self.step,
            slots,
        })
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        let mut slots = Vec::new();
        for pair in state.slots.chunks(2) {
            let [(m_name, m), (v_name, v)] = pair else {
                return Err(bad_state("an odd number of slots"));
            };
            let weight = m_name
                .strip_prefix("Adam/")
                .and_then(|name| name.strip_suffix("/m:0"))
                .filter(|weight| *v_name == format!("Adam/{weight}/v:0"))
                .ok_or_else(|| bad_state(&format!("{m_name} and {v_name}")))?;
            if m.size() != v.size() {
                return Err(bad_state(&format!("{weight} with two shapes")));
            }
            slots.push(Slot {
                weight: format!("{weight}:0"),
                m: copy(m)?,
                v: copy(v)?,
                scratch: m.f_empty_like()?,
            });
        }
        self.slots = slots;
        self.step = state.step;
        Ok(())
    }
}

fn bad_state(received: &str) -> Error {
    Error::weights(
        "Adam's slots m and v of each weight in turn",
        received,
        "pass what optimizer_state() of a model with Adam gave",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
