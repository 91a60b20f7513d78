use ndarray::Array2;
use rayon::prelude::*;

use crate::metric::Metric;
use crate::neighbors::{NeighborIndex, k_smallest};
use crate::samples::dimensions;
use crate::tsne::points_of;
use crate::{AnalysisError, ClassLabel, Samples};

/// To what extent a map keeps strangers apart, from 0 to 1: scikit-learn's `trustworthiness`.
///
/// For every point, its `k` nearest points on the map are ranked by the distances of their
/// samples; ranks beyond `k` count against the map. `samples` has shape
/// `(n_samples, n_features)`, `embedding` shape `(n_samples, 2)`.
///
/// # Errors
///
/// [`AnalysisError::InvalidOption`] unless `1 <= k < n_samples / 2` and the shapes agree,
/// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
pub fn trustworthiness(
    samples: &impl Samples,
    embedding: &Array2<f32>,
    k: usize,
) -> Result<f64, AnalysisError> {
    trustworthiness_of(samples, embedding, k, &all(embedding))
}

/// [`trustworthiness`] over some points only; their neighbours are still sought among all.
///
/// The time grows with the number of queries times the number of samples.
///
/// # Errors
///
/// Those of [`trustworthiness`], and [`AnalysisError::NoSamples`] or
/// [`AnalysisError::InvalidOption`] for queries that are none or out of range.
pub fn trustworthiness_of(
    samples: &impl Samples,
    embedding: &Array2<f32>,
    k: usize,
    queries: &[usize],
) -> Result<f64, AnalysisError> {
    let n = embedding.nrows();
    if k == 0 || k >= n.div_ceil(2) {
        return Err(AnalysisError::InvalidOption {
            option: "k",
            expected: format!("from 1 to less than half the number of samples ({n})"),
            received: k.to_string(),
        });
    }
    let compared = Compared::new(samples, embedding, k, queries)?;
    let penalties = compared.scan(|near, ranks, query| {
        near.iter()
            // The sample's own rank is 0, its nearest neighbour's is 1.
            .map(|&other| ranks.nearer_than(other as usize, query) + 1)
            .map(|rank| rank.saturating_sub(k))
            .sum::<usize>()
    })?;
    let penalty = penalties.iter().sum::<usize>() as f64;
    let (n, k, q) = (n as f64, k as f64, queries.len() as f64);
    Ok(1.0 - penalty * 2.0 / (q * k * (2.0 * n - 3.0 * k - 1.0)))
}

/// Which share of the samples' `k` nearest neighbours are neighbours on the map too, from 0 to 1.
///
/// `samples` has shape `(n_samples, n_features)`, `embedding` shape `(n_samples, 2)`.
///
/// # Errors
///
/// [`AnalysisError::InvalidOption`] unless `1 <= k < n_samples` and the shapes agree,
/// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
pub fn knn_recall(
    samples: &impl Samples,
    embedding: &Array2<f32>,
    k: usize,
) -> Result<f64, AnalysisError> {
    knn_recall_of(samples, embedding, k, &all(embedding))
}

/// [`knn_recall`] over some points only; their neighbours are still sought among all.
///
/// # Errors
///
/// Those of [`knn_recall`], and [`AnalysisError::NoSamples`] or
/// [`AnalysisError::InvalidOption`] for queries that are none or out of range.
pub fn knn_recall_of(
    samples: &impl Samples,
    embedding: &Array2<f32>,
    k: usize,
    queries: &[usize],
) -> Result<f64, AnalysisError> {
    let compared = Compared::new(samples, embedding, k, queries)?;
    let found = compared.scan(|near, ranks, query| {
        let neighbors = ranks.smallest(k, Some(query));
        near.iter().filter(|j| neighbors.contains(j)).count()
    })?;
    Ok(found.iter().sum::<usize>() as f64 / (queries.len() * k) as f64)
}

/// The share of points whose nearest point on the map has the same label, from 0 to 1.
///
/// # Errors
///
/// [`AnalysisError::RowMismatch`] unless there is one label per point,
/// [`AnalysisError::InvalidOption`] unless the embedding has shape `(n_samples, 2)`, or
/// [`AnalysisError::TooFewSamples`] below two points.
pub fn nearest_neighbor_accuracy<'a, T>(
    embedding: &Array2<f32>,
    labels: impl IntoIterator<Item = &'a T>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
{
    let labels: Vec<i128> = labels.into_iter().map(|label| label.to_i128()).collect();
    let n = embedding.nrows();
    if labels.len() != n {
        return Err(AnalysisError::RowMismatch {
            what: "a point",
            labels: labels.len(),
            received: n,
        });
    }
    let nearest = nearest_on_embedding(embedding)?;
    let hits = (0..n).filter(|&i| labels[nearest[i]] == labels[i]).count();
    Ok(hits as f64 / n as f64)
}

/// For each point of a map the index of the point nearest to it.
///
/// # Errors
///
/// [`AnalysisError::InvalidOption`] unless the embedding has shape `(n_samples, 2)`, or
/// [`AnalysisError::TooFewSamples`] below two points.
pub fn nearest_on_embedding(embedding: &Array2<f32>) -> Result<Vec<usize>, AnalysisError> {
    let n = embedding.nrows();
    if n < 2 {
        return Err(AnalysisError::TooFewSamples {
            expected: 2,
            purpose: "a nearest neighbour",
            received: n,
        });
    }
    let points = points_of(embedding, n)?;
    let nearest = |i| {
        nearest_on_map(&points, i, 1)
            .first()
            .map_or(i, |&j| j as usize)
    };
    Ok((0..n).into_par_iter().map(nearest).collect())
}

