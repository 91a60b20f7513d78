use std::time::Instant;

use rayon::prelude::*;

use super::dense::Dense;
use super::{Exact, Grid, MOST_IN_PAIRS, Tail, TsneEvent};
use crate::checks::LARGEST_COORDINATE;
use crate::simd::{Kernel, vectorised_kernel};
use crate::{Affinities, AnalysisError};

/// Iterations with exaggerated attraction and low momentum, as in scikit-learn.
const EXPLORATION: usize = 250;

/// The divergence is computed and reported every so many iterations.
const CHECK_EVERY: usize = 50;

const LANES: usize = 16;

const MIN_GAIN: f32 = 0.01;

/// Points that share a task; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 128;

/// How pairs of points push each other apart.
#[derive(Debug)]
pub(super) enum Repulsion {
    /// Attraction as well.
    Dense(Dense),
    Exact(Exact),
    /// And what sums maps that are too wide for a grid.
    Grid(Box<Grid>, Exact),
}

impl Repulsion {
    fn compute(
        &mut self,
        points: &[[f32; 2]],
        forces: &mut [[f32; 2]],
        pulls: &mut Vec<[f32; 2]>,
        tail: Tail,
    ) -> f64 {
        match self {
            Self::Dense(dense) => {
                pulls.resize(points.len(), [0.0; 2]);
                dense.forces(points, forces, pulls)
            }
            Self::Exact(exact) => exact.repulsion(points, forces),
            Self::Grid(_, exact) if points.len() <= MOST_IN_PAIRS && !Grid::suits(points, tail) => {
                exact.repulsion(points, forces)
            }
            Self::Grid(grid, _) => grid.repulsion(points, forces),
        }
    }
}

/// What the optimiser needs to know, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) tail: Tail,
    pub(super) early_exaggeration: f64,
    /// Of the exaggerated iterations and of those after them, as the momenta below.
    pub(super) learning_rates: [f64; 2],
    pub(super) momenta: [f64; 2],
    /// Whether the gains of the first phase serve the second too.
    pub(super) keep_gains: bool,
    pub(super) max_iter: usize,
    pub(super) n_iter_without_progress: usize,
    pub(super) min_grad_norm: f64,
}

/// One of the two phases of the descent.
struct Phase {
    exaggeration: f64,
    momentum: f32,
    rate: f32,
    last: usize,
    patience: usize,
}

/// Gradient descent with momentum and a gain per coordinate, as scikit-learn does it.
pub(super) struct Optimizer<'a> {
    affinities: &'a Affinities,
    /// What attracts in the first phase, where that is not all.
    stronger: Option<Affinities>,
    repulsion: Repulsion,
    schedule: Schedule,
    points: Vec<[f32; 2]>,
    next: Vec<[f32; 2]>,
    forces: Vec<[f32; 2]>,
    /// Of the attraction, where it was computed together with the forces.
    pulls: Vec<[f32; 2]>,
    updates: Vec<[f32; 2]>,
    gains: Vec<[f32; 2]>,
}

/// Sums over some points, for the report.
#[derive(Default, Clone, Copy)]
struct Sums {
    /// Of `p ln(p / w)`.
    divergence: f64,
    /// Of `p`.
    mass: f64,
    /// Of the gradient's squares.
    gradient: f64,
}

impl<'a> Optimizer<'a> {
    pub(super) fn new(
        affinities: &'a Affinities,
        repulsion: Repulsion,
        schedule: Schedule,
        points: Vec<[f32; 2]>,
    ) -> Self {
        let n = points.len();
        // Looking up neighbours is most of an iteration's work, and the first phase only brings
        // points to their places among the others.
        let stronger = match &repulsion {
            Repulsion::Grid(..) if schedule.early_exaggeration > 1.0 => {
                Some(affinities.stronger_half())
            }
            _ => None,
        };
        Self {
            affinities,
            stronger,
            repulsion,
            schedule,
            next: points.clone(),
            points,
            forces: vec![[0.0; 2]; n],
            pulls: Vec::new(),
            updates: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
        }
    }

