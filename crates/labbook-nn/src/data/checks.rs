//! What inputs, targets and weights have to be like, and how they are converted.

use tch::{Kind, Tensor};

use crate::losses::loss::Targets;
use crate::tensors::shape::tuple;
use crate::{Error, Result, Shape};

fn is_float(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
    )
}

/// Checks the examples that go into an input of this shape; tells how many there are.
pub(crate) fn check_examples(
    argument: &str,
    x: &Tensor,
    example: &Shape,
    integers: bool,
) -> Result<i64> {
    let count = check_example_shape(argument, x, example)?;
    let kind = x.f_kind()?;
    if integers {
        let _ = check_whole_numbers(argument, x, "numbers of words, categories or places")?;
    } else if is_float(kind) {
        check_finite(argument, x)?;
    } else if !is_whole(kind) && kind != Kind::Bool {
        return Err(Error::data(
            argument,
            "real numbers",
            format!("{kind:?}"),
            "convert with to_kind(Kind::Float)",
        ));
    }
    Ok(count)
}

/// Checks the shape alone, and that there are examples.
pub(crate) fn check_example_shape(argument: &str, x: &Tensor, example: &Shape) -> Result<i64> {
    let size = x.size();
    let expected = || {
        let dims: Vec<String> = example.dims().iter().map(i64::to_string).collect();
        format!("shape (N, {})", dims.join(", "))
    };
    let Some((&count, dims)) = size.split_first() else {
        return Err(Error::data(
            argument,
            expected(),
            "a single number",
            "pass one row per example",
        ));
    };
    if dims != example.dims() {
        let advice = match (size.as_slice(), example.dims()) {
            (single, example) if single == example => "add the batch axis with unsqueeze(0)",
            (&[_, c, h, w], &[height, width, channels])
                if (c, h, w) == (channels, height, width) =>
            {
                "channels come last here: use permute([0, 2, 3, 1])"
            }
            _ => "reshape the data, or make a model with another .input_shape(..)",
        };
        return Err(Error::data(argument, expected(), tuple(&size), advice));
    }
    if count == 0 {
        return Err(Error::data(
            argument,
            "at least one example",
            tuple(&size),
            "check how the data were selected",
        ));
    }
    Ok(count)
}

fn is_whole(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64
    )
}

/// One cheap pass; a second one only if the sum is not finite, which may be an overflow.
fn check_finite(argument: &str, x: &Tensor) -> Result<()> {
    if x.f_sum(Kind::Float)?.f_double_value(&[])?.is_finite() {
        return Ok(());
    }
    let finite = x.f_isfinite()?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
    let bad = x.size().iter().product::<i64>() - finite;
    if bad == 0 {
        return Ok(());
    }
    Err(Error::data(
        argument,
        "finite numbers",
        format!("{bad} that are NaN or infinite"),
        "look for a division by zero in the preparation of the data",
    ))
}

/// Targets as the loss of an output takes them.
pub(crate) fn convert_targets(
    argument: &str,
    y: &Tensor,
    count: i64,
    output: &Shape,
    targets: Targets,
) -> Result<Tensor> {
    let rows = y.size().first().copied().unwrap_or_default();
    let count_differs = || {
        Error::data(
            argument,
            format!("{count} {}, one per example", labels(targets)),
            rows.to_string(),
            "select examples and labels with the same index",
        )
    };
    if targets == Targets::ClassNumbers {
        check_label_shape(argument, y, output)?;
    }
    if rows != count {
        return Err(count_differs());
    }
    match targets {
        Targets::ClassNumbers => class_numbers(argument, y, output),
        Targets::LikeOutput => like_output(argument, y, output),
        Targets::Any => {
            let kind = y.f_kind()?;
            match is_float(kind) {
                true => Ok(y.f_detach()?.f_to_kind(Kind::Float)?),
                false => Ok(y.f_detach()?),
            }
        }
    }
}

fn labels(targets: Targets) -> &'static str {
    match targets {
        Targets::ClassNumbers => "labels",
        Targets::LikeOutput | Targets::Any => "targets",
    }
}

/// How many classes an output tells apart, and the axes before that.
fn classes_of(output: &Shape) -> (i64, &[i64]) {
    match output.dims() {
        [outer @ .., classes] => (*classes, outer),
        [] => (1, &[]),
    }
}

/// Labels have one number for each row along the output's last axis.
fn check_label_shape(argument: &str, y: &Tensor, output: &Shape) -> Result<()> {
    let size = y.size();
    let (_, outer) = classes_of(output);
    let fits = match size.split_first() {
        Some((_, rest)) => rest == outer || rest.strip_suffix(&[1]) == Some(outer),
        None => false,
    };
    if !fits {
        let expected = match outer {
            [] => "labels of shape (N,) or (N, 1)".to_owned(),
            _ => format!("labels of shape (N, {})", joined(outer)),
        };
        let one_hot = size.get(1..) == Some(output.dims());
        return Err(Error::data(
            argument,
            expected,
            tuple(&size),
            match one_hot {
                true => {
                    "for one-hot labels use categorical_crossentropy, or take \
                     argmax(-1, false), which gives class numbers"
                }
                false if !outer.is_empty() && size.len() <= 2 => {
                    "add Flatten::new() before the last Dense layer, or pass a class number for \
                     each row of the output"
                }
                false => "pass one class number per example",
            },
        ));
    }
    Ok(())
}

