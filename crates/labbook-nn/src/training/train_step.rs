use tch::{Device, Kind, Tensor, no_grad_guard};

use super::trainable::Trainable;
use crate::{Batch, Error, Logs, Model, Phase, Result, Tensors};

/// A training step of a person's own: what [`Model::fit_with_step`] calls for every batch.
pub(crate) type OwnStep<'a> = dyn FnMut(&mut TrainStep<'_>) -> Result<()> + 'a;

/// One batch on its way through a training step of a person's own, as in a `train_step` of Keras.
///
/// In training, [`minimize`](Self::minimize) changes the weights; in validation the same function
/// is called with [`Phase::Infer`], nothing changes, and the figures are named `val_..`.
///
/// ```
/// use labbook_nn::{Adam, Dense, Fit, Loss, MeanSquaredError, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::rand([64, 3], (Kind::Float, Device::Cpu));
/// let y = x.sum_dim_intlist(-1, true, Kind::Float);
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(3));
/// model.compile(Adam::new(), (), [])?;
/// let history = model.fit_with_step(&x, &y, &Fit::new().epochs(2).verbose(0), |step| {
///     let predicted = step.model().forward(step.x(), step.phase())?;
///     let loss = MeanSquaredError::new().call(step.y(), &predicted)?;
///     step.minimize(&loss)?;
///     step.log("loss", &loss)
/// })?;
/// assert_eq!(history.keys(), ["loss"]);
/// # Ok(())
/// # }
/// ```
pub struct TrainStep<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) batch: &'a Batch,
    /// The weights that the epoch changes; none in validation.
    pub(crate) weights: Option<&'a Trainable>,
    pub(crate) figures: &'a mut Figures,
}

impl TrainStep<'_> {
    /// The batch's first input, (N, ..).
    pub fn x(&self) -> &Tensor {
        &self.batch.inputs[0]
    }

    /// The batch's first target, (N, ..), or its first input where it has no targets.
    pub fn y(&self) -> &Tensor {
        self.batch.targets.first().unwrap_or(self.x())
    }

    /// All inputs, targets and weights of the batch.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        self.batch
    }

    /// How many examples the batch has.
    #[must_use]
    pub fn batch_size(&self) -> i64 {
        self.x().size().first().copied().unwrap_or_default()
    }

    /// Whether this batch trains or validates; layers such as dropout need to know.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.weights {
            Some(_) => Phase::Train,
            None => Phase::Infer,
        }
    }

    /// The model whose `fit_with_step` was called.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.model
    }

    /// Changes all weights of the model by one step of its optimizer, so that the loss, a tensor
    /// without axes, becomes smaller. Does nothing in validation.
    ///
    /// # Errors
    /// When the loss is not one number, or does not depend on the weights.
    pub fn minimize(&mut self, loss: &Tensor) -> Result<()> {
        match self.weights {
            Some(weights) => self.model.minimize_by(weights, loss),
            None => Ok(()),
        }
    }

    /// [`minimize`](Self::minimize) by changing the weights of one part only: a model whose
    /// layers this model has, such as the discriminator of a generative adversarial network.
    ///
    /// Two losses with parts of their own need a
    /// [`MultiOptimizer`](crate::MultiOptimizer) with a part for each.
    ///
    /// # Errors
    /// When the loss is not one number, or the part shares no weights with the model.
    pub fn minimize_part(&mut self, part: &Model, loss: &Tensor) -> Result<()> {
        match self.weights {
            Some(_) => self.model.minimize_part(part, loss),
            None => Ok(()),
        }
    }

    /// Counts a figure, a tensor without axes: the history shows its mean over the examples of
    /// each epoch.
    ///
    /// # Errors
    /// When it is not one number.
    pub fn log(&mut self, name: &str, value: &Tensor) -> Result<()> {
        let examples = self.batch_size();
        self.figures.add(name, value, examples)
    }
}

/// Means of figures over the examples of an epoch, kept on the device.
#[derive(Debug)]
pub(crate) struct Figures {
    device: Device,
    sums: Vec<(String, Tensor, i64)>,
}

