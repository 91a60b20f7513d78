//! Arrays and tensors as text.

use ndarray::{ArrayBase, ArrayD, ArrayViewD, Axis, Data, Dimension, IxDyn};
use tch::{Kind, Tensor};

use crate::html::preformatted;
use crate::render::Render;

/// How many entries of a long axis are shown at each end.
const ENDS: usize = 3;
/// More entries than this in all, and long axes are shortened; NumPy's default.
const THRESHOLD: usize = 1000;
/// Digits after the point at most; NumPy's default.
const PRECISION: usize = 8;
/// Characters of a line; NumPy's default.
const LINE: usize = 75;

/// An array as NumPy prints it: up to eight digits after the point, exponents where numbers are
/// small, large or far apart, long arrays shortened.
#[must_use]
pub fn format_array(array: &ArrayViewD<'_, f64>) -> String {
    text(array)
}

fn text<T: Number>(array: &ArrayViewD<'_, T>) -> String {
    match array.first() {
        None => "[]".to_owned(),
        Some(value) if array.ndim() == 0 => value.alone(),
        Some(_) => {
            let shorten = array.len() > THRESHOLD;
            let format = T::format(&shown(array, shorten));
            nested(array, shorten, &*format, 0)
        }
    }
}

fn nested<T: Copy>(
    array: &ArrayViewD<'_, T>,
    shorten: bool,
    format: &dyn Fn(T) -> String,
    depth: usize,
) -> String {
    let indent = " ".repeat(depth + 1);
    let last = array.ndim() == 1;
    let mut parts = Vec::new();
    for index in indices(array.len_of(Axis(0)), shorten) {
        parts.push(match index {
            Some(index) if last => format(array[[index].as_slice()]),
            Some(index) => nested(
                &array.index_axis(Axis(0), index),
                shorten,
                format,
                depth + 1,
            ),
            None => "...".to_owned(),
        });
    }
    if !last {
        // A line between two tables, two between two rows of tables.
        let between = "\n".repeat(array.ndim() - 1) + &indent;
        return format!("[{}]", parts.join(&between));
    }
    let room = LINE - depth.min(LINE / 2) - 1;
    let (mut lines, mut line) = (String::new(), String::new());
    for part in parts {
        let separator = if line.is_empty() { "" } else { " " };
        let length = indent.len() + line.len() + separator.len() + part.len();
        if length > room && !line.is_empty() {
            lines += line.trim_end();
            lines += &format!("\n{indent}");
            line = part;
        } else {
            line += separator;
            line += &part;
        }
    }
    format!("[{lines}{line}]")
}

/// The positions shown of an axis; `None` stands for those left out.
fn indices(length: usize, shorten: bool) -> Vec<Option<usize>> {
    if shorten && length > 2 * ENDS {
        let (head, tail) = (0..ENDS, length - ENDS..length);
        head.map(Some).chain([None]).chain(tail.map(Some)).collect()
    } else {
        (0..length).map(Some).collect()
    }
}

/// The entries that will be printed: only they decide the columns' width.
fn shown<T: Copy>(array: &ArrayViewD<'_, T>, shorten: bool) -> Vec<T> {
    if array.ndim() == 0 {
        return array.iter().copied().collect();
    }
    let positions = indices(array.len_of(Axis(0)), shorten);
    let rows = positions.into_iter().flatten();
    rows.flat_map(|index| shown(&array.index_axis(Axis(0), index), shorten))
        .collect()
}

/// Writes the entries of one array.
type Format<T> = Box<dyn Fn(T) -> String>;

/// Element types whose arrays are shown.
trait Number: Copy {
    /// How to write entries among those that are shown.
    fn format(shown: &[Self]) -> Format<Self>;

    /// The only entry of an array without axes.
    fn alone(&self) -> String;
}

macro_rules! by_text {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn format(shown: &[Self]) -> Format<Self> {
                let width = shown.iter().map(|v| v.to_string().len()).max().unwrap_or(0);
                Box::new(move |v| format!("{v:>width$}"))
            }

            fn alone(&self) -> String {
                self.to_string()
            }
        })*
    };
}

by_text!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool
);

macro_rules! floats {
    ($($type:ty => $single:expr),*) => {
        $(impl Number for $type {
            fn format(shown: &[Self]) -> Format<Self> {
                let wide: Vec<f64> = shown.iter().map(|&v| f64::from(v)).collect();
                let format = FloatFormat::of(&wide, $single, false);
                Box::new(move |v| format.write(f64::from(v)))
            }

            fn alone(&self) -> String {
                alone(f64::from(*self), $single)
            }
        })*
    };
}

