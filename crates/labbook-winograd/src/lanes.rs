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

/// Calls `apply` for the sizes at hand, so that its loops unroll.
macro_rules! apply_sizes {
    ($to:expr, $from:expr, $matrix:expr, $values:expr, $result:expr; $(($t:literal, $f:literal)),*) => {
        match ($to, $from) {
            $(($t, $f) => apply_exactly::<FUSED, $t, $f>($matrix, $values, $result),)*
            (to, from) => unreachable!("{to} x {from}"),
        }
    };
}

/// Puts the first `to` rows of the matrix times the first `from` values into the first `to`
/// results.
#[inline(always)]
pub(crate) fn apply<const FUSED: bool>(
    matrix: &Matrix,
    (to, from): (usize, usize),
    values: &[Lanes; MOST],
    result: impl FnMut(usize, Lanes),
) {
    apply_sizes!(to, from, matrix, values, result;
        (6, 6), (5, 5), (4, 4), (3, 3),
        (6, 4), (5, 3), (4, 2), (3, 1), (4, 6), (2, 4), (1, 3),
        (6, 3), (4, 3), (3, 6), (3, 5), (3, 4))
}

#[inline(always)]
fn apply_exactly<const FUSED: bool, const TO: usize, const FROM: usize>(
    matrix: &Matrix,
    values: &[Lanes; MOST],
    mut result: impl FnMut(usize, Lanes),
) {
    for (i, row) in matrix.iter().enumerate().take(TO) {
        let mut sum = values[0].times(row[0]);
        for j in 1..FROM {
            sum.multiply_add::<FUSED>(row[j], &values[j]);
        }
        result(i, sum);
    }
}
