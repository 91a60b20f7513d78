use tch::{Device, Kind, Tensor};

use crate::tensors::shape::tuple;
use crate::{Error, Result, Shape};

/// A data set up to this size is moved to the GPU as a whole.
const RESIDENT_BYTES: i64 = 4 << 30;

/// Checked examples, and labels if there are any, that give out batches on a device.
#[derive(Debug)]
pub(crate) struct Batches {
    x: Tensor,
    y: Option<Tensor>,
    device: Device,
    count: i64,
}

impl Batches {
    /// Checks `x` of shape (N, ..example) for a model that takes `example`.
    ///
    /// Bytes stay bytes until a batch needs them, so that they take a quarter of the memory.
    pub(crate) fn new(argument: &str, x: &Tensor, example: &Shape, device: Device) -> Result<Self> {
        check_examples(argument, x, example)?;
        let bytes = x.size().iter().product::<i64>() * x.f_kind()?.elt_size_in_bytes() as i64;
        let x = x.f_detach()?;
        Ok(Self {
            count: x.size()[0],
            x: match bytes <= RESIDENT_BYTES {
                true => x.f_to_device(device)?,
                false => x,
            },
            y: None,
            device,
        })
    }

    /// The same with labels, of which there are `classes`.
    pub(crate) fn labelled(
        (x_argument, x): (&str, &Tensor),
        (y_argument, y): (&str, &Tensor),
        example: &Shape,
        classes: i64,
        device: Device,
    ) -> Result<Self> {
        let batches = Self::new(x_argument, x, example, device)?;
        let labels = check_labels(y_argument, y, batches.count, classes)?;
        Ok(Self {
            y: Some(labels.f_to_device(batches.x.device())?),
            ..batches
        })
    }

    /// The number of examples.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// How many batches of this size there are, the last one perhaps smaller.
    pub(crate) fn steps(&self, batch_size: i64) -> i64 {
        (self.count - 1) / batch_size + 1
    }

    /// An order of the examples, where [`Batches::pick`] needs it.
    pub(crate) fn order(&self, order: &[i64]) -> Result<Tensor> {
        Ok(Tensor::f_from_slice(order)?.f_to_device(self.x.device())?)
    }

    /// The `length` examples that `order` names from `start` on, or those that stand there, as
    /// they lie in memory: [`Batches::ready`] converts them.
    pub(crate) fn pick(
        &self,
        order: Option<&Tensor>,
        start: i64,
        length: i64,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let index = match order {
            Some(order) => Some(order.f_narrow(0, start, length)?),
            None => None,
        };
        let pick = |data: &Tensor| match &index {
            Some(index) => data.f_index_select(0, index),
            None => data.f_narrow(0, start, length),
        };
        let y = match &self.y {
            Some(y) => Some(pick(y)?),
            None => None,
        };
        Ok((pick(&self.x)?, y))
    }

    /// The batch of `length` examples from `start` on, in the order of the data.
    pub(crate) fn slice(&self, start: i64, length: i64) -> Result<(Tensor, Option<Tensor>)> {
        self.ready(self.pick(None, start, length)?)
    }

    /// A batch as the model takes it: floats on its device.
    pub(crate) fn ready(
        &self,
        (x, y): (Tensor, Option<Tensor>),
    ) -> Result<(Tensor, Option<Tensor>)> {
        let x = x.f_to_device(self.device)?.f_to_kind(Kind::Float)?;
        let y = match y {
            Some(y) => Some(y.f_to_device(self.device)?),
            None => None,
        };
        Ok((x, y))
    }
}

fn is_float(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
    )
}

