//! Loops over AVX-512 registers. The callers check that the processor has them and that the
//! slices are long enough.

use std::arch::x86_64::{
    __m512i, __mmask16, _CMP_NLE_UQ, _MM_HINT_T1, _mm_prefetch, _mm512_add_epi32, _mm512_add_ps,
    _mm512_castps_si512, _mm512_cmp_ps_mask, _mm512_fmadd_ps, _mm512_loadu_epi32, _mm512_loadu_ps,
    _mm512_maskz_compress_epi32, _mm512_maskz_loadu_epi32, _mm512_maskz_mul_ps, _mm512_max_ps,
    _mm512_or_epi32, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_epi32, _mm512_setzero_ps,
    _mm512_storeu_epi32, _mm512_storeu_ps, _mm512_test_epi32_mask,
};
use std::ops::Range;

use super::LANES;
use super::active_columns::{ActiveColumns, CHUNK, GROUP};
use super::packed::TILE;

/// Calls a function for as many rows and registers as there are, which it has to know while it
/// is compiled.
macro_rules! sized {
    ($function:ident, $rows:expr, $registers:expr, $arguments:tt) => {
        match $registers {
            1 => sized!($function, $rows, $arguments, for 1),
            2 => sized!($function, $rows, $arguments, for 2),
            3 => sized!($function, $rows, $arguments, for 3),
            _ => sized!($function, $rows, $arguments, for 4),
        }
    };
    ($function:ident, $rows:expr, $arguments:tt, for $registers:literal) => {
        match $rows {
            1 => $function::<1, $registers> $arguments,
            2 => $function::<2, $registers> $arguments,
            3 => $function::<3, $registers> $arguments,
            4 => $function::<4, $registers> $arguments,
            5 => $function::<5, $registers> $arguments,
            _ => $function::<GROUP, $registers> $arguments,
        }
    };
}

/// The registers that a tile has, given the columns from its first on.
fn registers(columns: usize) -> usize {
    columns.min(TILE).div_ceil(LANES)
}

/// `y = x · w` for some rows of `x`, of which only the `active` columns count, and one tile; or
/// with a bias, the positive part of `y = x · w + bias`.
///
/// # Safety
/// Needs AVX-512F; `x` has `R` rows, so far apart, with the active columns, `w` rows of `V`
/// registers with these numbers, the bias `V` registers, and `y` `R` rows of so many, so far apart.
#[target_feature(enable = "avx512f")]
unsafe fn affine_tile<const R: usize, const V: usize>(
    (x, x_stride): (*const f32, usize),
    active: &[u32],
    w: *const f32,
    bias: Option<*const f32>,
    (y, y_stride): (*mut f32, usize),
) {
    let zero = _mm512_setzero_ps();
    let mut sums = [[zero; V]; R];
    unsafe {
        if let Some(bias) = bias {
            for v in 0..V {
                let bias = _mm512_loadu_ps(bias.add(v * LANES));
                for row in &mut sums {
                    row[v] = bias;
                }
            }
        }
        for &column in active {
            let column = column as usize;
            let mut weights = [zero; V];
            for (v, register) in weights.iter_mut().enumerate() {
                *register = _mm512_loadu_ps(w.add((column * V + v) * LANES));
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let number = _mm512_set1_ps(*x.add(r * x_stride + column));
                for v in 0..V {
                    row[v] = _mm512_fmadd_ps(number, weights[v], row[v]);
                }
            }
        }
        for (r, row) in sums.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                // In this order a NaN stays one.
                let value = match bias {
                    Some(_) => _mm512_max_ps(zero, sum),
                    None => sum,
                };
                _mm512_storeu_ps(y.add(r * y_stride + v * LANES), value);
            }
        }
    }
}