    /// Returns the points, their divergence and the number of iterations.
    pub(super) fn run(
        mut self,
        on_event: &mut dyn FnMut(&TsneEvent),
    ) -> Result<(Vec<[f32; 2]>, f64, usize), AnalysisError> {
        let max_iter = self.schedule.max_iter;
        let exploration = Phase {
            exaggeration: self.schedule.early_exaggeration,
            momentum: self.schedule.momenta[0] as f32,
            rate: self.schedule.learning_rates[0] as f32,
            last: EXPLORATION.min(max_iter),
            patience: EXPLORATION,
        };
        let (error, mut iteration) = self.descend(0, &exploration, on_event)?;
        on_event(&TsneEvent::ExaggerationDone { iteration, error });
        self.stronger = None;
        if iteration < max_iter {
            self.updates.fill([0.0; 2]);
            if !self.schedule.keep_gains {
                self.gains.fill([1.0; 2]);
            }
            let settling = Phase {
                exaggeration: 1.0,
                momentum: self.schedule.momenta[1] as f32,
                rate: self.schedule.learning_rates[1] as f32,
                last: max_iter,
                patience: self.schedule.n_iter_without_progress,
            };
            (_, iteration) = self.descend(iteration, &settling, on_event)?;
        }
        let kl_divergence = self.divergence(iteration)?;
        on_event(&TsneEvent::Done {
            iteration,
            kl_divergence,
        });
        Ok((self.points, kl_divergence, iteration))
    }

    /// The divergence of the points as they are: the last one of the descent is that of the points
    /// before their last move, perhaps from exaggerated probabilities.
    fn divergence(&mut self, iteration: usize) -> Result<f64, AnalysisError> {
        let divergence = match self.points.len() <= MOST_IN_PAIRS {
            true => self
                .affinities
                .divergence_of(&self.points, self.schedule.tail),
            false => {
                self.step(1.0, 0.0, 0.0, true)
                    .ok_or(AnalysisError::Diverged { iteration })?
                    .0
            }
        };
        // It is 0 at least, but for rounding.
        Ok(divergence.max(0.0))
    }

    fn descend(
        &mut self,
        start: usize,
        phase: &Phase,
        on_event: &mut dyn FnMut(&TsneEvent),
    ) -> Result<(f64, usize), AnalysisError> {
        let (mut best, mut best_iteration) = (f64::INFINITY, start);
        let mut error = f64::INFINITY;
        let mut clock = Instant::now();
        for iteration in start + 1..=phase.last {
            let check = iteration % CHECK_EVERY == 0;
            let report = check || iteration == phase.last;
            let (divergence, gradient_norm) = self
                .step(phase.exaggeration, phase.momentum, phase.rate, report)
                .ok_or(AnalysisError::Diverged { iteration })?;
            if report {
                error = divergence;
            }
            if !check {
                continue;
            }
            on_event(&TsneEvent::Iteration {
                iteration,
                error,
                gradient_norm,
                iterations: CHECK_EVERY,
                seconds: clock.elapsed().as_secs_f64(),
            });
            clock = Instant::now();
            if error < best {
                (best, best_iteration) = (error, iteration);
            } else if iteration - best_iteration > phase.patience {
                on_event(&TsneEvent::NoProgress {
                    iteration,
                    patience: phase.patience,
                });
                return Ok((error, iteration));
            }
            if gradient_norm <= self.schedule.min_grad_norm {
                on_event(&TsneEvent::SmallGradient {
                    iteration,
                    gradient_norm,
                });
                return Ok((error, iteration));
            }
        }
        Ok((error, phase.last))
    }

    /// Moves every point once. Returns the divergence before the move, where asked for, and the
    /// length of the gradient; nothing if a point flew away.
    fn step(
        &mut self,
        exaggeration: f64,
        momentum: f32,
        rate: f32,
        report: bool,
    ) -> Option<(f64, f64)> {
        let tail = self.schedule.tail;
        let z = self
            .repulsion
            .compute(&self.points, &mut self.forces, &mut self.pulls, tail);
        let slope = tail.slope();
        let (attract, repel) = (slope as f32 * exaggeration as f32, (slope / z) as f32);
        let affinities = self.stronger.as_ref().unwrap_or(self.affinities);
        let (points, forces) = (&self.points, &self.forces);
        let pulls = &self.pulls;
        let keep_gains = self.schedule.keep_gains;
        let sums: Vec<(Sums, bool)> = self
            .next
            .par_chunks_mut(CHUNK)
            .zip(self.updates.par_chunks_mut(CHUNK))
            .zip(self.gains.par_chunks_mut(CHUNK))
            .enumerate()
            .map(|(task, ((next, updates), gains))| {
                vectorised_kernel(Move {
                    affinities,
                    points,
                    forces,
                    pulls,
                    tail,
                    first: task * CHUNK,
                    next,
                    updates,
                    gains,
                    attract,
                    repel,
                    momentum,
                    rate,
                    keep_gains,
                    report,
                })
            })
            .collect();
        if !sums.iter().all(|&(_, sound)| sound) {
            return None;
        }
        std::mem::swap(&mut self.points, &mut self.next);
        let mut total = Sums::default();
        for (sums, _) in &sums {
            total.divergence += sums.divergence;
            total.mass += sums.mass;
            total.gradient += sums.gradient;
        }
        // P is exaggerated, Q is not: KL = e * sum p ln(e p Z / w).
        let divergence =
            exaggeration * (total.divergence + total.mass * (exaggeration.ln() + z.ln()));
        Some((divergence, total.gradient.sqrt()))
    }
}

