use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use crate::Result;
use crate::losses::loss_fn::call;

/// A metric of a person's own: the mean over all examples of a function of targets and
/// predictions.
///
/// The function gives a number for each example, (N,) or (N, ..), or one number for the batch,
/// which counts once for each batch.
///
/// ```
/// use labbook_nn::{Adam, Dense, MetricFn, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let close = MetricFn::new("close", |y_true, y_pred| (y_true - y_pred).abs().lt(0.1));
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(3));
/// model.compile(Adam::new(), "mse", close)?;
/// # Ok(())
/// # }
/// ```
pub struct MetricFn {
    name: String,
    function: Box<dyn Fn(&Tensor, &Tensor) -> Tensor + Send>,
    mean: Mean,
}

impl MetricFn {
    /// A metric under the key `name`.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            function: Box::new(function),
            mean: Mean::default(),
        }
    }
}

impl Metric for MetricFn {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let values = call(&self.name, || (self.function)(y_true, y_pred))?;
        let weights = sample_weight.filter(|_| values.dim() > 0);
        self.mean.add(&values, weights)
    }

    fn result(&self) -> Result<f64> {
        self.mean.result()
    }

    fn reset(&mut self) {
        self.mean.reset();
    }
}
