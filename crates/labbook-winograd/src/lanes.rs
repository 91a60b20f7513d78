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

/// The first `to` rows of the matrix times the first `from` values.
#[inline(always)]
pub(crate) fn apply<const FUSED: bool>(
    matrix: &Matrix,
    from: usize,
    to: usize,
    values: &[Lanes; MOST],
    results: &mut [Lanes; MOST],
) {
    for (row, result) in matrix.iter().zip(results).take(to) {
        let mut sum = Lanes::ZERO;
        for (&factor, value) in row.iter().zip(values).take(from) {
            sum.multiply_add::<FUSED>(factor, value);
        }
        *result = sum;
    }
}
