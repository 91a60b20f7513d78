//! Where the boxes of a graph stand: in ranks from top to bottom, with few crossings.

use std::collections::BTreeSet;

/// Space between neighbours of one rank, in CSS pixels: two boxes, a box and a line, two lines.
const BOXES: f64 = 32.0;
const BOX_AND_LINE: f64 = 20.0;
const LINES: f64 = 16.0;
/// How often the order within the ranks and the places are improved, downwards and upwards.
const SWEEPS: usize = 12;

/// A box, or a bend of a line that passes a rank.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) rank: usize,
    /// Middle, in CSS pixels.
    pub(crate) x: f64,
}

/// A piece of an arrow from one rank to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) upper: usize,
    pub(crate) lower: usize,
    /// Whether the arrow points upwards, as one that closes a cycle does.
    pub(crate) back: bool,
}

/// The places, the first `n` of which are the boxes.
#[derive(Debug)]
pub(crate) struct LayeredLayout {
    pub(crate) boxes: usize,
    pub(crate) places: Vec<Place>,
    pub(crate) links: Vec<Link>,
    pub(crate) ranks: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl LayeredLayout {
    /// Lays out `n` boxes `width` wide and the arrows `edges` between them, none of which is
    /// from a box to itself. `None` if that takes more than `most` places.
    pub(crate) fn new(n: usize, edges: &[(usize, usize)], width: f64, most: usize) -> Option<Self> {
        let (order, edges) = without_cycles(n, edges);
        let ranks = ranks_of(&order, &edges);
        let mut layout = Self {
            boxes: n,
            places: ranks.iter().map(|&rank| Place { rank, x: 0.0 }).collect(),
            links: Vec::new(),
            ranks: Vec::new(),
            above: Vec::new(),
            below: Vec::new(),
        };
        layout.connect(&edges, most)?;
        layout.order();
        layout.place(width);
        Some(layout)
    }

    /// Makes a bend in each rank that an arrow passes; the arrows from one box share them.
    fn connect(&mut self, edges: &[(usize, usize, bool)], most: usize) -> Option<()> {
        // The bends below each box, for its arrows downwards.
        let mut trunks: Vec<Vec<usize>> = vec![Vec::new(); self.boxes];
        for &(from, to, back) in edges {
            let mut own = Vec::new();
            let trunk = if back { &mut own } else { &mut trunks[from] };
            let steps = self.places[to].rank - self.places[from].rank - 1;
            while trunk.len() < steps {
                if self.places.len() >= most {
                    return None;
                }
                let upper = trunk.last().copied().unwrap_or(from);
                let lower = self.places.len();
                let rank = self.places[upper].rank + 1;
                self.places.push(Place { rank, x: 0.0 });
                self.links.push(Link { upper, lower, back });
                trunk.push(lower);
            }
            let upper = match steps {
                0 => from,
                steps => trunk[steps - 1],
            };
            let lower = to;
            self.links.push(Link { upper, lower, back });
        }
        let last = self.places.iter().map(|place| place.rank).max();
        self.ranks = vec![Vec::new(); last.map_or(0, |last| last + 1)];
        for (index, place) in self.places.iter().enumerate() {
            self.ranks[place.rank].push(index);
        }
        self.above = vec![Vec::new(); self.places.len()];
        self.below = vec![Vec::new(); self.places.len()];
        for link in &self.links {
            self.above[link.lower].push(link.upper);
            self.below[link.upper].push(link.lower);
        }
        Some(())
    }

    /// Sorts each rank by the mean position of the neighbours and keeps the best order found.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.ranks.clone());
        for sweep in 0..2 * SWEEPS {
            if best.0 == 0 {
                break;
            }
            let down = sweep % 2 == 0;
            let mut position = self.positions();
            let count = self.ranks.len();
            for step in 1..count {
                let rank = if down { step } else { count - 1 - step };
                let neighbours = if down { &self.above } else { &self.below };
                let key = |place: usize| {
                    let near = &neighbours[place];
                    let sum: usize = near.iter().map(|&other| position[other]).sum();
                    match near.len() {
                        0 => position[place] as f64,
                        n => sum as f64 / n as f64,
                    }
                };
                let mut sorted: Vec<(f64, usize)> = self.ranks[rank]
                    .iter()
                    .map(|&place| (key(place), place))
                    .collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.ranks[rank] = sorted.into_iter().map(|(_, place)| place).collect();
                for (index, &place) in self.ranks[rank].iter().enumerate() {
                    position[place] = index;
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.ranks.clone());
            }
        }
        self.ranks = best.1;
    }

