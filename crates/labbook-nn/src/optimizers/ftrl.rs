use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::optimizers::learning_rate::check_option;
use crate::optimizers::ruled::{Moment, Rule, ruled_optimizer};

ruled_optimizer! {
    /// FTRL-Proximal (McMahan et al. 2013) as Keras 3 computes it, for wide sparse models: with an
    /// l1 strength many weights become exactly 0.
    ///
    /// Learning rate 0.001, learning rate power -0.5, initial accumulator value 0.1, all strengths and beta 0.
    /// With p the negative power, l = l2 + beta / (2 · learning_rate) and s the shrinkage,
    ///
    /// ```text
    /// n = a + g²
    /// z += g + 2 s · w - (n^p - a^p) / learning_rate · w
    /// w = (clip(z, -l1, l1) - z) / (n^p / learning_rate + 2 l)
    /// a = n
    /// ```
    ///
    /// ```
    /// use labbook_nn::{Dense, Ftrl, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(3));
    /// model.compile(Ftrl::new().learning_rate(0.01), "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    Ftrl, FtrlRule, 0.001
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FtrlRule {
    learning_rate_power: f64,
    initial_accumulator_value: f64,
    l1_regularization_strength: f64,
    l2_regularization_strength: f64,
    l2_shrinkage_regularization_strength: f64,
    beta: f64,
}

impl Default for FtrlRule {
    fn default() -> Self {
        Self {
            learning_rate_power: -0.5,
            initial_accumulator_value: 0.1,
            l1_regularization_strength: 0.0,
            l2_regularization_strength: 0.0,
            l2_shrinkage_regularization_strength: 0.0,
            beta: 0.0,
        }
    }
}

impl Ftrl {
    /// Sets how the learning rate falls with the sums of squares, at most 0; the default is -0.5.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn learning_rate_power(mut self, learning_rate_power: f64) -> Self {
        self.rule.learning_rate_power = learning_rate_power;
        self
    }

    /// Sets what the sums of squares begin with; the default is 0.1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn initial_accumulator_value(mut self, initial_accumulator_value: f64) -> Self {
        self.rule.initial_accumulator_value = initial_accumulator_value;
        self
    }

    /// Sets the strength of the l1 penalty; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn l1_regularization_strength(mut self, l1_regularization_strength: f64) -> Self {
        self.rule.l1_regularization_strength = l1_regularization_strength;
        self
    }

    /// Sets the strength of the l2 penalty; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn l2_regularization_strength(mut self, l2_regularization_strength: f64) -> Self {
        self.rule.l2_regularization_strength = l2_regularization_strength;
        self
    }

    /// Sets the strength of an l2 penalty on large weights only; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn l2_shrinkage_regularization_strength(
        mut self,
        l2_shrinkage_regularization_strength: f64,
    ) -> Self {
        self.rule.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength;
        self
    }

    /// Sets the beta of the paper; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn beta(mut self, beta: f64) -> Self {
        self.rule.beta = beta;
        self
    }
}

impl Rule for FtrlRule {
    const NAME: &'static str = "Ftrl";

    fn kinds(&self) -> &'static [&'static str] {
        &["accumulator", "linear"]
    }

    fn check(&self) -> Result<()> {
        let power = self.learning_rate_power;
        let fits = power.is_finite() && power <= 0.0;
        check_option(
            Self::NAME,
            "learning_rate_power",
            power,
            fits,
            "a number of at most 0",
        )?;
        for (option, value) in [
            ("initial_accumulator_value", self.initial_accumulator_value),
            (
                "l1_regularization_strength",
                self.l1_regularization_strength,
            ),
            (
                "l2_regularization_strength",
                self.l2_regularization_strength,
            ),
            (
                "l2_shrinkage_regularization_strength",
                self.l2_shrinkage_regularization_strength,
            ),
            ("beta", self.beta),
        ] {
            let fits = value.is_finite() && value >= 0.0;
            check_option(
                Self::NAME,
                option,
                value,
                fits,
                "a finite number of at least 0",
            )?;
        }
        Ok(())
    }

    fn first(&self, kind: usize) -> f64 {
        match kind {
            0 => self.initial_accumulator_value,
            _ => 0.0,
        }
    }

    fn update(
        &self,
        at: Moment,
        weight: &mut Tensor,
        gradient: &Tensor,
        kept: &mut [Tensor],
    ) -> Result<()> {
        let [sum, linear] = kept else {
            return Ok(());
        };
        // At a rate of 0 nothing moves; the formula would divide by it.
        if at.learning_rate == 0.0 {
            return Ok(());
        }
        let power = -self.learning_rate_power;
        let rate = at.learning_rate;
        let l2 = self.l2_regularization_strength + self.beta / (2.0 * rate);
        let shrinkage = 2.0 * self.l2_shrinkage_regularization_strength;
        let next = sum.f_add(&gradient.f_square()?)?;
        let raised = next.f_pow_tensor_scalar(power)?;
        let growth = raised.f_sub(&sum.f_pow_tensor_scalar(power)?)?;
        let pull = gradient.f_add(&weight.f_mul_scalar(shrinkage)?)?;
        let _ = linear.f_add_(&pull)?;
        let _ = linear.f_sub_(&growth.f_div_scalar(rate)?.f_mul(weight)?)?;
        let below = raised.f_div_scalar(rate)?.f_add_scalar(2.0 * l2)?;
        let l1 = self.l1_regularization_strength;
        let value = linear.f_clamp(-l1, l1)?.f_sub(linear)?.f_div(&below)?;
        weight.f_copy_(&value)?;
        sum.f_copy_(&next)?;
        Ok(())
    }
}
