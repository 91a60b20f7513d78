use ndarray::{Array2, ArrayView2};

use crate::bitmap::Canvas;
use crate::color_map::ColorMap;
use crate::draw::render;
use crate::ink::{Label, MARGIN, Pen};
use crate::names::owned;
use crate::{ChartError, Figure};

/// Side of a cell and the space between two, in CSS pixels.
const CELL: f64 = 26.0;
const GAP: f64 = 1.0;
/// Space between cells and names, in CSS pixels.
const NAME_GAP: f64 = 8.0;
/// Longest name, in CSS pixels.
const LONGEST_NAME: f64 = 130.0;

/// How much each step of a sequence looks at each other one: a row for each step that looks, a column
/// for each that is looked at, with their names; the darker, the more.
///
/// Scores are shares of 1, as `attention_scores` gives them for one head.
///
/// ```
/// use labbook_charts::AttentionMap;
/// use ndarray::array;
///
/// let words = ["gold", "falls"];
/// let figure = AttentionMap::new(&array![[0.9, 0.1], [0.6, 0.4]], words, words).figure()?;
/// assert!(figure.alt().contains("falls looks at gold (60 %)"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    scores: Array2<f64>,
    rows: Vec<String>,
    columns: Vec<String>,
    title: String,
    color_map: ColorMap,
}

impl AttentionMap {
    /// A map in shades of blue: a name for each row, and one for each column.
    pub fn new<'a, F: Copy + Into<f64> + 'a>(
        scores: impl Into<ArrayView2<'a, F>>,
        rows: impl IntoIterator<Item = impl AsRef<str>>,
        columns: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        Self {
            scores: scores.into().map(|&score| score.into()),
            rows: owned(rows),
            columns: owned(columns),
            title: "Attention".to_owned(),
            color_map: ColorMap::Blues,
        }
    }

    /// Writes a title above the map.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Replaces the colours.
    #[must_use]
    pub fn color_map(mut self, color_map: ColorMap) -> Self {
        self.color_map = color_map;
        self
    }

    /// Draws the map; its size follows from the cells and the names.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without scores, [`ChartError::ShapeMismatch`] unless there is a name for
    /// each row and column, [`ChartError::Size`] if there are too many for one figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let named = [self.rows.len(), self.columns.len()];
        if self.scores.is_empty() {
            return Err(ChartError::Empty { what: "scores" });
        }
        if self.scores.shape() != named {
            return Err(ChartError::ShapeMismatch {
                what: "a score for each row's and column's name,",
                expected: named.to_vec(),
                received: self.scores.shape().to_vec(),
            });
        }
        let (left, top) = (self.left()?, self.top()?);
        let side = |names: usize| names as f64 * CELL + MARGIN;
        let width = (left + side(self.columns.len())).ceil() as u32;
        let height = (top + side(self.rows.len())).ceil() as u32;
        let png = render(width, height, |canvas| self.draw_on(canvas, left, top))?;
        Ok(Figure::new(
            png,
            width,
            height,
            self.title.clone(),
            self.alt(),
        ))
    }

    /// Where the cells begin.
    fn left(&self) -> Result<f64, ChartError> {
        let names = Label::tick().widest(&self.rows)?.min(LONGEST_NAME);
        Ok(MARGIN + names + NAME_GAP)
    }

    fn top(&self) -> Result<f64, ChartError> {
        let title = match self.title.is_empty() {
            true => 0.0,
            false => 28.0,
        };
        let names = Label::tick().widest(&self.columns)?.min(LONGEST_NAME);
        Ok(MARGIN + title + names + NAME_GAP)
    }

    fn draw_on(&self, canvas: &Canvas<'_>, left: f64, top: f64) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        if !self.title.is_empty() {
            let label = Label::title();
            let title = label.shortened(&self.title, pen.size().0 - 2.0 * MARGIN)?;
            pen.text(&title, MARGIN, MARGIN + 8.0, label)?;
        }
        let label = Label::tick();
        for (row, name) in self.rows.iter().enumerate() {
            let name = label.shortened(name, LONGEST_NAME)?;
            let y = top + (row as f64 + 0.5) * CELL;
            pen.text(&name, left - NAME_GAP, y, label.ending())?;
        }
        for (column, name) in self.columns.iter().enumerate() {
            let name = label.shortened(name, LONGEST_NAME)?;
            let x = left + (column as f64 + 0.5) * CELL;
            pen.text(&name, x, top - NAME_GAP, label.upward())?;
        }
        let most = self.scores.iter().copied().filter(|s| s.is_finite());
        let most = most.fold(f64::MIN_POSITIVE, f64::max);
        for ((row, column), &score) in self.scores.indexed_iter() {
            let (x, y) = (left + column as f64 * CELL, top + row as f64 * CELL);
            let color = self.color_map.color((score / most).clamp(0.0, 1.0));
            pen.rect((x, y), (x + CELL - GAP, y + CELL - GAP), color)?;
        }
        Ok(())
    }

    /// What each step looks at most.
    fn alt(&self) -> String {
        let rows = self.rows.iter().zip(self.scores.rows());
        let rows = rows.map(|(name, scores)| {
            let most = scores.iter().zip(&self.columns);
            let most = most.max_by(|a, b| a.0.total_cmp(b.0));
            let (score, seen) = most.map_or((0.0, ""), |(score, name)| (*score, name.as_str()));
            format!("{name} looks at {seen} ({:.0} %)", 100.0 * score)
        });
        let rows: Vec<String> = rows.collect();
        format!("Attention map “{}”: {}", self.title, rows.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn names_and_scores_have_to_fit() {
        let scores = array![[0.5_f32, 0.5]];
        let figure = AttentionMap::new(&scores, ["a"], ["b", "c"])
            .title("Head 1")
            .figure();
        assert_eq!(figure.unwrap().title(), "Head 1");
        assert!(AttentionMap::new(&scores, ["a"], ["b"]).figure().is_err());
        let none = Array2::<f64>::zeros((0, 0));
        let no_names: [&str; 0] = [];
        assert!(
            AttentionMap::new(&none, no_names, no_names)
                .figure()
                .is_err()
        );
        let broken = array![[f64::NAN]];
        assert!(AttentionMap::new(&broken, ["a"], ["b"]).figure().is_ok());
    }
}
