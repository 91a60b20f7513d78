use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::neighbors::{Neighbors, squared_distance};
use crate::simd::vectorised;

/// Coordinates that are compared first: the leading directions, and the length of the rest.
pub(crate) const COORDINATES: usize = 64;

/// Queries of one task. They lie close together, so that they share candidates in the cache.
const QUERIES: usize = 64;

/// Queries whose products are computed together.
const ROWS: usize = 4;

/// Samples whose products are computed together: vectors of every width divide it.
const COLUMNS: usize = 48;

/// Vectors that one query has in registers.
const VECTORS: usize = 3;

/// Candidates that may gather before their distances are computed.
const PENDING: usize = 128;

/// Of this share of a bound, no rounding error of single precision can tip the comparison.
const SLACK: f32 = 1e-5;

/// Candidates per query, as a share of all samples, above which plain products are faster.
const WORTHWHILE: f64 = 0.1;

/// Nearest neighbours of all samples, most of which are ruled out by few coordinates.
///
/// An orthonormal basis splits each sample into its leading coordinates `p` and a rest of length
/// `r`. As `|x - y|^2 >= |p_x - p_y|^2 + (r_x - r_y)^2`, a sample whose bound exceeds the `k`-th
/// smallest distance found so far is no neighbour; only the others' distances are computed. The
/// bounds carry a margin for rounding, so the neighbours are those of a full comparison.
pub(crate) struct PrunedSearch {
    width: usize,
    /// Samples in an order that keeps close ones together.
    order: Vec<u32>,
    /// Half the squares of the coordinates less the margin, in that order.
    halves: Vec<f32>,
    /// Coordinates in that order, `ROWS` samples side by side.
    by_rows: Vec<[[f32; ROWS]; COORDINATES]>,
    /// The same, `COLUMNS` samples side by side.
    by_columns: Vec<[[f32; COLUMNS]; COORDINATES]>,
    /// The centres of the latter's groups.
    centres: Vec<[f32; COORDINATES]>,
    /// The samples in that order.
    ordered: Vec<f32>,
}

/// What is known of one query's neighbours.
struct Query {
    /// Squared distances and places in the order; at least the `k` nearest so far.
    best: Vec<(f32, u32)>,
    /// Bounds, as ranks, and places.
    pending: Vec<(f32, u32)>,
    /// The `k`-th smallest squared distance so far.
    radius: f32,
    /// The rank above which a bound exceeds the radius.
    limit: f32,
    evaluated: usize,
}

impl PrunedSearch {
    /// Takes samples of `width` features and their `COORDINATES - 1` leading coordinates, zeros if
    /// they have fewer.
    pub(crate) fn new(rows: &[f32], width: usize, leading: &[f32]) -> Self {
        let n = rows.len() / width;
        let mut order: Vec<u32> = (0..n as u32).collect();
        sort_by_place(&mut order, leading);
        let coordinates: Vec<[f32; COORDINATES]> = order
            .par_iter()
            .map(|&i| {
                let row = &rows[i as usize * width..][..width];
                let leading = &leading[i as usize * (COORDINATES - 1)..][..COORDINATES - 1];
                let square = |values: &[f32]| {
                    values
                        .iter()
                        .map(|&x| f64::from(x) * f64::from(x))
                        .sum::<f64>()
                };
                let rest = (square(row) - square(leading)).max(0.0).sqrt();
                let mut all = [rest as f32; COORDINATES];
                all[..COORDINATES - 1].copy_from_slice(leading);
                all
            })
            .collect();
        let halves = coordinates
            .par_iter()
            .map(|c| 0.5 * (1.0 - SLACK) * c.iter().map(|x| x * x).sum::<f32>())
            .chain(rayon::iter::repeat_n(
                f32::INFINITY,
                n.next_multiple_of(COLUMNS) - n,
            ))
            .collect();
        let centres = coordinates
            .par_chunks(COLUMNS)
            .map(|group| {
                let mut centre = [0.0; COORDINATES];
                for sample in group {
                    for (sum, x) in centre.iter_mut().zip(sample) {
                        *sum += x / group.len() as f32;
                    }
                }
                centre
            })
            .collect();
        let mut ordered = vec![0.0; rows.len()];
        ordered
            .par_chunks_mut(width)
            .zip(&order)
            .for_each(|(to, &i)| to.copy_from_slice(&rows[i as usize * width..][..width]));
        Self {
            width,
            halves,
            centres,
            by_rows: interleaved(&coordinates),
            by_columns: interleaved(&coordinates),
            ordered,
            order,
        }
    }

