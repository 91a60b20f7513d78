use super::quantile::{quantile, sorted};

/// Most bins: a rule may want millions where most values lie close together and one far away.
pub(crate) const MOST_BINS: usize = 10_000;

/// How values are parted into the bins of a histogram.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Bins {
    /// numpy's rule "auto".
    #[default]
    Auto,
    /// Freedman and Diaconis, numpy's "fd": twice the quartiles' distance over the cube root of
    /// the number of values.
    FreedmanDiaconis,
    /// Sturges, numpy's "sturges": one more than the binary logarithm of the number of values.
    Sturges,
    /// So many bins of the same width.
    Count(usize),
    /// Bins of this width from the smallest value on.
    Width(f64),
    /// These edges, from small to large; values outside are not counted.
    Edges(Vec<f64>),
}

/// The edges of the bins, one more than there are bins, each larger than the one before.
///
/// The rules are those of numpy 2.4's `histogram_bin_edges`, which seaborn uses too; values that
/// are all whole numbers get bins of width 1 at least, as numpy gives to integers.
pub(crate) fn bin_edges(values: &[f64], bins: &Bins) -> Vec<f64> {
    let sorted = sorted(values);
    let (low, high) = outer(&sorted);
    match bins {
        Bins::Edges(edges) => edges.clone(),
        Bins::Count(count) => equal(low, high, *count),
        Bins::Width(width) => {
            let (low, high) = (sorted.first().copied().unwrap_or(low), high);
            let count = ((high - low) / width).ceil().max(1.0);
            let edges = (0..=count as usize).map(|i| low + i as f64 * width);
            strictly_rising(edges.collect())
        }
        Bins::Auto | Bins::FreedmanDiaconis | Bins::Sturges => {
            let width = match (sorted.len(), bins) {
                (0, _) => 0.0,
                (_, Bins::Auto) => auto_width(&sorted),
                (_, Bins::Sturges) => sturges_width(&sorted),
                _ => freedman_diaconis_width(&sorted),
            };
            let whole = sorted.iter().all(|value| value.fract() == 0.0);
            let width = if whole && width > 0.0 {
                width.max(1.0)
            } else {
                width
            };
            let count = match width > 0.0 && spread(&sorted) > 0.0 {
                true => ((high - low) / width).ceil(),
                false => 1.0,
            };
            equal(low, high, (count as usize).min(MOST_BINS))
        }
    }
}

/// How many of the values each bin holds; the last one holds its upper edge as well.
pub(crate) fn counts(values: &[f64], edges: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    let [first, .., last] = edges else {
        return counts;
    };
    for value in values.iter().filter(|v| (first..=last).contains(v)) {
        let above = edges.partition_point(|edge| edge <= value);
        counts[above.saturating_sub(1).min(edges.len() - 2)] += 1;
    }
    counts
}

/// The first and the last edge, apart where all values are the same.
fn outer(sorted: &[f64]) -> (f64, f64) {
    match (sorted.first(), sorted.last()) {
        (Some(&low), Some(&high)) if low < high => (low, high),
        (Some(&value), _) => {
            // Half a unit is nothing beside a very large value.
            let half = 0.5_f64.max(value.abs() * 1e-9);
            (value - half, value + half)
        }
        _ => (0.0, 1.0),
    }
}

fn spread(sorted: &[f64]) -> f64 {
    match (sorted.first(), sorted.last()) {
        (Some(low), Some(high)) => high - low,
        _ => 0.0,
    }
}

fn freedman_diaconis_width(sorted: &[f64]) -> f64 {
    let quartiles = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    2.0 * quartiles * (sorted.len() as f64).powf(-1.0 / 3.0)
}

fn sturges_width(sorted: &[f64]) -> f64 {
    spread(sorted) / ((sorted.len() as f64).log2() + 1.0)
}

/// Freedman and Diaconis's, but no more bins than twice the root of the number of values and no
/// fewer than Sturges's.
fn auto_width(sorted: &[f64]) -> f64 {
    let least = spread(sorted) / (sorted.len() as f64).sqrt() / 2.0;
    freedman_diaconis_width(sorted)
        .max(least)
        .min(sturges_width(sorted))
}

fn equal(low: f64, high: f64, count: usize) -> Vec<f64> {
    let step = (high - low) / count as f64;
    let inner = (0..count).map(|i| low + i as f64 * step);
    strictly_rising(inner.chain([high]).collect())
}

/// Without edges that rounding has made equal.
fn strictly_rising(mut edges: Vec<f64>) -> Vec<f64> {
    edges.dedup_by(|next, kept| *next <= *kept);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_range_have_one_bin_round_them() {
        assert_eq!(bin_edges(&[], &Bins::Auto), [0.0, 1.0]);
        assert_eq!(bin_edges(&[3.0; 9], &Bins::Auto), [2.5, 3.5]);
        let edges = bin_edges(&[1e300], &Bins::Auto);
        assert!(edges.len() == 2 && edges[0] < 1e300 && edges[1] > 1e300);
    }

    #[test]
    fn edges_rise_even_where_doubles_are_coarse() {
        let values = [1e16, 1e16 + 2.0, 1e16 + 4.0];
        let edges = bin_edges(&values, &Bins::Count(50));
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]), "{edges:?}");
        assert_eq!(counts(&values, &edges).iter().sum::<u64>(), 3);
    }

    #[test]
    fn a_width_begins_at_the_smallest_value_and_holds_the_largest() {
        let values = [1.0, 2.4, 3.1];
        let edges = bin_edges(&values, &Bins::Width(1.0));
        assert_eq!(edges, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(counts(&values, &edges), [1, 1, 1]);
    }

    #[test]
    fn one_value_far_away_does_not_make_millions_of_bins() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i) * 1e-3 + 0.5).collect();
        values.push(1e300);
        for bins in [Bins::Auto, Bins::FreedmanDiaconis, Bins::Sturges] {
            assert!(bin_edges(&values, &bins).len() <= MOST_BINS + 1, "{bins:?}");
        }
    }

    #[test]
    fn values_outside_given_edges_are_not_counted() {
        let edges = bin_edges(&[], &Bins::Edges(vec![0.0, 1.0, 5.0]));
        assert_eq!(counts(&[-1.0, 0.0, 0.5, 1.0, 5.0, 6.0], &edges), [2, 2]);
    }
}
