use rayon::prelude::*;

use crate::AnalysisError;
use crate::checks::check_points;
use crate::random::Picks;
use crate::simd::{Kernel, vectorised_kernel};
use crate::symmetric_graph::SymmetricGraph;

/// A point is moved by no more than this along each axis by one of the forces on it.
const LONGEST: f32 = 4.0;

/// Forces that are computed together: the pull of one edge and pushes of others.
const LANES: usize = 8;

/// Points that share a task and see one another's moves at once; fixed, so that the map does not
/// depend on the number of threads.
const CHUNK: usize = 2048;

/// How points are drawn and pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forces {
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) repulsion_strength: f32,
    pub(super) negative_sample_rate: usize,
    pub(super) learning_rate: f32,
    pub(super) n_epochs: usize,
    pub(super) seed: u64,
}

/// The edges of points that move, by row.
pub(super) struct Edges {
    row_starts: Vec<usize>,
    columns: Vec<u32>,
    /// How many times in an epoch an edge's turn comes: at most once.
    rates: Vec<f32>,
}

impl Edges {
    /// All edges but those too weak for a turn in `n_epochs`, of points in another order.
    pub(super) fn new(graph: &SymmetricGraph, order: &[u32], n_epochs: usize) -> Self {
        let mut places = vec![0; order.len()];
        for (place, &i) in (0..).zip(order) {
            places[i as usize] = place;
        }
        let rows = order.iter().map(|&i| {
            let (columns, values) = graph.row(i as usize);
            let places = columns.iter().map(|&j| places[j as usize]);
            places.zip(values.iter().copied())
        });
        Self::of_rows(rows, &graph.values, n_epochs)
    }

    /// Edges of new points to `k` points of a map each.
    pub(super) fn of_new(columns: &[u32], values: &[f32], k: usize, n_epochs: usize) -> Self {
        let rows = columns.chunks(k).zip(values.chunks(k));
        let rows =
            rows.map(|(columns, values)| columns.iter().copied().zip(values.iter().copied()));
        Self::of_rows(rows, values, n_epochs)
    }

    fn of_rows<R: Iterator<Item = (u32, f32)>>(
        rows: impl Iterator<Item = R>,
        values: &[f32],
        n_epochs: usize,
    ) -> Self {
        let strongest = values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let mut edges = Self {
            row_starts: vec![0],
            columns: Vec::with_capacity(values.len()),
            rates: Vec::with_capacity(values.len()),
        };
        for row in rows {
            for (j, value) in row {
                let rate = value / strongest;
                if rate * n_epochs as f32 >= 1.0 {
                    edges.columns.push(j);
                    edges.rates.push(rate);
                }
            }
            edges.row_starts.push(edges.columns.len());
        }
        edges
    }
}

/// An order of points that keeps close ones together: halves along the longer side, again and
/// again.
pub(super) fn order(points: &[[f32; 2]]) -> Vec<u32> {
    fn split(order: &mut [u32], points: &[[f32; 2]]) {
        const FEW: usize = 64;
        if order.len() <= FEW {
            return;
        }
        let side = |axis: usize| {
            let along = order.iter().map(|&i| points[i as usize][axis]);
            let low = along.clone().fold(f32::INFINITY, f32::min);
            along.fold(f32::NEG_INFINITY, f32::max) - low
        };
        let axis = usize::from(side(1) > side(0));
        let middle = order.len() / 2;
        order.select_nth_unstable_by(middle, |&a, &b| {
            let (x, y) = (points[a as usize][axis], points[b as usize][axis]);
            x.total_cmp(&y).then(a.cmp(&b))
        });
        let (left, right) = order.split_at_mut(middle);
        rayon::join(|| split(left, points), || split(right, points));
    }
    let mut order: Vec<u32> = (0..points.len() as u32).collect();
    split(&mut order, points);
    order
}

/// Stochastic gradient descent as umap-learn does it: an edge's turn comes as often as it is
/// strong; then both its ends are drawn together, and one is pushed from `negative_sample_rate`
/// points picked at random.
///
/// Here every point moves by its own edges alone, once for each, where umap-learn moves it for the
/// edge's other direction as well; and it sees points of other tasks as they were at the epoch's
/// beginning, so that the map is the same however many threads there are. Moved twice, points
/// that see others as they were go too far.
pub(super) fn descend(
    edges: &Edges,
    mut points: Vec<[f32; 2]>,
    forces: &Forces,
) -> Result<Vec<[f32; 2]>, AnalysisError> {
    let mut next = points.clone();
    for epoch in 0..forces.n_epochs {
        next.par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(task, own)| {
                vectorised_kernel(Epoch {
                    edges,
                    others: &points,
                    first: task * CHUNK,
                    own,
                    forces,
                    epoch,
                });
            });
        points.copy_from_slice(&next);
        check_points(&points, epoch)?;
    }
    Ok(points)
}

/// [`descend`] for new points among those of a map, which stay.
pub(super) fn place(
    edges: &Edges,
    map: &[[f32; 2]],
    mut points: Vec<[f32; 2]>,
    forces: &Forces,
) -> Result<Vec<[f32; 2]>, AnalysisError> {
    for epoch in 0..forces.n_epochs {
        points
            .par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(task, own)| {
                vectorised_kernel(Place(Epoch {
                    edges,
                    others: map,
                    first: task * CHUNK,
                    own,
                    forces,
                    epoch,
                }));
            });
        check_points(&points, epoch)?;
    }
    Ok(points)
}

