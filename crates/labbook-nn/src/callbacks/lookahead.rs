use tch::{Tensor, no_grad_guard};

use super::monitor::remembered_count;
use crate::tensors::copy::copy;
use crate::{Callback, CallbackState, Control, Parameter, Result};

/// Averages the weights on their way through the training (Zhang et al. 2019, with the growing
/// memory of Jordan's `airbench94`).
///
/// Slow copies follow all weights, the statistics of batch normalizations included. After every
/// `steps` batches
///
/// ```text
/// slow += (1 - share) · (weight - slow)        share = decay^steps · (t / T)³
/// weight = slow
/// ```
///
/// after t of all T batches of the training. So the slow copies forget almost everything at
/// first and remember about 1 / (1 - decay) batches in the end. When the training ends the
/// weights become the slow copies; figures of the epochs are those of the weights before.
///
/// ```
/// use labbook_nn::{Fit, Lookahead};
///
/// let options = Fit::new().epochs(10).callbacks(Lookahead::new(5));
/// ```
#[derive(Debug)]
pub struct Lookahead {
    steps: u32,
    decay: f64,
    /// Batches so far.
    batch: usize,
    /// Names and slow copies, in Keras's shapes.
    slow: Vec<(String, Tensor)>,
}

impl Lookahead {
    /// Looks at the weights after every `steps` batches, at least 1; Jordan takes 5.
    #[must_use]
    pub fn new(steps: u32) -> Self {
        Self {
            steps,
            decay: 0.95,
            batch: 0,
            slow: Vec::new(),
        }
    }

    /// Sets the share that the slow copies keep per batch at the end of the training, from 0
    /// to 1; the default is 0.95.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn decay(mut self, decay: f64) -> Self {
        self.decay = decay;
        self
    }

    /// What the slow copies keep of themselves after so many of all batches.
    fn share(&self, batches: usize, of: usize) -> f64 {
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        self.decay.powi(steps) * (batches as f64 / of.max(1) as f64).powi(3)
    }

    /// Moves the slow copies and puts them in the weights' place.
    fn update(&mut self, share: f64, control: &Control<'_>) -> Result<()> {
        let _guard = no_grad_guard();
        let parameters = control.model().parameters();
        for ((_, parameter), (_, slow)) in parameters.iter().zip(&mut self.slow) {
            let mut weight = parameter.keras_view(&parameter.value)?;
            if slow.stride() != weight.stride() || slow.device() != weight.device() {
                // From a file: as the weight lies in memory, which is quicker.
                let mut adopted = weight.f_empty_like()?;
                adopted.f_copy_(slow)?;
                *slow = adopted;
            }
            let _ = slow.f_lerp_(&weight, 1.0 - share)?;
            weight.f_copy_(slow)?;
        }
        Ok(())
    }

    fn begin(&mut self, control: &Control<'_>) -> Result<()> {
        let copied = |(name, parameter): (String, Parameter)| {
            let weight = parameter.keras_view(&parameter.value)?;
            Ok((name, copy(&weight)?))
        };
        let parameters = control.model().parameters().into_iter();
        self.slow = parameters.map(copied).collect::<Result<_>>()?;
        Ok(())
    }
}

