//! Arrays and tensors as text.

use ndarray::{ArrayBase, ArrayViewD, Axis, Data, Dimension};
use tch::{Kind, Tensor};

use crate::html::preformatted;
use crate::render::Render;

/// An axis longer than this is shown by its ends.
const LONG: usize = 12;
/// How many entries of a long axis are shown at each end.
const ENDS: usize = 3;
/// More entries than this in all, and long axes are shortened; NumPy's default.
const THRESHOLD: usize = 1000;

/// An array as text: three digits after the point, no exponents, long arrays shortened.
#[must_use]
pub fn format_array(array: &ArrayViewD<'_, f64>) -> String {
    let whole = array.iter().all(|v| v.fract() == 0.0);
    let number = |v: f64| {
        if whole {
            format!("{v:.0}")
        } else {
            format!("{v:.3}")
        }
    };
    let shorten = array.len() > THRESHOLD;
    let width = shown(array, shorten)
        .iter()
        .map(|v| number(*v).len())
        .max()
        .unwrap_or(0);
    nested(array, shorten, &|v| format!("{:>width$}", number(v)), 1)
}

fn nested(
    array: &ArrayViewD<'_, f64>,
    shorten: bool,
    number: &dyn Fn(f64) -> String,
    depth: usize,
) -> String {
    if array.ndim() == 0 {
        return array.first().map_or(String::new(), |v| number(*v));
    }
    let last = array.ndim() == 1;
    let mut parts = Vec::new();
    for index in indices(array.len_of(Axis(0)), shorten) {
        parts.push(match index {
            Some(index) => nested(
                &array.index_axis(Axis(0), index),
                shorten,
                number,
                depth + 1,
            ),
            None => "...".to_owned(),
        });
    }
    let separator = if last {
        " ".to_owned()
    } else {
        format!("\n{}", " ".repeat(depth))
    };
    format!("[{}]", parts.join(&separator))
}

/// The positions shown of an axis; `None` stands for those left out.
fn indices(length: usize, shorten: bool) -> Vec<Option<usize>> {
    if shorten && length > LONG {
        let (head, tail) = (0..ENDS, length - ENDS..length);
        head.map(Some).chain([None]).chain(tail.map(Some)).collect()
    } else {
        (0..length).map(Some).collect()
    }
}

/// The entries that will be printed: only they decide the columns' width.
fn shown(array: &ArrayViewD<'_, f64>, shorten: bool) -> Vec<f64> {
    if array.ndim() == 0 {
        return array.iter().copied().collect();
    }
    let positions = indices(array.len_of(Axis(0)), shorten);
    let rows = positions.into_iter().flatten();
    rows.flat_map(|index| shown(&array.index_axis(Axis(0), index), shorten))
        .collect()
}

/// Element types whose arrays are shown with three digits; for all of them `f64` is exact enough.
trait Number: Copy {
    fn wide(self) -> f64;
}

macro_rules! number {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn wide(self) -> f64 {
                self as f64
            }
        })*
    };
}

number!(f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, usize);

#[allow(private_bounds)]
impl<S, D, T> Render for ArrayBase<S, D>
where
    S: Data<Elem = T>,
    D: Dimension,
    T: Number,
{
    fn to_html(&self) -> String {
        preformatted(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        let wide = self.map(|v| v.wide());
        format_array(&wide.view().into_dyn())
    }
}

impl Render for Tensor {
    fn to_html(&self) -> String {
        preformatted(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        let header = format!(
            "Tensor {:?} {:?} on {:?}",
            self.size(),
            self.kind(),
            self.device()
        );
        match values(self) {
            Some(values) => format!("{values}\n{header}"),
            None => header,
        }
    }
}

/// A tensor's entries as text, unless it is of a kind without numbers, sparse or undefined.
fn values(tensor: &Tensor) -> Option<String> {
    if !tensor.defined() || tensor.is_sparse() {
        return None;
    }
    let wide = tensor
        .detach()
        .f_to_device(tch::Device::Cpu)
        .ok()?
        .f_to_kind(Kind::Double)
        .ok()?;
    let shape: Vec<usize> = wide
        .size()
        .into_iter()
        .filter_map(|s| usize::try_from(s).ok())
        .collect();
    let flat = Vec::<f64>::try_from(wide.contiguous().flatten(0, -1)).ok()?;
    let array = ndarray::ArrayD::from_shape_vec(shape, flat).ok()?;
    Some(format_array(&array.view()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, arr1, arr2};

    #[test]
    fn three_digits_and_no_exponents() {
        assert_eq!(
            arr1(&[1e-7, 0.5, 123.456_78]).to_plain(),
            "[  0.000   0.500 123.457]"
        );
        assert_eq!(
            arr2(&[[1, 20], [300, 4]]).to_plain(),
            "[[  1  20]\n [300   4]]"
        );
    }

    #[test]
    fn long_arrays_show_their_ends() {
        let text = Array1::from_iter((0..2000).map(f64::from)).to_plain();
        assert_eq!(text, "[   0    1    2 ... 1997 1998 1999]");
    }

    #[test]
    fn a_tensor_shows_its_entries_shape_and_kind() {
        let text = Tensor::from_slice(&[1.0f32, 2.5]).to_plain();
        assert_eq!(text, "[1.000 2.500]\nTensor [2] Float on Cpu");
        assert_eq!(Tensor::from(3i64).to_plain(), "3\nTensor [] Int64 on Cpu");
    }

    #[test]
    fn empty_arrays_are_shown() {
        assert_eq!(Array1::<f64>::zeros(0).to_plain(), "[]");
    }
}