impl Figures {
    pub(crate) fn begin(device: Device) -> Self {
        Self {
            device,
            sums: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, value: &Tensor, examples: i64) -> Result<()> {
        check_scalar(&format!("the figure {name}"), value)?;
        let _guard = no_grad_guard();
        let value = value.f_detach()?.f_reshape([0_i64; 0])?;
        let value = value
            .f_to_device(self.device)?
            .f_to_kind(Kind::Double)?
            .f_mul_scalar(examples as f64)?;
        match self.sums.iter_mut().find(|(known, ..)| known == name) {
            Some((_, sum, count)) => {
                *count += examples;
                let _ = sum.f_add_(&value)?;
            }
            None => self.sums.push((name.to_owned(), value, examples)),
        }
        Ok(())
    }

    pub(crate) fn logs(&self) -> Result<Logs> {
        let means = self.sums.iter().map(|(name, sum, examples)| {
            let mean = sum.f_double_value(&[])? / *examples as f64;
            Ok((name.clone(), mean))
        });
        Ok(Logs::new(means.collect::<Result<_>>()?))
    }
}

pub(crate) fn check_scalar(argument: &str, value: &Tensor) -> Result<()> {
    match value.numel() {
        1 => Ok(()),
        _ => Err(Error::data(
            argument,
            "one number for the batch, a tensor without axes",
            format!("shape {:?}", value.size()),
            "take its mean: .mean(Kind::Float)",
        )),
    }
}

impl Model {
    /// The gradients of a loss, a tensor without axes, by the weights that training changes, in
    /// the order of [`weights`](Self::weights).
    ///
    /// # Errors
    /// When the loss is not one number, or does not depend on the weights.
    pub fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>> {
        Trainable::of(self)?.gradients(loss)
    }

    /// Changes the weights by one step of the compiled optimizer, given
    /// [`gradients`](Self::gradients).
    ///
    /// # Errors
    /// When the model is not compiled, or the gradients are not those of its weights.
    pub fn apply_gradients(&mut self, gradients: &[Tensor]) -> Result<()> {
        let weights = Trainable::of(self)?;
        weights.step(self.compiled_mut()?.optimizer.as_mut(), gradients)
    }

    /// Makes a loss, a tensor without axes, smaller by one step of the compiled optimizer.
    ///
    /// ```
    /// use labbook_nn::{Dense, Phase, SGD, Sequential};
    /// use tch::{Device, Kind, Tensor};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let x = Tensor::ones([8, 2], (Kind::Float, Device::Cpu));
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(1).input_shape(2));
    /// model.compile(SGD::new(), (), [])?;
    /// let loss = |model: &Sequential| -> labbook_nn::Result<Tensor> {
    ///     Ok((model.forward(&x, Phase::Train)? - 3.0).square().mean(Kind::Float))
    /// };
    /// let before = loss(&model)?;
    /// model.minimize(&before)?;
    /// assert!(loss(&model)?.double_value(&[]) < before.double_value(&[]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the model is not compiled, the loss is not one number, or it does not depend on the
    /// weights.
    pub fn minimize(&mut self, loss: &Tensor) -> Result<()> {
        self.minimize_by(&Trainable::of(self)?, loss)
    }

    fn minimize_by(&mut self, weights: &Trainable, loss: &Tensor) -> Result<()> {
        let gradients = weights.gradients(loss)?;
        weights.step(self.compiled_mut()?.optimizer.as_mut(), &gradients)
    }

    /// [`minimize`](Self::minimize) by changing only the weights that another model has as well.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize), and when the part shares no weights with the model.
    pub fn minimize_part(&mut self, part: &Model, loss: &Tensor) -> Result<()> {
        self.minimize_by(&Trainable::shared(self, part)?, loss)
    }

    /// The first output for these inputs, with its activation function, as autograd records it:
    /// the `model(x, training=..)` of Keras.
    ///
    /// Inputs are as in [`predict`](Self::predict), as one batch.
    ///
    /// # Errors
    /// When the model is not built, or the inputs do not fit.
    pub fn forward(&self, x: impl Into<Tensors>, phase: Phase) -> Result<Tensor> {
        let outputs = self.forward_all(x, phase)?;
        outputs.into_iter().next().ok_or_else(|| self.no_layers())
    }