/// `y = x · w`, or with a bias, the positive part of `y = x · w + bias`; `w` and `bias` are packed
/// in tiles.
///
/// # Safety
/// Needs AVX-512F; `active` is of `x`, `w` has a row for each of its columns, the bias one, and
/// `y`, as wide as `w`, whole registers in each row.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn affine(
    x: *const f32,
    active: &ActiveColumns,
    w: *const f32,
    bias: Option<*const f32>,
    (y, width): (*mut f32, usize),
) {
    let (rows, columns) = (active.rows, active.columns);
    for first in (0..width).step_by(TILE) {
        for (group, row) in (0..rows).step_by(GROUP).enumerate() {
            let columns_here = active.group(group);
            unsafe {
                let x = (x.add(row * columns), columns);
                let w = w.add(first * columns);
                let bias = bias.map(|bias| bias.add(first));
                let y = (y.add(row * width + first), width);
                let (rows, registers) = (rows - row, registers(width - first));
                sized!(affine_tile, rows, registers, (x, columns_here, w, bias, y));
            }
        }
    }
}

/// `sums[c] += Σ x[r][c] · y[r]` for the `active` columns `c` of some rows `r`, and one tile.
///
/// # Safety
/// Needs AVX-512F; `x` has `R` rows, so far apart, with the active columns, `y` `R` rows of `V`
/// registers, so far apart, and `sums` rows of so many with the columns' numbers.
#[target_feature(enable = "avx512f")]
unsafe fn outer_tile<const R: usize, const V: usize>(
    (x, x_stride): (*const f32, usize),
    active: &[u32],
    (y, y_stride): (*const f32, usize),
    sums: *mut f32,
) {
    unsafe {
        let mut rows = [[_mm512_setzero_ps(); V]; R];
        for (r, row) in rows.iter_mut().enumerate() {
            for (v, register) in row.iter_mut().enumerate() {
                *register = _mm512_loadu_ps(y.add(r * y_stride + v * LANES));
            }
        }
        for &column in active {
            let column = column as usize;
            let sums = sums.add(column * V * LANES);
            let mut totals = [_mm512_setzero_ps(); V];
            for (v, total) in totals.iter_mut().enumerate() {
                *total = _mm512_loadu_ps(sums.add(v * LANES));
            }
            for (r, row) in rows.iter().enumerate() {
                let number = _mm512_set1_ps(*x.add(r * x_stride + column));
                for v in 0..V {
                    totals[v] = _mm512_fmadd_ps(number, row[v], totals[v]);
                }
            }
            for (v, &total) in totals.iter().enumerate() {
                _mm512_storeu_ps(sums.add(v * LANES), total);
            }
        }
    }
}

/// Adds `xᵀ · y` to `sums`, which is packed in tiles.
///
/// # Safety
/// Needs AVX-512F; `active` is of `x`, `y` has as many rows, all of whole registers, and `sums` a
/// row, as wide as `y`, for each column of `x`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn outer(
    x: *const f32,
    active: &ActiveColumns,
    (y, width): (*const f32, usize),
    sums: *mut f32,
) {
    let (rows, columns) = (active.rows, active.columns);
    for first in (0..width).step_by(TILE) {
        for chunk in 0..columns.div_ceil(CHUNK) {
            for (group, row) in (0..rows).step_by(GROUP).enumerate() {
                let columns_here = active.chunks(group, chunk..chunk + 1);
                unsafe {
                    let x = (x.add(row * columns), columns);
                    let y = (y.add(row * width + first), width);
                    let sums = sums.add(first * columns);
                    let (rows, registers) = (rows - row, registers(width - first));
                    sized!(outer_tile, rows, registers, (x, columns_here, y, sums));
                }
            }
        }
    }
}

/// Writes the columns, from `first` on, of those lanes that are not zero; says how many.
///
/// # Safety
/// Needs AVX-512F; there is room for a register.
#[target_feature(enable = "avx512f,popcnt")]
#[inline]
unsafe fn write_active(lanes: __m512i, first: usize, indices: *mut u32) -> usize {
    // SAFETY: an array of the register's size.
    let steps = unsafe { _mm512_loadu_epi32(STEPS.as_ptr()) };
    let active = _mm512_test_epi32_mask(lanes, lanes);
    let columns = _mm512_add_epi32(_mm512_set1_epi32(first as i32), steps);
    let columns = _mm512_maskz_compress_epi32(active, columns);
    unsafe { _mm512_storeu_epi32(indices.cast(), columns) };
    active.count_ones() as usize
}

