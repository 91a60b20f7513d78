use rayon::prelude::*;

use crate::neighbors::{Neighbors, squared_distance};
use crate::random::Picks;
use crate::simd::vectorised;

/// Samples of which the second nearest becomes a mid-near partner.
const CHOICE: usize = 6;

/// Partners of each sample, as many for all: sample `i` has those from `i * count` on.
pub(super) struct Pairs {
    pub(super) count: usize,
    pub(super) partners: Vec<u32>,
}

impl Pairs {
    /// The `count` samples that are nearest by the distance squared over both samples' mean
    /// distances from their fourth to sixth neighbours.
    pub(super) fn near(neighbors: &Neighbors, count: usize) -> Self {
        let k = neighbors.k;
        let spans: Vec<f32> = neighbors
            .squared_distances
            .par_chunks(k)
            .map(|squared| {
                let mut squared = squared.to_vec();
                squared.sort_unstable_by(f32::total_cmp);
                let some = &squared[3.min(k - 1)..6.min(k)];
                let sum: f32 = some.iter().map(|squared| squared.sqrt()).sum();
                (sum / some.len() as f32).max(1e-10)
            })
            .collect();
        let partners = neighbors
            .indices
            .par_chunks(k)
            .zip(neighbors.squared_distances.par_chunks(k))
            .flat_map_iter(|(near, squared)| {
                let scaled = near.iter().zip(squared);
                let mut scaled: Vec<(f32, u32)> = scaled
                    .map(|(&j, squared)| (squared / spans[j as usize], j))
                    .collect();
                scaled.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                scaled.into_iter().take(count).map(|(_, j)| j)
            })
            .collect();
        Self { count, partners }
    }

    /// Of six samples picked at random the second nearest, `count` times.
    pub(super) fn mid_near(rows: &[f32], width: usize, count: usize, seed: u64) -> Self {
        let n = rows.len() / width;
        let row = |i: usize| &rows[i * width..][..width];
        let partners = (0..n)
            .into_par_iter()
            .flat_map_iter(|i| {
                let mut picks = Picks::new(seed, 0, i);
                let mut partners: Vec<u32> = Vec::with_capacity(count);
                for _ in 0..count {
                    let mut picked = different(&mut picks, n, CHOICE, i, &partners);
                    picked.sort_by_cached_key(|&j| {
                        let apart = vectorised(|| squared_distance(row(i), Some(row(j as usize))));
                        // Distances are not negative, so their bits have their order.
                        apart.to_bits()
                    });
                    partners.push(picked[1.min(picked.len() - 1)]);
                }
                partners
            })
            .collect();
        Self { count, partners }
    }

    /// `count` samples picked at random that are no near partners.
    pub(super) fn further(near: &Self, n: usize, count: usize, seed: u64) -> Self {
        let partners = (0..n)
            .into_par_iter()
            .flat_map_iter(|i| {
                let mut picks = Picks::new(seed, 1, i);
                different(
                    &mut picks,
                    n,
                    count,
                    i,
                    &near.partners[i * near.count..][..near.count],
                )
            })
            .collect();
        Self { count, partners }
    }
}

/// Samples picked at random, all different, neither `own` nor among `without`. There must be more
/// than enough.
fn different(picks: &mut Picks, n: usize, count: usize, own: usize, without: &[u32]) -> Vec<u32> {
    let mut picked = Vec::with_capacity(count);
    while picked.len() < count {
        let j = picks.below(n as u64) as u32;
        if j as usize != own && !picked.contains(&j) && !without.contains(&j) {
            picked.push(j);
        }
    }
    picked
}

/// The partners of each sample, and those whose partner it is.
pub(super) struct Both {
    starts: Vec<usize>,
    partners: Vec<u32>,
}

impl Both {
    pub(super) fn of(pairs: &Pairs, n: usize) -> Self {
        let mut starts = vec![0; n + 1];
        for (i, &j) in pairs.partners.iter().enumerate() {
            starts[i / pairs.count + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut partners = vec![0; 2 * pairs.partners.len()];
        let mut put = |from: usize, to: u32| {
            partners[next[from]] = to;
            next[from] += 1;
        };
        for (slot, &j) in pairs.partners.iter().enumerate() {
            let i = slot / pairs.count;
            put(i, j);
            put(j as usize, i as u32);
        }
        Self { starts, partners }
    }

    pub(super) fn row(&self, i: usize) -> &[u32] {
        &self.partners[self.starts[i]..self.starts[i + 1]]
    }
}
