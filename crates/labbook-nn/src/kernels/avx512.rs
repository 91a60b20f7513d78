//! Loops over AVX-512 registers. The callers check that the processor has them and that the
//! slices are long enough.

use std::arch::x86_64::{
    __mmask16, _CMP_NLE_UQ, _MM_HINT_T1, _mm_prefetch, _mm512_add_ps, _mm512_cmp_ps_mask,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_maskz_mul_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

/// Numbers in a register.
const LANES: usize = 16;
/// Columns of a packed tile: four registers. The last tile has as few as hold its columns.
pub(super) const TILE: usize = 64;

/// Rows of numbers cut into tiles of 64 columns: row `r`, column `c` lies at
/// `r * row + c / 64 * tile + c % 64`.
#[derive(Clone, Copy)]
pub(super) struct Tiled {
    pub(super) start: *const f32,
    pub(super) row: usize,
    pub(super) tile: usize,
}

/// The lanes that the register `index` of a row of `columns` numbers fills.
fn lanes(columns: usize, index: usize) -> __mmask16 {
    match columns.saturating_sub(index * LANES) {
        left if left >= LANES => !0,
        left => (1 << left) - 1,
    }
}

/// `R` rows times one tile of `V` registers: `y = x · w + bias`, or its positive part.
///
/// # Safety
/// Needs AVX-512F; `x` has `R` rows of `inputs` numbers, `w` `inputs` rows and `bias` one row of
/// the tile, and `y` `R` rows of `columns` numbers, `stride` apart.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn affine_tile<const R: usize, const V: usize>(
    x: Tiled,
    inputs: usize,
    w: *const f32,
    bias: *const f32,
    relu: bool,
    (y, stride, columns): (*mut f32, usize, usize),
) {
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); V]; R];
        for v in 0..V {
            let bias = _mm512_loadu_ps(bias.add(v * LANES));
            for row in &mut sums {
                row[v] = bias;
            }
        }
        let mut done = 0;
        let mut start = x.start;
        let mut weights = w;
        while done < inputs {
            let length = TILE.min(inputs - done);
            for i in 0..length {
                let mut kernel = [_mm512_setzero_ps(); V];
                for (v, register) in kernel.iter_mut().enumerate() {
                    *register = _mm512_loadu_ps(weights.add(v * LANES));
                }
                for (r, row) in sums.iter_mut().enumerate() {
                    let number = _mm512_set1_ps(*start.add(r * x.row + i));
                    for v in 0..V {
                        row[v] = _mm512_fmadd_ps(number, kernel[v], row[v]);
                    }
                }
                weights = weights.add(V * LANES);
            }
            done += length;
            start = start.add(x.tile);
        }
        let zero = _mm512_setzero_ps();
        for (r, row) in sums.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                // In this order a NaN stays one.
                let value = if relu { _mm512_max_ps(zero, sum) } else { sum };
                let to = y.add(r * stride + v * LANES);
                _mm512_mask_storeu_ps(to, lanes(columns, v), value);
            }
        }
    }
}

/// All rows times one tile of `V` registers, `R` rows at a time.
#[target_feature(enable = "avx512f")]
unsafe fn affine_column<const R: usize, const V: usize>(
    x: Tiled,
    (rows, inputs): (usize, usize),
    w: *const f32,
    bias: *const f32,
    relu: bool,
    (y, stride, columns): (*mut f32, usize, usize),
) {
    let mut row = 0;
    unsafe {
        let part = |row: usize| Tiled {
            start: x.start.add(row * x.row),
            ..x
        };
        while row + R <= rows {
            let to = (y.add(row * stride), stride, columns);
            affine_tile::<R, V>(part(row), inputs, w, bias, relu, to);
            row += R;
        }
        while row + 4 <= rows {
            let to = (y.add(row * stride), stride, columns);
            affine_tile::<4, V>(part(row), inputs, w, bias, relu, to);
            row += 4;
        }
        while row < rows {
            let to = (y.add(row * stride), stride, columns);
            affine_tile::<1, V>(part(row), inputs, w, bias, relu, to);
            row += 1;
        }
    }
}

/// `y = x · w + bias`, or its positive part, with `w` and `bias` packed in tiles.
///
/// # Safety
/// Needs AVX-512F; `x` has `rows` rows of `inputs` numbers, `w` a tile of `inputs` rows and `bias`
/// a tile for every 64 of `columns`, and `y` `rows` rows of `columns` numbers, one after another.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn affine(
    x: Tiled,
    (rows, inputs, columns): (usize, usize, usize),
    w: *const f32,
    bias: *const f32,
    relu: bool,
    y: *mut f32,
) {
    for tile in 0..columns.div_ceil(TILE) {
        let first = tile * TILE;
        let left = columns - first;
        unsafe {
            let (w, bias) = (w.add(first * inputs), bias.add(first));
            let (from, to) = ((rows, inputs), (y.add(first), columns, left));
            match left.div_ceil(LANES) {
                1 => affine_column::<12, 1>(x, from, w, bias, relu, to),
                2 => affine_column::<12, 2>(x, from, w, bias, relu, to),
                3 => affine_column::<8, 3>(x, from, w, bias, relu, to),
                _ => affine_column::<6, 4>(x, from, w, bias, relu, to),
            }
        }
    }
}