const STEPS: [i32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Writes those of some columns in which any of some rows is not zero; says how many.
///
/// # Safety
/// Needs AVX-512F; `x` begins with the first of these columns and has so many rows, so far apart;
/// there is room for an index of each column and a register more.
#[target_feature(enable = "avx512f,popcnt")]
pub(super) unsafe fn scan(
    (x, stride): (*const f32, usize),
    rows: usize,
    columns: Range<usize>,
    indices: *mut u32,
) -> usize {
    let mut count = 0;
    for first in columns.clone().step_by(LANES) {
        let lanes: __mmask16 = match columns.end - first {
            left if left >= LANES => !0,
            left => (1 << left) - 1,
        };
        let mut any = _mm512_setzero_epi32();
        unsafe {
            let x = x.add(first - columns.start).cast::<i32>();
            for row in 0..rows {
                let numbers = _mm512_maskz_loadu_epi32(lanes, x.add(row * stride));
                any = _mm512_or_epi32(any, numbers);
            }
            count += write_active(any, first, indices.add(count));
        }
    }
    count
}

/// Like [`scan`] for gradients `g` of some rows, after it has set them to zero where their `y` is
/// not positive, if there is a `y`, and multiplied the others by the number with it. Adds the
/// gradients to `sums`, one for each column.
///
/// # Safety
/// As there, with whole registers of columns; `y` like `g`, and `sums` one row of it.
#[target_feature(enable = "avx512f,popcnt")]
pub(super) unsafe fn masked(
    (g, stride): (*mut f32, usize),
    y: Option<(*const f32, f32)>,
    sums: *mut f32,
    rows: usize,
    columns: Range<usize>,
    indices: *mut u32,
) -> usize {
    let zero = _mm512_setzero_ps();
    let mut count = 0;
    for first in columns.clone().step_by(LANES) {
        let at = first - columns.start;
        let mut any = _mm512_setzero_epi32();
        unsafe {
            let mut total = _mm512_loadu_ps(sums.add(at));
            for row in 0..rows {
                let place = row * stride + at;
                let mut gradient = _mm512_loadu_ps(g.add(place));
                if let Some((y, scale)) = y {
                    let output = _mm512_loadu_ps(y.add(place));
                    let kept = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(output, zero);
                    gradient = _mm512_maskz_mul_ps(kept, gradient, _mm512_set1_ps(scale));
                    _mm512_storeu_ps(g.add(place), gradient);
                }
                total = _mm512_add_ps(total, gradient);
                any = _mm512_or_epi32(any, _mm512_castps_si512(gradient));
            }
            _mm512_storeu_ps(sums.add(at), total);
            count += write_active(any, first, indices.add(count));
        }
    }
    count
}

/// Loops that the compiler turns into such for these registers by itself.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn drop_some(numbers: &mut [f32], first: u64, dropping: super::Dropping) {
    dropping.over(numbers, first);
}

/// Likewise.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn adam(
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
    factors: super::AdamFactors,
) {
    factors.over(weight, gradient, m, v);
}

