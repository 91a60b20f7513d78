use std::collections::BTreeMap;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::samples::{dimensions, require_finite, to_array};
use crate::scores::paired;
use crate::{AnalysisError, ClassLabel, Samples};

/// How well two groupings of the same samples agree, corrected for chance (Hubert and Arabie,
/// 1985): 1 for the same groups under any names, about 0 for unrelated ones.
///
/// ```
/// let score = labbook_analysis::adjusted_rand_score(&[0, 0, 1, 1], &[7, 7, 3, 3])?;
/// assert_eq!(score, 1.0);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`] or [`AnalysisError::NoSamples`].
pub fn adjusted_rand_score<'a, 'b, T, P>(
    first: impl IntoIterator<Item = &'a T>,
    second: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let table = Contingency::new(first, second)?;
    let squares = |counts: &mut dyn Iterator<Item = f64>| counts.map(|n| n * n).sum::<f64>();
    let both = squares(&mut table.cells.values().copied());
    let first = squares(&mut table.first.values().copied());
    let second = squares(&mut table.second.values().copied());
    // Pairs of samples: together in both, in one only, in neither.
    let together = both - table.total;
    let (only_first, only_second) = (first - both, second - both);
    let apart = table.total * table.total - first - second + both;
    if only_first == 0.0 && only_second == 0.0 {
        return Ok(1.0);
    }
    let agreement = 2.0 * (together * apart - only_first * only_second);
    Ok(agreement
        / ((together + only_first) * (only_first + apart)
            + (together + only_second) * (only_second + apart)))
}

/// How much one grouping says of another, from 0 to 1: their mutual information over the mean of
/// their entropies. Not corrected for chance.
///
/// ```
/// let score = labbook_analysis::normalized_mutual_info_score(&[0, 0, 1, 1], &[0, 0, 1, 2])?;
/// assert!((score - 0.8).abs() < 1e-12);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`] or [`AnalysisError::NoSamples`].
pub fn normalized_mutual_info_score<'a, 'b, T, P>(
    first: impl IntoIterator<Item = &'a T>,
    second: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let table = Contingency::new(first, second)?;
    if table.first.len() == 1 && table.second.len() == 1 {
        return Ok(1.0);
    }
    let entropy = |counts: &BTreeMap<i128, f64>| -> f64 {
        let shares = counts.values().map(|n| n / table.total);
        shares.map(|share| -share * share.ln()).sum()
    };
    let information: f64 = table
        .cells
        .iter()
        .map(|((first, second), n)| {
            let by_chance = table.first[first] * table.second[second] / table.total;
            n / table.total * (n / by_chance).ln()
        })
        .sum();
    // Rounding leaves traces where nothing is shared.
    if information <= f64::EPSILON {
        return Ok(0.0);
    }
    Ok(information / ((entropy(&table.first) + entropy(&table.second)) / 2.0))
}