fn check_examples(argument: &str, x: &Tensor, example: &Shape) -> Result<()> {
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
    let kind = x.f_kind()?;
    if kind == Kind::Uint8 {
        return Ok(());
    }
    if !is_float(kind) {
        return Err(Error::data(
            argument,
            "floating-point numbers or bytes",
            format!("{kind:?}"),
            "convert with to_kind(Kind::Float)",
        ));
    }
    check_finite(argument, x)
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

/// Labels as `i64` of shape (N,), checked to be class numbers.
fn check_labels(argument: &str, y: &Tensor, count: i64, classes: i64) -> Result<Tensor> {
    let size = y.size();
    let length = match *size.as_slice() {
        [n] | [n, 1] => n,
        _ => {
            let advice = match *size.as_slice() {
                [_, width] if width == classes => {
                    "for one-hot labels take argmax(-1, false), which gives class numbers"
                }
                _ => "pass one class number per example",
            };
            return Err(Error::data(
                argument,
                "labels of shape (N,) or (N, 1)",
                tuple(&size),
                advice,
            ));
        }
    };
    if length != count {
        return Err(Error::data(
            argument,
            format!("{count} labels, one per example"),
            length.to_string(),
            "select examples and labels with the same index",
        ));
    }
    let whole = check_whole_numbers(argument, &y.f_detach()?)?.f_reshape([-1])?;
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

fn check_whole_numbers(argument: &str, y: &Tensor) -> Result<Tensor> {
    let kind = y.f_kind()?;
    match kind {
        Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => {
            return Ok(y.f_to_kind(Kind::Int64)?);
        }
        _ if is_float(kind) => {
            // NaN and infinity fail the comparison with what Int64 makes of them.
            let whole = y.f_to_kind(Kind::Int64)?;
            if whole.f_to_kind(kind)?.f_equal(y)? {
                return Ok(whole);
            }
        }
        _ => {}
    }
    let received = match is_float(kind) {
        true => "numbers with a fractional part".to_owned(),
        false => format!("{kind:?}"),
    };
    Err(Error::data(
        argument,
        "whole numbers",
        received,
        "pass class numbers such as 0, 1, 2",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(x: &Tensor, y: &Tensor) -> Result<Batches> {
        let example = Shape::from((2, 2, 3));
        Batches::labelled(("x", x), ("y", y), &example, 4, Device::Cpu)
    }

    fn images(n: i64, kind: Kind) -> Tensor {
        Tensor::arange(n * 12, (Kind::Float, Device::Cpu))
            .reshape([n, 2, 2, 3])
            .to_kind(kind)
    }

    fn error(x: &Tensor, y: &Tensor) -> String {
        labelled(x, y).unwrap_err().to_string()
    }

    #[test]
    fn bytes_become_floats_without_scaling() -> Result<()> {
        let batches = labelled(
            &images(5, Kind::Uint8),
            &Tensor::from_slice(&[0_u8, 1, 2, 3, 0]),
        )?;
        assert_eq!(
            (batches.steps(2), batches.steps(5), batches.count()),
            (3, 1, 5)
        );
        let (x, y) = batches.slice(4, 1)?;
        assert_eq!(x, images(5, Kind::Float).narrow(0, 4, 1));
        assert_eq!(y.unwrap(), Tensor::from_slice(&[0_i64]));
        let order = batches.order(&[3, 1, 0, 2, 4])?;
        let (x, y) = batches.ready(batches.pick(Some(&order), 1, 2)?)?;
        assert_eq!(x.kind(), Kind::Float);
        assert_eq!(x.double_value(&[0, 0, 0, 0]), 12.0);
        assert_eq!(y.unwrap(), Tensor::from_slice(&[1_i64, 0]));
        Ok(())
    }

    #[test]
    fn labels_may_be_a_column_of_any_kind_of_whole_number() -> Result<()> {
        let labels = Tensor::from_slice(&[0_i64, 3, 1]);
        for kind in [
            Kind::Uint8,
            Kind::Int,
            Kind::Int16,
            Kind::Float,
            Kind::Double,
        ] {
            let y = labels.to_kind(kind).reshape([3, 1]);
            assert_eq!(
                labelled(&images(3, Kind::Double), &y)?
                    .slice(0, 3)?
                    .1
                    .unwrap(),
                labels
            );
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_told_with_advice() {
        let x = images(2, Kind::Float);
        let y = Tensor::from_slice(&[0_i64, 1]);
        assert_eq!(
            error(&x.permute([0, 3, 1, 2]), &y),
            "x: expected shape (N, 2, 2, 3), received (2, 3, 2, 2); \
             channels come last here: use permute([0, 2, 3, 1])"
        );
        assert!(error(&x.get(0), &y).contains("unsqueeze(0)"));
        assert!(error(&x.reshape([2, 12]), &y).contains("received (2, 12)"));
        assert!(error(&Tensor::from(1.0), &y).contains("a single number"));
        assert!(error(&x.narrow(0, 0, 0), &y).contains("at least one example"));
        assert!(error(&x.to_kind(Kind::Int64), &y).contains("received Int64"));
        assert!(error(&(&x / 0.0), &y).contains("24 that are NaN or infinite"));
        assert!(error(&x, &y.reshape([1, 2])).contains("(N,) or (N, 1), received (1, 2)"));
        assert!(error(&x, &y.one_hot(4)).contains("argmax"));
        assert_eq!(
            error(&x, &Tensor::from_slice(&[0_i64, 1, 2])),
            "y: expected 2 labels, one per example, received 3; \
             select examples and labels with the same index"
        );
        assert!(error(&x, &Tensor::from_slice(&[0_i64, 4])).contains("from 0 to 3, received"));
        assert!(error(&x, &Tensor::from_slice(&[0_i64, -1])).contains("from -1 to 0"));
        assert!(error(&x, &Tensor::from_slice(&[0.5_f32, 1.0])).contains("fractional part"));
        assert!(error(&x, &Tensor::from_slice(&[f64::NAN, 1.0])).contains("whole numbers"));
        assert!(error(&x, &Tensor::from_slice(&[true, false])).contains("received Bool"));
    }

    #[test]
    fn a_sum_that_overflows_is_no_error() {
        let x = Tensor::full([1, 2, 2, 3], 3e38, (Kind::Float, Device::Cpu));
        assert!(labelled(&x, &Tensor::from_slice(&[0_i64])).is_ok());
    }
}
