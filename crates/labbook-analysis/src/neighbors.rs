use std::fmt;

use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::metric::Metric;
use crate::pca::{leading_plane, principal_directions};
use crate::pruned_search::{COORDINATES, PrunedSearch};
use crate::refinement::refine;
use crate::samples::{dimensions, require_finite, taming_factor};
use crate::simd::vectorised;

/// Entries of one block of products (32 MiB): large enough for the matrix product's speed, small
/// enough that memory stays linear in the number of samples.
const BLOCK_ENTRIES: usize = 8 << 20;

/// From this many samples on, finding directions that rule out most pairs is worth its time.
const PRUNE_FROM: usize = 2500;

/// From this many samples on, neighbours are sought among those in their part of space.
const APPROXIMATE_FROM: usize = 20_000;

/// How many those are at least, and for each neighbour that is sought.
const AMONG: usize = 4096;
const AMONG_PER_NEIGHBOR: usize = 32;

/// Among how many samples `k` neighbours are sought.
fn among(n: usize, k: usize) -> usize {
    match n < APPROXIMATE_FROM {
        true => n,
        false => (AMONG + AMONG_PER_NEIGHBOR * k).min(n),
    }
}

/// How far from the centre a query may lie, in the index's scale, where samples reach up to 1.
/// From farther away the samples' distances differ by what single precision cannot tell; a
/// nearer query in the same direction has the same neighbours.
const FARTHEST: f64 = 1000.0;

/// Samples prepared for nearest-neighbour search.
///
/// Rows are centred, which keeps single precision accurate, and scaled to at most 1 in absolute
/// value, so that no square overflows.
#[derive(Clone)]
pub(crate) struct NeighborIndex {
    rows: Vec<f32>,
    half_squares: Vec<f32>,
    /// What samples are multiplied with first, so that nothing overflows: mostly 1.
    taming: f64,
    /// Of the tamed samples, as the scale.
    mean: Vec<f64>,
    scale: f64,
    metric: Metric,
}

/// The nearest neighbours of each query, `k` per query, in ascending order of their index.
pub(crate) struct Neighbors {
    pub(crate) k: usize,
    pub(crate) indices: Vec<u32>,
    /// Squared distances in the index's scale.
    pub(crate) squared_distances: Vec<f32>,
}

impl Neighbors {
    /// Distances in units of the samples, given the index's scale.
    pub(crate) fn distances(&self, scale: f64) -> Vec<f32> {
        let distance = |&squared: &f32| (f64::from(squared).sqrt() / scale) as f32;
        self.squared_distances.par_iter().map(distance).collect()
    }
}

impl fmt::Debug for NeighborIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeighborIndex")
            .field("n_samples", &self.len())
            .field("n_features", &self.n_features())
            .finish_non_exhaustive()
    }
}

impl NeighborIndex {
    /// Takes a table that holds at least one row and one column, all finite.
    pub(crate) fn new(table: &Tensor, metric: Metric) -> Result<Self, AnalysisError> {
        require_finite(table)?;
        let table = &metric.rows(table)?;
        let taming = taming_factor(table)?;
        let tamed = match taming {
            1.0 => table.shallow_clone(),
            _ => table.f_to_kind(Kind::Double)?.f_mul_scalar(taming)?,
        };
        let mean = tamed.f_mean_dim(Some(&[0_i64][..]), false, Kind::Double)?;
        let above = tamed.f_amax([0_i64], false)?.f_sub(&mean)?.f_max()?;
        let below = mean.f_sub(&tamed.f_amin([0_i64], false)?)?.f_max()?;
        let largest = f64::try_from(above)?.max(f64::try_from(below)?);
        let mut index = Self {
            rows: Vec::new(),
            half_squares: Vec::new(),
            taming,
            mean: Vec::<f64>::try_from(mean)?,
            scale: if largest > 0.0 { 1.0 / largest } else { 1.0 },
            metric,
        };
        index.rows = index.centred(table)?;
        index.half_squares = index
            .rows
            .par_chunks(index.n_features())
            .map(|row| 0.5 * vectorised(|| squared_distance(row, None)))
            .collect();
        Ok(index)
    }

