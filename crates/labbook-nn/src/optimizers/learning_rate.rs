use crate::{Error, LearningRateSchedule, Result};

/// The learning rate of an optimizer: a number, or a schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LearningRate {
    pub(crate) constant: f64,
    pub(crate) schedule: Option<LearningRateSchedule>,
}

impl LearningRate {
    pub(crate) fn constant(constant: f64) -> Self {
        Self {
            constant,
            schedule: None,
        }
    }

    /// The rate of the step that follows so many others.
    pub(crate) fn at(&self, step: i64) -> f64 {
        match &self.schedule {
            Some(schedule) => schedule.at(step),
            None => self.constant,
        }
    }

    pub(crate) fn check(&self, optimizer: &str) -> Result<()> {
        if let Some(schedule) = &self.schedule {
            return schedule.check();
        }
        let fits = self.constant.is_finite() && self.constant >= 0.0;
        check_option(
            optimizer,
            "learning_rate",
            self.constant,
            fits,
            "a finite number of at least 0",
        )
    }
}

/// An error about one option of an optimizer, unless it fits.
pub(crate) fn check_option(
    optimizer: &str,
    option: &str,
    value: f64,
    fits: bool,
    expected: &str,
) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::option(
        &format!("{optimizer} {option}"),
        expected,
        value,
        "leave it out for Keras's default",
    ))
}

/// Checks that each of these options is at least 0 and below 1.
pub(crate) fn check_shares(optimizer: &str, options: &[(&str, f64)]) -> Result<()> {
    for &(option, value) in options {
        let fits = (0.0..1.0).contains(&value);
        check_option(optimizer, option, value, fits, "at least 0 and below 1")?;
    }
    Ok(())
}

/// Checks the number that keeps a division finite.
pub(crate) fn check_epsilon(optimizer: &str, epsilon: f64) -> Result<()> {
    let fits = epsilon.is_finite() && epsilon > 0.0;
    check_option(optimizer, "epsilon", epsilon, fits, "a number above 0")
}

/// The builder methods for the learning rate that all optimizers share.
macro_rules! learning_rate_options {
    ($default:literal) => {
        #[doc = concat!("Sets the learning rate; the default is ", $default, ".")]
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn learning_rate(mut self, learning_rate: f64) -> Self {
            self.learning_rate =
                $crate::optimizers::learning_rate::LearningRate::constant(learning_rate);
            self
        }

        /// Sets a learning rate that changes from step to step.
        ///
        /// A learning rate set later, for instance by a callback, takes its place.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn schedule(mut self, schedule: $crate::LearningRateSchedule) -> Self {
            self.learning_rate.schedule = Some(schedule);
            self
        }
    };
}
pub(crate) use learning_rate_options;

/// The builder methods of optimizers that keep two moments of the gradients: Adam and its kin.
macro_rules! moment_options {
    ($($path:ident).*) => {
        /// Sets how slowly the mean of gradients forgets; the default is 0.9.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn beta_1(mut self, beta_1: f64) -> Self {
            self.$($path.)*beta_1 = beta_1;
            self
        }

        /// Sets how slowly the measure of their size forgets; the default is 0.999.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn beta_2(mut self, beta_2: f64) -> Self {
            self.$($path.)*beta_2 = beta_2;
            self
        }

        /// Sets the number that keeps the division finite; the default is 1e-7.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn epsilon(mut self, epsilon: f64) -> Self {
            self.$($path.)*epsilon = epsilon;
            self
        }
    };
}
pub(crate) use moment_options;
