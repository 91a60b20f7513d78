use labbook_analysis::{ConfusionMatrix, Normalize};
use ndarray::Array2;
use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::color::text_color_on;
use crate::color_bar::{BAR_GAP, ColorBar};
use crate::color_map::ColorMap;
use crate::draw::render_reduced;
use crate::ink::{AXIS, Label, MARGIN, Pen};
use crate::ticks::round_ticks;
use crate::{ChartError, Figure, SCALE};

/// Largest and smallest font of the counts, in CSS pixels.
const COUNT_SIZES: (f64, f64) = (13.0, 7.0);
/// Space between cells, in CSS pixels.
const CELL_GAP: f64 = 1.0;
/// Least side of a cell, in CSS pixels.
const LEAST_CELL: f64 = 6.0;
/// With more classes than this, cells become a picture without numbers, with the most confused
/// pairs beside it.
const MOST_CELLS: usize = 100;
/// Side of that picture at most, in bitmap pixels.
const PICTURE: usize = 2000;
/// Distance of the names beside that picture, in CSS pixels.
const NAME_PITCH: f64 = 15.0;
/// Confused pairs listed beside that picture, and the room they take, in CSS pixels.
const PAIRS: usize = 20;
const PAIRS_WIDTH: f64 = 300.0;
const PAIRS_GAP: f64 = 28.0;
/// Longest name beside that picture, in CSS pixels.
const LONGEST_NAME: f64 = 160.0;

