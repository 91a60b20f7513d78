use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::{check_epsilon, check_shares};
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// Adadelta (Zeiler 2012) as Keras 3 computes it: steps as large as recent changes of the weight.
    ///
    /// Learning rate 0.001, rho 0.95, epsilon 1e-7. The paper has no learning rate; a rate of 1 gives its
    /// form.
    ///
    /// ```text
    /// s = rho · s + (1 - rho) g²
    /// d = sqrt(c + epsilon) / sqrt(s + epsilon) · g
    /// c = rho · c + (1 - rho) d²
    /// w -= learning_rate · d
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Adadelta, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Adadelta::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Adadelta, AdadeltaRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdadeltaRule {
    rho: f64,
    epsilon: f64,
}

impl Default for AdadeltaRule {
    fn default() -> Self {
        Self {
            rho: 0.95,
            epsilon: 1e-7,
        }
    }
}

impl Adadelta {
    /// Sets how slowly the means of squares forget; the default is 0.95.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rule.rho = rho;
        self
    }

    /// Sets the number that keeps the division finite; the default is 1e-7.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.rule.epsilon = epsilon;
        self
    }
}

impl Rule for AdadeltaRule {
    const NAME: &'static str = "Adadelta";

    fn kinds(&self) -> &'static [&'static str] {
        &["accumulated_grad", "accumulated_delta_var"]
    }

    fn check(&self) -> Result<()> {
        check_shares(Self::NAME, &[("rho", self.rho)])?;
        check_epsilon(Self::NAME, self.epsilon)
    }

    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()> {
        let [squares, changes] = kept else {
            return Ok(());
        };
        let _ = squares.f_lerp_(&gradient.f_square()?, 1.0 - self.rho)?;
        let root = |mean: &Tensor| mean.f_add_scalar(self.epsilon)?.f_sqrt();
        let change = root(changes)?.f_mul(gradient)?.f_div(&root(squares)?)?;
        let _ = changes.f_lerp_(&change.f_square()?, 1.0 - self.rho)?;
        let _ = weight.f_sub_(&change.f_mul_scalar(at.learning_rate)?)?;
        Ok(())
    }
}