/// How much nearer samples are to their own group than to the next (Rousseeuw, 1987): the mean of
/// `(b - a) / max(a, b)` over all samples, from -1 to 1, where `a` is a sample's mean distance to
/// the others of its group and `b` that to the nearest other group. A sample alone in its group
/// counts 0.
///
/// Distances are Euclidean. Time grows with the square of the number of samples, memory does not.
///
/// ```
/// use labbook_analysis::silhouette_score;
/// use ndarray::arr2;
///
/// let points = arr2(&[[0.0], [1.0], [10.0], [11.0]]);
/// let score = silhouette_score(&points, &[0, 0, 1, 1])?;
/// assert!((score - 0.899_749).abs() < 1e-6);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::RowMismatch`], [`AnalysisError::NotFinite`], those of [`Samples::to_table`], or
/// [`AnalysisError::InvalidOption`] unless there are from 2 groups to one fewer than samples.
pub fn silhouette_score<'a, S, T>(
    samples: &S,
    labels: impl IntoIterator<Item = &'a T>,
) -> Result<f64, AnalysisError>
where
    S: Samples + ?Sized,
    T: ClassLabel + 'a,
{
    let table = samples.to_table()?;
    require_finite(&table)?;
    let labels: Vec<i128> = labels.into_iter().map(|l| l.to_i128()).collect();
    let (rows, _) = dimensions(&table);
    if labels.len() != rows {
        return Err(AnalysisError::RowMismatch {
            what: "a row of samples",
            labels: labels.len(),
            received: rows,
        });
    }
    let mut groups: BTreeMap<i128, usize> = BTreeMap::new();
    for &label in &labels {
        let next = groups.len();
        groups.entry(label).or_insert(next);
    }
    if groups.len() < 2 || groups.len() >= rows {
        return Err(AnalysisError::InvalidOption {
            option: "the number of groups",
            expected: format!("from 2 to {} (one fewer than samples)", rows.max(1) - 1),
            received: groups.len().to_string(),
        });
    }
    let group: Vec<usize> = labels.iter().map(|label| groups[label]).collect();
    let mut sizes = vec![0_usize; groups.len()];
    for &g in &group {
        sizes[g] += 1;
    }
    let points = to_array::<f64>(&table)?;
    let widths: Vec<f64> = (0..rows)
        .into_par_iter()
        .map(|row| silhouette(points.view(), row, &group, &sizes))
        .collect();
    Ok(widths.iter().sum::<f64>() / rows as f64)
}

fn silhouette(points: ArrayView2<'_, f64>, row: usize, group: &[usize], sizes: &[usize]) -> f64 {
    let own = group[row];
    if sizes[own] == 1 {
        return 0.0;
    }
    let mut sums = vec![0.0; sizes.len()];
    let here = points.row(row);
    for (there, &g) in points.rows().into_iter().zip(group) {
        let squares = here.iter().zip(there).map(|(a, b)| (a - b) * (a - b));
        sums[g] += squares.sum::<f64>().sqrt();
    }
    let within = sums[own] / (sizes[own] - 1) as f64;
    let nearest = sums
        .iter()
        .zip(sizes)
        .enumerate()
        .filter(|(g, _)| *g != own)
        .map(|(_, (sum, &size))| sum / size as f64)
        .fold(f64::INFINITY, f64::min);
    let larger = within.max(nearest);
    if larger == 0.0 {
        0.0
    } else {
        (nearest - within) / larger
    }
}

/// How many samples each pair of groups shares.
struct Contingency {
    cells: BTreeMap<(i128, i128), f64>,
    first: BTreeMap<i128, f64>,
    second: BTreeMap<i128, f64>,
    total: f64,
}

impl Contingency {
    fn new<'a, 'b, T, P>(
        first: impl IntoIterator<Item = &'a T>,
        second: impl IntoIterator<Item = &'b P>,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        P: ClassLabel + 'b,
    {
        let (first, second) = paired(first, second)?;
        let mut table = Self {
            cells: BTreeMap::new(),
            first: BTreeMap::new(),
            second: BTreeMap::new(),
            total: first.len() as f64,
        };
        for (&a, &b) in first.iter().zip(&second) {
            *table.cells.entry((a, b)).or_insert(0.0) += 1.0;
            *table.first.entry(a).or_insert(0.0) += 1.0;
            *table.second.entry(b).or_insert(0.0) += 1.0;
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn a_silhouette_needs_two_groups_and_company() {
        let points = arr2(&[[0.0], [1.0], [2.0]]);
        let error = silhouette_score(&points, &[1, 1, 1]).unwrap_err();
        assert!(error.to_string().contains("from 2 to 2"), "{error}");
        assert!(silhouette_score(&points, &[0, 1, 2]).is_err());
        assert!(silhouette_score(&points, &[0, 1]).is_err());
        assert!(silhouette_score(&arr2(&[[f64::NAN], [0.0]]), &[0, 1]).is_err());
        // All in one place: neither near nor far.
        let score = silhouette_score(&arr2(&[[1.0], [1.0], [1.0]]), &[0, 0, 1]);
        assert_eq!(score, Ok(0.0));
    }
}