    /// The `k` nearest other samples of every sample, or nothing if so few are ruled out that
    /// another way is faster.
    ///
    /// Each is sought among the `among` samples in whose part of space it lies, or somewhat more:
    /// with fewer than all, some neighbours are missed.
    pub(crate) fn neighbors(&self, k: usize, among: usize) -> Option<Neighbors> {
        let n = self.order.len();
        let visits = among.div_ceil(COLUMNS);
        let tasks = n.div_ceil(QUERIES);
        // A few tasks tell what to expect of the rest.
        let sample: Vec<usize> = (0..8).map(|part| part * tasks / 8).collect();
        let evaluated: usize = sample
            .par_iter()
            .flat_map_iter(|&task| self.search(task, k, visits))
            .map(|query| query.evaluated)
            .sum();
        if evaluated as f64 > WORTHWHILE * (n * sample.len() * QUERIES) as f64 {
            return None;
        }
        let found: Vec<Vec<(u32, f32)>> = (0..tasks)
            .into_par_iter()
            .flat_map_iter(|task| self.search(task, k, visits))
            .map(|query| {
                let near = query.best.into_iter();
                let mut near: Vec<(u32, f32)> = near
                    .map(|(squared, place)| (self.order[place as usize], squared))
                    .collect();
                near.sort_unstable_by_key(|&(i, _)| i);
                near
            })
            .collect();
        let mut neighbors = Neighbors {
            k,
            indices: vec![0; n * k],
            squared_distances: vec![0.0; n * k],
        };
        for (&i, near) in self.order.iter().zip(found) {
            for (slot, (j, squared)) in near.into_iter().enumerate() {
                neighbors.indices[i as usize * k + slot] = j;
                neighbors.squared_distances[i as usize * k + slot] = squared;
            }
        }
        Some(neighbors)
    }

    /// The neighbours of one task's queries.
    fn search(&self, task: usize, k: usize, visits: usize) -> Vec<Query> {
        let n = self.order.len();
        let first = task * QUERIES;
        let count = QUERIES.min(n - first);
        let mut queries: Vec<Query> = (0..count)
            .map(|_| Query {
                best: Vec::with_capacity(2 * k + PENDING),
                pending: Vec::new(),
                radius: f32::INFINITY,
                limit: f32::INFINITY,
                evaluated: 0,
            })
            .collect();
        // The nearest samples come first: they bring the radii down at once. Among those of the
        // first look, candidates gather until the best stand out.
        let first_look = (4 * k).max(768) / COLUMNS;
        for (step, tile) in self
            .nearest_tiles(first, count, visits)
            .into_iter()
            .enumerate()
        {
            let scan = Scan {
                rows: &self.by_rows[first / ROWS..][..count.div_ceil(ROWS)],
                columns: &self.by_columns[tile],
                halves: &self.halves[tile * COLUMNS..][..COLUMNS],
                first: (tile * COLUMNS) as u32,
                queries: &mut queries,
            };
            Arch::new().dispatch(scan);
            let enough = match step + 1 {
                done if done < first_look => usize::MAX,
                done if done == first_look => 1,
                _ => PENDING,
            };
            for (offset, query) in queries.iter_mut().enumerate() {
                if query.pending.len() >= enough {
                    self.settle(query, first + offset, k);
                }
            }
        }
        for (offset, query) in queries.iter_mut().enumerate() {
            self.settle(query, first + offset, k);
        }
        queries
    }

