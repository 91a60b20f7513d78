//! What the cross-entropies share: probabilities without overflow, smoothed labels, checks.

use tch::{Kind, Reduction, Tensor};

use super::loss::Output;
use crate::{Error, Result, Shape};

/// Keras's `epsilon()`: probabilities are kept this far from 0 and 1 before the logarithm.
pub(crate) const EPSILON: f64 = 1e-7;

/// Keras's builder methods that all cross-entropies share: for which ending of a model, and what
/// smoothing means.
macro_rules! crossentropy_options {
    ($ending:literal, $(#[$smoothing:meta])*) => {
        #[doc = concat!(
            "Says whether the model's output still lacks its ", $ending, "; the default is `false`."
        )]
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn from_logits(mut self, from_logits: bool) -> Self {
            self.from_logits = from_logits;
            self
        }

        $(#[$smoothing])*
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
            self.label_smoothing = label_smoothing;
            self
        }
    };
}
pub(super) use crossentropy_options;

/// The logits of a yes or no, where there are any: a sigmoid is pending, or the loss was told.
///
/// A pending sigmoid counts even if `from_logits` says that there is none, as in Keras on
/// TensorFlow.
pub(crate) fn binary_logits(output: &Output, from_logits: bool) -> Result<Option<Tensor>> {
    match output {
        Output::BinaryLogits(logits) => Ok(Some(logits.shallow_clone())),
        other if from_logits => other.predictions().map(Some),
        _ => Ok(None),
    }
}

/// The logits of classes, as [`binary_logits`]; what is pending here is a softmax.
pub(crate) fn class_logits(output: &Output, from_logits: bool) -> Result<Option<Tensor>> {
    match output {
        Output::Logits(logits) => Ok(Some(logits.shallow_clone())),
        other if from_logits => other.predictions().map(Some),
        _ => Ok(None),
    }
}

/// `-(y_true * log(p) + (1 - y_true) * log(1 - p))` for every number.
pub(crate) fn binary(y_true: &Tensor, output: &Output, from_logits: bool) -> Result<Tensor> {
    if let Some(logits) = binary_logits(output, from_logits)? {
        return Ok(logits.f_binary_cross_entropy_with_logits(
            y_true,
            None::<Tensor>,
            None::<Tensor>,
            Reduction::None,
        )?);
    }
    let p = output.predictions()?.f_clamp(EPSILON, 1.0 - EPSILON)?;
    let yes = y_true.f_mul(&p.f_log()?)?;
    let no = y_true
        .f_rsub_scalar(1.0)?
        .f_mul(&p.f_rsub_scalar(1.0)?.f_log()?)?;
    Ok(yes.f_add(&no)?.f_neg()?)
}

/// Probabilities of classes that sum to 1 and lie within epsilon of 0 and 1.
pub(crate) fn clipped_probabilities(probabilities: &Tensor) -> Result<Tensor> {
    let sums = probabilities.f_sum_dim_intlist([-1_i64].as_slice(), true, None::<Kind>)?;
    Ok(probabilities
        .f_div(&sums)?
        .f_clamp(EPSILON, 1.0 - EPSILON)?)
}

/// One-hot rows of which a share is spread evenly over all classes.
pub(crate) fn smoothed_classes(y_true: Tensor, label_smoothing: f64) -> Result<Tensor> {
    let classes = y_true.size().last().copied().unwrap_or(1);
    smoothed(y_true, label_smoothing, 1.0 / classes as f64)
}

/// Labels 0 and 1 that are drawn towards one half.
pub(crate) fn smoothed_labels(y_true: Tensor, label_smoothing: f64) -> Result<Tensor> {
    smoothed(y_true, label_smoothing, 0.5)
}

fn smoothed(y_true: Tensor, share: f64, towards: f64) -> Result<Tensor> {
    if share == 0.0 {
        return Ok(y_true);
    }
    Ok(y_true
        .f_mul_scalar(1.0 - share)?
        .f_add_scalar(share * towards)?)
}

pub(crate) fn check_label_smoothing(label_smoothing: f64) -> Result<()> {
    if (0.0..1.0).contains(&label_smoothing) {
        return Ok(());
    }
    Err(Error::option(
        "label_smoothing",
        "at least 0 and below 1",
        label_smoothing,
        "use 0.1 to spread a tenth over all classes",
    ))
}

/// The exponent of the focal losses.
pub(crate) fn check_gamma(gamma: f64) -> Result<()> {
    if gamma.is_finite() && gamma >= 0.0 {
        return Ok(());
    }
    Err(Error::option(
        "gamma",
        "a finite number of at least 0",
        gamma,
        "use 2.0, or 0.0 for the plain cross-entropy",
    ))
}

/// Refuses an output that has no two classes to choose from.
pub(crate) fn check_classes(loss: &str, output: &Shape) -> Result<()> {
    match output.dims().last() {
        Some(2..) => Ok(()),
        _ => Err(Error::data(
            &format!("model output for {loss}"),
            "at least two classes on the last axis, shape (None, classes)",
            output.to_string(),
            "end the model with Dense::new(classes), or use BinaryCrossentropy for one yes or no",
        )),
    }
}