/// Asks for numbers that will be needed soon to be brought into the second cache.
pub(super) fn fetch(numbers: &[f32]) {
    for line in numbers.chunks(LANES) {
        // SAFETY: every processor of this kind has the instruction, which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}

/// Columns that the head's forward pass takes at a time: their weights stay in the first cache.
const HEAD_COLUMNS: usize = 256;

/// Adds the products of long rows with `C` rows of weights to `sums`, lane by lane: a register
/// for each of the `C` products of an image. Of the weights, a register of each row comes first,
/// then the next one of each: memory is read fastest in one stream.
///
/// # Safety
/// Needs AVX-512F; `h` has `images` rows of `length` numbers, a multiple of 16, `w` `C` times
/// that length, and `sums` `C` registers for each image.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn head<const C: usize>(
    h: *const f32,
    (images, length): (usize, usize),
    w: *const f32,
    sums: *mut f32,
) {
    for first in (0..length).step_by(HEAD_COLUMNS) {
        let end = length.min(first + HEAD_COLUMNS);
        let mut image = 0;
        unsafe {
            while image + 2 <= images {
                let h = h.add(image * length);
                head_part::<C, 2>(h, length, first..end, w, sums.add(image * C * LANES));
                image += 2;
            }
            if image < images {
                let h = h.add(image * length);
                head_part::<C, 1>(h, length, first..end, w, sums.add(image * C * LANES));
            }
        }
    }
}

/// The same for some columns of `B` images.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn head_part<const C: usize, const B: usize>(
    h: *const f32,
    length: usize,
    columns: Range<usize>,
    w: *const f32,
    sums: *mut f32,
) {
    unsafe {
        let mut totals = [[_mm512_setzero_ps(); C]; B];
        for (b, totals) in totals.iter_mut().enumerate() {
            for (c, total) in totals.iter_mut().enumerate() {
                *total = _mm512_loadu_ps(sums.add((b * C + c) * LANES));
            }
        }
        for column in columns.step_by(LANES) {
            let mut inputs = [_mm512_setzero_ps(); B];
            for (b, input) in inputs.iter_mut().enumerate() {
                *input = _mm512_loadu_ps(h.add(b * length + column));
            }
            for c in 0..C {
                let weight = _mm512_loadu_ps(w.add(column * C + c * LANES));
                for (totals, &input) in totals.iter_mut().zip(&inputs) {
                    totals[c] = _mm512_fmadd_ps(input, weight, totals[c]);
                }
            }
        }
        for (b, totals) in totals.iter().enumerate() {
            for (c, &total) in totals.iter().enumerate() {
                _mm512_storeu_ps(sums.add((b * C + c) * LANES), total);
            }
        }
    }
}

/// Goes back through [`head`], given the gradients of the `C` products of each image.
///
/// Adds to the gradients `dw` of the weights, and writes those of `h` to `g`: zero where `h` is
/// not positive, and times `scale`.
///
/// # Safety
/// Needs AVX-512F; `h`, `w` and the number of images as there, `g` like `h`, `dw` like `w`,
/// `gradients` has `C` numbers for each image.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn head_back<const C: usize>(
    h: *const f32,
    (images, length): (usize, usize),
    (w, dw): (*const f32, *mut f32),
    gradients: *const f32,
    scale: f32,
    g: *mut f32,
) {
    let zero = _mm512_setzero_ps();
    for column in (0..length).step_by(LANES) {
        unsafe {
            let mut weights = [zero; C];
            let mut sums = [zero; C];
            for c in 0..C {
                weights[c] = _mm512_loadu_ps(w.add(column * C + c * LANES));
                sums[c] = _mm512_loadu_ps(dw.add(column * C + c * LANES));
            }
            for image in 0..images {
                let at = image * length + column;
                let input = _mm512_loadu_ps(h.add(at));
                // Two sums, because an addition waits for the one before.
                let mut totals = [zero; 2];
                for c in 0..C {
                    let gradient = _mm512_set1_ps(*gradients.add(image * C + c));
                    totals[c % 2] = _mm512_fmadd_ps(gradient, weights[c], totals[c % 2]);
                    sums[c] = _mm512_fmadd_ps(gradient, input, sums[c]);
                }
                let kept = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(input, zero);
                let total = _mm512_add_ps(totals[0], totals[1]);
                let total = _mm512_maskz_mul_ps(kept, total, _mm512_set1_ps(scale));
                _mm512_storeu_ps(g.add(at), total);
            }
            for (c, &sum) in sums.iter().enumerate() {
                _mm512_storeu_ps(dw.add(column * C + c * LANES), sum);
            }
        }
    }
}
