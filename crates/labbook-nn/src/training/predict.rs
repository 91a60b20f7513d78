use tch::{Device, Tensor, no_grad_guard};

use super::examples::unless_interrupted;
use super::fit::check_batch_size;
use crate::data::spans::spans;
use crate::data::tensor_batches::TensorBatches;
use crate::interrupt::{self, Interruptible};
use crate::tensors::casts::Casts;
use crate::{Batch, Dataset, Error, Model, Phase, Result, Tensors, TestTimeAugmentation};

/// Batches of this size pass through `predict`, as in Keras.
pub(crate) const PREDICT_BATCH: i64 = 32;

/// The options of [`Sequential::predict_with`](crate::Model::predict_with).
///
/// ```
/// use labbook_nn::{Dense, Predict, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// assert_eq!(model.predict_with(&x, &Predict::new().batch_size(2))?.size(), y.size());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predict {
    pub(crate) batch_size: i64,
    pub(crate) views: Option<TestTimeAugmentation>,
}

impl Predict {
    /// Keras's default: batches of 32.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the examples per step; the default is 32.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Averages the predictions for several views of each image; the default is one view.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test_time_augmentation(mut self, views: TestTimeAugmentation) -> Self {
        self.views = Some(views);
        self
    }

    pub(crate) fn check(self) -> Result<()> {
        check_batch_size(self.batch_size)
    }
}

impl Default for Predict {
    fn default() -> Self {
        Self {
            batch_size: PREDICT_BATCH,
            views: None,
        }
    }
}

impl Model {
    /// The model's output for each example: (N, ..) `f32` on the CPU, such as (N, classes)
    /// probabilities. Of several outputs the first one; [`predict_all`](Self::predict_all) has
    /// them all.
    ///
    /// # Errors
    /// When `x` does not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict(&mut self, x: impl Into<Tensors>) -> Result<Tensor> {
        self.predict_with(x, &Predict::new())
    }

    /// [`predict`](Self::predict) with another batch size than 32.
    ///
    /// # Errors
    /// When `x` does not fit the model, the batch size is below 1, or it is
    /// [interrupted](crate::interrupt).
    pub fn predict_in_batches(&mut self, x: impl Into<Tensors>, batch_size: i64) -> Result<Tensor> {
        self.predict_with(x, &Predict::new().batch_size(batch_size))
    }

    /// [`predict`](Self::predict) with options.
    ///
    /// # Errors
    /// When `x` or the options do not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_with(&mut self, x: impl Into<Tensors>, options: &Predict) -> Result<Tensor> {
        let outputs = self.predict_all(x, options)?;
        outputs.into_iter().next().ok_or_else(|| self.no_layers())
    }

    /// All outputs of the model, in their order.
    ///
    /// # Errors
    /// When `x` or the options do not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_all(&mut self, x: impl Into<Tensors>, options: &Predict) -> Result<Vec<Tensor>> {
        let x = x.into();
        options.check()?;
        let interruptible = Interruptible::begin();
        self.build_for("x", &x)?;
        let spec = self.data_spec()?;
        let batches = TensorBatches::new(&spec, "x", &x)?;
        let spans = spans(batches.count(), options.batch_size).into_iter();
        let batches = spans.map(|(start, length)| batches.slice(start, length));
        self.predictions(batches, *options, &interruptible)
    }

    /// All outputs for the batches of a data set, whose targets do not matter.
    ///
    /// # Errors
    /// When the data do not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_dataset(&mut self, data: &dyn Dataset) -> Result<Vec<Tensor>> {
        let interruptible = Interruptible::begin();
        if self.built().is_err() {
            self.build_for_dataset(data)?;
        }
        if data.is_infinite() {
            return Err(Error::data(
                "data set",
                "one that ends",
                "one that never does",
                "add .take(..) to it",
            ));
        }
        let spec = self.data_spec()?;
        let batches = data.epoch(0)?.map(|batch| spec.accept(batch?, false, &[]));
        self.predictions(batches, Predict::new(), &interruptible)
    }

    fn predictions(
        &self,
        batches: impl Iterator<Item = Result<Batch>>,
        options: Predict,
        interruptible: &Interruptible,
    ) -> Result<Vec<Tensor>> {
        self.check_views(options.views)?;
        let _guard = no_grad_guard();
        let _casts = Casts::keep();
        let mut parts: Vec<Vec<Tensor>> = Vec::new();
        for batch in batches {
            let batch = unless_interrupted(batch)?;
            let inputs = batch.ok_or_else(|| interruptible.error("predict"))?.inputs;
            let outputs = match options.views {
                None => self.compute(&inputs, Phase::Infer)?,
                Some(_) => vec![self.infer(&inputs[0], options.views)?],
            };
            parts.resize_with(outputs.len(), Vec::new);
            for (part, output) in parts.iter_mut().zip(outputs) {
                part.push(output.predictions()?.f_to_device(Device::Cpu)?);
            }
            if interrupt::is_requested() {
                return Err(interruptible.error("predict"));
            }
        }
        if parts.is_empty() {
            return Err(Error::data(
                "x",
                "at least one batch",
                "none",
                "check how the data were selected",
            ));
        }
        parts
            .iter()
            .map(|parts| Ok(Tensor::f_cat(parts, 0)?))
            .collect()
    }

    /// The most probable class of each example, `i64` of shape (N,); the first one of equals.
    ///
    /// For a model with one unit at its end, such as a sigmoid: 1 where the output is above one
    /// half, else 0.
    ///
    /// # Errors
    /// When `x` does not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_classes(&mut self, x: impl Into<Tensors>) -> Result<Tensor> {
        let output = self.predict(x)?;
        match output.size().as_slice() {
            [_, 1] => Ok(output
                .f_squeeze_dim(-1)?
                .f_gt(0.5)?
                .f_to_kind(tch::Kind::Int64)?),
            _ => Ok(output.f_argmax(-1, false)?),
        }
    }
}
