//! Regression trees over the unit cube, and the variance that each axis causes.

use labbook_data::Rng;

/// As many as Optuna takes.
const TREES: u64 = 64;
/// Places of the cube at which the forest's variance is measured.
const PLACES: u64 = 4096;
/// A tree of so many levels tells any two of a billion samples apart.
const DEEPEST: usize = 30;

/// What was seen at a place of the unit cube.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) places: Vec<f64>,
    pub(super) value: f64,
}

/// A part of the cube with one value.
#[derive(Clone, Debug, PartialEq)]
struct Leaf {
    /// From where to where along each axis.
    sides: Vec<(f64, f64)>,
    value: f64,
}

/// A tree, or what is below one of its cuts.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Leaf(f64),
    Cut {
        axis: usize,
        at: f64,
        /// What is at most `at` along the axis, and what is more.
        parts: Box<[Node; 2]>,
    },
}

/// The shares of the variance that each axis causes alone, and that of all of them only together, of what trees say
/// on average, each grown from a sample of the samples. `None` where there is no variance.
///
/// The steps of a single tree look like effects of several axes at once; in the mean over the trees they even out.
pub(super) fn explained(samples: &[Sample], axes: usize) -> Option<(Vec<f64>, f64)> {
    let (mut leaves, mut roots) = (Vec::new(), Vec::new());
    for tree in 0..TREES {
        let mut rng = Rng::keyed(&[tree, samples.len() as u64]);
        let drawn = samples.iter().map(|_| &samples[rng.below(samples.len())]);
        roots.push(grow(&mut drawn.collect::<Vec<_>>(), axes, &mut leaves));
    }
    // A tree's part of the mean.
    for leaf in &mut leaves {
        leaf.value /= TREES as f64;
    }
    let mean: f64 = leaves.iter().map(|leaf| leaf.volume() * leaf.value).sum();
    let variance = variance(&roots, axes, mean);
    // A figure that never changes leaves nothing but rounding.
    if variance <= 1e-24 * mean * mean || variance == 0.0 {
        return None;
    }
    let shares: Vec<f64> = (0..axes)
        .map(|axis| marginal_variance(&leaves, axis, mean) / variance)
        .collect();
    let together = (1.0 - shares.iter().sum::<f64>()).max(0.0);
    Some((shares, together))
}

/// The variance of what trees say on average, over places drawn from the cube.
fn variance(roots: &[Node], axes: usize, mean: f64) -> f64 {
    let square = |place: u64| {
        let mut rng = Rng::keyed(&[place, axes as u64]);
        let place: Vec<f64> = (0..axes).map(|_| f64::from(rng.unit())).collect();
        let said = roots.iter().map(|root| root.value(&place)).sum::<f64>();
        (said / roots.len() as f64 - mean).powi(2)
    };
    (0..PLACES).map(square).sum::<f64>() / PLACES as f64
}

/// A tree that fits samples as well as it can, cut by cut; adds its leaves to others.
fn grow(samples: &mut [&Sample], axes: usize, leaves: &mut Vec<Leaf>) -> Node {
    split(samples, vec![(0.0, 1.0); axes], DEEPEST, leaves)
}

fn split(
    samples: &mut [&Sample],
    sides: Vec<(f64, f64)>,
    levels: usize,
    leaves: &mut Vec<Leaf>,
) -> Node {
    let cut = if levels == 0 { None } else { best_cut(samples) };
    let Some((axis, at)) = cut else {
        let value = samples.iter().map(|sample| sample.value).sum::<f64>() / samples.len() as f64;
        leaves.push(Leaf { sides, value });
        return Node::Leaf(value);
    };
    samples.sort_by(|a, b| a.places[axis].total_cmp(&b.places[axis]));
    let below = samples.partition_point(|sample| sample.places[axis] <= at);
    let (low, high) = samples.split_at_mut(below);
    let (mut lower, mut upper) = (sides.clone(), sides);
    lower[axis].1 = at;
    upper[axis].0 = at;
    let parts = [
        split(low, lower, levels - 1, leaves),
        split(high, upper, levels - 1, leaves),
    ];
    Node::Cut {
        axis,
        at,
        parts: Box::new(parts),
    }
}