/// A confusion matrix as shaded cells with their counts: rows are actual classes, columns
/// predicted ones, on top as with matplotlib's `matshow`.
///
/// Above 100 classes the cells become pixels of a picture, and the most confused pairs are listed
/// beside it; where a pixel stands for several cells, it has the darkest one's colour.
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

    /// Side of a cell in CSS pixels (6 at least); by default it suits the number of classes. With
    /// a size, every class has its cells and names, however many there are.
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
        if self.is_dense() {
            return self.dense_alt();
        }
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

    /// Whether the cells are too many to be drawn one by one.
    fn is_dense(&self) -> bool {
        self.cell_size.is_none() && self.matrix.n_classes() > MOST_CELLS
    }

    fn dense_alt(&self) -> String {
        let matrix = &self.matrix;
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" “{title}”"),
        };
        let pairs: Vec<String> = matrix
            .most_confused(PAIRS)
            .iter()
            .map(ToString::to_string)
            .collect();
        let pairs = match pairs.is_empty() {
            true => "No two classes were confused".to_owned(),
            false => format!("Most confused: {}", pairs.join(", ")),
        };
        format!(
            "Confusion matrix{title} of {} classes and {} samples, {:.2} % on the diagonal. {pairs}",
            matrix.n_classes(),
            matrix.total(),
            100.0 * matrix.accuracy(),
        )
    }

    fn layout(&self) -> Result<Layout, ChartError> {
        let classes = self.matrix.n_classes();
        let n = classes as f64;
        let cell = match self.cell_size {
            Some(size) => f64::from(size).max(LEAST_CELL),
            None if self.is_dense() => {
                // Whole pixels per cell, or a cell's share of one.
                let pixels = match PICTURE / classes {
                    0 => 1.0 / classes.div_ceil(PICTURE) as f64,
                    pixels => pixels as f64,
                };
                pixels / f64::from(SCALE)
            }
            None => (520.0 / n).clamp(20.0, 84.0).floor(),
        };
        // Of many classes only every so manyth has room for its name.
        let named_every = match self.is_dense() {
            true => (NAME_PITCH / cell).ceil() as usize,
            false => 1,
        };
        let name = Label::new(12.0);
        let mut names = Vec::new();
        for class in self.matrix.class_names().iter().step_by(named_every) {
            names.push(match self.is_dense() {
                true => name.shortened(class, LONGEST_NAME)?,
                false => class.clone(),
            });
        }
        let widest = name.widest(&names)?;
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
            whole_numbers(round_ticks(0.0, highest, ticks_wanted))
        };
        let bar = ColorBar {
            low: 0.0,
            high: highest,
            ticks: bar_ticks,
        };

        let title_height = if self.title.is_empty() { 0.0 } else { 28.0 };
        let names_height = if upright { widest + 10.0 } else { 22.0 };
        let top = MARGIN + title_height + 20.0 + names_height;
        let left = MARGIN + 22.0 + widest + 8.0;
        // An axis label or a title longer than the matrix needs room too.
        let side = (n * cell).max(Label::axis().width(&self.x_label)?);
        let side_down = (n * cell).max(Label::axis().width(&self.y_label)?);
        let right = left + side;
        let pairs_left = right + BAR_GAP + bar.width()? - 1.0 + PAIRS_GAP;
        let with_bar = match self.is_dense() {
            true => pairs_left + PAIRS_WIDTH + MARGIN,
            false => pairs_left - PAIRS_GAP + MARGIN,
        };
        let with_title = 2.0 * MARGIN + Label::title().width(&self.title)?;
        Ok(Layout {
            cell,
            upright,
            names,
            named_every,
            left,
            top,
            right,
            pairs_left,
            width: with_bar.max(with_title),
            height: top + side_down + MARGIN + 2.0,
            highest,
            bar,
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
        for (index, class) in layout.names.iter().enumerate() {
            let along = ((index * layout.named_every) as f64 + 0.5) * cell - CELL_GAP / 2.0;
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
        if self.is_dense() {
            let (pixels, rgb) = picture(&shades, color_at);
            pen.picture((left, top), (pixels, pixels), rgb)?;
            let side = pixels as f64 / f64::from(SCALE);
            pen.frame((left, top), (left + side, top + side), 1.0, AXIS)?;
            self.draw_pairs(&pen, layout)?;
            let bar = (right + BAR_GAP, top);
            return layout.bar.draw(&pen, bar, top + side, color_at);
        }
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
        layout
            .bar
            .draw(&pen, (bar_left, top), end_y - gap, color_at)
    }

    /// The most confused pairs, as many as there is room for.
    fn draw_pairs(&self, pen: &Pen<'_, '_>, layout: &Layout) -> Result<(), ChartError> {
        let left = layout.pairs_left;
        let mut y = layout.top + 8.0;
        let heading = Label::axis();
        pen.text(
            "Most confused, actual taken for predicted",
            left,
            y,
            heading,
        )?;
        let line = Label::new(12.0);
        for pair in self.matrix.most_confused(PAIRS) {
            y += 20.0;
            let text = line.shortened(&pair.to_string(), PAIRS_WIDTH)?;
            pen.text(&text, left, y, line)?;
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

/// The ticks of counts: no halves, and no decimals where the largest count is 1.
fn whole_numbers(ticks: Vec<(f64, String)>) -> Vec<(f64, String)> {
    let whole = ticks.into_iter().filter(|(value, _)| value.fract() == 0.0);
    let relabelled = |(value, label): (f64, String)| match value < 1e6 {
        true => (value, format!("{value:.0}")),
        false => (value, label),
    };
    whole.map(relabelled).collect()
}

/// Cells as RGB pixels: how many a side has, and the pixels. A cell has whole pixels of its own,
/// or a pixel has the largest of the cells that share it.
fn picture(shades: &Array2<f64>, color_at: impl Fn(f64) -> RGBColor) -> (usize, Vec<u8>) {
    let n = shades.nrows();
    let shared = n.div_ceil(PICTURE);
    let each = (PICTURE / n).max(1);
    let blocks = n.div_ceil(shared);
    let mut largest = Array2::<f64>::zeros((blocks, blocks));
    for ((row, column), &shade) in shades.indexed_iter() {
        let block = &mut largest[[row / shared, column / shared]];
        *block = block.max(shade);
    }
    let side = blocks * each;
    let mut rgb = Vec::with_capacity(3 * side * side);
    for row in largest.rows() {
        let line: Vec<u8> = row
            .iter()
            .flat_map(|&shade| {
                let RGBColor(r, g, b) = color_at(shade);
                [r, g, b].repeat(each)
            })
            .collect();
        rgb.extend(line.repeat(each));
    }
    (side, rgb)
}

struct Layout {
    cell: f64,
    /// Whether the names of the columns stand upright, being wider than the cells.
    upright: bool,
    /// The names that are written, of every so manyth class.
    names: Vec<String>,
    named_every: usize,
    left: f64,
    top: f64,
    right: f64,
    pairs_left: f64,
    width: f64,
    height: f64,
    highest: f64,
    bar: ColorBar,
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
    fn the_bar_of_counts_has_whole_numbers() {
        let labels = |highest: u64| -> Vec<String> {
            let counts = arr2(&[[highest, 0], [0, 1]]);
            let matrix = ConfusionMatrix::from_counts(counts.view()).unwrap();
            let ticks = MatrixPlot::new(&matrix).layout().unwrap().bar.ticks;
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(1), ["0", "1"]);
        assert_eq!(labels(2), ["0", "1", "2"]);
        assert_eq!(labels(4000), ["0", "2000", "4000"]);
    }

    fn many(n: usize) -> ConfusionMatrix {
        let truth: Vec<usize> = (0..3 * n).map(|i| i % n).collect();
        let predicted = truth.iter().map(|&t| if t == 7 { 9 } else { t });
        let predicted: Vec<usize> = predicted.collect();
        ConfusionMatrix::new(&truth, &predicted, n).unwrap()
    }

    #[test]
    fn many_classes_make_a_picture_of_bounded_size_with_the_confused_pairs() {
        for n in [101, 400, 1000, 2500] {
            let figure = MatrixPlot::new(&many(n)).figure().unwrap();
            assert!(
                figure.width() < 1600 && figure.height() < 1200,
                "{n}: {figure:?}"
            );
            assert!(figure.width() > 900, "{n}: {figure:?}");
            let alt = figure.alt();
            assert!(
                alt.contains("Most confused: 7 taken for 9: 3 (100.0 %)"),
                "{alt}"
            );
            assert!(alt.len() < 300, "{alt}");
        }
    }

    #[test]
    fn a_pixel_that_cells_share_has_the_darkest_ones_colour() {
        let mut shades = Array2::<f64>::zeros((2 * PICTURE, 2 * PICTURE));
        shades[[3, 1]] = 1.0;
        let color_at = |shade: f64| RGBColor((255.0 * shade) as u8, 0, 0);
        let (side, rgb) = picture(&shades, color_at);
        assert_eq!((side, rgb.len()), (PICTURE, 3 * PICTURE * PICTURE));
        let dark: Vec<usize> = rgb
            .iter()
            .enumerate()
            .filter(|(_, v)| **v > 0)
            .map(|(i, _)| i)
            .collect();
        assert_eq!(dark, [3 * PICTURE]);
        let (side, rgb) = picture(&Array2::eye(500), color_at);
        assert_eq!((side, rgb[0], rgb[3 * 4]), (2000, 255, 0));
        assert_eq!(rgb[3 * (3 * 2000 + 3)], 255);
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
