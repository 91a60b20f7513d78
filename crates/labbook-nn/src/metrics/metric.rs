use tch::Tensor;

use super::config::MetricConfig;
use crate::Result;

/// A figure beside the loss, gathered over the batches of an epoch.
///
/// State is kept as tensors on the device of the predictions and read only in
/// [`result`](Self::result): reading it in every step would make a GPU wait.
/// A metric of a person's own that is a mean over examples needs no type: see
/// [`MetricFn`](super::MetricFn).
///
/// ```
/// use labbook_nn::{Metric, Result};
/// use tch::Tensor;
///
/// /// The largest error of all.
/// struct LargestError(Option<Tensor>);
///
/// impl Metric for LargestError {
///     fn name(&self) -> &str {
///         "largest_error"
///     }
///
///     fn update(&mut self, truth: &Tensor, predictions: &Tensor, _: Option<&Tensor>) -> Result<()> {
///         let error = (truth - predictions).abs().max();
///         self.0 = Some(match &self.0 {
///             Some(largest) => largest.maximum(&error),
///             None => error,
///         });
///         Ok(())
///     }
///
///     fn result(&self) -> Result<f64> {
///         Ok(self.0.as_ref().map_or(0.0, |largest| largest.double_value(&[])))
///     }
///
///     fn reset(&mut self) {
///         self.0 = None;
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut metric = LargestError(None);
/// metric.update(&Tensor::from_slice(&[1.0, 2.0]), &Tensor::from_slice(&[1.5, 5.0]), None)?;
/// metric.update(&Tensor::from_slice(&[4.0]), &Tensor::from_slice(&[5.0]), None)?;
/// assert_eq!(metric.result()?, 3.0);
/// # Ok(())
/// # }
/// ```
pub trait Metric: Send {
    /// The key in the history, such as `accuracy`.
    fn name(&self) -> &str;

    /// The options, if a saved model can keep them.
    fn config(&self) -> Option<MetricConfig> {
        None
    }

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether more of it is better; `None` leaves it to the name, as
    /// [`direction_of_name`](super::direction_of_name) reads it.
    fn higher_is_better(&self) -> Option<bool> {
        None
    }

    /// Whether it has to see a batch as a whole, because its figure is not gathered example by
    /// example.
    ///
    /// Otherwise [`update`](Self::update) may be called for pieces of a batch, which lets the
    /// model train faster. The safe answer is the default for all but this crate's own, which
    /// have a [`config`](Self::config).
    fn needs_whole_batch(&self) -> bool {
        self.config().is_none()
    }

    /// Adds a batch.
    ///
    /// `y_true` is what the output's loss learns from: class numbers `i64` of shape (N, ..), or
    /// numbers in the shape of the output; `y_pred` is what `predict` would give, `f32`;
    /// `sample_weight` has shape (N,).
    ///
    /// # Errors
    /// When the shapes do not suit the metric, or libtorch refuses.
    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()>;

    /// The figure over all batches since the last [`reset`](Self::reset).
    ///
    /// # Errors
    /// When libtorch refuses.
    fn result(&self) -> Result<f64>;

    /// Forgets all batches.
    fn reset(&mut self);
}