fn all(embedding: &Array2<f32>) -> Vec<usize> {
    (0..embedding.nrows()).collect()
}

/// A map beside the samples it shows.
struct Compared<'a> {
    index: NeighborIndex,
    points: Vec<[f32; 2]>,
    k: usize,
    queries: &'a [usize],
}

impl<'a> Compared<'a> {
    fn new(
        samples: &impl Samples,
        embedding: &Array2<f32>,
        k: usize,
        queries: &'a [usize],
    ) -> Result<Self, AnalysisError> {
        tch::no_grad(|| {
            let table = samples.to_table()?;
            let (n, n_features) = dimensions(&table);
            let points = points_of(embedding, n)?;
            if queries.is_empty() || n_features == 0 {
                return Err(AnalysisError::NoSamples);
            }
            if k == 0 || k >= n {
                return Err(AnalysisError::InvalidOption {
                    option: "k",
                    expected: format!("from 1 to less than the number of samples ({n})"),
                    received: k.to_string(),
                });
            }
            if let Some(beyond) = queries.iter().find(|&&query| query >= n) {
                return Err(AnalysisError::InvalidOption {
                    option: "queries",
                    expected: format!("to be positions below {n}"),
                    received: beyond.to_string(),
                });
            }
            Ok(Self {
                index: NeighborIndex::new(&table, Metric::Euclidean)?,
                points,
                k,
                queries,
            })
        })
    }

    /// Visits every query with its neighbours on the map and the order of the samples.
    fn scan<R: Send>(
        &self,
        visit: impl Fn(&[u32], crate::neighbors::Ranks<'_>, usize) -> R + Sync,
    ) -> Result<Vec<R>, AnalysisError> {
        let width = self.index.n_features();
        let rows: Vec<f32> = self
            .queries
            .iter()
            .flat_map(|&query| &self.index.rows()[query * width..][..width])
            .copied()
            .collect();
        tch::no_grad(|| {
            self.index.scan(&rows, |position, products| {
                let query = self.queries[position];
                let near = nearest_on_map(&self.points, query, self.k);
                visit(&near, self.index.ranks(products), query)
            })
        })
    }
}

/// The `k` points nearest to point `i`, in no particular order.
fn nearest_on_map(points: &[[f32; 2]], i: usize, k: usize) -> Vec<u32> {
    let [x, y] = points[i];
    k_smallest(points.len(), k, Some(i), |start, out| {
        let length = out.len().min(points.len() - start);
        for (out, [xj, yj]) in out.iter_mut().zip(&points[start..][..length]) {
            // Below the infinite threshold that a search begins with, however far.
            *out = ((x - xj) * (x - xj) + (y - yj) * (y - yj)).min(f32::MAX);
        }
        length
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Normal;

    fn plane(n: usize) -> Array2<f32> {
        let mut normal = Normal::new(2);
        Array2::from_shape_fn((n, 2), |_| normal.next() as f32)
    }

    #[test]
    fn the_samples_themselves_are_a_perfect_map() {
        let samples = plane(120);
        assert_eq!(trustworthiness(&samples, &samples, 5), Ok(1.0));
        assert_eq!(knn_recall(&samples, &samples, 10), Ok(1.0));
        let some = [3, 50, 119];
        assert_eq!(trustworthiness_of(&samples, &samples, 5, &some), Ok(1.0));
        assert_eq!(knn_recall_of(&samples, &samples, 5, &some), Ok(1.0));
    }

    #[test]
    fn a_shuffled_map_is_worth_little() {
        let samples = plane(200);
        let shuffled =
            Array2::from_shape_fn((200, 2), |(i, axis)| samples[[(i * 77 + 13) % 200, axis]]);
        let trust = trustworthiness(&samples, &shuffled, 5).unwrap();
        assert!((0.3..0.7).contains(&trust), "{trust}");
        assert!(knn_recall(&samples, &shuffled, 5).unwrap() < 0.1);
    }

    #[test]
    fn labels_are_compared_with_the_nearest_point() {
        let map = ndarray::arr2(&[[0.0_f32, 0.0], [0.1, 0.0], [5.0, 5.0], [5.2, 5.0]]);
        assert_eq!(nearest_neighbor_accuracy(&map, &[1_u8, 1, 2, 2]), Ok(1.0));
        assert_eq!(nearest_neighbor_accuracy(&map, &[1_u8, 1, 2, 3]), Ok(0.5));
    }

    #[test]
    fn bad_requests_are_named() {
        let samples = plane(10);
        let error = trustworthiness(&samples, &samples, 5).unwrap_err();
        assert!(error.to_string().contains("less than half"), "{error}");
        assert!(trustworthiness(&samples, &samples, usize::MAX).is_err());
        let error = knn_recall_of(&samples, &samples, 2, &[10]).unwrap_err();
        assert!(error.to_string().contains("positions below 10"), "{error}");
        assert!(knn_recall(&samples, &plane(9), 2).is_err());
        let mut map = plane(10);
        map[[3, 1]] = f32::NAN;
        let error = knn_recall(&samples, &map, 2).unwrap_err();
        assert!(
            error.to_string().contains("NaN in row 3, column 1"),
            "{error}"
        );
        let far = plane(10) * 1e30;
        assert_eq!(nearest_on_embedding(&far).unwrap().len(), 10);
    }
}
