use rayon::prelude::*;

use super::tail::Tail;
use crate::simd::{Kernel, vectorised, vectorised_kernel};

/// Points that share a task; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 64;

const LANES: usize = 16;

/// Repulsion from all pairs of points: quadratic in time, linear in memory.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    tail: Tail,
    xs: Vec<f32>,
    ys: Vec<f32>,
}

impl Exact {
    pub(crate) fn new(tail: Tail) -> Self {
        Self {
            tail,
            ..Self::default()
        }
    }

    /// Writes `sum_j w_ij u_ij (y_i - y_j)` with the [tail](Tail::weights)'s `w` and `u` into `forces` and
    /// returns `Z`, the sum of `w_ij` over all ordered pairs of different points.
    pub(crate) fn repulsion(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        self.set_points(points);
        let weights: Vec<f64> = forces
            .par_chunks_mut(CHUNK)
            .zip(points.par_chunks(CHUNK))
            .map(|(forces, points)| {
                vectorised_kernel(Repel {
                    exact: self,
                    points,
                    forces,
                })
            })
            .collect();
        // Weights far below 1 are lost beside a point's own, and a sum of 0 would be divided by.
        weights
            .iter()
            .sum::<f64>()
            .max(least_weight(points, self.tail))
    }

    pub(crate) fn set_points(&mut self, points: &[[f32; 2]]) {
        self.xs.clear();
        self.ys.clear();
        self.xs.extend(points.iter().map(|point| point[0]));
        self.ys.extend(points.iter().map(|point| point[1]));
    }

    /// The sums of `w`, `w u dx` and `w u dy` over all points set, as seen from one place.
    pub(crate) fn pull(&self, place: [f32; 2]) -> [f32; 3] {
        let mut force = [[0.0; 2]];
        let (exact, points, forces) = (self, &[place], &mut force);
        let weight = vectorised_kernel(Repel {
            exact,
            points,
            forces,
        });
        [weight as f32 + 1.0, force[0][0], force[0][1]]
    }

    fn sums_with_tail(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let mut sums = [0.0_f64; 3];
        for (xj, yj) in self.xs.iter().zip(&self.ys) {
            let (dx, dy) = (f64::from(x - xj), f64::from(y - yj));
            let (near, weight) = self.tail.weights(dx * dx + dy * dy);
            sums[0] += weight;
            sums[1] += weight * near * dx;
            sums[2] += weight * near * dy;
        }
        sums.map(|sum| sum as f32)
    }

    #[inline(always)]
    fn sums(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let (mut w, mut fx, mut fy) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
        let (xs, x_rest) = self.xs.as_chunks::<LANES>();
        let (ys, y_rest) = self.ys.as_chunks::<LANES>();
        let mut rest = [0.0_f32; 3];
        for (xj, yj) in x_rest.iter().zip(y_rest) {
            let (dx, dy) = (x - xj, y - yj);
            let weight = 1.0 / (1.0 + (dx * dx + dy * dy));
            rest[0] += weight;
            rest[1] += weight * weight * dx;
            rest[2] += weight * weight * dy;
        }
        for (xs, ys) in xs.iter().zip(ys) {
            for lane in 0..LANES {
                let (dx, dy) = (x - xs[lane], y - ys[lane]);
                let weight = 1.0 / (1.0 + (dx * dx + dy * dy));
                w[lane] += weight;
                fx[lane] += weight * weight * dx;
                fy[lane] += weight * weight * dy;
            }
        }
        [
            rest[0] + w.iter().sum::<f32>(),
            rest[1] + fx.iter().sum::<f32>(),
            rest[2] + fy.iter().sum::<f32>(),
        ]
    }
}

/// What the sum of the weights over all ordered pairs is at least: no two points are farther apart than the
/// diagonal of their bounding box.
pub(super) fn least_weight(points: &[[f32; 2]], tail: Tail) -> f64 {
    let n = points.len() as f64;
    let extent = extent(points);
    n * (n - 1.0) * tail.weights(2.0 * extent * extent).1
}

/// The longer side of the points' bounding box.
pub(super) fn extent(points: &[[f32; 2]]) -> f64 {
    let side = |axis: usize| {
        let along = points.iter().map(|point| point[axis]);
        let low = along.clone().fold(f32::INFINITY, f32::min);
        f64::from(along.fold(f32::NEG_INFINITY, f32::max)) - f64::from(low)
    };
    side(0).max(side(1))
}