    /// Number of samples in the index.
    pub(crate) fn len(&self) -> usize {
        self.half_squares.len()
    }

    /// Number of features of a sample.
    pub(crate) fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// What distances of the original samples were multiplied with.
    pub(crate) fn scale(&self) -> f64 {
        match self.metric {
            Metric::Euclidean => self.scale * self.taming,
            _ => 1.0,
        }
    }

    /// Neighbours with the metric's own distances, from their rows' distances.
    fn measured(&self, mut neighbors: Neighbors) -> Neighbors {
        if self.metric != Metric::Euclidean {
            let unit = (1.0 / (self.scale * self.taming).powi(2)) as f32;
            for squared in &mut neighbors.squared_distances {
                *squared = self.metric.squared(*squared * unit);
            }
        }
        neighbors
    }

    /// The samples, centred and scaled, row after row.
    pub(crate) fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// The samples along their two main directions, or along one if they have one feature.
    pub(crate) fn leading_plane(&self) -> Result<ndarray::Array2<f64>, AnalysisError> {
        leading_plane(&self.table(&self.rows)?)
    }

    /// Makes queries of samples.
    pub(crate) fn prepare(&self, table: &Tensor) -> Result<Vec<f32>, AnalysisError> {
        require_finite(table)?;
        self.centred(&self.metric.rows(table)?)
    }

    /// Centres and scales rows as those of the index; rows far away are brought nearer.
    fn centred(&self, table: &Tensor) -> Result<Vec<f32>, AnalysisError> {
        let (n_samples, n_features) = dimensions(table);
        if n_features != self.n_features() {
            return Err(AnalysisError::FeatureMismatch {
                expected: self.n_features(),
                received: n_features,
            });
        }
        let mut rows = vec![0.0_f32; n_samples * n_features];
        let length = rows.len();
        if table.kind() == Kind::Double {
            let mut doubles = vec![0.0_f64; length];
            table.f_copy_data(&mut doubles, length)?;
            rows.par_chunks_mut(n_features)
                .zip(doubles.par_chunks(n_features))
                .for_each(|(row, doubles)| {
                    let taming = self.taming_of(doubles);
                    let centred = |(from, mean): (&f64, &f64)| from * taming - mean;
                    let farthest = doubles.iter().zip(&self.mean).map(centred);
                    let scale = self.scale_of(farthest.fold(0.0, |a, b| b.abs().max(a)));
                    let centred = doubles.iter().zip(&self.mean).map(centred);
                    for (to, from) in row.iter_mut().zip(centred) {
                        *to = (from * scale) as f32;
                    }
                });
        } else {
            table.f_copy_data(&mut rows, length)?;
            let taming = self.taming;
            rows.par_chunks_mut(n_features).for_each(|row| {
                vectorised(|| {
                    let centred = |(x, mean): (&f32, &f64)| f64::from(*x) * taming - mean;
                    let farthest = row.iter().zip(&self.mean).map(centred);
                    let scale = self.scale_of(farthest.fold(0.0, |a, b| b.abs().max(a)));
                    for (x, mean) in row.iter_mut().zip(&self.mean) {
                        *x = (centred((x, mean)) * scale) as f32;
                    }
                });
            });
        }
        Ok(rows)
    }

    /// The factor of one row of doubles: the index's own, unless the row would overflow.
    fn taming_of(&self, row: &[f64]) -> f64 {
        if self.taming <= 1.0 {
            return self.taming;
        }
        let farthest = row.iter().fold(0.0_f64, |a, b| b.abs().max(a));
        // Beside such a row, everything in the index is at the centre.
        self.taming.min(1e200 / farthest)
    }

    /// The scale of one row whose centred entries reach up to `farthest`.
    #[inline(always)]
    fn scale_of(&self, farthest: f64) -> f64 {
        match farthest * self.scale > FARTHEST {
            true => FARTHEST / farthest,
            false => self.scale,
        }
    }

