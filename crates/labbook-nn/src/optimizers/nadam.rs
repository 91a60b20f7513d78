use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::{check_epsilon, check_shares, moment_options};
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// Nadam (Dozat 2016) as Keras 3 computes it: Adam with Nesterov's momentum.
    ///
    /// Learning rate 0.001, beta_1 0.9, beta_2 0.999, epsilon 1e-7. In step t, with
    /// u(t) = beta_1 · (1 - 0.96^t / 2) and U(t) the product of u(1) to u(t),
    ///
    /// ```text
    /// m += (1 - beta_1) (g - m)
    /// v += (1 - beta_2) (g² - v)
    /// h = u(t + 1) / (1 - U(t + 1)) · m + (1 - u(t)) / (1 - U(t)) · g
    /// w -= learning_rate · h / (sqrt(v / (1 - beta_2^t)) + epsilon)
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Nadam, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Nadam::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Nadam, NadamRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NadamRule {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
}

impl Default for NadamRule {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
        }
    }
}

impl Nadam {
    moment_options!(rule);
}

impl Rule for NadamRule {
    const NAME: &'static str = "Nadam";

    fn kinds(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn check(&self) -> Result<()> {
        check_shares(
            Self::NAME,
            &[("beta_1", self.beta_1), ("beta_2", self.beta_2)],
        )?;
        check_epsilon(Self::NAME, self.epsilon)
    }

    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()> {
        let [m, v] = kept else {
            return Ok(());
        };
        let _ = m.f_lerp_(gradient, 1.0 - self.beta_1)?;
        let _ = v.f_lerp_(&gradient.f_square()?, 1.0 - self.beta_2)?;
        let momentum = |t: f64| self.beta_1 * (1.0 - 0.5 * DECAY.powf(t));
        let product = self.product(at.t);
        let (now, next) = (momentum(at.t), momentum(at.t + 1.0));
        let ahead = m.f_mul_scalar(next / (1.0 - product * next))?;
        let here = gradient.f_mul_scalar((1.0 - now) / (1.0 - product))?;
        let squares = v.f_div_scalar(1.0 - self.beta_2.powf(at.t))?;
        let root = squares.f_sqrt()?.f_add_scalar(self.epsilon)?;
        let step = ahead.f_add(&here)?.f_div(&root)?;
        let _ = weight.f_sub_(&step.f_mul_scalar(at.learning_rate)?)?;
        Ok(())
    }
}

/// How the momentum nears its full size.
const DECAY: f64 = 0.96;
/// From here on it has it, to the last digit of a double.
const FULL: f64 = 1000.0;

impl NadamRule {
    /// The momenta of the first t steps, multiplied.
    fn product(&self, t: f64) -> f64 {
        let rising = (1..=t.min(FULL) as i32).map(|step| 1.0 - 0.5 * DECAY.powi(step));
        self.beta_1.powf(t) * rising.product::<f64>()
    }
}