/// The moves of some points in one epoch.
struct Epoch<'a> {
    edges: &'a Edges,
    others: &'a [[f32; 2]],
    first: usize,
    own: &'a mut [[f32; 2]],
    forces: &'a Forces,
    epoch: usize,
}

impl Kernel for Epoch<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.moves::<true>();
    }
}

struct Place<'a>(Epoch<'a>);

impl Kernel for Place<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.moves::<false>();
    }
}

impl Epoch<'_> {
    /// `AMONG`: whether the points that move are among the others.
    #[inline(always)]
    fn moves<const AMONG: bool>(self) {
        let forces = self.forces;
        let share = 1.0 - self.epoch as f32 / forces.n_epochs as f32;
        let rate = forces.learning_rate * share;
        let n = self.others.len() as u64;
        let own_range = self.own.len();
        for i in 0..own_range {
            let row =
                self.edges.row_starts[self.first + i]..self.edges.row_starts[self.first + i + 1];
            let mut random = Picks::new(forces.seed, self.epoch, self.first + i);
            let mut point = self.own[i];
            let columns = &self.edges.columns[row.clone()];
            for (&j, &weight) in columns.iter().zip(&self.edges.rates[row]) {
                let turns = |epochs: usize| (weight * epochs as f32) as usize;
                if turns(self.epoch + 1) == turns(self.epoch) {
                    continue;
                }
                let seen = |j: usize| match j.wrapping_sub(self.first) {
                    place if AMONG && place < own_range => self.own[place],
                    _ => self.others[j],
                };
                let neighbor = seen(j as usize);
                let mut left = forces.negative_sample_rate;
                loop {
                    let count = left.min(LANES - 1);
                    left -= count;
                    // Lanes without a point push nothing: they are where this point is.
                    let mut near = [point; LANES];
                    near[LANES - 1] = neighbor;
                    for near in &mut near[..count] {
                        *near = seen(random.below(n) as usize);
                    }
                    let pull = if left == 0 { 1.0 } else { 0.0 };
                    let step = force(point, &near, pull, forces);
                    point = [0, 1].map(|axis| point[axis] + rate * step[axis]);
                    if left == 0 {
                        break;
                    }
                }
            }
            self.own[i] = point;
        }
    }
}

/// The pull towards the last of some points and the pushes from the others.
#[inline(always)]
fn force([x, y]: [f32; 2], near: &[[f32; 2]; LANES], pull: f32, forces: &Forces) -> [f32; 2] {
    let (a, b) = (forces.a, forces.b);
    let (mut dx, mut dy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let mut factor = [0.0_f32; LANES];
    for lane in 0..LANES {
        (dx[lane], dy[lane]) = (x - near[lane][0], y - near[lane][1]);
    }
    for lane in 0..LANES {
        let squared = dx[lane] * dx[lane] + dy[lane] * dy[lane];
        // Equal points have no direction: the differences are 0, whatever the factor.
        let held = squared.max(1e-12);
        let power = power(held, b);
        let below = 1.0 + a * power;
        let push = 2.0 * forces.repulsion_strength * b / ((0.001 + squared) * below);
        let drawn = -2.0 * a * b * power / (held * below);
        factor[lane] = if lane == LANES - 1 { drawn } else { push };
    }
    let (mut fx, mut fy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for lane in 0..LANES {
        fx[lane] = (factor[lane] * dx[lane]).clamp(-LONGEST, LONGEST);
        fy[lane] = (factor[lane] * dy[lane]).clamp(-LONGEST, LONGEST);
    }
    fx[LANES - 1] *= pull;
    fy[LANES - 1] *= pull;
    [fx.iter().sum(), fy.iter().sum()]
}

/// `x` to the power of `y`, for positive normal `x`, right to about 1e-5 of itself.
#[inline(always)]
fn power(x: f32, y: f32) -> f32 {
    // The logarithm of base 2: exponent, and a series in (m - 1) / (m + 1) for the rest, from
    // 1 over the root of 2 to the root of 2.
    const ROOT_HALF: u32 = 0x3F35_04F3;
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(ROOT_HALF) as i32) >> 23;
    let rest = f32::from_bits(bits.wrapping_sub((exponent as u32) << 23));
    let t = (rest - 1.0) / (rest + 1.0);
    let square = t * t;
    let series =
        ((0.412_198_6 * square + 0.577_078_f32) * square + 0.961_796_7) * square + 2.885_39;
    let log = exponent as f32 + t * series;
    // And back: the nearest whole power, and a series for the rest, from -1/2 to 1/2.
    let z = (log * y).clamp(-126.0, 126.0);
    let whole = (z + 12_582_912.0) - 12_582_912.0;
    let f = z - whole;
    let series = ((((0.001_333_4 * f + 0.009_618_1) * f + 0.055_504_1) * f + 0.240_226_5) * f
        + std::f32::consts::LN_2)
        * f
        + 1.0;
    f32::from_bits((((whole as i32) + 127) as u32) << 23) * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right_to_five_digits() {
        for x in [
            1e-12_f32, 3e-5, 0.1, 0.707, 0.7072, 1.0, 1.413, 2.0, 77.7, 1e6, 1e30,
        ] {
            for y in [0.5_f32, 0.79, 0.895, 1.0, 1.9] {
                let expected = f64::from(x).powf(f64::from(y));
                let apart = f64::from(power(x, y)) / expected - 1.0;
                assert!(apart.abs() < 2e-5 || expected > 1e37, "{x}^{y}: {apart}");
            }
        }
    }
}
