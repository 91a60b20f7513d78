//! Targets, predictions and weights of one shape, or a sentence that says why not.

use tch::{Kind, Tensor};

use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// Targets in the shape of the predictions; a last axis of one may be missing or too many.
pub(super) fn like_predictions(metric: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let (truth, predictions) = (y_true.size(), y_pred.size());
    if without_last_one(&truth) == without_last_one(&predictions) {
        return Ok(y_true.f_detach()?.f_reshape(&predictions)?);
    }
    let advice = match is_class_numbers(y_true, y_pred) {
        true => {
            "for class numbers take a metric such as sparse_categorical_crossentropy, \
                 or make them rows with one_hot(classes)"
        }
        false => "pass one number for each number of the output",
    };
    Err(misfit(metric, &predictions, &truth, advice))
}

/// The same for metrics of yes and no: class numbers become one-hot rows.
pub(super) fn one_hot_like(metric: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    if !is_class_numbers(y_true, y_pred) {
        return like_predictions(metric, y_true, y_pred);
    }
    let mut column = y_pred.size();
    let classes = column.pop().unwrap_or(1);
    column.push(1);
    // one_hot() would make a GPU wait for its check of the numbers.
    let numbers = Tensor::f_arange(classes, (Kind::Int64, y_true.device()))?;
    Ok(y_true.f_reshape(&column)?.f_eq_tensor(&numbers)?)
}

/// Both in double precision and of one shape.
pub(super) fn doubles(metric: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let y_true = like_predictions(metric, y_true, y_pred)?;
    Ok((
        y_true.f_to_kind(Kind::Double)?,
        y_pred.f_detach()?.f_to_kind(Kind::Double)?,
    ))
}

/// A class number for each row along the last axis of the predictions.
pub(super) fn class_numbers(metric: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let (truth, predictions) = (y_true.size(), y_pred.size());
    let Some((_, rows)) = predictions
        .split_last()
        .filter(|(_, rows)| !rows.is_empty())
    else {
        let expected = "predictions of shape (N, classes)";
        let advice = "for a yes or no of each example use binary_accuracy";
        return Err(unsuitable(metric, expected, &predictions, advice));
    };
    if truth == rows || truth.split_last() == Some((&1, rows)) {
        return Ok(y_true.f_detach()?.f_reshape(rows)?);
    }
    let advice = match truth == predictions {
        true => "for one-hot rows take the metric without sparse in its name",
        false => "pass one class number for each row of the output",
    };
    Err(misfit(metric, rows, &truth, advice))
}

/// Weights in double precision for numbers of the shape of `values`: the weight of an example
/// holds for all its numbers.
pub(super) fn spread(sample_weight: &Tensor, values: &Tensor) -> Result<Tensor> {
    let (received, target) = (sample_weight.size(), values.size());
    let mut shape = received.clone();
    while shape.len() > target.len() && shape.last() == Some(&1) {
        let _ = shape.pop();
    }
    let fits = shape.len() <= target.len()
        && (shape.iter().zip(&target)).all(|(&weights, &values)| weights == values || weights == 1);
    if !fits {
        return Err(Error::data(
            "sample_weight",
            format!(
                "shape ({},), one for each example",
                target.first().unwrap_or(&1)
            ),
            tuple(&received),
            "pass one weight for each example",
        ));
    }
    shape.resize(target.len(), 1);
    let weights = sample_weight.f_detach()?.f_to_kind(Kind::Double)?;
    Ok(weights.f_reshape(&shape)?.f_expand(&target, false)?)
}

/// Where the largest number of each row stands; the first of equals. NaN counts as the least, as
/// in Keras; libtorch would take it for the largest.
pub(super) fn first_largest(rows: &Tensor) -> Result<Tensor> {
    let rows = match rows.f_kind()? {
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16 => rows.shallow_clone(),
        _ => rows.f_to_kind(Kind::Double)?,
    };
    let unordered = rows.f_isnan()?;
    Ok(rows
        .f_masked_fill(&unordered, f64::NEG_INFINITY)?
        .f_argmax(-1, false)?)
}

