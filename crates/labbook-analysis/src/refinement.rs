use rayon::prelude::*;

use crate::neighbors::{Neighbors, squared_distance};
use crate::simd::vectorised;

/// The nearest neighbours of a sample whose own nearest neighbours are looked at.
const NEAREST: usize = 12;

/// Replaces neighbours by nearer ones, which the neighbours of a sample's neighbours often are:
/// one round of what NN-descent does (Dong et al., 2011).
pub(crate) fn refine(rows: &[f32], width: usize, neighbors: &mut Neighbors) {
    let k = neighbors.k;
    let few = NEAREST.min(k);
    let nearest: Vec<u32> = neighbors
        .indices
        .par_chunks(k)
        .zip(neighbors.squared_distances.par_chunks(k))
        .flat_map_iter(|(indices, squared)| {
            let mut pairs: Vec<(f32, u32)> = by_distance(indices, squared);
            if few < k {
                pairs.select_nth_unstable_by(few - 1, |a, b| {
                    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
                });
            }
            pairs.into_iter().take(few).map(|(_, j)| j)
        })
        .collect();
    let row = |i: usize| &rows[i * width..][..width];
    neighbors
        .indices
        .par_chunks_mut(k)
        .zip(neighbors.squared_distances.par_chunks_mut(k))
        .enumerate()
        .for_each(|(i, (indices, squared))| {
            let near = &nearest[i * few..][..few];
            let mut candidates: Vec<u32> = near
                .iter()
                .flat_map(|&j| &nearest[j as usize * few..][..few])
                .copied()
                .filter(|&j| j as usize != i && indices.binary_search(&j).is_err())
                .collect();
            candidates.sort_unstable();
            candidates.dedup();
            let furthest = squared.iter().copied().fold(0.0, f32::max);
            let mut found: Vec<(f32, u32)> = candidates
                .into_iter()
                .map(|j| {
                    let apart = vectorised(|| squared_distance(row(i), Some(row(j as usize))));
                    (apart, j)
                })
                .filter(|&(apart, _)| apart < furthest)
                .collect();
            if found.is_empty() {
                return;
            }
            found.extend(by_distance(indices, squared));
            found.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.truncate(k);
            found.sort_unstable_by_key(|&(_, j)| j);
            for (slot, (apart, j)) in found.into_iter().enumerate() {
                (indices[slot], squared[slot]) = (j, apart);
            }
        });
}

fn by_distance(indices: &[u32], squared: &[f32]) -> Vec<(f32, u32)> {
    squared
        .iter()
        .copied()
        .zip(indices.iter().copied())
        .collect()
}
