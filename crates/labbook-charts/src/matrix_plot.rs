use labbook_analysis::{ConfusionMatrix, Normalize};
use ndarray::Array2;
use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::color::text_color_on;
use crate::color_map::ColorMap;
use crate::draw::render_reduced;
use crate::ink::{AXIS, Label, MARGIN, Pen};
use crate::ticks::round_ticks;
use crate::{ChartError, Figure};

/// Width of the colour bar and the space before it, in CSS pixels.
const BAR_WIDTH: f64 = 14.0;
const BAR_GAP: f64 = 22.0;
/// Largest and smallest font of the counts, in CSS pixels.
const COUNT_SIZES: (f64, f64) = (13.0, 7.0);
/// Space between cells, in CSS pixels.
const CELL_GAP: f64 = 1.0;
/// Least side of a cell, in CSS pixels.
const LEAST_CELL: f64 = 6.0;

/// A confusion matrix as shaded cells with their counts: rows are actual classes, columns
/// predicted ones, on top as with matplotlib's `matshow`.
///
/// ```
/// use labbook_analysis::ConfusionMatrix;
/// use labbook_charts::MatrixPlot;
///
/// let matrix = ConfusionMatrix::new(&[0_i64, 1, 1], &[0_i64, 1, 0], 2)?
///     .with_class_names(&["cat", "dog"])?;
/// let figure = MatrixPlot::new(&matrix).title("Test set").figure()?;
/// assert_eq!(figure.title(), "Test set");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixPlot {
    matrix: ConfusionMatrix,
    title: String,
    x_label: String,
    y_label: String,
    shade_by_row: bool,
    numbers: bool,
    cell_size: Option<u32>,
    color_map: ColorMap,
}

impl MatrixPlot {
    /// A plot in shades of blue, labelled "Predicted Classes" and "Actual Classes".
    pub fn new(matrix: &ConfusionMatrix) -> Self {
        Self {
            matrix: matrix.clone(),
            title: String::new(),
            x_label: "Predicted Classes".to_owned(),
            y_label: "Actual Classes".to_owned(),
            shade_by_row: false,
            numbers: true,
            cell_size: None,
            color_map: ColorMap::Blues,
        }
    }

    /// Writes a title above the matrix.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Replaces the names of the two axes.
    #[must_use]
    pub fn labels(mut self, x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        self.x_label = x_label.into();
        self.y_label = y_label.into();
        self
    }

    /// Shades each cell by its share of the actual class instead of its count, so that rare
    /// classes show too. The numbers in the cells stay counts.
    #[must_use]
    pub fn normalize_rows(mut self) -> Self {
        self.shade_by_row = true;
        self
    }

    /// Leaves the counts out.
    #[must_use]
    pub fn without_numbers(mut self) -> Self {
        self.numbers = false;
        self
    }

    /// Side of a cell in CSS pixels (6 at least); by default it suits the number of classes.
    #[must_use]
    pub fn cell_size(mut self, pixels: u32) -> Self {
        self.cell_size = Some(pixels);
        self
    }

    /// Replaces the colours.
    #[must_use]
    pub fn color_map(mut self, color_map: ColorMap) -> Self {
        self.color_map = color_map;
        self
    }