/// The error for predictions, or options, that a metric cannot work with.
pub(super) fn unsuitable(metric: &str, expected: &str, received: &[i64], advice: &str) -> Error {
    Error::data(
        &format!("metric {metric}"),
        expected,
        tuple(received),
        advice,
    )
}

/// Whole numbers, one for each row of two or more predictions.
fn is_class_numbers(y_true: &Tensor, y_pred: &Tensor) -> bool {
    let (truth, predictions) = (y_true.size(), y_pred.size());
    let whole = matches!(
        y_true.f_kind(),
        Ok(Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64)
    );
    whole
        && predictions.split_last().is_some_and(|(&classes, rows)| {
            classes > 1 && (truth == rows || truth.split_last() == Some((&1, rows)))
        })
}

fn without_last_one(size: &[i64]) -> &[i64] {
    match size {
        [rows @ .., 1] if !rows.is_empty() => rows,
        _ => size,
    }
}

fn misfit(metric: &str, expected: &[i64], received: &[i64], advice: &str) -> Error {
    Error::data(
        &format!("metric {metric}"),
        format!("targets of shape {}", tuple(expected)),
        tuple(received),
        advice,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(size: &[i64]) -> Tensor {
        Tensor::zeros(size, (Kind::Float, tch::Device::Cpu))
    }

    #[test]
    fn a_last_axis_of_one_may_be_missing_or_too_many() -> Result<()> {
        for (truth, predictions) in [
            (&[4][..], &[4, 1][..]),
            (&[4, 1], &[4]),
            (&[4, 1], &[4, 1]),
            (&[1], &[1, 1]),
            (&[4, 2, 1], &[4, 2]),
        ] {
            let shaped = like_predictions("mae", &zeros(truth), &zeros(predictions))?;
            assert_eq!(shaped.size(), predictions);
        }
        Ok(())
    }

    #[test]
    fn class_numbers_become_rows_where_that_is_meant() -> Result<()> {
        let numbers = Tensor::from_slice(&[2_i64, 0, 7]);
        let rows = one_hot_like("precision", &numbers, &zeros(&[3, 3]))?;
        let expected = [[0_i64, 0, 1], [1, 0, 0], [0, 0, 0]].concat();
        let expected = Tensor::from_slice(&expected).reshape([3, 3]);
        assert_eq!(rows.to_kind(Kind::Int64), expected);
        let column = one_hot_like("precision", &numbers.reshape([3, 1]), &zeros(&[3, 3]))?;
        assert_eq!(rows, column);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_told_with_advice() {
        let told = |result: Result<Tensor>| result.unwrap_err().to_string();
        let numbers = Tensor::from_slice(&[2_i64, 0]);
        assert_eq!(
            told(like_predictions("mae", &zeros(&[2]), &zeros(&[2, 3]))),
            "metric mae: expected targets of shape (2, 3), received (2,); \
             pass one number for each number of the output"
        );
        let error = told(like_predictions("kl_divergence", &numbers, &zeros(&[2, 3])));
        assert!(error.contains("one_hot(classes)"), "{error}");
        let error = told(class_numbers("acc", &zeros(&[2, 3]), &zeros(&[2, 3])));
        assert!(error.contains("without sparse"), "{error}");
        assert!(told(class_numbers("acc", &zeros(&[2]), &zeros(&[2]))).contains("(N, classes)"));
        assert!(told(class_numbers("acc", &zeros(&[4]), &zeros(&[2, 3]))).contains("(2,)"));
        let error = told(spread(&zeros(&[3]), &zeros(&[2, 3])));
        assert!(
            error.starts_with("sample_weight: expected shape (2,)"),
            "{error}"
        );
    }

    #[test]
    fn weights_hold_for_all_numbers_of_their_example() -> Result<()> {
        let weights = Tensor::from_slice(&[1.0_f32, 2.0]);
        let spread_over = |weights: &Tensor| spread(weights, &zeros(&[2, 3]));
        let expected = Tensor::from_slice(&[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]).reshape([2, 3]);
        assert_eq!(spread_over(&weights)?, expected);
        assert_eq!(spread_over(&weights.reshape([2, 1]))?, expected);
        assert_eq!(spread(&weights.reshape([2, 1]), &zeros(&[2]))?.size(), [2]);
        Ok(())
    }
}