    /// The `k` nearest other samples of every sample.
    pub(crate) fn neighbors_of_all(&self, k: usize) -> Result<Neighbors, AnalysisError> {
        let (n, width) = (self.len(), self.n_features());
        let among = among(n, k);
        if n >= PRUNE_FROM && (width > 2 * COORDINATES || among < n) && k < n / 8 {
            let search = PrunedSearch::new(&self.rows, width, &self.leading()?);
            if let Some(mut found) = search.neighbors(k, among) {
                drop(search);
                if among < n {
                    refine(&self.rows, width, &mut found);
                }
                return Ok(self.measured(found));
            }
        }
        Ok(self.measured(self.search(&self.rows, k, Some)?))
    }

    /// The samples along `COORDINATES - 1` leading directions, or along as many as they have.
    fn leading(&self) -> Result<Vec<f32>, AnalysisError> {
        let width = self.n_features();
        let size = width.min(COORDINATES - 1);
        let table = self.table(&self.rows)?;
        let directions = principal_directions(&table, size)?;
        let projected = table.f_matmul(&Tensor::try_from(&directions)?)?;
        let mut leading = vec![0.0_f32; projected.numel()];
        let length = leading.len();
        projected.f_copy_data(&mut leading, length)?;
        if size == COORDINATES - 1 {
            return Ok(leading);
        }
        let mut filled = vec![0.0; self.len() * (COORDINATES - 1)];
        for (to, from) in filled.chunks_mut(COORDINATES - 1).zip(leading.chunks(size)) {
            to[..size].copy_from_slice(from);
        }
        Ok(filled)
    }

    /// The `k` nearest samples of rows that [`prepare`](Self::prepare) made.
    pub(crate) fn neighbors_of(
        &self,
        queries: &[f32],
        k: usize,
    ) -> Result<Neighbors, AnalysisError> {
        Ok(self.measured(self.search(queries, k, |_| None)?))
    }

    fn search(
        &self,
        queries: &[f32],
        k: usize,
        own: impl Fn(usize) -> Option<usize> + Sync,
    ) -> Result<Neighbors, AnalysisError> {
        let width = self.n_features();
        let found = self.scan(queries, |query, products| {
            let mut nearest = self.ranks(products).smallest(k, own(query));
            nearest.sort_unstable();
            // Distances from the differences themselves: a product's would cancel.
            let row = &queries[query * width..][..width];
            let squared: Vec<f32> = nearest
                .iter()
                .map(|&other| {
                    let other = &self.rows[other as usize * width..][..width];
                    vectorised(|| squared_distance(row, Some(other)))
                })
                .collect();
            (nearest, squared)
        })?;
        let (indices, squared): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        Ok(Neighbors {
            k,
            indices: indices.concat(),
            squared_distances: squared.concat(),
        })
    }

    /// Calls `visit` for every query with its products with all samples, in parallel.
    pub(crate) fn scan<R: Send>(
        &self,
        queries: &[f32],
        visit: impl Fn(usize, &[f32]) -> R + Sync,
    ) -> Result<Vec<R>, AnalysisError> {
        let (n, width) = (self.len(), self.n_features());
        let columns = self.table(&self.rows)?.f_tr()?;
        let n_queries = queries.len() / width;
        let block = (BLOCK_ENTRIES / n).clamp(16, 1024);
        let mut products = vec![0.0_f32; block.min(n_queries) * n];
        let mut results = Vec::with_capacity(n_queries);
        for (number, block_rows) in queries.chunks(block * width).enumerate() {
            let block_products = self.table(block_rows)?.f_matmul(&columns)?;
            let length = block_products.numel();
            block_products.f_copy_data(&mut products[..length], length)?;
            let start = number * block;
            let visited: Vec<R> = products[..length]
                .par_chunks(n)
                .enumerate()
                .map(|(row, row_products)| visit(start + row, row_products))
                .collect();
            results.extend(visited);
        }
        Ok(results)
    }

    /// The order of samples by distance from the query whose products these are.
    pub(crate) fn ranks<'a>(&'a self, products: &'a [f32]) -> Ranks<'a> {
        Ranks {
            half_squares: &self.half_squares,
            products,
        }
    }

    fn table(&self, rows: &[f32]) -> Result<Tensor, AnalysisError> {
        Ok(Tensor::f_from_slice(rows)?.f_reshape([-1, self.n_features() as i64])?)
    }
}

