//! Loops of our own where libtorch's take longer: products of many short rows, half of whose
//! numbers are zero, with bias, ReLU and their gradients; Adam and dropout in one pass.
//!
//! The only `unsafe` of this crate. Every function checks processor and lengths itself, so that
//! none of its callers can go wrong.
#![allow(unsafe_code)]

mod active_columns;
mod adam_factors;
mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dropping;
mod packed;

use std::slice;

use tch::{Device, Kind, Tensor};

pub(crate) use active_columns::ActiveColumns;
pub(crate) use adam_factors::{AdamFactors, adam};
pub(crate) use aligned::Aligned;
pub(crate) use dropping::Dropping;
pub(crate) use packed::Packed;

use crate::{Error, Result};

/// Numbers in a register.
pub(crate) const LANES: usize = 16;
/// Rows of weights that the head's loops are made for: the classes of CIFAR-10.
pub(crate) const CLASSES: usize = 10;

/// Whether this processor has what the loops need.
pub(crate) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("popcnt");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Whether so many rows of so many columns are all numbers of a slice.
fn is_matrix(numbers: &[f32], rows: usize, columns: usize) -> bool {
    rows.checked_mul(columns) == Some(numbers.len())
}

/// The numbers of a contiguous `f32` tensor on the CPU, which nothing may change meanwhile.
pub(crate) fn numbers(tensor: &Tensor) -> Result<&[f32]> {
    check(tensor)?;
    if tensor.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: the tensor holds that many numbers of this kind one after another, and they live
    // as long as it does.
    Ok(unsafe { slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

/// The same to write to, of a tensor that nothing else uses meanwhile.
pub(crate) fn numbers_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    check(tensor)?;
    if tensor.numel() == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as above.
    Ok(unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

fn check(tensor: &Tensor) -> Result<()> {
    let fits =
        tensor.device() == Device::Cpu && tensor.f_kind()? == Kind::Float && tensor.is_contiguous();
    match fits {
        true => Ok(()),
        false => Err(Error::Torch {
            operation: "a product of rows".to_owned(),
            message: format!("expected a contiguous f32 tensor on the CPU, received {tensor:?}"),
        }),
    }
}

/// The positive part of `y = x · w + bias` for the rows of `x`, whose active columns were looked
/// up; `w` has whole registers of columns.
pub(crate) fn affine_relu(
    x: &[f32],
    active: &ActiveColumns,
    w: &Packed,
    bias: &Packed,
    y: &mut [f32],
) {
    assert!((bias.rows, bias.columns) == (1, w.columns));
    affine(x, active, w, Some(bias), y);
}

/// `y = x · w` likewise.
pub(crate) fn product(x: &[f32], active: &ActiveColumns, w: &Packed, y: &mut [f32]) {
    affine(x, active, w, None, y);
}

fn affine(x: &[f32], active: &ActiveColumns, w: &Packed, bias: Option<&Packed>, y: &mut [f32]) {
    let rows = active.rows;
    assert!(available() && w.columns.is_multiple_of(LANES) && active.columns == w.rows);
    assert!(is_matrix(x, rows, w.rows) && is_matrix(y, rows, w.columns));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted, those of a bias by the caller; a packed matrix
    // is as long as its sizes say, and no active column is beyond the last.
    unsafe {
        let bias = bias.map(|bias| bias.numbers.as_ptr());
        let y = (y.as_mut_ptr(), w.columns);
        avx512::affine(x.as_ptr(), active, w.numbers.as_ptr(), bias, y);
    }
}

/// Adds `xᵀ · y` to `sums`, given the active columns of `x`; `y` has whole registers of columns.
///
/// If `y` are the gradients of a product with `x`, these are the gradients of its weights.
pub(crate) fn outer(x: &[f32], active: &ActiveColumns, y: &[f32], sums: &mut Packed) {
    let rows = active.rows;
    assert!(available() && sums.columns.is_multiple_of(LANES) && active.columns == sums.rows);
    assert!(is_matrix(x, rows, sums.rows) && is_matrix(y, rows, sums.columns));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted; a packed matrix is as long as its sizes say,
    // and no active column is beyond the last.
    unsafe {
        let (y, sums) = ((y.as_ptr(), sums.columns), sums.numbers.as_mut_ptr());
        avx512::outer(x.as_ptr(), active, y, sums);
    }
}

/// Goes back through ReLU and perhaps dropout: sets the gradients to zero where the output `y` is
/// not positive and multiplies the others by the number with it. Without `y` they stay.
///
/// Adds them to `sums`, a row of whole registers, and looks up their active columns.
pub(crate) fn relu_back(
    gradients: &mut [f32],
    y: Option<(&[f32], f32)>,
    sums: &mut Packed,
    active: &mut ActiveColumns,
) {
    let columns = sums.columns;
    let rows = gradients.len() / columns;
    assert!(available() && sums.rows == 1 && columns.is_multiple_of(LANES));
    assert!(is_matrix(gradients, rows, columns));
    assert!(y.is_none_or(|(y, _)| y.len() == gradients.len()));
    #[cfg(target_arch = "x86_64")]
    active.fill(rows, columns, |rows, range, indices| {
        let start = rows.start * columns + range.start;
        let g = (gradients[start..].as_mut_ptr(), columns);
        let y = y.map(|(y, scale)| (y[start..].as_ptr(), scale));
        let sums = sums.numbers[range.start..].as_mut_ptr();
        // SAFETY: lengths and processor were asserted; `fill` gives rows and columns of the
        // matrix, and room for an index of each column and a register more.
        unsafe { avx512::masked(g, y, sums, rows.len(), range, indices.as_mut_ptr()) }
    });
}

/// Asks for numbers that will be needed soon to be brought near the processor.
pub(crate) fn fetch(numbers: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    avx512::fetch(numbers);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Adds the products of each image's numbers with the rows of `w`, one for each class, to `sums`:
/// [`LANES`] parts of each product, to be added up. `w` holds [`LANES`] numbers of each row in
/// turn.
pub(crate) fn head(h: &[f32], w: &[f32], sums: &mut [f32]) {
    let (length, images) = (w.len() / CLASSES, sums.len() / (CLASSES * LANES));
    assert!(available() && length.is_multiple_of(LANES) && is_matrix(w, length, CLASSES));
    assert!(is_matrix(h, images, length) && is_matrix(sums, images, CLASSES * LANES));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted.
    unsafe {
        let sums = sums.as_mut_ptr();
        avx512::head::<CLASSES>(h.as_ptr(), (images, length), w.as_ptr(), sums);
    }
}

/// Goes back through [`head`], given the gradients of the products of all images.
///
/// Adds to the gradients `dw` of the weights, and writes those of `h` to `g`: zero where `h` is
/// not positive, and times `scale`.
pub(crate) fn head_back(
    h: &[f32],
    (w, dw): (&[f32], &mut [f32]),
    gradients: &[f32],
    scale: f32,
    g: &mut [f32],
) {
    let (length, images) = (w.len() / CLASSES, gradients.len() / CLASSES);
    assert!(available() && length.is_multiple_of(LANES) && is_matrix(w, length, CLASSES));
    assert!(dw.len() == w.len() && is_matrix(h, images, length) && g.len() == h.len());
    assert!(is_matrix(gradients, images, CLASSES));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted.
    unsafe {
        let weights = (w.as_ptr(), dw.as_mut_ptr());
        let (gradients, g) = (gradients.as_ptr(), g.as_mut_ptr());
        avx512::head_back::<CLASSES>(h.as_ptr(), (images, length), weights, gradients, scale, g);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_of_another_kind_is_an_error() {
        let doubles = Tensor::zeros([2], (Kind::Double, Device::Cpu));
        assert!(numbers(&doubles).is_err());
        let transposed = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).tr();
        assert!(numbers(&transposed).is_err());
    }
}