/// The sum of the weights over all ordered pairs of different points, in double precision.
pub(crate) fn total_weight(points: &[[f32; 2]], tail: Tail) -> f64 {
    const WIDE: usize = 8;
    let along = |axis: usize| -> Vec<f64> {
        let values = points.iter().map(|point| f64::from(point[axis]));
        values.collect()
    };
    let (xs, ys) = (along(0), along(1));
    let sums: Vec<f64> = (0..points.len())
        .into_par_iter()
        .map(|i| {
            let (x, y) = (xs[i], ys[i]);
            if !tail.is_plain() {
                let later = xs[i + 1..].iter().zip(&ys[i + 1..]);
                let squared = later.map(|(xj, yj)| (x - xj).powi(2) + (y - yj).powi(2));
                return squared.map(|squared| tail.weights(squared).1).sum();
            }
            let weight = |xj: f64, yj: f64| 1.0 / (1.0 + (x - xj) * (x - xj) + (y - yj) * (y - yj));
            let (xs, x_rest) = xs[i + 1..].as_chunks::<WIDE>();
            let (ys, y_rest) = ys[i + 1..].as_chunks::<WIDE>();
            vectorised(|| {
                let mut lanes = [0.0; WIDE];
                for (xs, ys) in xs.iter().zip(ys) {
                    for lane in 0..WIDE {
                        lanes[lane] += weight(xs[lane], ys[lane]);
                    }
                }
                let rest = x_rest.iter().zip(y_rest);
                let rest: f64 = rest.map(|(&xj, &yj)| weight(xj, yj)).sum();
                rest + lanes.iter().sum::<f64>()
            })
        })
        .collect();
    2.0 * sums.iter().sum::<f64>()
}

/// The repulsion of some points from all.
struct Repel<'a> {
    exact: &'a Exact,
    points: &'a [[f32; 2]],
    forces: &'a mut [[f32; 2]],
}

impl Kernel for Repel<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut weight = 0.0;
        for (force, &point) in self.forces.iter_mut().zip(self.points) {
            let [w, x, y] = match self.exact.tail.is_plain() {
                true => self.exact.sums(point),
                false => self.exact.sums_with_tail(point),
            };
            *force = [x, y];
            // A point's weight with itself is exactly 1.
            weight += f64::from(w) - 1.0;
        }
        weight
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Normal;

    pub(in crate::tsne) fn cloud(n: usize, spread: f64, seed: u64) -> Vec<[f32; 2]> {
        let mut normal = Normal::new(seed);
        (0..n)
            .map(|_| [0, 1].map(|_| (spread * normal.next()) as f32))
            .collect()
    }

    /// The definition, in double precision.
    pub(in crate::tsne) fn defined(points: &[[f32; 2]], dof: f64) -> (f64, Vec<[f64; 2]>) {
        let mut z = 0.0;
        let mut forces = vec![[0.0; 2]; points.len()];
        for (i, a) in points.iter().enumerate() {
            for (j, b) in points.iter().enumerate() {
                if i != j {
                    let (dx, dy) = (f64::from(a[0] - b[0]), f64::from(a[1] - b[1]));
                    let u = 1.0 / (1.0 + (dx * dx + dy * dy) / dof);
                    let w = u.powf((dof + 1.0) / 2.0);
                    z += w;
                    forces[i][0] += w * u * dx;
                    forces[i][1] += w * u * dy;
                }
            }
        }
        (z, forces)
    }

    pub(in crate::tsne) const DOFS: [f64; 4] = [1.0, 0.5, 0.8, 3.0];

    /// The length of the difference over the length of the expected forces.
    pub(in crate::tsne) fn relative_error(actual: &[[f32; 2]], expected: &[[f64; 2]]) -> f64 {
        let (mut difference, mut length) = (0.0, 0.0);
        for (a, e) in actual.iter().zip(expected) {
            for axis in 0..2 {
                difference += (f64::from(a[axis]) - e[axis]).powi(2);
                length += e[axis].powi(2);
            }
        }
        (difference / length).sqrt()
    }

    #[test]
    fn points_far_apart_still_have_weights_above_0() {
        let points: Vec<[f32; 2]> = (0..20).map(|i| [1e6 * i as f32, 0.0]).collect();
        let (z, _) = defined(&points, 1.0);
        assert!((total_weight(&points, Tail::default()) / z - 1.0).abs() < 1e-12);
        let actual = Exact::default().repulsion(&points, &mut [[0.0; 2]; 20]);
        assert!(actual > 0.0 && actual <= z, "{actual} against {z}");
    }

    #[test]
    fn vectors_give_what_the_definition_gives() {
        for (n, spread) in [(1, 1.0), (15, 1.0), (203, 1e-4), (300, 20.0)] {
            let points = cloud(n, spread, 5);
            for dof in DOFS {
                let tail = Tail::new(dof);
                let (z, expected) = defined(&points, dof);
                let mut forces = vec![[0.0; 2]; n];
                let actual = Exact::new(tail).repulsion(&points, &mut forces);
                assert!((actual - z).abs() <= 1e-5 * z, "{actual} against {z}");
                assert!((total_weight(&points, tail) - z).abs() <= 1e-6 * z, "{z}");
                if n > 1 {
                    let error = relative_error(&forces, &expected);
                    assert!(error < 1e-4, "{n} points, spread {spread}, {dof}: {error}");
                }
            }
        }
    }
}