    fn positions(&self) -> Vec<usize> {
        let mut position = vec![0; self.places.len()];
        for rank in &self.ranks {
            for (index, &place) in rank.iter().enumerate() {
                position[place] = index;
            }
        }
        position
    }

    /// How many pairs of links cross.
    pub(crate) fn crossings(&self) -> usize {
        let position = self.positions();
        let mut total = 0;
        for (rank, places) in self.ranks.iter().enumerate().skip(1) {
            // Ends in the order of the starts; every inversion is a crossing, counted by a
            // Fenwick tree.
            let mut seen = vec![0_usize; places.len() + 1];
            let mut count = 0;
            for &upper in &self.ranks[rank - 1] {
                let mut ends: Vec<usize> = self.below[upper]
                    .iter()
                    .map(|&lower| position[lower])
                    .collect();
                ends.sort_unstable();
                for &end in &ends {
                    let (mut index, mut before) = (end + 1, 0);
                    while index > 0 {
                        before += seen[index];
                        index &= index - 1;
                    }
                    total += count - before;
                }
                for &end in &ends {
                    let mut index = end + 1;
                    while index < seen.len() {
                        seen[index] += 1;
                        index += index & index.wrapping_neg();
                    }
                    count += 1;
                }
            }
        }
        total
    }

    /// Moves every place towards its neighbours as far as the space between places allows.
    fn place(&mut self, width: f64) {
        for rank in 0..self.ranks.len() {
            let offsets = self.offsets(rank, width);
            let middle = offsets.last().copied().unwrap_or(0.0) / 2.0;
            for (&place, offset) in self.ranks[rank].iter().zip(&offsets) {
                self.places[place].x = offset - middle;
            }
        }
        let count = self.ranks.len();
        for sweep in 0..=2 * SWEEPS {
            let down = sweep % 2 == 0;
            for step in 1..count {
                let rank = if down { step } else { count - 1 - step };
                let offsets = self.offsets(rank, width);
                let neighbours = if down { &self.above } else { &self.below };
                let wanted: Vec<(f64, f64)> = self.ranks[rank]
                    .iter()
                    .map(|&place| {
                        // A line makes way for a box.
                        let weight = if place < self.boxes { 1.0 } else { 1e-6 };
                        (self.middle_of(place, &neighbours[place]), weight)
                    })
                    .collect();
                let places = apart(&wanted, &offsets);
                for (&place, x) in self.ranks[rank].iter().zip(places) {
                    self.places[place].x = x;
                }
            }
        }
    }

    /// The weighted median of the neighbours' places: boxes stand below boxes and lines run
    /// straight before a line leads straight to a box.
    fn middle_of(&self, place: usize, neighbours: &[usize]) -> f64 {
        let is_box = place < self.boxes;
        let mut near: Vec<(f64, f64)> = neighbours
            .iter()
            .map(|&other| {
                let alike = (other < self.boxes) == is_box;
                (self.places[other].x, if alike { 8.0 } else { 1.0 })
            })
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half: f64 = near.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
        let mut sum = 0.0;
        for (index, &(x, weight)) in near.iter().enumerate() {
            sum += weight;
            if sum > half {
                return x;
            }
            if sum == half {
                let next = near.get(index + 1).map_or(x, |next| next.0);
                return x.midpoint(next);
            }
        }
        self.places[place].x
    }

    /// The least distances of a rank's places from its first one.
    fn offsets(&self, rank: usize, width: f64) -> Vec<f64> {
        let mut offset = 0.0;
        let mut previous: Option<bool> = None;
        let mut offsets = Vec::with_capacity(self.ranks[rank].len());
        for &place in &self.ranks[rank] {
            let is_box = place < self.boxes;
            offset += match (previous, is_box) {
                (None, _) => 0.0,
                (Some(true), true) => width + BOXES,
                (Some(false), false) => LINES,
                _ => width / 2.0 + BOX_AND_LINE,
            };
            offsets.push(offset);
            previous = Some(is_box);
        }
        offsets
    }
}