/// Half the squared distance of every sample from one query, less half the query's square, which
/// is the same for all.
pub(crate) struct Ranks<'a> {
    half_squares: &'a [f32],
    products: &'a [f32],
}

impl Ranks<'_> {
    /// How many samples other than `query` are nearer than sample `other`.
    pub(crate) fn nearer_than(&self, other: usize, query: usize) -> usize {
        let limit = self.half_squares[other] - self.products[other];
        let own = self.half_squares[query] - self.products[query];
        let nearer: u32 = vectorised(|| {
            self.half_squares
                .iter()
                .zip(self.products)
                .map(|(half, product)| u32::from(half - product < limit))
                .sum()
        });
        nearer as usize - usize::from(own < limit)
    }

    /// The `k` nearest samples, in no particular order, without sample `own`.
    pub(crate) fn smallest(&self, k: usize, own: Option<usize>) -> Vec<u32> {
        let values = |start: usize, out: &mut [f32; CHUNK]| {
            let length = CHUNK.min(self.products.len() - start);
            let pairs = self.half_squares[start..][..length]
                .iter()
                .zip(&self.products[start..][..length]);
            for (out, (half, product)) in out.iter_mut().zip(pairs) {
                // Never beyond the infinite threshold that the search begins with.
                *out = (half - product).min(f32::MAX);
            }
            length
        };
        k_smallest(self.products.len(), k, own, values)
    }
}

/// The `k` nearest other samples of every sample, from rows of their distances.
pub(crate) fn nearest_in_rows(distances: &[f32], n: usize, k: usize) -> Neighbors {
    let nearest: Vec<Vec<(u32, f32)>> = distances
        .par_chunks(n)
        .enumerate()
        .map(|(i, row)| {
            let mut nearest = k_smallest(n, k, Some(i), |start, out| {
                let length = out.len().min(n - start);
                out[..length].copy_from_slice(&row[start..][..length]);
                length
            });
            nearest.sort_unstable();
            let squared = |j: u32| row[j as usize] * row[j as usize];
            nearest.into_iter().map(|j| (j, squared(j))).collect()
        })
        .collect();
    let (indices, squared_distances) = nearest.into_iter().flatten().unzip();
    Neighbors {
        k,
        indices,
        squared_distances,
    }
}

const CHUNK: usize = 64;

/// The positions of the `k` smallest of `n` values, in no particular order, without position
/// `own`. `values` writes the values from a position on and returns how many it wrote.
///
/// One pass with a falling threshold: nearly all values fail a single comparison.
pub(crate) fn k_smallest(
    n: usize,
    k: usize,
    own: Option<usize>,
    values: impl Fn(usize, &mut [f32; CHUNK]) -> usize,
) -> Vec<u32> {
    let room = (4 * k).max(128);
    let mut best: Vec<(f32, u32)> = Vec::with_capacity(room + CHUNK);
    let mut threshold = f32::INFINITY;
    let shrink = |best: &mut Vec<(f32, u32)>| {
        best.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.truncate(k);
        best[k - 1].0
    };
    vectorised(|| {
        for start in (0..n).step_by(CHUNK) {
            let mut chunk = [f32::INFINITY; CHUNK];
            let length = values(start, &mut chunk);
            let below = chunk
                .iter()
                .fold(0_u32, |below, &value| below | u32::from(value < threshold));
            if below == 0 {
                continue;
            }
            for (offset, &value) in chunk[..length].iter().enumerate() {
                if value < threshold && Some(start + offset) != own {
                    best.push((value, (start + offset) as u32));
                }
            }
            if best.len() > room {
                threshold = shrink(&mut best);
            }
        }
    });
    if best.len() > k {
        shrink(&mut best);
    }
    best.into_iter().map(|(_, index)| index).collect()
}

