use labbook_charts::{BarChart, Figure};
use labbook_tables::PermutationImportance;

use crate::error::NotebookError;
use crate::numbers::figure;
use crate::render::shown_as;
use crate::table::Table;

/// What a model's score loses without each column, as bars, the most important one first. A loss below 0,
/// which is chance, has no bar.
///
/// ```
/// use labbook_notebook::plot_importances;
/// use labbook_tables::PermutationImportance;
///
/// let importance = PermutationImportance {
///     columns: vec!["cut".to_owned(), "carat".to_owned()],
///     baseline: 0.9,
///     importances: vec![vec![0.1, 0.1], vec![0.5, 0.7]],
/// };
/// let figure = plot_importances(&importance)?;
/// assert!(figure.alt().contains("carat 0.6"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Chart`] without columns, and for numbers that are not finite.
pub fn plot_importances(importance: &PermutationImportance) -> Result<Figure, NotebookError> {
    let ranked = importance.ranked().into_iter();
    let losses = ranked.map(|(name, mean, _)| (name, mean.max(0.0)));
    let (names, means): (Vec<&str>, Vec<f64>) = losses.unzip();
    let title = "What the score loses when a column is shuffled";
    Ok(BarChart::new(title).bars(&names, &means).figure()?)
}

shown_as!(PermutationImportance => table);

fn table(importance: &PermutationImportance) -> Table {
    let repeats = importance.importances.first().map_or(0, Vec::len);
    let mut table = Table::new(["column", "importance", "std"])
        .numeric()
        .caption(format!(
            "What a score of {} loses when one column is shuffled: mean and standard deviation of {repeats} times",
            figure(importance.baseline)
        ));
    for (name, mean, deviation) in importance.ranked() {
        table.push([name, &figure(mean), &figure(deviation)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;

    #[test]
    fn the_most_important_column_comes_first() {
        let importance = PermutationImportance {
            columns: vec!["<cut>".to_owned(), "carat".to_owned()],
            baseline: 0.95,
            importances: vec![vec![0.0, 0.2], vec![0.5, 0.5]],
        };
        let text = importance.to_plain();
        assert!(
            text.contains("a score of 0.9500 loses") && text.contains("of 2 times"),
            "{text}"
        );
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let place = |row: &[&str]| rows.iter().position(|found| found == row);
        let (first, second) = (["carat", "0.5000", "0.0000"], ["<cut>", "0.1000", "0.1000"]);
        assert!(
            place(&first).is_some() && place(&first) < place(&second),
            "{text}"
        );
        assert!(importance.to_html().contains("&lt;cut&gt;"));
        let gained = PermutationImportance {
            importances: vec![vec![-0.5], vec![0.25]],
            ..importance
        };
        let figure = plot_importances(&gained).unwrap();
        assert!(figure.alt().contains("<cut> 0"), "{}", figure.alt());
        let none = PermutationImportance {
            columns: Vec::new(),
            baseline: 0.0,
            importances: Vec::new(),
        };
        assert!(plot_importances(&none).is_err());
    }
}
