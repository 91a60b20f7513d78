use std::fmt;

/// How a figure varies over the seeds of one training.
///
/// Shows itself with as many digits as asked for, or two: `90.91 ± 0.12 (90.79 to 91.02)`, of a
/// single value `90.91`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many values there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation as of a sample, with `count - 1` in the denominator; `None` of a
    /// single value.
    pub deviation: Option<f64>,
    /// The smallest of them.
    pub lowest: f64,
    /// The largest of them.
    pub highest: f64,
}

impl Spread {
    /// The spread of these values; `None` if there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let lowest = values.iter().copied().reduce(f64::min)?;
        let highest = values.iter().copied().reduce(f64::max)?;
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            count,
            mean,
            deviation: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            lowest,
            highest,
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$}", self.mean)?;
        match self.deviation {
            Some(deviation) => write!(
                f,
                " ± {deviation:.digits$} ({:.digits$} to {:.digits$})",
                self.lowest, self.highest
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_figures_worked_out_by_hand() {
        let spread = Spread::of(&[3.0, 1.0, 5.0, 7.0]).unwrap();
        assert_eq!((spread.count, spread.mean), (4, 4.0));
        assert_eq!((spread.lowest, spread.highest), (1.0, 7.0));
        // 1 + 9 + 1 + 9 over 3.
        assert!((spread.deviation.unwrap().powi(2) - 20.0 / 3.0).abs() < 1e-12);
        assert_eq!(format!("{spread:.1}"), "4.0 ± 2.6 (1.0 to 7.0)");
    }

    #[test]
    fn one_value_has_no_deviation_and_none_have_no_spread() {
        let spread = Spread::of(&[0.25]).unwrap();
        assert_eq!(
            (spread.deviation, spread.to_string()),
            (None, "0.25".to_owned())
        );
        assert_eq!(Spread::of(&[]), None);
    }
}
