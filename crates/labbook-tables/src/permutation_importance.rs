use std::error::Error;
use std::fmt;

use labbook_data::Rows;
use polars::frame::DataFrame;

use crate::TableError;
use crate::random::Random;

/// How much worse a model becomes when the values of one column change places among the rows: what
/// the model owes to that column. From [`permutation_importance`].
///
/// ```
/// use labbook_tables::permutation_importance;
/// use polars::df;
///
/// let rows = df!("size" => [1.0, 2.0, 3.0, 4.0], "noise" => [4.0, 1.0, 3.0, 2.0])?;
/// let importance = permutation_importance(&rows, &["size", "noise"], 5, 0, |rows| {
///     let sizes = rows.column("size")?.f64()?.to_vec();
///     let right = sizes.iter().zip([1.0, 2.0, 3.0, 4.0]).filter(|(a, b)| **a == Some(*b));
///     Ok(right.count() as f64 / 4.0)
/// })?;
/// assert_eq!(importance.columns, ["size", "noise"]);
/// assert!(importance.importances_mean()[0] > 0.0);
/// assert_eq!(importance.importances_mean()[1], 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PermutationImportance {
    /// The columns, in the order in which they were named.
    pub columns: Vec<String>,
    /// The score of the rows as they are.
    pub baseline: f64,
    /// What the score lost in each repetition, for each column; below 0 where it gained.
    pub importances: Vec<Vec<f64>>,
}

impl PermutationImportance {
    /// The mean loss of score of each column, in the score's unit.
    #[must_use]
    pub fn importances_mean(&self) -> Vec<f64> {
        self.importances.iter().map(|losses| mean(losses)).collect()
    }

    /// The standard deviation of each column's losses (divided by their number, as NumPy's).
    #[must_use]
    pub fn importances_std(&self) -> Vec<f64> {
        let of = |losses: &Vec<f64>| {
            let middle = mean(losses);
            let squares: Vec<f64> = losses.iter().map(|loss| (loss - middle).powi(2)).collect();
            mean(&squares).sqrt()
        };
        self.importances.iter().map(of).collect()
    }

    /// Columns with mean and deviation of their losses, the most important first.
    #[must_use]
    pub fn ranked(&self) -> Vec<(&str, f64, f64)> {
        let figures = self
            .importances_mean()
            .into_iter()
            .zip(self.importances_std());
        let named = self.columns.iter().zip(figures);
        let mut ranked: Vec<(&str, f64, f64)> = named
            .map(|(name, (mean, deviation))| (name.as_str(), mean, deviation))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

impl fmt::Display for PermutationImportance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A negative error of 0 is no less than 0.
        write!(f, "score {:.4}; lost without", self.baseline + 0.0)?;
        for (place, (name, mean, deviation)) in self.ranked().into_iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} {name} {mean:.4} ± {deviation:.4}")?;
        }
        Ok(())
    }
}

/// Shuffles one column after the other, `n_repeats` times each, and asks `score` what that costs:
/// scikit-learn's function of this name (L. Breiman, "Random Forests", 2001).
///
/// `score` is the larger the better, such as an accuracy; of an error give the negative. It sees
/// the rows with one column shuffled, of which a recipe makes what the model takes, so that a
/// category counts as one whatever it becomes. Take rows that the model did not learn from. Columns
/// that tell the same share their importance, since either can stand in for the other.
///
/// # Errors
/// [`TableError::Column`] for a column that is missing, [`TableError::Importance`] for no columns,
/// no rows or no repetitions, a score that is NaN or infinite, and what `score` itself fails with.
pub fn permutation_importance<S: AsRef<str>>(
    rows: &DataFrame,
    columns: &[S],
    n_repeats: usize,
    seed: u64,
    mut score: impl FnMut(&DataFrame) -> Result<f64, Box<dyn Error + Send + Sync>>,
) -> Result<PermutationImportance, TableError> {
    for (what, count) in [
        ("column", columns.len()),
        ("row", rows.height()),
        ("repetition", n_repeats),
    ] {
        if count == 0 {
            return Err(importance(format!("at least one {what}"), "none"));
        }
    }
    let mut judged = |rows: &DataFrame, column: &str| {
        let score = score(rows)
            .map_err(|error| importance(format!("a score {column}"), error.to_string()))?;
        match score.is_finite() {
            true => Ok(score),
            false => Err(importance(format!("a finite score {column}"), score)),
        }
    };
    let baseline = judged(rows, "of the rows as they are")?;
    let mut random = Random::new(seed);
    let mut importances = Vec::with_capacity(columns.len());
    for column in columns {
        let column = column.as_ref();
        let values = rows.select([column]).map_err(|_| {
            let names = rows.get_column_names();
            let names: Vec<&str> = names.into_iter().map(|name| name.as_str()).collect();
            let advice = "name columns of the rows";
            TableError::column(column, "one of the rows' columns", names.join(", "), advice)
        })?;
        let mut lost = Vec::with_capacity(n_repeats);
        for _ in 0..n_repeats {
            let mut order: Vec<usize> = (0..rows.height()).collect();
            random.shuffle(&mut order);
            let shuffled = values.pick(&order)?;
            let mut changed = rows.clone();
            changed.with_column(shuffled.column(column)?.clone())?;
            lost.push(baseline - judged(&changed, &format!("with {column} shuffled"))?);
        }
        importances.push(lost);
    }
    Ok(PermutationImportance {
        columns: columns
            .iter()
            .map(|name| name.as_ref().to_owned())
            .collect(),
        baseline,
        importances,
    })
}