/// Labels as `i64`, one for each row along the output's last axis, checked to be class numbers.
fn class_numbers(argument: &str, y: &Tensor, output: &Shape) -> Result<Tensor> {
    let size = y.size();
    let (classes, outer) = classes_of(output);
    let mut shape = vec![size[0]];
    shape.extend(outer);
    let whole = check_whole_numbers(argument, &y.f_detach()?, "class numbers such as 0, 1, 2")?;
    let whole = whole.f_reshape(&shape)?;
    let lowest = whole.f_min()?.f_int64_value(&[])?;
    let highest = whole.f_max()?.f_int64_value(&[])?;
    if lowest < 0 || highest >= classes {
        return Err(Error::data(
            argument,
            format!("class numbers from 0 to {}", classes - 1),
            format!("numbers from {lowest} to {highest}"),
            "the last Dense layer needs one unit per class, and classes count from 0",
        ));
    }
    Ok(whole)
}

/// Targets as `f32` in the shape of the output; a missing last axis of one is added.
fn like_output(argument: &str, y: &Tensor, output: &Shape) -> Result<Tensor> {
    let size = y.size();
    let rest = size.get(1..).unwrap_or_default();
    let dims = output.dims();
    let fits = !size.is_empty()
        && (rest == dims
            || dims.strip_suffix(&[1]) == Some(rest)
            || rest.strip_suffix(&[1]) == Some(dims));
    let kind = y.f_kind()?;
    let real = is_float(kind) || is_whole(kind) || kind == Kind::Bool;
    if !fits || !real {
        let numbers = rest.is_empty() || rest == [1];
        let classes = dims.len() == 1 && dims[0] > 1 && numbers;
        return Err(Error::data(
            argument,
            match dims {
                [] => "targets of shape (N,)".to_owned(),
                _ => format!("targets of shape (N, {}), as the output", joined(dims)),
            },
            format!("{} of kind {kind:?}", tuple(&size)),
            match classes {
                true => {
                    "for class numbers use sparse_categorical_crossentropy, or make them one-hot \
                     with one_hot(classes)"
                }
                false => "give the last layer as many units as a target has numbers",
            },
        ));
    }
    let mut shape = vec![size[0]];
    shape.extend(dims);
    let y = y.f_detach()?;
    if is_float(kind) {
        check_finite(argument, &y)?;
    }
    Ok(y.f_to_kind(Kind::Float)?.f_reshape(&shape)?)
}

fn joined(sizes: &[i64]) -> String {
    let sizes: Vec<String> = sizes.iter().map(i64::to_string).collect();
    sizes.join(", ")
}

/// The weights of examples as `f32` of shape (N,).
pub(crate) fn convert_weights(argument: &str, weights: &Tensor, count: i64) -> Result<Tensor> {
    let size = weights.size();
    if size != [count] && size != [count, 1] {
        return Err(Error::data(
            argument,
            format!("shape ({count},), one weight per example"),
            tuple(&size),
            "select examples and weights with the same index",
        ));
    }
    let weights = weights
        .f_detach()?
        .f_to_kind(Kind::Float)?
        .f_reshape([count])?;
    check_finite(argument, &weights)?;
    Ok(weights)
}

/// The weights of examples by their classes; a class without a weight counts 1.
pub(crate) fn weights_of_classes(targets: &Tensor, class_weight: &[(i64, f64)]) -> Result<Tensor> {
    let classes = match targets.size().as_slice() {
        [_] => targets.f_to_kind(Kind::Int64)?,
        [_, 1] => targets
            .f_squeeze_dim(-1)?
            .f_round()?
            .f_to_kind(Kind::Int64)?,
        [_, _] => targets.f_argmax(-1, false)?,
        size => {
            return Err(Error::option(
                "class_weight",
                "one class for each example",
                format!("targets of shape {}", tuple(size)),
                "use sample_weight instead",
            ));
        }
    };
    let mut weights = classes.f_ones_like()?.f_to_kind(Kind::Float)?;
    for (class, weight) in class_weight {
        if !weight.is_finite() {
            return Err(Error::option(
                "class_weight",
                "finite numbers",
                weight,
                "use 1.0",
            ));
        }
        weights = weights.f_masked_fill(&classes.f_eq(*class)?, *weight)?;
    }
    Ok(weights)
}

fn check_whole_numbers(argument: &str, y: &Tensor, such_as: &str) -> Result<Tensor> {
    let kind = y.f_kind()?;
    if is_whole(kind) {
        return Ok(y.f_to_kind(Kind::Int64)?);
    }
    if is_float(kind) {
        // NaN and infinity fail the comparison with what Int64 makes of them.
        let whole = y.f_to_kind(Kind::Int64)?;
        if whole.f_to_kind(kind)?.f_equal(y)? {
            return Ok(whole);
        }
    }
    let received = match is_float(kind) {
        true => "numbers with a fractional part".to_owned(),
        false => format!("{kind:?}"),
    };
    Err(Error::data(
        argument,
        "whole numbers",
        received,
        format!("pass {such_as}"),
    ))
}