impl Callback for Lookahead {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        if self.steps == 0 || !(0.0..=1.0).contains(&self.decay) {
            control.fail(format!(
                "Lookahead: expected at least 1 step and a decay from 0 to 1, received {} and \
                 {}; use Lookahead::new(5)",
                self.steps, self.decay
            ));
            return;
        }
        let params = control.params();
        self.batch = params.initial_epoch * params.steps as usize;
        if let Err(error) = self.begin(control) {
            control.fail(format!("Lookahead: {error}"));
        }
    }

    fn on_train_batch_end(&mut self, _batch: i64, control: &mut Control<'_>) {
        self.batch += 1;
        if !self.batch.is_multiple_of(self.steps as usize) {
            return;
        }
        let params = control.params();
        let share = self.share(self.batch, params.epochs * params.steps as usize);
        if let Err(error) = self.update(share, control) {
            control.fail(format!("Lookahead: {error}"));
        }
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        if let Err(error) = self.update(1.0, control) {
            control.fail(format!("Lookahead: {error}"));
        }
    }

    fn state(&self) -> Result<CallbackState> {
        let tensors = self.slow.iter();
        let tensors = tensors.map(|(name, slow)| Ok((name.clone(), copy(slow)?)));
        Ok(CallbackState {
            values: vec![("batch".to_owned(), self.batch as f64)],
            tensors: tensors.collect::<Result<_>>()?,
        })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.batch = remembered_count(&state.values, "batch")?;
        let tensors = state.tensors.iter();
        let tensors = tensors.map(|(name, slow)| Ok((name.clone(), copy(slow)?)));
        self.slow = tensors.collect::<Result<_>>()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tch::{Device, Kind};

    use super::*;
    use crate::{BatchNormalization, Dense, Fit, SGD, Sequential, SparseCategoricalCrossentropy};

    fn model() -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(5);
        model.add(Dense::new(4).input_shape(3));
        model.add(BatchNormalization::new());
        model.add(Dense::new(2));
        let loss = SparseCategoricalCrossentropy::new().from_logits(true);
        model.compile(SGD::new().learning_rate(0.5), loss, ["accuracy"])?;
        Ok(model)
    }

    fn data() -> (Tensor, Tensor) {
        let x = (Tensor::arange(36, (Kind::Float, Device::Cpu)) * 0.7).sin();
        let y = Tensor::arange(12, (Kind::Int64, Device::Cpu)).remainder(2);
        (x.reshape([12, 3]), y)
    }

    fn options(epochs: usize) -> Fit {
        Fit::new()
            .epochs(epochs)
            .batch_size(4)
            .shuffle(false)
            .verbose(0)
    }

    /// The same written out as a callback of its own.
    #[derive(Default)]
    struct Plain {
        slow: Vec<(String, Tensor)>,
        batch: i32,
    }

    impl Callback for Plain {
        fn on_train_begin(&mut self, control: &mut Control<'_>) {
            self.slow = control.model().weights().unwrap();
        }

        fn on_train_batch_end(&mut self, _batch: i64, control: &mut Control<'_>) {
            self.batch += 1;
            if self.batch % 2 == 0 {
                let share = 0.9_f64.powi(2) * (f64::from(self.batch) / 9.0).powi(3);
                for ((_, slow), (_, weight)) in
                    self.slow.iter_mut().zip(control.model().weights().unwrap())
                {
                    *slow = &*slow * share + weight * (1.0 - share);
                }
                control.model_mut().set_weights(&self.slow).unwrap();
            }
        }
    }

    #[test]
    fn weights_and_statistics_follow_the_formula() -> Result<()> {
        let (x, y) = data();
        let mut averaged = model()?;
        averaged.fit(&x, &y, &options(3).callbacks(Lookahead::new(2).decay(0.9)))?;
        let plain = Arc::new(Mutex::new(Plain::default()));
        let mut expected = model()?;
        expected.fit(&x, &y, &options(3).callbacks(plain.clone()))?;
        // Nine batches: the last one is only in the weights before the end.
        let slow = &plain.lock().unwrap().slow;
        let weights = averaged.weights()?;
        assert_eq!(weights.len(), 8);
        for ((name, weight), (_, slow)) in weights.iter().zip(slow) {
            let difference = (weight - slow).abs().max().double_value(&[]);
            assert!(difference < 1e-5, "{name}: {difference}");
        }
        assert_ne!(weights[0].1, expected.weights()?[0].1);
        Ok(())
    }

    #[test]
    fn a_resumed_training_ends_with_the_same_weights() -> Result<()> {
        let (x, y) = data();
        let folder = tempfile::tempdir().unwrap();
        let fit = |epochs, file: &str, stop: bool| -> Result<Sequential> {
            let mut model = model()?;
            let options = options(epochs).resume_from(folder.path().join(file));
            let options = match stop {
                true => options.callbacks((Lookahead::new(2), StopAfter(1))),
                false => options.callbacks((Lookahead::new(2), StopAfter(usize::MAX))),
            };
            match model.fit(&x, &y, &options) {
                Err(error) if stop => assert!(error.to_string().contains("stopped")),
                result => drop(result?),
            }
            Ok(model)
        };
        let whole = fit(4, "whole", false)?;
        fit(4, "parts", true)?;
        let resumed = fit(4, "parts", false)?;
        assert_same(&whole, &resumed)?;
        // A finished training is given back as it ended.
        assert_same(&whole, &fit(4, "parts", false)?)
    }

    fn assert_same(a: &Sequential, b: &Sequential) -> Result<()> {
        for ((name, a), (_, b)) in a.weights()?.iter().zip(&b.weights()?) {
            assert_eq!(a, b, "{name}");
        }
        Ok(())
    }

    /// Fails in the epoch after so many, as a crash would end the training.
    struct StopAfter(usize);

    impl Callback for StopAfter {
        fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) {
            if epoch > self.0 {
                control.fail("stopped");
            }
        }
    }

    #[test]
    fn impossible_options_are_errors() -> Result<()> {
        let (x, y) = data();
        for lookahead in [Lookahead::new(0), Lookahead::new(5).decay(1.5)] {
            let error = model()?.fit(&x, &y, &options(1).callbacks(lookahead));
            assert!(
                error
                    .unwrap_err()
                    .to_string()
                    .contains("use Lookahead::new(5)")
            );
        }
        Ok(())
    }
}