    /// Draws the plot; its size follows from the cells and the labels.
    ///
    /// # Errors
    ///
    /// [`ChartError::Size`] if there are too many classes for one figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let layout = self.layout()?;
        let (width, height) = (layout.width.ceil() as u32, layout.height.ceil() as u32);
        let png = render_reduced(width, height, |root| self.draw_on(root, &layout))?;
        Ok(Figure::new(
            png,
            width,
            height,
            self.title.clone(),
            self.alt(),
        ))
    }

    fn alt(&self) -> String {
        let matrix = &self.matrix;
        let title = if self.title.is_empty() {
            String::new()
        } else {
            format!(" “{}”", self.title)
        };
        let recall: Vec<String> = matrix
            .class_names()
            .iter()
            .zip(matrix.counts().diag())
            .zip(matrix.support())
            .map(|((name, right), of)| format!("{name} {right} of {of}"))
            .collect();
        format!(
            "Confusion matrix{title} of {} classes and {} samples, {:.2} % on the diagonal. \
             Right per class: {}",
            matrix.n_classes(),
            matrix.total(),
            100.0 * matrix.accuracy(),
            recall.join(", ")
        )
    }

    fn layout(&self) -> Result<Layout, ChartError> {
        let n = self.matrix.n_classes() as f64;
        let cell = match self.cell_size {
            Some(size) => f64::from(size).max(LEAST_CELL),
            None => (520.0 / n).clamp(20.0, 84.0).floor(),
        };
        let names = self.matrix.class_names();
        let name = Label::new(12.0);
        let widest = name.widest(names)?;
        let upright = widest + 8.0 > cell;
        let shades = self.shades();
        let highest = shades.iter().copied().fold(0.0, f64::max);
        // A bar without extent cannot be drawn or read: counts go up to 1 at least.
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let ticks_wanted = (n * cell / 60.0).clamp(2.0, 6.0) as usize;
        let bar_ticks: Vec<(f64, String)> = if self.shade_by_row {
            round_ticks(0.0, 100.0 * highest, ticks_wanted)
                .into_iter()
                .map(|(value, label)| (value / 100.0, format!("{label} %")))
                .collect()
        } else {
            let whole = |(value, _): &(f64, String)| value.fract() == 0.0;
            let ticks = round_ticks(0.0, highest, ticks_wanted);
            ticks.into_iter().filter(whole).collect()
        };
        let tick_labels: Vec<&str> = bar_ticks.iter().map(|(_, label)| label.as_str()).collect();
        let bar_labels = Label::tick().widest(&tick_labels)?;

        let title_height = if self.title.is_empty() { 0.0 } else { 28.0 };
        let names_height = if upright { widest + 10.0 } else { 22.0 };
        let top = MARGIN + title_height + 20.0 + names_height;
        let left = MARGIN + 22.0 + widest + 8.0;
        // An axis label or a title longer than the matrix needs room too.
        let side = (n * cell).max(Label::axis().width(&self.x_label)?);
        let side_down = (n * cell).max(Label::axis().width(&self.y_label)?);
        let right = left + side;
        let with_bar = right + BAR_GAP + BAR_WIDTH + 6.0 + bar_labels + MARGIN;
        let with_title = 2.0 * MARGIN + Label::title().width(&self.title)?;
        Ok(Layout {
            cell,
            upright,
            left,
            top,
            right,
            width: with_bar.max(with_title),
            height: top + side_down + MARGIN + 2.0,
            highest,
            bar_ticks,
        })
    }

    /// What the cells are shaded by.
    fn shades(&self) -> Array2<f64> {
        if self.shade_by_row {
            self.matrix.normalized(Normalize::True)
        } else {
            self.matrix.counts().mapv(|count| count as f64)
        }
    }

    fn draw_on(&self, canvas: &Canvas<'_>, layout: &Layout) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let Layout {
            cell,
            left,
            top,
            right,
            ..
        } = *layout;
        let n = self.matrix.n_classes();
        let (end_x, end_y) = (left + n as f64 * cell, top + n as f64 * cell);

        pen.text(&self.title, MARGIN, MARGIN + 8.0, Label::title())?;
        let axis = Label::axis().centered();
        let title_height = if self.title.is_empty() { 0.0 } else { 28.0 };
        let x_label_y = MARGIN + title_height + 6.0;
        pen.text(&self.x_label, (left + right) / 2.0, x_label_y, axis)?;
        let middle = top.midpoint(layout.height - MARGIN - 2.0);
        pen.text(&self.y_label, MARGIN + 6.0, middle, axis.upward())?;

        let name = Label::new(12.0);
        for (index, class) in self.matrix.class_names().iter().enumerate() {
            let along = (index as f64 + 0.5) * cell - CELL_GAP / 2.0;
            pen.text(class, left - 8.0, top + along, name.ending())?;
            if layout.upright {
                pen.text(class, left + along, top - 8.0, name.upward())?;
            } else {
                pen.text(class, left + along, top - 13.0, name.centered())?;
            }
        }

        let shades = self.shades();
        let color_at = |shade: f64| self.color_map.color(shade / layout.highest);
        let gap = if cell >= 16.0 { CELL_GAP } else { 0.0 };
        let count_size = self.count_size(cell)?;
        for ((row, column), &shade) in shades.indexed_iter() {
            let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
            let color = color_at(shade);
            pen.rect((x, y), (x + cell - gap, y + cell - gap), color)?;
            if let Some(size) = count_size {
                let count = self.matrix.counts()[[row, column]].to_string();
                let label = Label::new(size).centered().color(text_color_on(color));
                let label = if row == column {
                    label.semibold()
                } else {
                    label
                };
                let (x, y) = (x + (cell - gap) / 2.0, y + (cell - gap) / 2.0);
                pen.text(&count, x, y, label)?;
            }
        }
        pen.frame((left, top), (end_x - gap, end_y - gap), 1.0, AXIS)?;

        let bar_left = right + BAR_GAP;
        let (bar_top, bar_bottom) = (top, end_y - gap);
        self.draw_bar(&pen, (bar_left, bar_top), bar_bottom, color_at, layout)
    }

    fn draw_bar(
        &self,
        pen: &Pen<'_, '_>,
        (left, top): (f64, f64),
        bottom: f64,
        color_at: impl Fn(f64) -> RGBColor,
        layout: &Layout,
    ) -> Result<(), ChartError> {
        let right = left + BAR_WIDTH;
        let strips = ((bottom - top) * 2.0) as usize;
        for strip in 0..strips {
            let share = 1.0 - (strip as f64 + 0.5) / strips as f64;
            let y = top + strip as f64 / 2.0;
            let color = color_at(share * layout.highest);
            pen.rect((left, y), (right, y + 0.5), color)?;
        }
        pen.frame((left, top), (right, bottom), 1.0, AXIS)?;
        for (value, label) in &layout.bar_ticks {
            let y = bottom - value / layout.highest * (bottom - top);
            pen.rect((right, y - 0.5), (right + 4.0, y + 0.5), AXIS)?;
            pen.text(label, right + 7.0, y, Label::tick())?;
        }
        Ok(())
    }

    /// The font size at which every count fits its cell, or nothing if none is readable.
    fn count_size(&self, cell: f64) -> Result<Option<f64>, ChartError> {
        if !self.numbers {
            return Ok(None);
        }
        let (largest, smallest) = COUNT_SIZES;
        let highest = self.matrix.counts().iter().copied().max().unwrap_or(0);
        let width = Label::new(largest).semibold().width(&highest.to_string())?;
        let fitting = largest * ((cell - 6.0) / width).min((cell - 6.0) / largest).min(1.0);
        Ok((fitting >= smallest).then_some(fitting))
    }
}

