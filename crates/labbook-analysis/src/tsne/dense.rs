use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::exact::least_weight;
use super::tail::Tail;
use crate::Affinities;

/// The widest vector's lanes, which rows are filled up to.
const LANES: usize = 16;

/// Points that share a task; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 64;

/// Both forces between all pairs of few points at once, with t-SNE's own weights: one pass over all pairs costs
/// less than looking up each point's neighbours.
#[derive(Debug)]
pub(super) struct Dense {
    /// Probabilities of all pairs, row after row of `padded`.
    probabilities: Vec<f32>,
    padded: usize,
    xs: Vec<f32>,
    ys: Vec<f32>,
}

impl Dense {
    pub(super) fn new(affinities: &Affinities) -> Self {
        let n = affinities.n_samples();
        let padded = n.next_multiple_of(LANES);
        let mut probabilities = vec![0.0; n * padded];
        for (i, line) in probabilities.chunks_mut(padded).enumerate() {
            let (columns, values) = affinities.row(i);
            for (&j, &value) in columns.iter().zip(values) {
                line[j as usize] = value;
            }
        }
        Self {
            probabilities,
            padded,
            xs: vec![0.0; padded],
            ys: vec![0.0; padded],
        }
    }

    /// Writes `sum_j w_ij^2 (y_i - y_j)` with `w_ij = 1 / (1 + |y_i - y_j|^2)` into `forces`,
    /// `sum_j p_ij w_ij (y_i - y_j)` into `pulls`, and returns the sum of `w_ij` over all ordered
    /// pairs of different points.
    pub(super) fn forces(
        &mut self,
        points: &[[f32; 2]],
        forces: &mut [[f32; 2]],
        pulls: &mut [[f32; 2]],
    ) -> f64 {
        // The lanes beyond the last point hold points that weigh nothing.
        self.xs.fill(f32::MAX);
        for ((x, y), point) in self.xs.iter_mut().zip(&mut self.ys).zip(points) {
            [*x, *y] = *point;
        }
        let weights: Vec<f64> = forces
            .par_chunks_mut(CHUNK)
            .zip(pulls.par_chunks_mut(CHUNK))
            .zip(points.par_chunks(CHUNK))
            .zip(self.probabilities.par_chunks(CHUNK * self.padded))
            .map(|(((forces, pulls), points), probabilities)| {
                Arch::new().dispatch(Rows {
                    dense: self,
                    points,
                    probabilities,
                    forces,
                    pulls,
                })
            })
            .collect();
        weights
            .iter()
            .sum::<f64>()
            .max(least_weight(points, Tail::default()))
    }
}

/// The forces on some points.
struct Rows<'a> {
    dense: &'a Dense,
    points: &'a [[f32; 2]],
    probabilities: &'a [f32],
    forces: &'a mut [[f32; 2]],
    pulls: &'a mut [[f32; 2]],
}

impl WithSimd for Rows<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (xs, _) = S::as_simd_f32s(&self.dense.xs);
        let (ys, _) = S::as_simd_f32s(&self.dense.ys);
        let one = simd.splat_f32s(1.0);
        let mut total = 0.0;
        let rows = self.probabilities.chunks(self.dense.padded);
        let out = self.forces.iter_mut().zip(self.pulls);
        for ((&[x, y], row), (force, pull)) in self.points.iter().zip(rows).zip(out) {
            let (row, _) = S::as_simd_f32s(row);
            let (x, y) = (simd.splat_f32s(x), simd.splat_f32s(y));
            let zero = simd.splat_f32s(0.0);
            let [mut weight, mut px, mut py, mut fx, mut fy] = [zero; 5];
            for ((&xj, &yj), &p) in xs.iter().zip(ys).zip(row) {
                let (dx, dy) = (simd.sub_f32s(x, xj), simd.sub_f32s(y, yj));
                let near = simd.mul_add_e_f32s(dx, dx, simd.mul_add_e_f32s(dy, dy, one));
                let w = simd.div_f32s(one, near);
                weight = simd.add_f32s(weight, w);
                let (drawn, pushed) = (simd.mul_f32s(p, w), simd.mul_f32s(w, w));
                px = simd.mul_add_e_f32s(drawn, dx, px);
                py = simd.mul_add_e_f32s(drawn, dy, py);
                fx = simd.mul_add_e_f32s(pushed, dx, fx);
                fy = simd.mul_add_e_f32s(pushed, dy, fy);
            }
            *force = [fx, fy].map(|sum| simd.reduce_sum_f32s(sum));
            *pull = [px, py].map(|sum| simd.reduce_sum_f32s(sum));
            // A point's weight with itself is exactly 1.
            total += f64::from(simd.reduce_sum_f32s(weight)) - 1.0;
        }
        total
    }
}
