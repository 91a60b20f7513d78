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
                let mut centred = [[0.0; FEATURES]; ROWS];
                for first in (0..width).step_by(FEATURES) {
                    let count = FEATURES.min(width - first);
                    let groups = products.chunks_mut(ROWS);
                    for (products, rows) in groups.zip(rows.chunks(ROWS * width)) {
                        vectorised_kernel(Times {
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
                let mut centred = [[0.0; FEATURES]; ROWS];
                let first = task * FEATURES;
                for (rows, block) in self.rows.chunks(ROWS * width).zip(block.chunks(ROWS)) {
                    let count = products.len();
                    vectorised_kernel(TransposedTimes {
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
                let mut centred = [[0.0; FEATURES]; ROWS];
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
type Centred = [[f32; FEATURES]; ROWS];

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
        centred[samples..].fill([0.0; FEATURES]);
    }
}

struct Times<'a, 'b> {
    place: Place<'a>,
    centred: &'b mut Centred,
    block: &'b [[f32; LANES]],
    products: &'b mut [[f32; LANES]],
}

impl Kernel for Times<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.place.read(self.centred);
        let mut sums = [[0.0_f32; LANES]; ROWS];
        for (feature, line) in self.block.iter().enumerate() {
            for (sums, values) in sums.iter_mut().zip(self.centred.iter()) {
                for lane in 0..LANES {
                    sums[lane] += values[feature] * line[lane];
                }
            }
        }
        for (products, sums) in self.products.iter_mut().zip(sums) {
            for lane in 0..LANES {
                products[lane] += sums[lane];
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

impl Kernel for TransposedTimes<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.place.read(self.centred);
        let mut lines = [[0.0_f32; LANES]; ROWS];
        lines[..self.block.len()].copy_from_slice(self.block);
        for (feature, products) in self.products.iter_mut().enumerate() {
            let mut sums = *products;
            for (values, line) in self.centred.iter().zip(&lines) {
                for lane in 0..LANES {
                    sums[lane] += values[feature] * line[lane];
                }
            }
            *products = sums;
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
