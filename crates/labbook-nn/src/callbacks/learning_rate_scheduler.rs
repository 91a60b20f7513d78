use std::fmt;

use crate::{Callback, Control, Logs};

/// Chooses the learning rate of every epoch with a function of the epoch and the rate so far.
///
/// The rate appears in the history as `lr`, as in Keras 2.4.
///
/// ```
/// use labbook_nn::LearningRateScheduler;
///
/// // Ten epochs as compiled, then ten percent less from epoch to epoch.
/// let scheduler = LearningRateScheduler::new(|epoch, lr| if epoch < 10 { lr } else { lr * 0.9 });
/// ```
pub struct LearningRateScheduler {
    schedule: Box<dyn Fn(usize, f64) -> f64 + Send>,
    verbose: u8,
}

impl LearningRateScheduler {
    /// Calls `schedule` with the number of each epoch, from 0, and the learning rate.
    #[must_use]
    pub fn new(schedule: impl Fn(usize, f64) -> f64 + Send + 'static) -> Self {
        Self {
            schedule: Box::new(schedule),
            verbose: 0,
        }
    }

    /// Sets how much to tell: 0 nothing (the default), 1 a line per epoch.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }
}

impl fmt::Debug for LearningRateScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearningRateScheduler")
            .field("verbose", &self.verbose)
            .finish_non_exhaustive()
    }
}

impl Callback for LearningRateScheduler {
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) {
        let changed = control.model().learning_rate().and_then(|rate| {
            let rate = (self.schedule)(epoch, rate);
            control.model_mut().set_learning_rate(rate)?;
            Ok(rate)
        });
        match changed {
            Ok(rate) if self.verbose > 0 => control.message(&format!(
                "Epoch {:05}: LearningRateScheduler reducing learning rate to {rate:?}.",
                epoch + 1
            )),
            Ok(_) => {}
            Err(error) => control.fail(format!("LearningRateScheduler: {error}")),
        }
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        control.log_learning_rate();
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::{model, rehearse};
    use super::*;
    use crate::Result;

    #[test]
    fn every_epoch_has_the_rate_that_the_function_gives() -> Result<()> {
        let mut model = model()?;
        let mut scheduler =
            LearningRateScheduler::new(|epoch, lr| if epoch < 2 { lr } else { lr / 2.0 })
                .verbose(1);
        let outcome = rehearse(&mut scheduler, &mut model, "loss", &[1.0; 4])?;
        let rates: Vec<f64> = outcome.added.iter().map(|(_, rate)| *rate).collect();
        assert_eq!(rates, [0.1, 0.1, 0.05, 0.025]);
        assert!(outcome.added.iter().all(|(key, _)| key == "lr"));
        assert_eq!(
            outcome.messages[2],
            "Epoch 00003: LearningRateScheduler reducing learning rate to 0.05."
        );
        Ok(())
    }

    #[test]
    fn an_impossible_rate_ends_the_training() -> Result<()> {
        let mut scheduler = LearningRateScheduler::new(|_, _| f64::NAN);
        let outcome = rehearse(&mut scheduler, &mut model()?, "loss", &[1.0])?;
        let failure = outcome.failure.unwrap();
        assert!(failure.contains("received NaN"), "{failure}");
        Ok(())
    }
}