floats!(f32 => true, f64 => false);

/// A complex number: its real and its imaginary part.
#[derive(Clone, Copy)]
struct Complex {
    parts: [f64; 2],
    single: bool,
}

impl Number for Complex {
    fn format(shown: &[Self]) -> Format<Self> {
        let single = shown.iter().any(|v| v.single);
        let [real, imaginary] = [0, 1].map(|part| {
            let values: Vec<f64> = shown.iter().map(|v| v.parts[part]).collect();
            FloatFormat::of(&values, single, part == 1)
        });
        Box::new(move |v| {
            let imaginary = imaginary.write(v.parts[1]);
            let end = imaginary.trim_end().len();
            let (digits, spaces) = imaginary.split_at(end);
            format!("{}{digits}j{spaces}", real.write(v.parts[0]))
        })
    }

    fn alone(&self) -> String {
        let [real, imaginary] = self.parts.map(|part| alone(part, self.single));
        let sign = if imaginary.starts_with('-') { "" } else { "+" };
        format!("{real}{sign}{imaginary}j")
    }
}

/// How the floats of one array are written: all with exponents, or none.
struct FloatFormat {
    /// Whether the shortest digits that tell a number apart are those of single precision.
    single: bool,
    /// Whether numbers that are not negative have a sign too.
    plus: bool,
    exponents: bool,
    /// Digits after the point: as many for all with exponents, else at most.
    decimals: usize,
    /// Characters before and after the point.
    left: usize,
    right: usize,
    exponent_digits: usize,
}

impl FloatFormat {
    fn of(values: &[f64], single: bool, plus: bool) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let sizes = || finite().map(f64::abs).filter(|&size| size > 0.0);
        let largest = sizes().fold(0.0, f64::max);
        let smallest = sizes().fold(f64::INFINITY, f64::min);
        let exponents =
            largest >= 1e8 || (largest > 0.0 && (smallest < 1e-4 || largest / smallest > 1000.0));
        let mut format = Self {
            single,
            plus,
            exponents,
            decimals: 0,
            left: 0,
            right: 0,
            exponent_digits: 2,
        };
        for value in finite() {
            let (text, exponent) = match exponents {
                true => scientific(value, single),
                false => (positional(value, single), 0),
            };
            let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let sign = usize::from(plus && !text.starts_with('-'));
            format.left = format.left.max(integer.len() + sign);
            format.decimals = format.decimals.max(fraction.len());
            let digits = exponent.unsigned_abs().to_string().len();
            format.exponent_digits = format.exponent_digits.max(digits);
        }
        if finite().next().is_some() {
            format.right = match exponents {
                // The letter, the sign and the digits of the exponent.
                true => format.decimals + 2 + format.exponent_digits,
                false => format.decimals,
            };
        }
        for value in values.iter().filter(|v| !v.is_finite()) {
            let least = format
                .special(*value)
                .len()
                .saturating_sub(format.right + 1);
            format.left = format.left.max(least);
        }
        format
    }

    fn write(&self, value: f64) -> String {
        let (left, right) = (self.left, self.right);
        if !value.is_finite() {
            return format!("{:>width$}", self.special(value), width = left + 1 + right);
        }
        let decimals = self.decimals;
        let (text, exponent) = match self.exponents {
            // All digits are those of the number itself, also beyond the shortest.
            true => {
                let text = format!("{value:.decimals$e}");
                let (digits, exponent) = parts(&text);
                (digits.to_owned(), ending(exponent, self.exponent_digits))
            }
            false => (positional(value, self.single), String::new()),
        };
        let plus = if self.plus && !text.starts_with('-') {
            "+"
        } else {
            ""
        };
        let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let integer = format!("{plus}{integer}");
        let fraction = format!("{fraction}{exponent}");
        format!("{integer:>left$}.{fraction:<right$}")
    }

    fn special(&self, value: f64) -> String {
        let plus = match self.plus && value != f64::NEG_INFINITY {
            true => "+",
            false => "",
        };
        format!("{plus}{}", special(value))
    }
}

fn special(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    }
}

/// As Python writes a float by itself.
fn alone(value: f64, single: bool) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return special(value).to_owned();
    }
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        let text = shortest(value, single);
        return if text.contains('.') {
            text
        } else {
            text + ".0"
        };
    }
    let text = match single {
        true => format!("{:e}", value as f32),
        false => format!("{value:e}"),
    };
    let (digits, exponent) = parts(&text);
    format!("{digits}{}", ending(exponent, 2))
}

