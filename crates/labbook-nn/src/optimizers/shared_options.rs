use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::optimizers::learning_rate::check_option;
use crate::optimizers::slots::{Slot, Slots};
use crate::{Error, Result};

/// The options that all optimizers share, besides learning rate and weight decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SharedOptions {
    pub(crate) clipnorm: Option<f64>,
    pub(crate) global_clipnorm: Option<f64>,
    pub(crate) clipvalue: Option<f64>,
    pub(crate) use_ema: bool,
    pub(crate) ema_momentum: f64,
    pub(crate) ema_overwrite_frequency: Option<i64>,
    pub(crate) gradient_accumulation_steps: Option<i64>,
    /// Parts of the names of weights that do not decay.
    pub(crate) exclude_from_weight_decay: Vec<String>,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            gradient_accumulation_steps: None,
            exclude_from_weight_decay: Vec::new(),
        }
    }
}

const ACCUMULATED: &str = "accumulated_gradient";
const AVERAGE: &str = "average";

impl SharedOptions {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self, optimizer: &str) -> Result<()> {
        let clips = [
            ("clipnorm", self.clipnorm),
            ("global_clipnorm", self.global_clipnorm),
            ("clipvalue", self.clipvalue),
        ];
        for (option, value) in clips {
            let value = value.unwrap_or(1.0);
            let fits = value.is_finite() && value > 0.0;
            check_option(optimizer, option, value, fits, "a finite number above 0")?;
        }
        if clips.iter().filter(|(_, value)| value.is_some()).count() > 1 {
            return Err(Error::option(
                optimizer,
                "one of clipnorm, global_clipnorm and clipvalue",
                "several",
                "leave out all but one",
            ));
        }
        let momentum = self.ema_momentum;
        let fits = (0.0..=1.0).contains(&momentum);
        check_option(optimizer, "ema_momentum", momentum, fits, "from 0 to 1")?;
        for (option, value, least) in [
            ("ema_overwrite_frequency", self.ema_overwrite_frequency, 1),
            (
                "gradient_accumulation_steps",
                self.gradient_accumulation_steps,
                2,
            ),
        ] {
            if let Some(value) = value {
                let expected = format!("a whole number of at least {least}");
                check_option(optimizer, option, value as f64, value >= least, &expected)?;
            }
        }
        Ok(())
    }

    /// The slots of an optimizer with those that the options need after its own.
    pub(crate) fn kinds(&self, own: &[&'static str]) -> Vec<&'static str> {
        let accumulated = self.gradient_accumulation_steps.map(|_| ACCUMULATED);
        let average = self.use_ema.then_some(AVERAGE);
        let own = own.iter().copied();
        own.chain(accumulated).chain(average).collect()
    }

    /// How many times the weights were changed in so many steps.
    fn updates(&self, steps: i64) -> i64 {
        steps / self.gradient_accumulation_steps.unwrap_or(1).max(1)
    }

    /// What is left of a weight that decays.
    pub(crate) fn keep(&self, name: &str, learning_rate: f64, weight_decay: f64) -> f64 {
        let mut parts = self.exclude_from_weight_decay.iter();
        match parts.any(|part| name.contains(part.as_str())) {
            true => 1.0,
            false => 1.0 - learning_rate * weight_decay,
        }
    }

    /// Makes the step that follows so many others: `update` is given the slots, the gradients
    /// that the options make of those given, and how many updates there were.
    ///
    /// Where gradients are accumulated most steps only do that.
    pub(crate) fn step(
        &self,
        steps: i64,
        slots: &mut [Slot],
        weights: &[(String, Tensor)],
        gradients: &[Tensor],
        update: impl FnOnce(&mut [Slot], &[Tensor], i64) -> Result<()>,
    ) -> Result<()> {
        let updates = self.updates(steps);
        let mut changed: Option<Vec<Tensor>> = None;
        let mut due = true;
        if let Some(count) = self.gradient_accumulation_steps {
            due = (steps + 1) % count.max(1) == 0;
            changed = self.accumulate(slots, gradients, due, count)?;
        }
        if due {
            if let Some(clipped) = self.clipped(changed.as_deref().unwrap_or(gradients))? {
                changed = Some(clipped);
            }
            update(slots, changed.as_deref().unwrap_or(gradients), updates)?;
        }
        match self.use_ema {
            true => self.average(slots, weights, updates),
            false => Ok(()),
        }
    }

    /// Adds the gradients to those since the last update, and gives their mean if one is due.
    fn accumulate(
        &self,
        slots: &mut [Slot],
        gradients: &[Tensor],
        due: bool,
        count: i64,
    ) -> Result<Option<Vec<Tensor>>> {
        let mut means = Vec::new();
        for (slot, gradient) in slots.iter_mut().zip(gradients) {
            let place = slot
                .tensors
                .len()
                .checked_sub(1 + usize::from(self.use_ema));
            let Some(sum) = place.and_then(|place| slot.tensors.get_mut(place)) else {
                continue;
            };
            let _ = sum.f_add_(gradient)?;
            if due {
                means.push(sum.f_div_scalar(count as f64)?);
                let _ = sum.f_zero_()?;
            }
        }
        Ok(due.then_some(means))
    }

    /// The gradients cut to size, if they are to be.
    fn clipped(&self, gradients: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
        let squares = |gradient: &Tensor| gradient.f_square()?.f_sum(None::<Kind>);
        let scaled: Vec<Tensor> = if let Some(most) = self.clipnorm {
            let each = gradients.iter().map(|gradient| {
                let norm = squares(gradient)?.f_sqrt()?.f_clamp_min(most)?;
                gradient.f_mul(&norm.f_reciprocal()?.f_mul_scalar(most)?)
            });
            each.collect::<Result<_, _>>()?
        } else if let Some(most) = self.global_clipnorm {
            let all = gradients
                .iter()
                .map(squares)
                .collect::<Result<Vec<_>, _>>()?;
            let norm = Tensor::f_stack(&all, 0)?.f_sum(None::<Kind>)?.f_sqrt()?;
            // A norm that is not finite gives gradients that are not, which is told.
            let scale = norm.f_clamp_min(most)?.f_reciprocal()?.f_mul_scalar(most)?;
            let scale = scale.f_add(&norm.f_sub(&norm)?)?;
            let each = gradients.iter().map(|gradient| gradient.f_mul(&scale));
            each.collect::<Result<_, _>>()?
        } else if let Some(most) = self.clipvalue {
            let each = gradients
                .iter()
                .map(|gradient| gradient.f_clamp(-most, most));
            each.collect::<Result<_, _>>()?
        } else {
            return Ok(None);
        };
        Ok(Some(scaled))
    }

    /// Moves the averages of the weights towards them.
    fn average(
        &self,
        slots: &mut [Slot],
        weights: &[(String, Tensor)],
        updates: i64,
    ) -> Result<()> {
        // The first weights are the first average.
        let share = match updates {
            0 => 1.0,
            _ => 1.0 - self.ema_momentum,
        };
        let frequency = self.ema_overwrite_frequency;
        let overwrite = frequency.is_some_and(|frequency| (updates + 1) % frequency.max(1) == 0);
        for (slot, (_, weight)) in slots.iter_mut().zip(weights) {
            if let Some(average) = slot.tensors.last_mut() {
                let _ = average.f_lerp_(weight, share)?;
                if overwrite {
                    weight.shallow_clone().f_copy_(average)?;
                }
            }
        }
        Ok(())
    }

    /// Sets the weights to their averages, where there are such.
    pub(crate) fn finish(&self, slots: &Slots, weights: &[(String, Tensor)]) -> Result<()> {
        if !self.use_ema {
            return Ok(());
        }
        for (slot, (_, weight)) in slots.rows().iter().zip(weights) {
            if let Some(average) = slot.tensors.last() {
                weight.shallow_clone().f_copy_(average)?;
            }
        }
        Ok(())
    }
}

/// The builder methods for the options that all optimizers share.
macro_rules! shared_options {
    () => {
        /// Scales each weight's gradient down to this norm where it is larger.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn clipnorm(mut self, clipnorm: f64) -> Self {
            self.shared.clipnorm = Some(clipnorm);
            self
        }

        /// Scales all gradients down so that together they have at most this norm.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn global_clipnorm(mut self, global_clipnorm: f64) -> Self {
            self.shared.global_clipnorm = Some(global_clipnorm);
            self
        }

        /// Cuts every number of the gradients off at this one and its negative.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn clipvalue(mut self, clipvalue: f64) -> Self {
            self.shared.clipvalue = Some(clipvalue);
            self
        }

        /// Says whether to keep an exponential moving average of the weights, which takes their
        /// place when a training ends; the default is `false`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn use_ema(mut self, use_ema: bool) -> Self {
            self.shared.use_ema = use_ema;
            self
        }

        /// Sets how slowly that average moves, from 0 to 1; the default is 0.99.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn ema_momentum(mut self, ema_momentum: f64) -> Self {
            self.shared.ema_momentum = ema_momentum;
            self
        }

        /// Sets the weights to their average once in so many steps, too.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn ema_overwrite_frequency(mut self, steps: i64) -> Self {
            self.shared.ema_overwrite_frequency = Some(steps);
            self
        }

        /// Changes the weights once in so many batches, at least 2, by the mean of the batches'
        /// gradients: as if batches were larger, in the memory of a small one.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn gradient_accumulation_steps(mut self, steps: i64) -> Self {
            self.shared.gradient_accumulation_steps = Some(steps);
            self
        }

        /// Spares the weights whose names have one of these parts the decay: `["bias"]`, or a
        /// layer's name.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn exclude_from_weight_decay(mut self, names: &[&str]) -> Self {
            let names = names.iter().map(|&name| name.to_owned());
            self.shared.exclude_from_weight_decay = names.collect();
            self
        }

        pub(crate) fn shared(
            mut self,
            shared: $crate::optimizers::shared_options::SharedOptions,
        ) -> Self {
            self.shared = shared;
            self
        }
    };
}
pub(crate) use shared_options;