fn importance(expected: impl ToString, received: impl ToString) -> TableError {
    TableError::Importance {
        expected: expected.to_string(),
        received: received.to_string(),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    /// The negative mean error of "a + 2 b" as a prediction of what it is for these rows.
    fn rows() -> (DataFrame, Vec<f64>) {
        let a: Vec<f64> = (0..40).map(f64::from).collect();
        let b: Vec<f64> = (0..40).map(|row| f64::from(row * 7 % 40)).collect();
        let y = a.iter().zip(&b).map(|(a, b)| a + 2.0 * b).collect();
        let text: Vec<&str> = (0..40).map(|row| ["x", "y"][row % 2]).collect();
        (df!("a" => a, "b" => b, "text" => text).unwrap(), y)
    }

    fn score(rows: &DataFrame, y: &[f64]) -> Result<f64, Box<dyn Error + Send + Sync>> {
        let column = |name: &str| -> Result<Vec<f64>, polars::error::PolarsError> {
            Ok(rows
                .column(name)?
                .f64()?
                .to_vec()
                .into_iter()
                .flatten()
                .collect())
        };
        let (a, b) = (column("a")?, column("b")?);
        let errors = a
            .iter()
            .zip(&b)
            .zip(y)
            .map(|((a, b), y)| (a + 2.0 * b - y).abs());
        Ok(-errors.sum::<f64>() / y.len() as f64)
    }

    #[test]
    fn what_counts_double_is_twice_as_important_and_the_rest_not_at_all() {
        let (rows, y) = rows();
        let columns = ["a", "b", "text"];
        let of =
            |seed| permutation_importance(&rows, &columns, 20, seed, |r| score(r, &y)).unwrap();
        let found = of(3);
        let means = found.importances_mean();
        let ratio = means[1] / means[0];
        assert!((1.7..2.3).contains(&ratio), "{found}");
        assert_eq!((means[2], found.importances_std()[2]), (0.0, 0.0));
        assert_eq!(found.baseline, 0.0);
        assert_eq!(found.importances[0].len(), 20);
        assert_eq!(found.ranked()[0].0, "b");
        assert!(
            found
                .to_string()
                .starts_with("score 0.0000; lost without b"),
            "{found}"
        );
        assert_eq!(of(3), found);
        assert_ne!(of(4), found);
    }

    #[test]
    fn the_rows_stay_and_mistakes_are_told() {
        let (rows, y) = rows();
        let before = rows.clone();
        permutation_importance(&rows, &["a"], 1, 0, |r| score(r, &y)).unwrap();
        assert!(rows.equals(&before));
        let told = |columns: &[&str], repeats, value: f64| {
            let found = permutation_importance(&rows, columns, repeats, 0, |_| Ok(value));
            found.unwrap_err().to_string()
        };
        assert!(told(&["q"], 1, 0.0).contains("a, b, text"));
        assert!(told(&[], 1, 0.0).contains("at least one column"));
        assert!(told(&["a"], 0, 0.0).contains("at least one repetition"));
        assert!(told(&["a"], 1, f64::NAN).contains("NaN"));
        let failed = permutation_importance(&rows, &["a"], 1, 0, |_| Err("no model".into()));
        assert!(failed.unwrap_err().to_string().contains("no model"));
    }
}