/// The fewest digits that tell a number apart, without an exponent.
fn shortest(value: f64, single: bool) -> String {
    match single {
        true => (value as f32).to_string(),
        false => value.to_string(),
    }
}

/// The same with at most eight digits after the point.
fn positional(value: f64, single: bool) -> String {
    let text = shortest(value, single);
    match text.split_once('.') {
        Some((_, fraction)) if fraction.len() > PRECISION => {
            without_zeros(&format!("{value:.PRECISION$}")).to_owned()
        }
        _ => text,
    }
}

/// Digits, with at most eight after the point, and exponent.
fn scientific(value: f64, single: bool) -> (String, i32) {
    let text = match single {
        true => format!("{:e}", value as f32),
        false => format!("{value:e}"),
    };
    let (digits, exponent) = parts(&text);
    match digits.split_once('.') {
        Some((_, fraction)) if fraction.len() > PRECISION => {
            let text = format!("{value:.PRECISION$e}");
            let (digits, exponent) = parts(&text);
            (without_zeros(digits).to_owned(), exponent)
        }
        _ => (digits.to_owned(), exponent),
    }
}

fn parts(text: &str) -> (&str, i32) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits, exponent.parse().unwrap_or(0))
}

fn without_zeros(text: &str) -> &str {
    text.trim_end_matches('0').trim_end_matches('.')
}

fn ending(exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:0digits$}", exponent.unsigned_abs())
}

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
        text(&self.view().into_dyn())
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
    let tensor = tensor.detach().f_to_device(tch::Device::Cpu).ok()?;
    match tensor.f_kind().ok()? {
        Kind::Bool => entries::<bool>(&tensor),
        Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => {
            entries::<i64>(&tensor.f_to_kind(Kind::Int64).ok()?)
        }
        Kind::Double => entries::<f64>(&tensor),
        kind @ (Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble) => {
            complex(&tensor, kind != Kind::ComplexDouble)
        }
        _ => entries::<f32>(&tensor.f_to_kind(Kind::Float).ok()?),
    }
}

fn entries<T: Number + tch::kind::Element>(tensor: &Tensor) -> Option<String> {
    let flat = Vec::<T>::try_from(tensor.f_contiguous().ok()?.f_flatten(0, -1).ok()?).ok()?;
    Some(text(
        &ArrayD::from_shape_vec(shape(tensor), flat).ok()?.view(),
    ))
}

fn complex(tensor: &Tensor, single: bool) -> Option<String> {
    let wide = tensor.f_to_kind(Kind::ComplexDouble).ok()?;
    let wide = wide.f_resolve_conj().ok()?.f_view_as_real().ok()?;
    let flat = Vec::<f64>::try_from(wide.f_contiguous().ok()?.f_flatten(0, -1).ok()?).ok()?;
    let (pairs, _) = flat.as_chunks::<2>();
    let numbers = pairs.iter().map(|&parts| Complex { parts, single });
    let array = ArrayD::from_shape_vec(shape(tensor), numbers.collect()).ok()?;
    Some(text(&array.view()))
}

