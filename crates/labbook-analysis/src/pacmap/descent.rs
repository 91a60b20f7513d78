use rayon::prelude::*;

use super::pairs::Both;
use crate::AnalysisError;
use crate::checks::check_points;
use crate::simd::{Kernel, vectorised_kernel};

const LANES: usize = 16;

/// Points that share a task.
const CHUNK: usize = 512;

/// The weight of mid-near pairs at the beginning, and after the first phase.
const FIRST_MID_NEAR: f32 = 1000.0;
const SECOND_MID_NEAR: f32 = 3.0;

/// Adam's.
const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-7;

/// Pairs of samples, from both ends.
pub(super) struct AllPairs {
    pub(super) near: Both,
    pub(super) mid_near: Both,
    pub(super) further: Both,
}

/// What pairs weigh in one iteration.
#[derive(Clone, Copy)]
struct Weights {
    near: f32,
    mid_near: f32,
    further: f32,
}

impl Weights {
    fn of(iteration: usize, phases: [usize; 3]) -> Self {
        let further = 1.0;
        if iteration < phases[0] {
            let done = iteration as f32 / phases[0] as f32;
            let mid_near = (1.0 - done) * FIRST_MID_NEAR + done * SECOND_MID_NEAR;
            Self {
                near: 2.0,
                mid_near,
                further,
            }
        } else if iteration < phases[0] + phases[1] {
            Self {
                near: 3.0,
                mid_near: SECOND_MID_NEAR,
                further,
            }
        } else {
            Self {
                near: 1.0,
                mid_near: 0.0,
                further,
            }
        }
    }
}

/// What Adam knows of a coordinate.
#[derive(Clone, Copy, Default)]
struct Moments {
    first: f32,
    second: f32,
}

/// Descends PaCMAP's loss from some points with Adam.
pub(super) fn descend(
    pairs: &AllPairs,
    mut points: Vec<[f32; 2]>,
    learning_rate: f32,
    phases: [usize; 3],
) -> Result<Vec<[f32; 2]>, AnalysisError> {
    let mut next = points.clone();
    let mut moments = vec![[Moments::default(); 2]; points.len()];
    for iteration in 0..phases.iter().sum() {
        let step = i32::try_from(iteration + 1).unwrap_or(i32::MAX);
        let [first, second] = BETAS.map(|beta| 1.0 - beta.powi(step));
        let rate = learning_rate * second.sqrt() / first;
        let weights = Weights::of(iteration, phases);
        next.par_chunks_mut(CHUNK)
            .zip(moments.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(task, (next, moments))| {
                vectorised_kernel(Move {
                    pairs,
                    points: &points,
                    first: task * CHUNK,
                    next,
                    moments,
                    weights,
                    rate,
                });
            });
        std::mem::swap(&mut points, &mut next);
        check_points(&points, iteration)?;
    }
    Ok(points)
}

/// The move of some points.
struct Move<'a> {
    pairs: &'a AllPairs,
    points: &'a [[f32; 2]],
    first: usize,
    next: &'a mut [[f32; 2]],
    moments: &'a mut [[Moments; 2]],
    weights: Weights,
    rate: f32,
}

impl Kernel for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Weights {
            near,
            mid_near,
            further,
        } = self.weights;
        let mut moved = self.next.iter_mut().zip(self.moments);
        for i in self.first..self.first + moved.len() {
            let Some((next, moments)) = moved.next() else {
                return;
            };
            let point = self.points[i];
            // The derivatives of w d / (c + d) and w / (1 + d), where d is 1 and the distance
            // squared.
            let mut gradient = [0.0; 2];
            let mut add = |[x, y]: [f32; 2]| {
                gradient[0] += x;
                gradient[1] += y;
            };
            add(sum(point, self.pairs.near.row(i), self.points, |d| {
                20.0 * near / ((10.0 + d) * (10.0 + d))
            }));
            if mid_near > 0.0 {
                add(sum(point, self.pairs.mid_near.row(i), self.points, |d| {
                    20_000.0 * mid_near / ((10_000.0 + d) * (10_000.0 + d))
                }));
            }
            add(sum(point, self.pairs.further.row(i), self.points, |d| {
                -2.0 * further / ((1.0 + d) * (1.0 + d))
            }));
            for axis in 0..2 {
                let moments = &mut moments[axis];
                let slope = gradient[axis];
                moments.first += (1.0 - BETAS[0]) * (slope - moments.first);
                moments.second += (1.0 - BETAS[1]) * (slope * slope - moments.second);
                let step = moments.first / (moments.second.sqrt() + EPSILON);
                next[axis] = point[axis] - self.rate * step;
            }
        }
    }
}

/// The sum of `weight(1 + |y - y_j|^2) (y - y_j)` over a point's partners.
#[inline(always)]
fn sum(
    [x, y]: [f32; 2],
    partners: &[u32],
    points: &[[f32; 2]],
    weight: impl Fn(f32) -> f32,
) -> [f32; 2] {
    let (mut fx, mut fy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for partners in partners.chunks(LANES) {
        // Lanes without a partner have no difference, so nothing to add.
        let (mut dx, mut dy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        for (lane, &j) in partners.iter().enumerate() {
            let [xj, yj] = points[j as usize];
            (dx[lane], dy[lane]) = (x - xj, y - yj);
        }
        for lane in 0..LANES {
            let weight = weight(1.0 + (dx[lane] * dx[lane] + dy[lane] * dy[lane]));
            fx[lane] += weight * dx[lane];
            fy[lane] += weight * dy[lane];
        }
    }
    [fx.iter().sum(), fy.iter().sum()]
}
