use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::check_option;
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// Lion (Chen et al. 2023) as Keras 3 computes it: steps of one size, in the direction of a momentum.
    ///
    /// Learning rate 0.001, beta_1 0.9, beta_2 0.99. It takes a smaller learning rate than Adam, by a
    /// factor of 3 to 10, and a weight decay as much larger.
    ///
    /// ```text
    /// w -= learning_rate · sign(beta_1 · m + (1 - beta_1) g)
    /// m = beta_2 · m + (1 - beta_2) g
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Lion, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Lion::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Lion, LionRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LionRule {
    beta_1: f64,
    beta_2: f64,
}

impl Default for LionRule {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.99,
        }
    }
}

impl Lion {
    /// Sets the share of the momentum in a step, above 0; the default is 0.9.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.rule.beta_1 = beta_1;
        self
    }

    /// Sets how slowly the momentum forgets; the default is 0.99.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.rule.beta_2 = beta_2;
        self
    }
}

impl Rule for LionRule {
    const NAME: &'static str = "Lion";

    fn kinds(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn check(&self) -> Result<()> {
        let beta_1 = self.beta_1;
        let fits = beta_1 > 0.0 && beta_1 <= 1.0;
        check_option(Self::NAME, "beta_1", beta_1, fits, "above 0 and at most 1")?;
        let fits = (0.0..=1.0).contains(&self.beta_2);
        check_option(Self::NAME, "beta_2", self.beta_2, fits, "from 0 to 1")
    }

    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()> {
        let [m] = kept else {
            return Ok(());
        };
        let direction = m.f_lerp(gradient, 1.0 - self.beta_1)?.f_sign()?;
        let _ = weight.f_sub_(&direction.f_mul_scalar(at.learning_rate)?)?;
        let _ = m.f_lerp_(gradient, 1.0 - self.beta_2)?;
        Ok(())
    }
}
