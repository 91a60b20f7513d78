//! Loops of our own where libtorch's take longer: products of many short rows, half of whose
//! numbers are zero, with bias, ReLU and their gradients; Adam and dropout in one pass.
//!
//! Each loop is there twice, for AVX-512 and in plain Rust; [`Instructions`] says which is used.
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
mod instructions;
mod loops;
mod numbers;
mod packed;
mod plain;

pub(crate) use active_columns::ActiveColumns;
pub(crate) use adam_factors::{AdamFactors, adam};
pub(crate) use aligned::Aligned;
pub(crate) use dropping::Dropping;
pub(crate) use instructions::Instructions;
pub(crate) use numbers::{new_tensor, with_numbers};
pub(crate) use packed::Packed;

/// Numbers in a register.
pub(crate) const LANES: usize = 16;
/// Rows of weights that the head's loops take at a time, at most: so many sums of two images, and
/// what is added to them, fit in the registers.
pub(crate) const HEAD_ROWS: usize = 10;

/// Whether so many rows of so many columns are all numbers of a slice.
fn is_matrix(numbers: &[f32], rows: usize, columns: usize) -> bool {
    rows.checked_mul(columns) == Some(numbers.len())
}
