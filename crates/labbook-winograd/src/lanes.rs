use crate::points::{MOST, Matrix};

/// Channels that are computed together: the floats of one AVX-512 register.
pub(crate) const LANES: usize = 16;

/// The values of neighbouring channels.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lanes([f32; LANES]);

impl Lanes {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// The values from `channel`; zeros beyond the last one.
    #[inline(always)]
    pub(crate) fn load(values: &[f32], channel: usize) -> Self {
        let values = &values[channel..];
        if let Some(values) = values.first_chunk() {
            return Self(*values);
        }
        let mut lanes = Self::ZERO;
        lanes.0[..values.len()].copy_from_slice(values);
        lanes
    }

    /// Writes the values from `channel`, up to the last one.
    #[inline(always)]
    pub(crate) fn store(&self, values: &mut [f32], channel: usize) {
        let values = &mut values[channel..];
        if let Some(values) = values.first_chunk_mut() {
            *values = self.0;
        } else {
            values.copy_from_slice(&self.0[..values.len()]);
        }
    }

    #[inline(always)]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (sum, value) in sum.0.iter_mut().zip(&other.0) {
            *sum += value;
        }
        sum
    }

    #[inline(always)]
    fn times(&self, factor: f32) -> Self {
        let mut product = *self;
        for value in &mut product.0 {
            *value *= factor;
        }
        product
    }

    #[inline(always)]
    fn multiply_add<const FUSED: bool>(&mut self, factor: f32, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(&other.0) {
            *sum = if FUSED {
                value.mul_add(factor, *sum)
            } else {
                *sum + value * factor
            };
        }
    }
}

/// Puts the first `to` rows of the matrix times `from` values, every `STRIDE`-th, into the first
/// `to` results.
#[inline(always)]
pub(crate) fn apply<const FUSED: bool, const STRIDE: usize>(
    matrix: &Matrix,
    sizes: (usize, usize),
    values: &[Lanes],
    results: &mut [Lanes; MOST],
) {
    // One call for each pair of sizes, so that its loops unroll: inputs, outputs' gradients, outputs,
    // kernels and their gradients, as far as they differ.
    macro_rules! exactly {
        ($(($to:literal, $from:literal)),*) => {
            match sizes {
                $(($to, $from) => {
                    apply_exactly::<FUSED, STRIDE, $to, $from>(matrix, values, results);
                })*
                (to, from) => unreachable!("no piece takes {from} values to {to}"),
            }
        };
    }
    exactly!(
        (6, 6),
        (5, 5),
        (4, 4),
        (3, 3),
        (6, 4),
        (5, 3),
        (4, 2),
        (3, 1),
        (4, 6),
        (3, 5),
        (2, 4),
        (1, 3),
        (6, 3),
        (4, 3),
        (3, 6),
        (3, 4)
    );
}

#[inline(always)]
fn apply_exactly<const FUSED: bool, const STRIDE: usize, const TO: usize, const FROM: usize>(
    matrix: &Matrix,
    values: &[Lanes],
    results: &mut [Lanes; MOST],
) {
    for (row, result) in matrix.iter().zip(results).take(TO) {
        let mut sum = values[0].times(row[0]);
        for j in 1..FROM {
            sum.multiply_add::<FUSED>(row[j], &values[j * STRIDE]);
        }
        *result = sum;
    }
}
