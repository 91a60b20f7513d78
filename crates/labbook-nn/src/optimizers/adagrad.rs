use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::{check_epsilon, check_option};
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// Adagrad (Duchi, Hazan and Singer 2011) as Keras 3 computes it: steps shrink for weights whose
    /// gradients have been large.
    ///
    /// Learning rate 0.001, initial accumulator value 0.1, epsilon 1e-7:
    ///
    /// ```text
    /// a += g²
    /// w -= learning_rate · g / sqrt(a + epsilon)
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Adagrad, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Adagrad::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Adagrad, AdagradRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdagradRule {
    initial_accumulator_value: f64,
    epsilon: f64,
}

impl Default for AdagradRule {
    fn default() -> Self {
        Self {
            initial_accumulator_value: 0.1,
            epsilon: 1e-7,
        }
    }
}

impl Adagrad {
    /// Sets what the sums of squares begin with; the default is 0.1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn initial_accumulator_value(mut self, initial_accumulator_value: f64) -> Self {
        self.rule.initial_accumulator_value = initial_accumulator_value;
        self
    }

    /// Sets the number that keeps the division finite; the default is 1e-7.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule.epsilon = epsilon;
        self
    }
}

impl Rule for AdagradRule {
    const NAME: &'static str = "Adagrad";

    fn kinds(&self) -> &'static [&'static str] {
        &["accumulator"]
    }

    fn check(&self) -> Result<()> {
        check_epsilon(Self::NAME, self.epsilon)?;
        let fits =
            self.initial_accumulator_value.is_finite() && self.initial_accumulator_value >= 0.0;
        check_option(
            Self::NAME,
            "initial_accumulator_value",
            self.initial_accumulator_value,
            fits,
            "a finite number of at least 0",
        )?;
        Ok(())
    }

    fn first(&self, _kind: usize) -> f64 {
        self.initial_accumulator_value
    }

    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()> {
        let [sum] = kept else {
            return Ok(());
        };
        let _ = sum.f_add_(&gradient.f_square()?)?;
        let root = sum.f_add_scalar(self.epsilon)?.f_sqrt()?;
        let _ = weight.f_sub_(&gradient.f_div(&root)?.f_mul_scalar(at.learning_rate)?)?;
        Ok(())
    }
}