    /// [`forward`](Self::forward) of a model with several outputs.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_all(&self, x: impl Into<Tensors>, phase: Phase) -> Result<Vec<Tensor>> {
        self.built()?;
        let inputs = self.input_spec()?.attached("x", x.into().as_slice())?;
        let outputs = self.compute(&inputs, phase)?;
        outputs.iter().map(crate::Output::predictions).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Dense, Fit, Input, Loss, MeanSquaredError, MultiOptimizer, SGD};
    use crate::{Sequential, set_random_seed};

    fn data() -> (Tensor, Tensor) {
        let x = Tensor::linspace(-1.0, 1.0, 60, (Kind::Float, Device::Cpu)).reshape([20, 3]);
        let y = x.sum_dim_intlist(-1, true, Kind::Float) * 0.5;
        (x, y)
    }

    fn chain() -> Sequential {
        let mut model = Sequential::new().seeded(5);
        model.add(Dense::new(4).input_shape(3));
        model.add(Dense::new(1));
        model
    }

    #[test]
    fn an_own_step_of_what_fit_does_gives_what_fit_gives() -> Result<()> {
        let (x, y) = data();
        let options = || {
            let options = Fit::new().epochs(3).batch_size(8).verbose(0);
            options.validation_data(&x, &y)
        };
        let mut model = chain();
        model.compile(Adam::new(), "mse", [])?;
        let expected = model.fit(&x, &y, &options())?;

        let mut own = chain();
        own.compile(Adam::new(), (), [])?;
        let history = own.fit_with_step(&x, &y, &options(), |step| {
            let predicted = step.model().forward(step.x(), step.phase())?;
            let loss = MeanSquaredError::new().call(step.y(), &predicted)?;
            step.minimize(&loss)?;
            step.log("loss", &loss)
        })?;
        for key in ["loss", "val_loss"] {
            let (own, compiled) = (history.get(key).unwrap(), expected.get(key).unwrap());
            assert_eq!((own.len(), compiled.len()), (3, 3));
            for (a, b) in own.iter().zip(&compiled) {
                assert!((a - b).abs() < 1e-6, "{key}: {a} {b}");
            }
        }
        assert_eq!(history.keys(), expected.keys());
        for ((_, a), (_, b)) in own.weights()?.iter().zip(model.weights()?) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn a_part_is_trained_alone_by_its_own_optimizer() -> Result<()> {
        set_random_seed(3);
        let (x, _) = data();
        let mut first = Sequential::new().named("first");
        first.add(Dense::new(3).input_shape(3));
        let mut second = Sequential::new().named("second");
        second.add(Dense::new(1).input_shape(3));
        let mut both = Model::joined((&first, &second))?;
        let optimizer = MultiOptimizer::new(Adam::new()).part("second", SGD::new());
        both.compile(optimizer, (), [])?;
        let before = (first.weights()?, second.weights()?);
        let options = Fit::new().epochs(2).batch_size(10).verbose(0);
        let history = both.fit_with_step(&x, (), &options, |step| {
            let hidden = first.forward(step.x(), step.phase())?;
            let loss = second
                .forward(&hidden, step.phase())?
                .square()
                .mean(Kind::Float);
            step.minimize_part(&second, &loss)?;
            step.log("loss", &loss)
        })?;
        let losses = history.get("loss").unwrap();
        assert!(losses[1] < losses[0]);
        assert_eq!(first.weights()?[0].1, before.0[0].1);
        assert_ne!(second.weights()?[0].1, before.1[0].1);
        // The other optimizer made no step.
        let state = both.optimizer_state()?;
        let steps = ["0/step", "1/step"].map(|slot| state.slot(slot).unwrap().double_value(&[0]));
        assert_eq!(steps, [0.0, 4.0]);
        Ok(())
    }

    #[test]
    fn two_optimizers_and_an_own_step_go_on_from_a_file_to_the_bit() -> Result<()> {
        let (x, _) = data();
        let folder = tempfile::tempdir().unwrap();
        let train = |epochs: usize, kept: bool| -> Result<(Vec<f64>, Vec<Tensor>)> {
            let mut first = Sequential::new().named("first").seeded(1);
            first.add(Dense::new(3).name("only").input_shape(3));
            let mut second = Sequential::new().named("second").seeded(2);
            second.add(Dense::new(1).name("only").input_shape(3));
            let mut both = Model::joined((&first, &second))?.named("both").seeded(3);
            let optimizer =
                MultiOptimizer::new(Adam::new()).part("second", SGD::new().momentum(0.9));
            both.compile(optimizer, (), [])?;
            let options = Fit::new().epochs(epochs).batch_size(8).verbose(0);
            let options = match kept {
                true => options.resume_from(folder.path().join("kept")),
                false => options,
            };
            let history = both.fit_with_step(&x, (), &options, |step| {
                let hidden = first.forward(step.x(), step.phase())?;
                let out = second.forward(&hidden, step.phase())?;
                let loss = (out - 1.0).square().mean(Kind::Float);
                step.minimize(&loss)?;
                step.log("loss", &loss)
            })?;
            let weights = both.weights()?.into_iter().map(|(_, weight)| weight);
            Ok((history.get("loss").unwrap().to_vec(), weights.collect()))
        };
        let whole = train(4, false)?;
        train(2, true)?;
        assert_eq!(train(4, true)?, whole);
        Ok(())
    }

    #[test]
    fn what_cannot_be_minimized_is_told() -> Result<()> {
        let (x, y) = data();
        let mut model = chain();
        model.compile(SGD::new(), (), [])?;
        let told = |result: Result<()>| result.unwrap_err().to_string();
        let predicted = model.forward(&x, Phase::Train)?;
        let error = told(model.minimize(&predicted));
        assert!(
            error.contains("one number for the batch") && error.contains("[20, 1]"),
            "{error}"
        );
        let constant = Tensor::from(1.0_f32);
        let error = told(model.minimize(&constant));
        assert!(error.contains("depends on the weights"), "{error}");
        let mut other = Sequential::new();
        other.add(Dense::new(1).input_shape(3));
        let error = told(model.minimize_part(&other, &predicted.mean(Kind::Float)));
        assert!(
            error.contains("no weights") && error.contains("joined"),
            "{error}"
        );
        let error = model.forward(&x.narrow(1, 0, 2), Phase::Train).unwrap_err();
        assert!(error.to_string().contains("(N, 3)"), "{error}");
        let error = model.fit(&x, &y, &Fit::new().verbose(0)).unwrap_err();
        assert!(error.to_string().contains("fit_with_step"), "{error}");
        assert!(model.apply_gradients(&[]).is_err());
        let mut uncompiled = chain();
        let loss = uncompiled.forward(&x, Phase::Train)?.mean(Kind::Float);
        assert!(uncompiled.minimize(&loss).is_err());
        Ok(())
    }

    #[test]
    fn an_error_or_a_panic_of_a_step_ends_the_training() -> Result<()> {
        let (x, _) = data();
        let mut model = chain();
        model.compile(SGD::new(), (), [])?;
        let quiet = Fit::new().verbose(0);
        let error = model.fit_with_step(&x, (), &quiet, |step| {
            step.log("loss", &step.x().shallow_clone())
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the figure loss"), "{error}");
        let panicked = model.fit_with_step(&x, (), &quiet, |step| {
            let _ = step.x().matmul(step.x());
            Ok(())
        });
        let error = panicked.unwrap_err().to_string();
        assert!(error.contains("the training step"), "{error}");
        Ok(())
    }

    #[test]
    fn models_of_several_inputs_are_joined_under_their_names() -> Result<()> {
        let (a, b) = (Input::named("a", 2), Input::named("b", 3));
        let table = Model::new([&a, &b], &crate::Concatenate::new().call([&a, &b]))?.named("table");
        let joined = Model::joined((&table, &chain().named("rows")))?;
        let names: Vec<String> = joined
            .weights()?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(
            names.iter().all(|name| name.starts_with("rows/")),
            "{names:?}"
        );
        assert_eq!(joined.input_shapes()?.len(), 3);
        let error = Model::joined([&Sequential::new()]).unwrap_err();
        assert!(error.to_string().contains("sequential"), "{error}");
        let twice = Model::joined([&table, &table]);
        assert!(twice.is_err());
        Ok(())
    }
}