/// The cut that leaves the least squared error: axis and place.
fn best_cut(samples: &[&Sample]) -> Option<(usize, f64)> {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|sample| sample.value).sum::<f64>() / count;
    let mut best: Option<(f64, usize, f64)> = None;
    let mut order = samples.to_vec();
    for axis in 0..samples.first()?.places.len() {
        order.sort_by(|a, b| a.places[axis].total_cmp(&b.places[axis]));
        let (mut below, mut sum) = (0.0, 0.0);
        for pair in order.windows(2) {
            below += 1.0;
            sum += pair[0].value - mean;
            let (place, next) = (pair[0].places[axis], pair[1].places[axis]);
            if place == next {
                continue;
            }
            // How much the squared error falls: what both sides' means take of it.
            let gain = sum * sum * (1.0 / below + 1.0 / (count - below));
            if gain > best.map_or(0.0, |(gain, _, _)| gain) {
                best = Some((gain, axis, place.midpoint(next)));
            }
        }
    }
    best.map(|(_, axis, at)| (axis, at))
}

/// The variance along one axis of the sum of leaves, averaged over all other axes.
fn marginal_variance(leaves: &[Leaf], axis: usize, mean: f64) -> f64 {
    let mut steps: Vec<(f64, f64)> = Vec::with_capacity(2 * leaves.len());
    for leaf in leaves {
        let (start, end) = leaf.sides[axis];
        let height = leaf.value * leaf.volume() / (end - start);
        steps.extend([(start, height), (end, -height)]);
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut variance, mut height) = (0.0, -mean);
    for pair in steps.windows(2) {
        height += pair[0].1;
        variance += height * height * (pair[1].0 - pair[0].0);
    }
    variance
}

impl Leaf {
    fn volume(&self) -> f64 {
        self.sides.iter().map(|(start, end)| end - start).product()
    }
}

impl Node {
    /// What the tree says of a place.
    fn value(&self, place: &[f64]) -> f64 {
        match self {
            Self::Leaf(value) => *value,
            Self::Cut { axis, at, parts } => {
                let [low, high] = &**parts;
                match place[*axis] <= *at {
                    true => low.value(place),
                    false => high.value(place),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn samples(count: usize, axes: usize, of: impl Fn(&[f64]) -> f64) -> Vec<Sample> {
        let mut rng = Rng::new(5);
        let mut sample = |_| {
            let places: Vec<f64> = (0..axes).map(|_| f64::from(rng.unit())).collect();
            let value = of(&places);
            Sample { places, value }
        };
        (0..count).map(&mut sample).collect()
    }

    /// Ishigami and Homma's function, whose shares are known: 0.3139, 0.4424 and 0, and 0.2437 together.
    #[test]
    fn shares_are_near_those_of_a_function_that_are_known() {
        let angle = |place: f64| PI * (2.0 * place - 1.0);
        let samples = samples(4000, 3, |x| {
            let [a, b, c] = [0, 1, 2].map(|axis| angle(x[axis]));
            a.sin() + 7.0 * b.sin().powi(2) + 0.1 * c.powi(4) * a.sin()
        });
        let (shares, together) = explained(&samples, 3).unwrap();
        for (share, known) in shares.iter().zip([0.3139, 0.4424, 0.0]) {
            assert!((share - known).abs() < 0.08, "{shares:?}");
        }
        assert!((together - 0.2437).abs() < 0.12, "{together}");
        let sum = shares.iter().sum::<f64>() + together;
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_tree_fits_steps_exactly_and_their_variance_is_counted_by_hand() {
        // 1 in the upper quarter of the first axis, else 0; the second does nothing.
        let all: Vec<Sample> = (0..64)
            .map(|i| {
                let places = vec![
                    (f64::from(i % 8) + 0.5) / 8.0,
                    (f64::from(i / 8) + 0.5) / 8.0,
                ];
                let value = f64::from(u8::from(places[0] > 0.75));
                Sample { places, value }
            })
            .collect();
        let mut leaves = Vec::new();
        let root = grow(&mut all.iter().collect::<Vec<_>>(), 2, &mut leaves);
        assert_eq!(
            (root.value(&[0.7, 0.1]), root.value(&[0.8, 0.1])),
            (0.0, 1.0)
        );
        assert_eq!(leaves.len(), 2);
        let mean: f64 = leaves.iter().map(|leaf| leaf.volume() * leaf.value).sum();
        assert_eq!(mean, 0.25);
        assert_eq!(marginal_variance(&leaves, 0, mean), 0.25 * 0.75);
        assert_eq!(marginal_variance(&leaves, 1, mean), 0.0);
    }

    #[test]
    fn where_nothing_changes_nothing_is_explained() {
        assert_eq!(explained(&samples(20, 2, |_| 3.5), 2), None);
    }
}