fn shape(tensor: &Tensor) -> IxDyn {
    let sizes = tensor.size().into_iter();
    let sizes: Vec<usize> = sizes.filter_map(|s| usize::try_from(s).ok()).collect();
    IxDyn(&sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array, Array1, Array2, arr0, arr1, arr2};

    #[test]
    fn floats_are_those_of_numpy() {
        let infinite = f64::INFINITY;
        for (array, text) in [
            (
                vec![1e-7, 0.5, 123.456_78],
                "[1.0000000e-07 5.0000000e-01 1.2345678e+02]",
            ),
            (vec![1e-5], "[1.e-05]"),
            (vec![1.0, 2.5], "[1.  2.5]"),
            (
                vec![0.1, 0.2, 1.0 / 3.0],
                "[0.1        0.2        0.33333333]",
            ),
            (vec![f64::NAN, 1.5, -infinite], "[ nan  1.5 -inf]"),
            (vec![1e8, 1.0], "[1.e+08 1.e+00]"),
            (vec![99_999_999.0, 1e6], "[99999999.  1000000.]"),
            (vec![1e20, -3e-5, 0.0], "[ 1.e+20 -3.e-05  0.e+00]"),
            (vec![infinite, 1e300], "[    inf 1.e+300]"),
            (vec![1e-300, 5e-324], "[1.e-300 5.e-324]"),
            (vec![0.0, -0.0], "[ 0. -0.]"),
            (vec![f64::NAN], "[nan]"),
            (
                vec![0.3, 1.234_567_89e-5],
                "[3.00000000e-01 1.23456789e-05]",
            ),
            (vec![1e-4, 0.1], "[0.0001 0.1   ]"),
            (vec![], "[]"),
        ] {
            assert_eq!(Array1::from(array).to_plain(), text);
        }
        let singles = arr1(&[0.1_f32, 0.2, 1.0 / 3.0]);
        assert_eq!(singles.to_plain(), "[0.1        0.2        0.33333334]");
        let singles = arr1(&[1e-5_f32, 1.234_567_8e3]);
        assert_eq!(singles.to_plain(), "[9.9999997e-06 1.2345677e+03]");
    }

    #[test]
    fn a_number_alone_is_that_of_python() {
        for (number, text) in [
            (1e-5, "1e-05"),
            (1e16, "1e+16"),
            (2.0, "2.0"),
            (12_345_678.9, "12345678.9"),
            (0.0, "0.0"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(arr0(number).to_plain(), text);
        }
        assert_eq!(arr0(0.1_f32).to_plain(), "0.1");
    }

    #[test]
    fn every_digit_of_whole_numbers_is_shown() {
        let array = arr2(&[[1, 20], [300, -4]]);
        assert_eq!(array.to_plain(), "[[  1  20]\n [300  -4]]");
        let largest = arr1(&[u64::MAX, 0]);
        assert_eq!(
            largest.to_plain(),
            "[18446744073709551615                    0]"
        );
        let tensor = Tensor::from_slice(&[9_007_199_254_740_993_i64, 18_014_398_509_481_983]);
        let text = tensor.to_plain();
        assert!(
            text.starts_with("[ 9007199254740993 18014398509481983]\n"),
            "{text}"
        );
    }

    #[test]
    fn truth_and_complex_numbers_are_shown_as_such() {
        let text = Tensor::from_slice(&[true, false]).to_plain();
        assert_eq!(text, "[ true false]\nTensor [2] Bool on Cpu");
        let parts = Tensor::from_slice(&[1.0, 2.0, -0.5, -1e-3]).view([2, 2]);
        let text = parts.view_as_complex().to_plain();
        assert!(text.starts_with("[ 1. +2.e+00j -0.5-1.e-03j]\n"), "{text}");
    }

    #[test]
    fn long_arrays_show_their_ends() {
        let text = Array1::from_iter(0..2000).to_plain();
        assert_eq!(text, "[   0    1    2 ... 1997 1998 1999]");
        let text = Array::from_iter(0..4000)
            .into_shape_with_order((40, 100))
            .unwrap()
            .to_plain();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[1], " [ 100  101  102 ...  197  198  199]");
        assert_eq!(lines[3], " ...");
    }

    #[test]
    fn long_rows_are_wrapped_and_tables_stand_apart() {
        let rows = Array1::from_iter((0..30).map(|i| f64::from(i) / 7.0)).to_plain();
        let lines: Vec<&str> = rows.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "[0.         0.14285714 0.28571429 0.42857143 0.57142857 0.71428571",
                " 0.85714286 1.         1.14285714 1.28571429 1.42857143 1.57142857"
            ]
        );
        assert_eq!(lines.len(), 5);
        let cube = Array::from_iter((0..8).map(f64::from)).into_shape_with_order((2, 2, 2));
        assert_eq!(
            cube.unwrap().to_plain(),
            "[[[0. 1.]\n  [2. 3.]]\n\n [[4. 5.]\n  [6. 7.]]]"
        );
    }

    #[test]
    fn a_tensor_shows_its_entries_shape_and_kind() {
        let text = Tensor::from_slice(&[1.0f32, 2.5]).to_plain();
        assert_eq!(text, "[1.  2.5]\nTensor [2] Float on Cpu");
        assert_eq!(Tensor::from(3i64).to_plain(), "3\nTensor [] Int64 on Cpu");
    }

    #[test]
    fn empty_arrays_are_shown() {
        assert_eq!(Array1::<f64>::zeros(0).to_plain(), "[]");
        assert_eq!(Array2::<u8>::zeros((2, 0)).to_plain(), "[]");
    }
}