/// The squared distance of two rows, or of a row from zero.
#[inline(always)]
pub(crate) fn squared_distance(row: &[f32], other: Option<&[f32]>) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let mut rest = 0.0;
    match other {
        Some(other) => {
            let (a, b) = (row.chunks_exact(LANES), other.chunks_exact(LANES));
            for (x, y) in a.remainder().iter().zip(b.remainder()) {
                rest += (x - y) * (x - y);
            }
            for (a, b) in a.zip(b) {
                for lane in 0..LANES {
                    let difference = a[lane] - b[lane];
                    sums[lane] += difference * difference;
                }
            }
        }
        None => {
            let a = row.chunks_exact(LANES);
            rest += a.remainder().iter().map(|x| x * x).sum::<f32>();
            for a in a {
                for lane in 0..LANES {
                    sums[lane] += a[lane] * a[lane];
                }
            }
        }
    }
    rest + sums.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::random::Normal;
    use crate::samples::Samples;

    #[test]
    fn neighbours_are_those_of_a_plain_search() {
        let mut normal = Normal::new(3);
        // Far from the origin, where uncentred products would cancel.
        let samples = Array2::from_shape_fn((150, 19), |_| normal.next() + 1000.0);
        let index = NeighborIndex::new(&samples.to_table().unwrap(), Metric::Euclidean).unwrap();
        let k = 7;
        let found = index.neighbors_of_all(k).unwrap();
        for i in 0..150 {
            let mut plain: Vec<(f64, u32)> = (0..150)
                .filter(|&j| j != i)
                .map(|j| {
                    let difference = &samples.row(i) - &samples.row(j);
                    (difference.dot(&difference), j as u32)
                })
                .collect();
            plain.sort_by(|a, b| a.0.total_cmp(&b.0));
            plain.truncate(k);
            plain.sort_by_key(|&(_, j)| j);
            for (slot, (squared, j)) in plain.into_iter().enumerate() {
                assert_eq!(found.indices[i * k + slot], j);
                let unscaled =
                    f64::from(found.squared_distances[i * k + slot]) / index.scale().powi(2);
                assert!((unscaled / squared - 1.0).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn samples_and_queries_at_the_ends_of_the_doubles_have_their_neighbours() {
        let mut normal = Normal::new(5);
        let samples = Array2::from_shape_fn((40, 3), |_| normal.next());
        let index = |factor: f64| {
            let table = (&samples * factor).to_table().unwrap();
            NeighborIndex::new(&table, Metric::Euclidean).unwrap()
        };
        let expected = index(1.0).neighbors_of_all(6).unwrap();
        for factor in [1e307, 1e150, 1e-200, 1e-310] {
            let found = index(factor).neighbors_of_all(6).unwrap();
            assert_eq!(found.indices, expected.indices, "{factor}");
        }
        // Far away, those samples are nearest that reach farthest in the query's direction.
        let mut order: Vec<u32> = (0..40).collect();
        order.sort_by(|&i, &j| samples[[j as usize, 0]].total_cmp(&samples[[i as usize, 0]]));
        order.truncate(4);
        order.sort_unstable();
        for (factor, far) in [
            (1.0, 1e30),
            (1.0, f64::MAX),
            (1e-310, f64::MAX),
            (1e307, f64::MAX),
        ] {
            let index = index(factor);
            let query = Array2::from_shape_fn((1, 3), |(_, j)| if j == 0 { far } else { 0.0 });
            let query = index.prepare(&query.to_table().unwrap()).unwrap();
            let found = index.neighbors_of(&query, 4).unwrap();
            assert!(found.squared_distances.iter().all(|d| d.is_finite()));
            if far / factor > 1e6 {
                assert_eq!(found.indices, order, "{factor}, {far}");
            }
        }
    }

    #[test]
    fn the_smallest_are_found_whatever_the_order() {
        let n = 1000;
        let value = |i: usize| ((i * 7919) % 1000) as f32;
        let fill = |start: usize, out: &mut [f32; CHUNK]| {
            let length = CHUNK.min(n - start);
            for (offset, out) in out[..length].iter_mut().enumerate() {
                *out = value(start + offset);
            }
            length
        };
        let mut found: Vec<f32> = k_smallest(n, 5, Some(0), fill)
            .into_iter()
            .map(|i| value(i as usize))
            .collect();
        found.sort_by(f32::total_cmp);
        // Value 0 stands at position 0, which is left out.
        assert_eq!(found, [1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
