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
