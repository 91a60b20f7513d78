use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::singles::Singles;
use crate::AnalysisError;

/// Features whose products with others are computed together.
const ROWS: usize = 4;

/// Those others: vectors of every width divide them.
const COLUMNS: usize = 48;

/// Vectors of them that one feature has in registers.
const VECTORS: usize = 3;

/// Samples at a time, so that a panel of `COLUMNS` features stays in the innermost cache.
const DEPTH: usize = 128;

/// Samples that share a task, and whose products are summed in single precision.
const TASK: usize = 2048;

/// `COLUMNS` features of `DEPTH` samples.
type Panel = [[f32; COLUMNS]; DEPTH];

/// Sums over samples, in double precision.
pub(super) struct Scatter {
    /// Of the samples: one per feature.
    pub(super) sums: Vec<f64>,
    /// Of products of all pairs of features of samples less `shift`, row after row. Only products
    /// with a feature before, or the feature itself, are computed: `products[i * n + j]` for
    /// `i <= j`.
    pub(super) products: Vec<f64>,
}

impl Scatter {
    /// Of all samples, less `shift`.
    pub(super) fn of(samples: &Singles<'_>, shift: &[f32]) -> Result<Self, AnalysisError> {
        let width = shift.len();
        let mut total = Self {
            sums: vec![0.0; width],
            products: vec![0.0; width * width],
        };
        // The sums do not depend on how many tasks there are at a time.
        let wave = TASK * rayon::current_num_threads();
        samples.for_each_block(wave, |rows| {
            let parts: Vec<Part> = rows
                .par_chunks(TASK * width)
                .map(|rows| Part::of(rows, shift))
                .collect();
            total.add(&parts);
        })?;
        Ok(total)
    }

    fn add(&mut self, parts: &[Part]) {
        let width = self.sums.len();
        for part in parts {
            for (sum, part) in self.sums.iter_mut().zip(&part.sums) {
                *sum += part;
            }
        }
        self.products
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(i, products)| {
                for part in parts {
                    let line = &part.products[i * part.padded..][..width];
                    for (sum, &product) in products[i..].iter_mut().zip(&line[i..]) {
                        *sum += f64::from(product);
                    }
                }
            });
    }
}

/// Sums over the samples of a task.
struct Part {
    /// Features, with zeros that fill the last panel.
    padded: usize,
    sums: Vec<f64>,
    products: Vec<f32>,
}

impl Part {
    fn of(rows: &[f32], shift: &[f32]) -> Self {
        let width = shift.len();
        let panels = width.div_ceil(COLUMNS);
        let padded = panels * COLUMNS;
        let mut part = Self {
            padded,
            sums: vec![0.0; width],
            products: vec![0.0; padded * padded],
        };
        let mut packed: Vec<Panel> = vec![[[0.0; COLUMNS]; DEPTH]; panels];
        for rows in rows.chunks(DEPTH * width) {
            let count = rows.len() / width;
            Arch::new().dispatch(|| {
                for (panel, packed) in packed.iter_mut().enumerate() {
                    let first = panel * COLUMNS;
                    let columns = COLUMNS.min(width - first);
                    let shift = &shift[first..][..columns];
                    let mut sums = [0.0_f32; COLUMNS];
                    for (row, packed) in rows.chunks(width).zip(packed.iter_mut()) {
                        let row = row[first..][..columns].iter().zip(shift);
                        for ((to, sum), (x, shift)) in packed.iter_mut().zip(&mut sums).zip(row) {
                            *to = x - shift;
                            *sum += *to;
                        }
                    }
                    packed[count..].fill([0.0; COLUMNS]);
                    for (total, sum) in part.sums[first..].iter_mut().zip(sums) {
                        *total += f64::from(sum);
                    }
                }
            });
            Arch::new().dispatch(AddProducts {
                packed: &packed,
                products: &mut part.products,
            });
        }
        part
    }
}

/// Adds the products of pairs of features.
struct AddProducts<'a> {
    packed: &'a [Panel],
    products: &'a mut [f32],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let padded = self.packed.len() * COLUMNS;
        let step = VECTORS * S::F32_LANES;
        for (number, panel) in self.packed.iter().enumerate() {
            for first in (0..(number + 1) * COLUMNS).step_by(ROWS) {
                let others = &self.packed[first / COLUMNS];
                let quad = first % COLUMNS / ROWS;
                for part in 0..COLUMNS / step {
                    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                    for (columns, rows) in panel.iter().zip(others) {
                        let (columns, _) = S::as_simd_f32s(&columns[part * step..][..step]);
                        let (rows, _) = rows.as_chunks::<ROWS>();
                        for (sums, &value) in sums.iter_mut().zip(&rows[quad]) {
                            let value = simd.splat_f32s(value);
                            for (sum, &column) in sums.iter_mut().zip(columns) {
                                *sum = simd.mul_add_e_f32s(value, column, *sum);
                            }
                        }
                    }
                    for (row, sums) in sums.iter().enumerate() {
                        let start = (first + row) * padded + number * COLUMNS + part * step;
                        let (to, _) = S::as_mut_simd_f32s(&mut self.products[start..][..step]);
                        for (to, &sum) in to.iter_mut().zip(sums) {
                            *to = simd.add_f32s(*to, sum);
                        }
                    }
                }
            }
        }
    }
}
