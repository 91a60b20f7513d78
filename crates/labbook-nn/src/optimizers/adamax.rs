use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::{check_epsilon, check_shares, moment_options};
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// Adamax as Keras 3 computes it: Adam with the largest gradient in place of the mean of squares
    /// (Kingma and Ba 2015).
    ///
    /// Learning rate 0.001, beta_1 0.9, beta_2 0.999, epsilon 1e-7. In step t
    ///
    /// ```text
    /// m += (1 - beta_1) (g - m)
    /// u = max(beta_2 · u, |g|)
    /// w -= learning_rate / (1 - beta_1^t) · m / (u + epsilon)
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Adamax, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Adamax::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Adamax, AdamaxRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdamaxRule {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
}

impl Default for AdamaxRule {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
        }
    }
}

impl Adamax {
    moment_options!(rule);
}

impl Rule for AdamaxRule {
    const NAME: &'static str = "Adamax";

    fn kinds(&self) -> &'static [&'static str] {
        &["m", "u"]
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
        let [m, u] = kept else {
            return Ok(());
        };
        let _ = m.f_lerp_(gradient, 1.0 - self.beta_1)?;
        *u = u.f_mul_scalar(self.beta_2)?.f_maximum(&gradient.f_abs()?)?;
        let rate = at.learning_rate / (1.0 - self.beta_1.powf(at.t));
        let step = m.f_div(&u.f_add_scalar(self.epsilon)?)?;
        let _ = weight.f_sub_(&step.f_mul_scalar(rate)?)?;
        Ok(())
    }
}
