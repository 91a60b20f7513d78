use super::monitor::{Monitor, monitor_options, remembered, remembered_count};
use crate::{Callback, CallbackState, Control, Error, Logs, Result};

/// Lowers the learning rate when a figure no longer improves, by the rules of Keras 2.4.
///
/// Watches `val_loss`; after 10 epochs in a row that are not better by 1e-4 the rate is
/// multiplied by 0.1, without a cool-down and without a floor. The rate appears in the history
/// as `lr`.
///
/// ```
/// use labbook_nn::{Fit, ReduceLROnPlateau};
///
/// let slower = ReduceLROnPlateau::new().monitor("loss").factor(0.2).patience(2).min_lr(1e-5);
/// let options = Fit::new().callbacks(slower);
/// ```
#[derive(Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    min_delta: f64,
    cooldown: usize,
    min_lr: f64,
    verbose: u8,
    best: f64,
    wait: usize,
    cooldown_left: usize,
}

impl ReduceLROnPlateau {
    /// Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            monitor: Monitor::new(),
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
            verbose: 0,
            best: f64::INFINITY,
            wait: 0,
            cooldown_left: 0,
        }
    }

    monitor_options!();

    /// Sets what the rate is multiplied by, above 0 and below 1; the default is 0.1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how many bad epochs in a row lower the rate; the default is 10.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn patience(mut self, patience: usize) -> Self {
        self.patience = patience;
        self
    }

    /// Sets by how much a figure has to be better; the default is 1e-4.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Sets for how many epochs after a change bad ones do not count; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn cooldown(mut self, cooldown: usize) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Sets the lowest rate; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }

    fn judge(&mut self, epoch: usize, figure: f64, control: &mut Control<'_>) -> Result<()> {
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.wait = 0;
        }
        let bar = self.best + self.monitor.toward_better(self.min_delta);
        if self.monitor.is_better(figure, bar) {
            self.best = figure;
            self.wait = 0;
            return Ok(());
        }
        if self.cooldown_left > 0 {
            return Ok(());
        }
        self.wait += 1;
        let old = control.model().learning_rate()?;
        if self.wait < self.patience || old <= self.min_lr {
            return Ok(());
        }
        let mut new = old * self.factor;
        // Repeated factors round: 0.1, five times a tenth of it, ends just above 1e-6. Keras's
        // rates are single precision, which does not see that.
        if new <= self.min_lr * (1.0 + f64::from(f32::EPSILON)) {
            new = self.min_lr;
        }
        control.model_mut().set_learning_rate(new)?;
        if self.verbose > 0 {
            control.message(&format!(
                "Epoch {:05}: ReduceLROnPlateau reducing learning rate to {new:?}.",
                epoch + 1
            ));
        }
        self.cooldown_left = self.cooldown;
        self.wait = 0;
        Ok(())
    }
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        Self::new()
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let error = Error::option(
                "ReduceLROnPlateau factor",
                "above 0 and below 1",
                self.factor,
                "use 0.1 to divide the rate by ten",
            );
            control.fail(error.to_string());
        }
        self.best = self.monitor.worst();
        self.wait = 0;
        self.cooldown_left = 0;
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        control.log_learning_rate();
        let Some(figure) = self.monitor.figure(logs) else {
            let missing = self.monitor.missing(logs);
            control.message(&format!(
                "Warning: Reduce LR on plateau conditioned on {missing}"
            ));
            return;
        };
        if let Err(error) = self.judge(epoch, figure, control) {
            control.fail(format!("ReduceLROnPlateau: {error}"));
        }
    }

    fn state(&self) -> Result<CallbackState> {
        Ok(CallbackState {
            values: vec![
                ("best".to_owned(), self.best),
                ("wait".to_owned(), self.wait as f64),
                ("cooldown_left".to_owned(), self.cooldown_left as f64),
            ],
            tensors: Vec::new(),
        })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.best = remembered(&state.values, "best")?;
        self.wait = remembered_count(&state.values, "wait")?;
        self.cooldown_left = remembered_count(&state.values, "cooldown_left")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::{Outcome, model, rehearse};
    use super::*;

    fn rates(mut callback: ReduceLROnPlateau, figures: &[f64]) -> Result<(Vec<f64>, Outcome)> {
        let mut model = model()?;
        let outcome = rehearse(&mut callback, &mut model, "val_loss", figures)?;
        let mut rates: Vec<f64> = outcome.added.iter().map(|(_, rate)| *rate).collect();
        rates.push(model.learning_rate()?);
        Ok((rates, outcome))
    }

    #[test]
    fn the_rate_falls_after_the_patience_is_gone() -> Result<()> {
        let callback = ReduceLROnPlateau::new().factor(0.5).patience(2).verbose(1);
        // The fourth figure is better, but by less than 1e-4.
        let (rates, outcome) = rates(callback, &[1.0, 0.9, 0.95, 0.89995, 0.8, 0.8])?;
        assert_eq!(rates, [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05]);
        assert_eq!(
            outcome.messages,
            ["Epoch 00004: ReduceLROnPlateau reducing learning rate to 0.05."]
        );
        Ok(())
    }

    #[test]
    fn a_cool_down_delays_the_next_change_and_the_floor_holds() -> Result<()> {
        let callback = ReduceLROnPlateau::new()
            .factor(0.25)
            .patience(1)
            .cooldown(2)
            .min_lr(0.01);
        let (rates, _) = rates(callback, &[1.0; 8])?;
        // Bad epochs 2, 4 and 6 change it: an epoch of the two cools down, the other counts.
        assert_eq!(
            rates,
            [0.1, 0.1, 0.025, 0.025, 0.01, 0.01, 0.01, 0.01, 0.01]
        );
        Ok(())
    }

    #[test]
    fn rounding_costs_no_further_reduction_above_the_floor() -> Result<()> {
        let callback = ReduceLROnPlateau::new().patience(1).min_lr(1e-6).verbose(1);
        let (rates, outcome) = rates(callback, &[1.0; 13])?;
        assert_eq!(outcome.messages.len(), 5, "{:?}", outcome.messages);
        assert!(outcome.messages[4].ends_with("learning rate to 1e-6."));
        assert_eq!(rates.last(), Some(&1e-6));
        Ok(())
    }

    #[test]
    fn a_factor_that_would_not_lower_is_an_error() -> Result<()> {
        let (_, outcome) = rates(ReduceLROnPlateau::new().factor(1.0), &[1.0])?;
        assert!(outcome.failure.unwrap().contains("above 0 and below 1"));
        Ok(())
    }
}
