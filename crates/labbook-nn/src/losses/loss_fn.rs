use tch::Tensor;

use super::loss::{Loss, Output, Targets, mean_of_each_example};
use crate::panics::caught;
use crate::{CustomConfig, Error, LossConfig, Result, custom};

/// A loss of a person's own: a function of targets and predictions.
///
/// It gives a number for each example, (N,) or (N, ..) whose other axes are averaged, or one
/// number for the whole batch. What it is given has the shapes of the data and of the model's
/// output, softmax or sigmoid included. A batch goes through the model as a whole, unless
/// [`mean_over_examples`](Self::mean_over_examples) says that no example influences another's
/// loss.
///
/// ```
/// use labbook_nn::{Adam, Dense, Fit, LossFn, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::rand([64, 3], (Kind::Float, Device::Cpu));
/// let y = x.sum_dim_intlist(-1, true, Kind::Float);
/// let loss = LossFn::new("quartic", |y_true, y_pred| (y_true - y_pred).pow_tensor_scalar(4));
///
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(3));
/// model.compile(Adam::new(), loss, ["mae"])?;
/// let history = model.fit(&x, &y, &Fit::new().verbose(0))?;
/// assert_eq!(history.keys(), ["loss", "mae"]);
/// # Ok(())
/// # }
/// ```
pub struct LossFn {
    name: String,
    function: Box<Function>,
    mean_over_examples: bool,
}

/// What a person writes: `y_true` and `y_pred` to losses.
type Function = dyn Fn(&Tensor, &Tensor) -> Tensor + Send;

impl LossFn {
    /// A loss that `function(y_true, y_pred)` computes.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            function: Box::new(function),
            mean_over_examples: false,
        }
    }

    /// Says whether the batch's loss is the mean of what each example gives by itself, which
    /// lets large batches go through the model in pieces; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mean_over_examples(mut self, mean_over_examples: bool) -> Self {
        self.mean_over_examples = mean_over_examples;
        self
    }

    fn call(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let predictions = output.predictions()?;
        call(&self.name, || (self.function)(targets, &predictions))
    }
}

/// Calls a person's function, which panics where a tensor of another shape would be an error.
pub(crate) fn call<T>(name: &str, function: impl FnOnce() -> T) -> Result<T> {
    caught(function).map_err(|message| Error::Torch {
        operation: name.to_owned(),
        message,
    })
}

impl Loss for LossFn {
    fn name(&self) -> &str {
        &self.name
    }

    /// Its name, if it is registered under it.
    fn config(&self) -> Option<LossConfig> {
        let config = CustomConfig::new(&self.name);
        custom::is_loss(&self.name).then(|| config.into())
    }

    fn targets(&self) -> Targets {
        Targets::Any
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of_each_example(&self.call(targets, output)?)
    }

    fn mean(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let loss = self.call(targets, output)?;
        match loss.dim() {
            0 => Ok(loss),
            _ => Ok(mean_of_each_example(&loss)?.f_mean(None::<tch::Kind>)?),
        }
    }

    fn is_mean_over_examples(&self) -> bool {
        self.mean_over_examples
    }
}