/// The places nearest to those wanted, in the sense of weighted least squares, that are as far
/// apart as the offsets: pools neighbours that want to pass each other.
pub(crate) fn apart(wanted: &[(f64, f64)], offsets: &[f64]) -> Vec<f64> {
    // Sum of the weights, weighted mean and number of each pool.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (&(x, weight), offset) in wanted.iter().zip(offsets) {
        let mut pool = (weight, x - offset, 1);
        while let Some(&(weight, mean, count)) = pools.last()
            && mean > pool.1
        {
            let sum = weight + pool.0;
            let mean = (weight * mean + pool.0 * pool.1) / sum;
            pool = (sum, mean, count + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools
        .iter()
        .flat_map(|&(_, mean, count)| std::iter::repeat_n(mean, count));
    means
        .zip(offsets)
        .map(|(mean, offset)| mean + offset)
        .collect()
}

/// An order in which, as far as possible, every box comes after those that it takes from; the
/// edges in this order, and whether each had to be turned round for that.
fn without_cycles(n: usize, edges: &[(usize, usize)]) -> (Vec<usize>, Vec<(usize, usize, bool)>) {
    let mut waiting = vec![0_usize; n];
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); n];
    for &(from, to) in edges {
        waiting[to] += 1;
        below[from].push(to);
    }
    let mut remaining: BTreeSet<usize> = (0..n).collect();
    let mut ready: BTreeSet<usize> = (0..n).filter(|&node| waiting[node] == 0).collect();
    let mut order = Vec::with_capacity(n);
    let mut position = vec![0; n];
    // Where all that remain wait for each other, the first begins.
    while let Some(node) = ready.pop_first().or_else(|| remaining.first().copied()) {
        remaining.remove(&node);
        position[node] = order.len();
        order.push(node);
        for &to in &below[node] {
            waiting[to] -= 1;
            if waiting[to] == 0 && remaining.contains(&to) {
                ready.insert(to);
            }
        }
    }
    let turned = edges
        .iter()
        .map(|&(from, to)| match position[from] < position[to] {
            true => (from, to, false),
            false => (to, from, true),
        });
    (order, turned.collect())
}

/// The longest way from above to each box; what nothing leads to stands just above what it
/// leads to.
fn ranks_of(order: &[usize], edges: &[(usize, usize, bool)]) -> Vec<usize> {
    let n = order.len();
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut is_start = vec![true; n];
    for &(from, to, _) in edges {
        below[from].push(to);
        is_start[to] = false;
    }
    let mut ranks = vec![0; n];
    for &node in order {
        for &to in &below[node] {
            ranks[to] = ranks[to].max(ranks[node] + 1);
        }
    }
    for node in (0..n).filter(|&node| is_start[node]) {
        if let Some(next) = below[node].iter().map(|&to| ranks[to]).min() {
            ranks[node] = next - 1;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(n: usize, edges: &[(usize, usize)]) -> LayeredLayout {
        LayeredLayout::new(n, edges, 100.0, 1000).unwrap()
    }

    #[test]
    fn a_chain_stands_straight_with_a_skip_beside_it() {
        let layout = layout(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        let x: Vec<f64> = layout.places.iter().map(|place| place.x).collect();
        assert!(
            x[..4].iter().all(|x| (x - layout.places[0].x).abs() < 0.01),
            "{x:?}"
        );
        // Two bends, clear of the boxes and below each other.
        assert_eq!(x.len(), 6);
        assert!(
            (x[4] - x[0]).abs() > 60.0 && (x[4] - x[5]).abs() < 0.01,
            "{x:?}"
        );
    }

    #[test]
    fn crossings_that_can_be_avoided_are_avoided() {
        let edges = [(0, 3), (1, 2), (2, 5), (3, 4)];
        assert_eq!(layout(6, &edges).crossings(), 0);
        let complete = [(0, 2), (0, 3), (1, 2), (1, 3)];
        assert_eq!(layout(4, &complete).crossings(), 1);
    }

    #[test]
    fn places_of_one_rank_never_overlap() {
        let edges: Vec<(usize, usize)> = (1..40)
            .map(|node| (node * node % node.min(7), node))
            .collect();
        let layout = layout(40, &edges);
        for rank in &layout.ranks {
            for pair in rank.windows(2) {
                let [a, b] = [pair[0], pair[1]].map(|place| layout.places[place].x);
                let boxes = pair.iter().filter(|&&place| place < 40).count();
                let least = [LINES, 70.0, 132.0][boxes] - 0.01;
                assert!(b - a >= least, "{a} and {b} with {boxes} boxes");
            }
        }
    }

    #[test]
    fn a_cycle_is_an_arrow_upwards() {
        let layout = layout(3, &[(0, 1), (1, 2), (2, 1)]);
        let back: Vec<&Link> = layout.links.iter().filter(|link| link.back).collect();
        assert_eq!(back.len(), 1);
        assert_eq!((back[0].upper, back[0].lower), (1, 2));
    }

    #[test]
    fn too_many_bends_are_not_laid_out() {
        let all: Vec<(usize, usize)> = (0..60)
            .flat_map(|to| (0..to).map(move |from| (from, to)))
            .collect();
        assert!(LayeredLayout::new(60, &all, 100.0, 1000).is_none());
    }
}