/// The move of some points.
struct Move<'a> {
    affinities: &'a Affinities,
    points: &'a [[f32; 2]],
    forces: &'a [[f32; 2]],
    /// None, or one per point.
    pulls: &'a [[f32; 2]],
    tail: Tail,
    first: usize,
    next: &'a mut [[f32; 2]],
    updates: &'a mut [[f32; 2]],
    gains: &'a mut [[f32; 2]],
    attract: f32,
    repel: f32,
    momentum: f32,
    rate: f32,
    keep_gains: bool,
    report: bool,
}

impl Kernel for Move<'_> {
    /// Sums for the report, and whether all points are where points can be.
    type Output = (Sums, bool);

    #[inline(always)]
    fn run(self) -> (Sums, bool) {
        let mut sums = Sums::default();
        let scale = self.tail.scale() as f32;
        let mut sound = true;
        let moved = self.next.iter_mut().zip(self.updates).zip(self.gains);
        for (i, ((next, updates), gains)) in (self.first..).zip(moved) {
            let (columns, values) = self.affinities.row(i);
            let point = self.points[i];
            let pulled = match self.pulls.get(i) {
                Some(&pulled) => pulled,
                None => attraction(point, columns, values, self.points, scale),
            };
            if self.report {
                sums.add_divergence(point, columns, values, self.points, self.tail);
            }
            for axis in 0..2 {
                let gradient = self.attract * pulled[axis] - self.repel * self.forces[i][axis];
                let (update, gain) = (&mut updates[axis], &mut gains[axis]);
                let onward = *update * gradient;
                *gain = match self.keep_gains {
                    _ if onward < 0.0 => *gain + 0.2,
                    // openTSNE's rule: small gains recover sooner.
                    true => *gain * 0.8 + MIN_GAIN,
                    false => (*gain * 0.8).max(MIN_GAIN),
                };
                let scaled = gradient * *gain;
                sums.gradient += f64::from(scaled) * f64::from(scaled);
                *update = self.momentum * *update - self.rate * scaled;
                next[axis] = point[axis] + *update;
                sound &= next[axis].abs() < LARGEST_COORDINATE;
            }
        }
        (sums, sound)
    }
}

impl Sums {
    #[inline(never)]
    fn add_divergence(
        &mut self,
        [x, y]: [f32; 2],
        columns: &[u32],
        values: &[f32],
        points: &[[f32; 2]],
        tail: Tail,
    ) {
        for (&j, &p) in columns.iter().zip(values) {
            if p > 0.0 {
                let [xj, yj] = points[j as usize];
                let (dx, dy) = (f64::from(x - xj), f64::from(y - yj));
                let p = f64::from(p);
                self.divergence += p * (p.ln() + tail.surprise(dx * dx + dy * dy));
                self.mass += p;
            }
        }
    }
}

/// The sum of `p_j u_j (y - y_j)` over a point's neighbours, `u_j = 1 / (1 + scale |y - y_j|^2)`.
#[inline(always)]
pub(super) fn attraction(
    [x, y]: [f32; 2],
    columns: &[u32],
    values: &[f32],
    points: &[[f32; 2]],
    scale: f32,
) -> [f32; 2] {
    let (mut fx, mut fy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for (columns, values) in columns.chunks(LANES).zip(values.chunks(LANES)) {
        // Gathered first, so that the arithmetic below has plain arrays to work on. Lanes without
        // a neighbour keep probability 0.
        let (mut dx, mut dy, mut p) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
        for (lane, (&j, &value)) in columns.iter().zip(values).enumerate() {
            let [xj, yj] = points[j as usize];
            (dx[lane], dy[lane], p[lane]) = (x - xj, y - yj, value);
        }
        for lane in 0..LANES {
            let pull = p[lane] / (1.0 + scale * (dx[lane] * dx[lane] + dy[lane] * dy[lane]));
            fx[lane] += pull * dx[lane];
            fy[lane] += pull * dy[lane];
        }
    }
    [fx.iter().sum(), fy.iter().sum()]
}
