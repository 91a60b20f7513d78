use super::quantile::{quantile, sorted};

/// What a box plot tells of some values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoxSummary {
    pub(crate) low_quartile: f64,
    pub(crate) median: f64,
    pub(crate) high_quartile: f64,
    /// The smallest and the largest value within reach of the quartiles.
    pub(crate) whiskers: (f64, f64),
    /// Those beyond, from small to large.
    pub(crate) outliers: Vec<f64>,
}

impl BoxSummary {
    /// Quartiles, whiskers to the last value within `reach` times the quartiles' distance, and
    /// what lies beyond (J. Tukey, "Exploratory Data Analysis", 1977), as matplotlib's
    /// `boxplot_stats` has them. Nothing without values.
    pub(crate) fn new(values: &[f64], reach: f64) -> Option<Self> {
        let sorted = sorted(values);
        let [low_quartile, median, high_quartile] =
            [0.25, 0.5, 0.75].map(|share| quantile(&sorted, share));
        let arm = reach * (high_quartile - low_quartile);
        let lowest = *sorted.iter().find(|v| **v >= low_quartile - arm)?;
        let highest = *sorted.iter().rfind(|v| **v <= high_quartile + arm)?;
        // No whisker ends inside the box.
        let whiskers = (lowest.min(low_quartile), highest.max(high_quartile));
        let beyond = |value: &f64| *value < whiskers.0 || *value > whiskers.1;
        Some(Self {
            low_quartile,
            median,
            high_quartile,
            whiskers,
            outliers: sorted.into_iter().filter(beyond).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_and_equal_ones_have_a_box_without_height() {
        for values in [&[2.0][..], &[2.0; 5]] {
            let summary = BoxSummary::new(values, 1.5).unwrap();
            assert_eq!(summary.whiskers, (2.0, 2.0));
            assert_eq!(summary.median, 2.0);
            assert!(summary.outliers.is_empty());
        }
        assert_eq!(BoxSummary::new(&[], 1.5), None);
    }
}
