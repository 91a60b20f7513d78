use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::simd::{Kernel, vectorised_kernel};

/// Columns of a block that are multiplied together: the widest vector.
pub(super) const LANES: usize = 16;

/// Samples whose products are in registers together.
const ROWS: usize = 8;

/// Samples that share a task.
const TASK: usize = 32;

/// Features whose block stays in the cache meanwhile.
const FEATURES: usize = 1024;

/// Products of a table of few samples with many features, less `shift` for each, with blocks of
/// columns, `LANES` of them at a time.
pub(super) struct Wide<'a> {
    pub(super) rows: &'a [f32],
    pub(super) shift: &'a [f32],
}

impl Wide<'_> {
    /// The table with a block that has a row for each feature: a row for each sample.
    pub(super) fn times(&self, block: &[[f32; LANES]]) -> Vec<[f32; LANES]> {
        let width = self.shift.len();
        let mut products = vec![[0.0; LANES]; self.rows.len() / width];
        products
            .par_chunks_mut(TASK)
            .zip(self.rows.par_chunks(TASK * width))
            .for_each(|(products, rows)| {
                let mut centred = [[0.0; FEATURES + LANES]; ROWS];
                for first in (0..width).step_by(FEATURES) {
                    let count = FEATURES.min(width - first);
                    let groups = products.chunks_mut(ROWS);
                    for (products, rows) in groups.zip(rows.chunks(ROWS * width)) {
                        Arch::new().dispatch(Times {
                            place: self.place(rows, first, count),
                            centred: &mut centred,
                            block: &block[first..][..count],
                            products,
                        });
                    }
                }
            });
        products
    }

    /// The transposed table with a block that has a row for each sample: a row for each feature.
    pub(super) fn transposed_times(&self, block: &[[f32; LANES]]) -> Vec<[f32; LANES]> {
        let width = self.shift.len();
        let mut products = vec![[0.0; LANES]; width];
        products
            .par_chunks_mut(FEATURES)
            .enumerate()
            .for_each(|(task, products)| {
                let mut centred = [[0.0; FEATURES + LANES]; ROWS];
                let first = task * FEATURES;
                for (rows, block) in self.rows.chunks(ROWS * width).zip(block.chunks(ROWS)) {
                    let count = products.len();
                    Arch::new().dispatch(TransposedTimes {
                        place: self.place(rows, first, count),
                        centred: &mut centred,
                        block,
                        products,
                    });
                }
            });
        products
    }

    fn place<'b>(&'b self, rows: &'b [f32], first: usize, count: usize) -> Place<'b> {
        Place {
            rows,
            shift: self.shift,
            first,
            count,
        }
    }

    /// Sums of the features, less the shift, and the sum of all squares.
    pub(super) fn sums(&self) -> (Vec<f64>, f64) {
        let width = self.shift.len();
        let mut sums = vec![0.0; width];
        let squares: Vec<f64> = sums
            .par_chunks_mut(FEATURES)
            .enumerate()
            .map(|(task, sums)| {
                let mut centred = [[0.0; FEATURES + LANES]; ROWS];
                let first = task * FEATURES;
                let mut squares = 0.0;
                for rows in self.rows.chunks(ROWS * width) {
                    squares += vectorised_kernel(Sums {
                        place: self.place(rows, first, sums.len()),
                        centred: &mut centred,
                        sums,
                    });
                }
                squares
            })
            .collect();
        (sums, squares.iter().sum())
    }
}

/// Some features of up to `ROWS` samples, less their shift; zeros for the samples that lack.
///
/// A few more lie between the samples, lest these fall on the same lines of the cache.
type Centred = [[f32; FEATURES + LANES]; ROWS];

/// Where they are read.
#[derive(Clone, Copy)]
struct Place<'a> {
    rows: &'a [f32],
    shift: &'a [f32],
    first: usize,
    count: usize,
}

impl Place<'_> {
    #[inline(always)]
    fn read(self, centred: &mut Centred) {
        let width = self.shift.len();
        let shift = &self.shift[self.first..][..self.count];
        let samples = self.rows.len() / width;
        for (values, row) in centred.iter_mut().zip(self.rows.chunks(width)) {
            let row = &row[self.first..][..self.count];
            for ((value, x), shift) in values.iter_mut().zip(row).zip(shift) {
                *value = x - shift;
            }
        }
        centred[samples..].fill([0.0; FEATURES + LANES]);
    }
}

struct Times<'a, 'b> {
    place: Place<'a>,
    centred: &'b mut Centred,
    block: &'b [[f32; LANES]],
    products: &'b mut [[f32; LANES]],
}

impl WithSimd for Times<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.place.read(self.centred);
        for part in 0..LANES / S::F32_LANES {
            let mut sums = [simd.splat_f32s(0.0); ROWS];
            for (feature, line) in self.block.iter().enumerate() {
                let (line, _) = S::as_simd_f32s(line);
                for (sum, values) in sums.iter_mut().zip(self.centred.iter()) {
                    let value = simd.splat_f32s(values[feature]);
                    *sum = simd.mul_add_e_f32s(value, line[part], *sum);
                }
            }
            for (products, &sum) in self.products.iter_mut().zip(&sums) {
                let (products, _) = S::as_mut_simd_f32s(products);
                products[part] = simd.add_f32s(products[part], sum);
            }
        }
    }
}

struct TransposedTimes<'a, 'b> {
    place: Place<'a>,
    centred: &'b mut Centred,
    block: &'b [[f32; LANES]],
    products: &'b mut [[f32; LANES]],
}

impl WithSimd for TransposedTimes<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.place.read(self.centred);
        for part in 0..LANES / S::F32_LANES {
            let mut lines = [simd.splat_f32s(0.0); ROWS];
            for (line, block) in lines.iter_mut().zip(self.block) {
                *line = S::as_simd_f32s(block).0[part];
            }
            for (feature, products) in self.products.iter_mut().enumerate() {
                let (products, _) = S::as_mut_simd_f32s(products);
                let mut sum = products[part];
                for (values, &line) in self.centred.iter().zip(&lines) {
                    let value = simd.splat_f32s(values[feature]);
                    sum = simd.mul_add_e_f32s(value, line, sum);
                }
                products[part] = sum;
            }
        }
    }
}

struct Sums<'a, 'b> {
    place: Place<'a>,
    centred: &'b mut Centred,
    sums: &'b mut [f64],
}

impl Kernel for Sums<'_, '_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        self.place.read(self.centred);
        let mut squares = [0.0_f32; LANES];
        let count = self.place.count;
        for values in self.centred.iter() {
            for (sum, &value) in self.sums.iter_mut().zip(values) {
                *sum += f64::from(value);
            }
            let (values, rest) = values[..count].as_chunks::<LANES>();
            for values in values {
                for lane in 0..LANES {
                    squares[lane] += values[lane] * values[lane];
                }
            }
            for (lane, value) in rest.iter().enumerate() {
                squares[lane] += value * value;
            }
        }
        squares.iter().map(|&x| f64::from(x)).sum()
    }
}