struct Layout {
    cell: f64,
    /// Whether the names of the columns stand upright, being wider than the cells.
    upright: bool,
    left: f64,
    top: f64,
    right: f64,
    width: f64,
    height: f64,
    highest: f64,
    bar_ticks: Vec<(f64, String)>,
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn the_alternative_text_tells_the_result() {
        let counts = arr2(&[[8_u64, 2], [1, 9]]);
        let matrix = ConfusionMatrix::from_counts(counts.view()).unwrap();
        let matrix = matrix.with_class_names(&["cat", "dog"]).unwrap();
        assert_eq!(
            MatrixPlot::new(&matrix).title("Test").alt(),
            "Confusion matrix “Test” of 2 classes and 20 samples, 85.00 % on the diagonal. \
             Right per class: cat 8 of 10, dog 9 of 10"
        );
    }

    #[test]
    fn counts_that_cannot_be_read_are_left_out() {
        let counts = arr2(&[[1_000_000_u64, 0], [0, 1]]);
        let matrix = ConfusionMatrix::from_counts(counts.view()).unwrap();
        let plot = MatrixPlot::new(&matrix);
        assert_eq!(plot.count_size(80.0).unwrap(), Some(13.0));
        assert_eq!(plot.count_size(20.0).unwrap(), None);
        assert_eq!(plot.without_numbers().count_size(80.0).unwrap(), None);
    }
}
