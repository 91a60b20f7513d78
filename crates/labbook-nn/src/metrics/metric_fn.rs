use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use crate::losses::loss_fn::call;
use crate::{CustomConfig, MetricConfig, Result, custom};

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
    function: Box<Function>,
    higher_is_better: Option<bool>,
    mean_over_examples: bool,
    mean: Mean,
}

type Function = dyn Fn(&Tensor, &Tensor) -> Tensor + Send;

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
            higher_is_better: None,
            mean_over_examples: false,
            mean: Mean::default(),
        }
    }

    /// Says whether more of it is better, for callbacks that wait for it to improve; the default
    /// leaves that to the name.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn higher_is_better(mut self, higher_is_better: bool) -> Self {
        self.higher_is_better = Some(higher_is_better);
        self
    }

    /// Promises that the function gives a number for each example that does not depend on the
    /// others; the default is `false`. The model may then see a batch in pieces, which is faster.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mean_over_examples(mut self, mean_over_examples: bool) -> Self {
        self.mean_over_examples = mean_over_examples;
        self
    }
}

impl Metric for MetricFn {
    /// Its name, if it is registered under it.
    fn config(&self) -> Option<MetricConfig> {
        let config = CustomConfig::new(&self.name);
        custom::is_metric(&self.name).then(|| config.into())
    }

    fn needs_whole_batch(&self) -> bool {
        !self.mean_over_examples
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn higher_is_better(&self) -> Option<bool> {
        self.higher_is_better
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_examples_is_weighted_and_a_single_number_counts_once() -> Result<()> {
        let truth = Tensor::from_slice(&[1.0, 2.0]).reshape([2, 1]);
        let predictions = Tensor::from_slice(&[2.0, 5.0]).reshape([2, 1]);
        let weights = Tensor::from_slice(&[3.0, 1.0]);
        let mut errors = MetricFn::new("error", |y_true, y_pred| (y_true - y_pred).abs());
        errors.update(&truth, &predictions, Some(&weights))?;
        assert_eq!(errors.result()?, 1.5);
        assert_eq!(Metric::higher_is_better(&errors), None);
        let mut largest = MetricFn::new("largest", |_, y_pred| y_pred.max());
        largest.update(&truth, &predictions, Some(&weights))?;
        largest.update(&truth, &truth, None)?;
        assert_eq!(largest.result()?, 3.5);
        Ok(())
    }

    #[test]
    fn what_the_function_cannot_compute_is_an_error_under_its_name() {
        let mut metric = MetricFn::new("product", |y_true, y_pred| y_true.matmul(y_pred));
        let ones = Tensor::from_slice2(&[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]);
        let error = metric.update(&ones, &ones, None).unwrap_err().to_string();
        assert!(error.contains("product"), "{error}");
    }
}
