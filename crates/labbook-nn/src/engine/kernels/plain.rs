//! The same loops in plain Rust, for every processor: what they leave out, and the order in which
//! they add, are those of the loops for AVX-512, so that the results differ only by the rounding of
//! products, which those do not round.
#![deny(unsafe_code)]

use std::ops::Range;

use super::LANES;
use super::active_columns::{ActiveColumns, CHUNK, GROUP};
use super::packed::TILE;

/// `sums += number · row`.
fn add_scaled(sums: &mut [f32], number: f32, row: &[f32]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += number * value;
    }
}

/// `y = x · w`, or with a bias, the positive part of `y = x · w + bias`; `w` and `bias` are packed
/// in tiles, and of `x` only the `active` columns count.
pub(super) fn affine(
    x: &[f32],
    active: &ActiveColumns,
    w: &[f32],
    bias: Option<&[f32]>,
    (y, width): (&mut [f32], usize),
) {
    let columns = active.columns;
    for first in (0..width).step_by(TILE) {
        let tile = TILE.min(width - first);
        let w = &w[first * columns..][..tile * columns];
        let rows = x.chunks_exact(columns).zip(y.chunks_exact_mut(width));
        for (row, (x, y)) in rows.enumerate() {
            let y = &mut y[first..][..tile];
            match bias {
                Some(bias) => y.copy_from_slice(&bias[first..][..tile]),
                None => y.fill(0.0),
            }
            for &column in active.group(row / GROUP) {
                let column = column as usize;
                add_scaled(y, x[column], &w[column * tile..][..tile]);
            }
            if bias.is_some() {
                // A NaN stays one.
                for number in y {
                    *number = if *number < 0.0 { 0.0 } else { *number };
                }
            }
        }
    }
}

/// Adds `xᵀ · y` to `sums`, which is packed in tiles; of `x` only the `active` columns count.
pub(super) fn outer(
    x: &[f32],
    active: &ActiveColumns,
    (y, width): (&[f32], usize),
    sums: &mut [f32],
) {
    let columns = active.columns;
    for first in (0..width).step_by(TILE) {
        let tile = TILE.min(width - first);
        let sums = &mut sums[first * columns..][..tile * columns];
        let rows = x.chunks_exact(columns).zip(y.chunks_exact(width));
        for (row, (x, y)) in rows.enumerate() {
            let y = &y[first..][..tile];
            for &column in active.group(row / GROUP) {
                let column = column as usize;
                add_scaled(&mut sums[column * tile..][..tile], x[column], y);
            }
        }
    }
}

/// Writes the columns, from `first` on, whose bits are not all zero; says how many. There is room
/// for an index of each column and one more.
fn write_active(bits: &[u32], first: usize, indices: &mut [u32]) -> usize {
    let mut count = 0;
    for (column, &bits) in bits.iter().enumerate() {
        indices[count] = (first + column) as u32;
        count += usize::from(bits != 0);
    }
    count
}

/// Writes those of some columns, at most a chunk, in which any of some rows is not zero; says how
/// many. `x` begins with the first of these columns.
pub(super) fn scan(
    (x, stride): (&[f32], usize),
    rows: usize,
    columns: Range<usize>,
    indices: &mut [u32],
) -> usize {
    let mut any = [0; CHUNK];
    let any = &mut any[..columns.len()];
    for row in 0..rows {
        for (any, number) in any.iter_mut().zip(&x[row * stride..]) {
            *any |= number.to_bits();
        }
    }
    write_active(any, columns.start, indices)
}

/// Like [`scan`] for gradients `g` of some rows, after it has set them to zero where their `y` is
/// not positive, if there is a `y`, and multiplied the others by the number with it. Adds the
/// gradients to `sums`, one for each column.
pub(super) fn masked(
    (g, stride): (&mut [f32], usize),
    y: Option<(&[f32], f32)>,
    sums: &mut [f32],
    rows: usize,
    columns: Range<usize>,
    indices: &mut [u32],
) -> usize {
    let mut any = [0; CHUNK];
    let any = &mut any[..columns.len()];
    for row in 0..rows {
        let g = &mut g[row * stride..][..columns.len()];
        if let Some((y, scale)) = y {
            for (gradient, &output) in g.iter_mut().zip(&y[row * stride..]) {
                *gradient = back_through_relu(*gradient, output, scale);
            }
        }
        for ((any, sum), gradient) in any.iter_mut().zip(&mut *sums).zip(g) {
            *sum += *gradient;
            *any |= gradient.to_bits();
        }
    }
    write_active(any, columns.start, indices)
}

/// A NaN counts as positive, so that it is not hidden.
fn back_through_relu(gradient: f32, output: f32, scale: f32) -> f32 {
    match output <= 0.0 {
        true => 0.0,
        false => gradient * scale,
    }
}

/// Adds the products of long rows with some rows of weights to `sums`, lane by lane: a register
/// for each product of an image. `w` holds a register of each of its rows in turn.
pub(super) fn head(
    h: &[f32],
    (images, length): (usize, usize),
    (w, rows): (&[f32], usize),
    sums: &mut [f32],
) {
    let each = rows * LANES;
    for image in 0..images {
        let h = &h[image * length..][..length];
        let sums = &mut sums[image * each..][..each];
        for (h, w) in h.chunks_exact(LANES).zip(w.chunks_exact(each)) {
            let products = sums.chunks_exact_mut(LANES).zip(w.chunks_exact(LANES));
            for (sums, w) in products {
                for ((sum, &number), &weight) in sums.iter_mut().zip(h).zip(w) {
                    *sum += number * weight;
                }
            }
        }
    }
}

/// Goes back through [`head`], given the gradients of the products of each image.
///
/// Adds to the gradients `dw` of the weights, and writes those of `h` to `g`: zero where `h` is
/// not positive, and times `scale`.
pub(super) fn head_back(
    h: &[f32],
    (images, length): (usize, usize),
    (w, dw, rows): (&[f32], &mut [f32], usize),
    gradients: &[f32],
    scale: f32,
    g: &mut [f32],
) {
    let each = rows * LANES;
    let registers = w.chunks_exact(each).zip(dw.chunks_exact_mut(each));
    for (register, (w, dw)) in registers.enumerate() {
        for image in 0..images {
            let at = image * length + register * LANES;
            let h = &h[at..][..LANES];
            let gradients = &gradients[image * rows..][..rows];
            // Two sums, as there.
            let mut totals = [[0.0; LANES]; 2];
            let weights = w.chunks_exact(LANES).zip(dw.chunks_exact_mut(LANES));
            for (row, (&gradient, (w, dw))) in gradients.iter().zip(weights).enumerate() {
                add_scaled(&mut totals[row % 2], gradient, w);
                add_scaled(dw, gradient, h);
            }
            let [even, odd] = &totals;
            let totals = even.iter().zip(odd).map(|(even, odd)| even + odd);
            for ((g, total), &output) in g[at..][..LANES].iter_mut().zip(totals).zip(h) {
                *g = back_through_relu(total, output, scale);
            }
        }
    }
}