    /// Tiles of columns, those whose centres are nearest to the centre of the queries first.
    fn nearest_tiles(&self, first: usize, count: usize, visits: usize) -> Vec<usize> {
        let mut centre = [0.0; COORDINATES];
        let tiles = &self.centres[first / COLUMNS..(first + count).div_ceil(COLUMNS)];
        for tile in tiles {
            for (sum, x) in centre.iter_mut().zip(tile) {
                *sum += x / tiles.len() as f32;
            }
        }
        let mut tiles: Vec<(f32, usize)> = self
            .centres
            .iter()
            .enumerate()
            .map(|(tile, other)| {
                let distance = vectorised(|| squared_distance(&centre, Some(other)));
                (distance, tile)
            })
            .collect();
        let order = |a: &(f32, usize), b: &(f32, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if visits < tiles.len() {
            tiles.select_nth_unstable_by(visits, order);
            tiles.truncate(visits);
        }
        tiles.sort_unstable_by(order);
        tiles.into_iter().map(|(_, tile)| tile).collect()
    }

    /// Computes the distances of the pending candidates that are still in the running.
    fn settle(&self, query: &mut Query, own: usize, k: usize) {
        let row = self.row(own);
        let half = self.halves[own];
        let mut pending = std::mem::take(&mut query.pending);
        if query.best.is_empty() && pending.len() > 2 * k {
            pending.select_nth_unstable_by(k, |a, b| a.0.total_cmp(&b.0));
        }
        for &(rank, place) in &pending {
            if rank >= query.limit || place as usize == own {
                continue;
            }
            query.evaluated += 1;
            let other = self.row(place as usize);
            let squared = vectorised(|| squared_distance(row, Some(other)));
            if squared < query.radius {
                query.best.push((squared, place));
                if query.best.len() >= 2 * k || query.best.len() == k {
                    query.keep(k, half);
                }
            }
        }
        query.keep(k, half);
        pending.clear();
        query.pending = pending;
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.ordered[place * self.width..][..self.width]
    }
}

impl Query {
    /// Forgets all but the `k` nearest.
    fn keep(&mut self, k: usize, half: f32) {
        if self.best.len() < k {
            return;
        }
        let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        self.best.select_nth_unstable_by(k - 1, order);
        self.best.truncate(k);
        self.radius = self.best[k - 1].0;
        self.limit = 0.5 * self.radius - half;
    }
}

/// The bounds of a task's queries against `COLUMNS` samples.
struct Scan<'a> {
    rows: &'a [[[f32; ROWS]; COORDINATES]],
    columns: &'a [[f32; COLUMNS]; COORDINATES],
    halves: &'a [f32],
    first: u32,
    queries: &'a mut [Query],
}