/// `sums[r] += Σ x[p][r] · g[p]` for `R` columns of `x` and one tile of `V` registers of `g`.
///
/// # Safety
/// Needs AVX-512F; `x` has `rows` rows, `stride` apart, of at least `R` numbers, `g` `rows` rows
/// of 64 and `sums` `R` rows of the tile.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn products_tile<const R: usize, const V: usize>(
    (x, stride): (*const f32, usize),
    g: *const f32,
    rows: usize,
    sums: *mut f32,
) {
    unsafe {
        let mut registers = [[_mm512_setzero_ps(); V]; R];
        for (r, row) in registers.iter_mut().enumerate() {
            for (v, register) in row.iter_mut().enumerate() {
                *register = _mm512_loadu_ps(sums.add((r * V + v) * LANES));
            }
        }
        for p in 0..rows {
            let mut gradient = [_mm512_setzero_ps(); V];
            for (v, register) in gradient.iter_mut().enumerate() {
                *register = _mm512_loadu_ps(g.add(p * TILE + v * LANES));
            }
            for (r, row) in registers.iter_mut().enumerate() {
                let number = _mm512_set1_ps(*x.add(p * stride + r));
                for v in 0..V {
                    row[v] = _mm512_fmadd_ps(number, gradient[v], row[v]);
                }
            }
        }
        for (r, row) in registers.iter().enumerate() {
            for (v, &register) in row.iter().enumerate() {
                _mm512_storeu_ps(sums.add((r * V + v) * LANES), register);
            }
        }
    }
}

/// The same for all columns of `x`, `R` at a time.
#[target_feature(enable = "avx512f")]
unsafe fn products_column<const R: usize, const V: usize>(
    (x, stride, inputs): (*const f32, usize, usize),
    g: *const f32,
    rows: usize,
    sums: *mut f32,
) {
    let mut column = 0;
    unsafe {
        while column + R <= inputs {
            products_tile::<R, V>(
                (x.add(column), stride),
                g,
                rows,
                sums.add(column * V * LANES),
            );
            column += R;
        }
        while column + 4 <= inputs {
            products_tile::<4, V>(
                (x.add(column), stride),
                g,
                rows,
                sums.add(column * V * LANES),
            );
            column += 4;
        }
        while column < inputs {
            products_tile::<1, V>(
                (x.add(column), stride),
                g,
                rows,
                sums.add(column * V * LANES),
            );
            column += 1;
        }
    }
}

/// Adds `xᵀ · g` to `sums`, which is packed in tiles of `inputs` rows; `g` has tiles of `rows`
/// rows, all of them 64 columns wide.
///
/// # Safety
/// Needs AVX-512F; `x` has `rows` rows of `inputs` numbers, one after another, `g` and `sums` a
/// tile for every 64 of `columns`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn products(
    x: *const f32,
    g: *const f32,
    (rows, inputs, columns): (usize, usize, usize),
    sums: *mut f32,
) {
    for tile in 0..columns.div_ceil(TILE) {
        let first = tile * TILE;
        unsafe {
            let x = (x, inputs, inputs);
            let (g, sums) = (g.add(first * rows), sums.add(first * inputs));
            match (columns - first).div_ceil(LANES) {
                1 => products_column::<12, 1>(x, g, rows, sums),
                2 => products_column::<12, 2>(x, g, rows, sums),
                3 => products_column::<8, 3>(x, g, rows, sums),
                _ => products_column::<6, 4>(x, g, rows, sums),
            }
        }
    }
}

/// Packs the rows of `g` in tiles, without those numbers whose `y` is not positive if there is
/// a `y`, times `scale`, and adds what it packs to `sums`, one number for each column. All tiles
/// are 64 wide.
///
/// # Safety
/// Needs AVX-512F; `g` and `y` have `rows` rows of `columns` numbers, one after another, `packed`
/// a tile of `rows` rows for every 64 columns, `sums` one of a single row.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn masked(
    g: *const f32,
    y: Option<(*const f32, f32)>,
    (rows, columns): (usize, usize),
    packed: *mut f32,
    sums: *mut f32,
) {
    for first in (0..columns).step_by(TILE) {
        let left = columns - first;
        unsafe {
            let (g, y) = (g.add(first), y.map(|(y, scale)| (y.add(first), scale)));
            let to = (packed.add(first * rows), sums.add(first));
            let sizes = (rows, columns, left);
            match left.div_ceil(LANES) {
                1 => masked_tile::<1>(g, y, sizes, to),
                2 => masked_tile::<2>(g, y, sizes, to),
                3 => masked_tile::<3>(g, y, sizes, to),
                _ => masked_tile::<4>(g, y, sizes, to),
            }
        }
    }
}

/// The same for one tile of `V` registers, of which `left` columns are there.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn masked_tile<const V: usize>(
    g: *const f32,
    y: Option<(*const f32, f32)>,
    (rows, columns, left): (usize, usize, usize),
    (packed, sums): (*mut f32, *mut f32),
) {
    let zero = _mm512_setzero_ps();
    let masks: [__mmask16; V] = std::array::from_fn(|v| lanes(left, v));
    unsafe {
        let mut totals = [zero; V];
        for (v, total) in totals.iter_mut().enumerate() {
            *total = _mm512_loadu_ps(sums.add(v * LANES));
        }
        for row in 0..rows {
            for v in 0..V {
                let from = row * columns + v * LANES;
                let mut gradient = _mm512_maskz_loadu_ps(masks[v], g.add(from));
                if let Some((y, scale)) = y {
                    let output = _mm512_maskz_loadu_ps(masks[v], y.add(from));
                    let kept = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(output, zero);
                    gradient = _mm512_maskz_mul_ps(kept, gradient, _mm512_set1_ps(scale));
                }
                totals[v] = _mm512_add_ps(totals[v], gradient);
                _mm512_storeu_ps(packed.add(row * TILE + v * LANES), gradient);
            }
        }
        for (v, &total) in totals.iter().enumerate() {
            _mm512_storeu_ps(sums.add(v * LANES), total);
        }
    }
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
    columns: std::ops::Range<usize>,
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
