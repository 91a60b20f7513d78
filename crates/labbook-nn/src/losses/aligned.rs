use tch::{Kind, Tensor};

use super::loss::{Output, mean_of_each_example};
use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// Targets and output in one shape and one kind, with a last axis to reduce.
///
/// As in Keras, an axis of size one may be missing at the end of either, and targets take the
/// output's kind. Whatever else differs is an error: libtorch would broadcast (N,) against
/// (N, 1) to (N, N) without a word. An output (N,) becomes (N, 1), so that each number is an
/// example. Half precision becomes `f32`.
pub(crate) fn aligned(loss: &str, targets: &Tensor, output: &Output) -> Result<(Tensor, Output)> {
    let output = output.map(whole_precision)?;
    let y_true = targets.f_to_kind(output.raw().kind())?;
    let (given, wanted) = (y_true.size(), output.raw().size());
    let ends_with_one = |longer: &[i64], shorter: &[i64]| {
        longer.len() == shorter.len() + 1 && longer.starts_with(shorter) && longer.ends_with(&[1])
    };
    let y_true = if given == wanted {
        y_true
    } else if ends_with_one(&wanted, &given) {
        y_true.f_unsqueeze(-1)?
    } else if ends_with_one(&given, &wanted) {
        y_true.f_squeeze_dim(-1)?
    } else {
        return Err(Error::data(
            &format!("targets of {loss}"),
            format!("the shape of the model's output, {}", tuple(&wanted)),
            tuple(&given),
            "give targets of that shape, or change the last layer",
        ));
    };
    match wanted.len() {
        1 => Ok((
            y_true.f_unsqueeze(-1)?,
            output.map(|values| Ok(values.f_unsqueeze(-1)?))?,
        )),
        _ => Ok((y_true, output)),
    }
}

/// The mean over each example of what `formula(y_true, y_pred)` gives.
pub(crate) fn mean_of(
    loss: &str,
    targets: &Tensor,
    output: &Output,
    formula: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (y_true, output) = aligned(loss, targets, output)?;
    mean_of_each_example(&formula(&y_true, &output.predictions()?)?)
}

fn whole_precision(values: &Tensor) -> Result<Tensor> {
    match values.kind() {
        Kind::Half | Kind::BFloat16 => Ok(values.f_to_kind(Kind::Float)?),
        _ => Ok(values.shallow_clone()),
    }
}

impl Output {
    /// The same ending with other numbers.
    fn map(&self, change: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(match self {
            Self::Logits(values) => Self::Logits(change(values)?),
            Self::BinaryLogits(values) => Self::BinaryLogits(change(values)?),
            Self::Values(values) => Self::Values(change(values)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn shapes(targets: &[i64], output: &[i64]) -> Result<(Vec<i64>, Vec<i64>)> {
        let targets = Tensor::zeros(targets, (Kind::Int64, Device::Cpu));
        let output = Output::Values(Tensor::zeros(output, (Kind::Float, Device::Cpu)));
        let (y_true, output) = aligned("mean_squared_error", &targets, &output)?;
        assert_eq!(y_true.kind(), Kind::Float);
        Ok((y_true.size(), output.raw().size()))
    }

    #[test]
    fn an_axis_of_size_one_may_be_missing_at_the_end() -> Result<()> {
        let both = |shape: &[i64]| (shape.to_vec(), shape.to_vec());
        assert_eq!(shapes(&[4], &[4])?, both(&[4, 1]));
        assert_eq!(shapes(&[4], &[4, 1])?, both(&[4, 1]));
        assert_eq!(shapes(&[4, 1], &[4])?, both(&[4, 1]));
        assert_eq!(shapes(&[4, 2], &[4, 2, 1])?, both(&[4, 2, 1]));
        assert_eq!(shapes(&[4, 2, 3], &[4, 2, 3])?, both(&[4, 2, 3]));
        Ok(())
    }

    #[test]
    fn other_shapes_are_refused_and_never_broadcast() {
        let error = shapes(&[4, 1], &[4, 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "targets of mean_squared_error: expected the shape of the model's output, (4, 3), \
             received (4, 1); give targets of that shape, or change the last layer"
        );
        assert!(shapes(&[4], &[4, 4]).is_err());
        assert!(shapes(&[1], &[4, 1]).is_err());
    }

    #[test]
    fn half_precision_is_computed_in_single() -> Result<()> {
        let values = Tensor::ones([2, 1], (Kind::BFloat16, Device::Cpu));
        let targets = Tensor::zeros([2], (Kind::Int64, Device::Cpu));
        let (y_true, output) = aligned("mae", &targets, &Output::BinaryLogits(values))?;
        assert_eq!(y_true.kind(), Kind::Float);
        assert!(matches!(&output, Output::BinaryLogits(values) if values.kind() == Kind::Float));
        Ok(())
    }
}