impl WithSimd for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        let step = VECTORS * lanes;
        let (halves, _) = S::as_simd_f32s(self.halves);
        for (rows, queries) in self.rows.iter().zip(self.queries.chunks_mut(ROWS)) {
            for part in 0..COLUMNS / step {
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                for (row, columns) in rows.iter().zip(self.columns) {
                    let (columns, _) = S::as_simd_f32s(&columns[part * step..][..step]);
                    for (sums, &value) in sums.iter_mut().zip(row) {
                        let value = simd.splat_f32s(value);
                        for (sum, &column) in sums.iter_mut().zip(columns) {
                            *sum = simd.mul_add_e_f32s(value, column, *sum);
                        }
                    }
                }
                let halves = &halves[part * VECTORS..][..VECTORS];
                for (sums, query) in sums.iter().zip(&mut *queries) {
                    let limit = simd.splat_f32s(query.limit);
                    for (vector, (&half, &sum)) in halves.iter().zip(sums).enumerate() {
                        let rank = simd.sub_f32s(half, sum);
                        let below = simd.less_than_f32s(rank, limit);
                        if simd.first_true_m32s(below) < lanes {
                            let first = part * step + vector * lanes;
                            let ranks: &[f32] =
                                pulp::bytemuck::cast_slice(std::slice::from_ref(&rank));
                            for (lane, &rank) in ranks.iter().enumerate() {
                                if rank < query.limit {
                                    let place = self.first + (first + lane) as u32;
                                    query.pending.push((rank, place));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Puts `SIDE` samples side by side, coordinate after coordinate; zeros fill the last group.
fn interleaved<const SIDE: usize>(
    coordinates: &[[f32; COORDINATES]],
) -> Vec<[[f32; SIDE]; COORDINATES]> {
    coordinates
        .par_chunks(SIDE)
        .map(|samples| {
            let mut group = [[0.0; SIDE]; COORDINATES];
            for (slot, sample) in samples.iter().enumerate() {
                for (side, &value) in group.iter_mut().zip(sample) {
                    side[slot] = value;
                }
            }
            group
        })
        .collect()
}

/// Splits the samples in halves along their widest coordinate, again and again, so that runs of
/// `QUERIES` lie close together.
fn sort_by_place(order: &mut [u32], leading: &[f32]) {
    /// Further coordinates vary too little to be split along.
    const SPLIT: usize = 16;
    if order.len() <= QUERIES {
        return;
    }
    let at = |i: u32, axis: usize| leading[i as usize * (COORDINATES - 1) + axis];
    let mut spans = [(f32::INFINITY, f32::NEG_INFINITY); SPLIT];
    for &i in order.iter() {
        for (axis, (low, high)) in spans.iter_mut().enumerate() {
            *low = low.min(at(i, axis));
            *high = high.max(at(i, axis));
        }
    }
    let widest = (0..SPLIT)
        .max_by(|&a, &b| (spans[a].1 - spans[a].0).total_cmp(&(spans[b].1 - spans[b].0)))
        .unwrap_or(0);
    let middle = (order.len() / 2).next_multiple_of(QUERIES);
    if middle >= order.len() {
        return;
    }
    order.select_nth_unstable_by(middle, |&a, &b| at(a, widest).total_cmp(&at(b, widest)));
    let (left, right) = order.split_at_mut(middle);
    rayon::join(
        || sort_by_place(left, leading),
        || sort_by_place(right, leading),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Normal;

    /// Samples that vary along ever fewer directions, far ones and equal ones among them.
    fn samples(n: usize, width: usize) -> Vec<f32> {
        let mut normal = Normal::new(8);
        let mut rows: Vec<f32> = (0..n * width)
            .map(|place| (normal.next() / (1 + place % width) as f64) as f32)
            .collect();
        rows[..width].fill(3.0);
        rows.copy_within(5 * width..6 * width, 9 * width);
        rows
    }

    /// The axes themselves are an orthonormal basis, and a leading one here.
    fn along_axes(rows: &[f32], width: usize) -> PrunedSearch {
        let leading = rows.chunks(width).flat_map(|row| &row[..COORDINATES - 1]);
        let leading: Vec<f32> = leading.copied().collect();
        PrunedSearch::new(rows, width, &leading)
    }

    #[test]
    fn pruning_loses_no_neighbour() {
        let (n, width, k) = (1500, 100, 30);
        let rows = samples(n, width);
        let search = along_axes(&rows, width);
        let found = search.neighbors(k, n).unwrap();
        for i in 0..n {
            let row = |j: usize| &rows[j * width..][..width];
            let mut plain: Vec<(f32, u32)> = (0..n)
                .filter(|&j| j != i)
                .map(|j| (squared_distance(row(i), Some(row(j))), j as u32))
                .collect();
            plain.sort_by(|a, b| a.0.total_cmp(&b.0));
            let furthest = plain[k - 1].0;
            let near = &found.indices[i * k..][..k];
            assert!(near.windows(2).all(|pair| pair[0] < pair[1]), "{near:?}");
            assert!(!near.contains(&(i as u32)));
            for (&j, &squared) in near.iter().zip(&found.squared_distances[i * k..]) {
                // The same sum, but for fused multiply-adds.
                assert!(squared <= furthest * 1.000_01, "{i}: {squared} {furthest}");
                let direct = squared_distance(row(i), Some(row(j as usize)));
                assert!((squared - direct).abs() <= 1e-5 * direct);
            }
        }
    }

    #[test]
    fn samples_that_cannot_be_told_apart_early_are_left_to_plain_products() {
        let (n, width) = (1200, 300);
        let mut normal = Normal::new(8);
        let rows: Vec<f32> = (0..n * width).map(|_| normal.next() as f32).collect();
        let search = along_axes(&rows, width);
        assert!(search.neighbors(20, n).is_none());
    }

    #[test]
    fn a_sixth_of_the_samples_holds_nearly_all_neighbours() {
        let (n, width, k) = (6000, 100, 15);
        let rows = samples(n, width);
        let search = along_axes(&rows, width);
        let all = search.neighbors(k, n).unwrap();
        let mut some = search.neighbors(k, 1000).unwrap();
        let recall = |found: &Neighbors| {
            let rows = all.indices.chunks(k).zip(found.indices.chunks(k));
            let both = rows.map(|(a, b)| b.iter().filter(|j| a.contains(j)).count());
            both.sum::<usize>() as f64 / all.indices.len() as f64
        };
        let before = recall(&some);
        crate::refinement::refine(&rows, width, &mut some);
        let after = recall(&some);
        assert!(before < 1.0, "nothing was left out");
        assert!(after > before && after > 0.9, "{before} {after}");
        for (i, near) in some.indices.chunks(k).enumerate() {
            assert!(near.windows(2).all(|pair| pair[0] < pair[1]), "{near:?}");
            assert!(!near.contains(&(i as u32)));
        }
    }
}
