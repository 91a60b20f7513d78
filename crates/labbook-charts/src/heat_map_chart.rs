use ndarray::{Array2, ArrayBase, Data, Ix2};

use crate::bitmap::Canvas;
use crate::color::text_color_on;
use crate::color_bar::{BAR_GAP, ColorBar};
use crate::column_source::{ColumnSource, Source};
use crate::draw::render_reduced;
use crate::ink::{AXIS, GRID, Label, MARGIN, Pen};
use crate::names::owned;
use crate::points::{plottable, short};
use crate::statistics::pearson;
use crate::ticks::round_ticks;
use crate::{ChartError, ColorMap, Figure};

/// Most rows or columns that have a cell each.
const MOST: usize = 200;
/// Side of a cell: what all cells share, and the bounds, in CSS pixels.
const SIDES: f64 = 560.0;
const CELL: (f64, f64) = (4.0, 64.0);
/// Least distance of names, in CSS pixels: of narrower cells only some have theirs.
const NAME_PITCH: f64 = 15.0;
/// Longest name, and the largest and smallest font of the numbers, in CSS pixels.
const LONGEST_NAME: f64 = 180.0;
const SIZES: (f64, f64) = (12.0, 7.0);

/// A table of numbers as coloured cells with a colour bar: seaborn's `heatmap`. With
/// [`correlations`](Self::correlations), how strongly columns go together.
///
/// NaN is a grey cell without a number.
///
/// ```
/// use labbook_charts::HeatMap;
/// use ndarray::arr2;
///
/// let figure = HeatMap::new(&arr2(&[[1.0, 0.5], [0.5, 1.0]]), &["a", "b"], &["a", "b"])
///     .title("Correlation")
///     .annot()
///     .figure()?;
/// assert!(figure.alt().contains("highest 1"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeatMap {
    cells: Cells,
    title: String,
    color_map: ColorMap,
    range: Option<(f64, f64)>,
    decimals: usize,
    annot: bool,
    cell_size: Option<u32>,
}

/// Where the numbers come from.
#[derive(Debug, Clone)]
enum Cells {
    Given {
        values: Array2<f64>,
        rows: Vec<String>,
        columns: Vec<String>,
    },
    Correlations {
        source: Source,
        columns: Vec<String>,
    },
}

/// The numbers, and the names of their rows and columns.
type Table = (Array2<f64>, Vec<String>, Vec<String>);

impl HeatMap {
    /// Numbers of shape `(rows, columns)` with the names of both, from dark violet to yellow.
    pub fn new<S, F>(
        values: &ArrayBase<S, Ix2>,
        rows: impl IntoIterator<Item = impl AsRef<str>>,
        columns: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self
    where
        S: Data<Elem = F>,
        F: Copy + Into<f64>,
    {
        Self::of(Cells::Given {
            values: values.map(|&value| value.into()),
            rows: owned(rows),
            columns: owned(columns),
        })
    }

    /// Pearson's correlation of each column of numbers with each other, as pandas' `corr` has it:
    /// over the rows in which neither has a gap, from -1 (blue) to 1 (red), written into the
    /// cells. A column that never changes has none.
    pub fn correlations(source: impl ColumnSource + 'static) -> Self {
        let map = Self::of(Cells::Correlations {
            source: Source::new(source),
            columns: Vec::new(),
        });
        map.color_map(ColorMap::RdBuReversed)
            .range(-1.0, 1.0)
            .annot()
    }

    fn of(cells: Cells) -> Self {
        Self {
            cells,
            title: String::new(),
            color_map: ColorMap::Viridis,
            range: None,
            decimals: 2,
            annot: false,
            cell_size: None,
        }
    }

    /// The columns to correlate, in this order; by default all columns of numbers.
    #[must_use]
    pub fn columns(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        if let Cells::Correlations { columns, .. } = &mut self.cells {
            *columns = owned(names);
        }
        self
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

    /// The values of the first and the last colour (seaborn's `vmin` and `vmax`); by default the
    /// smallest and the largest one. Others beyond have the nearer colour.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Writes the numbers into the cells where they have room.
    #[must_use]
    pub fn annot(mut self) -> Self {
        self.annot = true;
        self
    }

    /// Decimals of the numbers in the cells; the default is 2.
    #[must_use]
    pub fn decimals(mut self, decimals: usize) -> Self {
        self.decimals = decimals.min(12);
        self
    }

    /// Side of a cell in CSS pixels, from 6 to 400; by default it suits the number of cells.
    #[must_use]
    pub fn cell_size(mut self, pixels: u32) -> Self {
        self.cell_size = Some(pixels.clamp(6, 400));
        self
    }

    /// Draws the map; its size follows from the cells and the names.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without cells, [`ChartError::LengthMismatch`] unless there is one
    /// name per row and column, [`ChartError::Column`] and [`ChartError::ColumnValue`] for a
    /// column that cannot be correlated, [`ChartError::Coordinate`] for an infinite number,
    /// [`ChartError::Groups`] for more than 200 rows or columns, [`ChartError::Setting`] for a
    /// range that is none.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let table = self.table()?;
        let layout = self.layout(&table)?;
        let (width, height) = (layout.width.ceil() as u32, layout.height.ceil() as u32);
        let png = render_reduced(width, height, |canvas| {
            self.draw_on(canvas, &table, &layout)
        })?;
        let title = self.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt(&table)))
    }

    fn table(&self) -> Result<Table, ChartError> {
        let table = match &self.cells {
            Cells::Given {
                values,
                rows,
                columns,
            } => (values.clone(), rows.clone(), columns.clone()),
            Cells::Correlations { source, columns } => {
                let names = match columns.is_empty() {
                    true => source.numeric_names(),
                    false => columns.clone(),
                };
                few("correlations", names.len())?;
                (correlations(source, &names)?, names.clone(), names)
            }
        };
        let (values, rows, columns) = &table;
        for (what, expected, names) in [
            ("row name", values.nrows(), rows),
            ("column name", values.ncols(), columns),
        ] {
            few(what, expected)?;
            if names.len() != expected {
                return Err(ChartError::LengthMismatch {
                    what,
                    per: "row or column",
                    expected,
                    received: names.len(),
                });
            }
        }
        let bad = |value: &f64| !value.is_nan() && !plottable(*value);
        if let Some(((row, _), &value)) = values.indexed_iter().find(|(_, value)| bad(value)) {
            return Err(ChartError::Coordinate { row, value });
        }
        match values.is_empty() {
            true => Err(ChartError::Empty {
                what: "column of numbers",
            }),
            false => Ok(table),
        }
    }

    /// The values of the first and the last colour, which differ.
    fn bounds(&self, values: &Array2<f64>) -> Result<(f64, f64), ChartError> {
        if let Some((low, high)) = self.range {
            return match low < high && plottable(low) && plottable(high) {
                true => Ok((low, high)),
                false => Err(ChartError::Setting {
                    option: "range",
                    expected: "two finite numbers, the smaller one first",
                    received: format!("{low} to {high}"),
                }),
            };
        }
        let seen = values.iter().copied().filter(|value| !value.is_nan());
        let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        Ok(match (low < high, low <= high) {
            (true, _) => (low, high),
            (_, true) => (low, low + low.abs().max(1.0)),
            _ => (0.0, 1.0),
        })
    }

    fn layout(&self, (values, rows, columns): &Table) -> Result<Layout, ChartError> {
        let most = values.nrows().max(values.ncols()) as f64;
        let cell = match self.cell_size {
            Some(size) => f64::from(size),
            None => (SIDES / most).clamp(CELL.0, CELL.1).floor(),
        };
        let name = Label::new(12.0);
        let every = (NAME_PITCH / cell).ceil() as usize;
        let short = |names: &[String]| -> Result<Vec<String>, ChartError> {
            let names = names.iter().step_by(every);
            names
                .map(|text| name.shortened(text, LONGEST_NAME))
                .collect()
        };
        let (rows, columns) = (short(rows)?, short(columns)?);
        let widest = name.widest(&columns)?;
        let upright = widest + 8.0 > cell;
        let (low, high) = self.bounds(values)?;
        let across = values.ncols() as f64 * cell;
        let down = values.nrows() as f64 * cell;
        let ticks = (down / 60.0).clamp(2.0, 6.0) as usize;
        let bar = ColorBar {
            low,
            high,
            ticks: round_ticks(low, high, ticks),
        };
        let top = MARGIN + if self.title.is_empty() { 4.0 } else { 30.0 };
        let left = MARGIN + name.widest(&rows)? + 8.0;
        let right = left + across;
        let with_title = 2.0 * MARGIN + Label::title().width(&self.title)?;
        Ok(Layout {
            cell,
            left,
            top,
            right,
            bottom: top + down,
            width: (right + BAR_GAP + bar.width()? + MARGIN).max(with_title),
            height: top + down + if upright { widest + 10.0 } else { 24.0 } + MARGIN,
            rows,
            columns,
            every,
            upright,
            bar,
        })
    }

    fn draw_on(
        &self,
        canvas: &Canvas<'_>,
        (values, _, _): &Table,
        layout: &Layout,
    ) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let &Layout {
            cell,
            left,
            top,
            right,
            bottom,
            every,
            ..
        } = layout;
        pen.text(&self.title, MARGIN, MARGIN + 8.0, Label::title())?;
        let name = Label::new(12.0);
        for (place, text) in layout.rows.iter().enumerate() {
            let row = place * every;
            pen.text(
                text,
                left - 8.0,
                top + (row as f64 + 0.5) * cell,
                name.ending(),
            )?;
        }
        for (place, text) in layout.columns.iter().enumerate() {
            let column = place * every;
            let x = left + (column as f64 + 0.5) * cell;
            match layout.upright {
                true => pen.text(text, x, bottom + 8.0, name.upward().ending())?,
                false => pen.text(text, x, bottom + 14.0, name.centered())?,
            }
        }
        let bar = &layout.bar;
        let color_at = |value: f64| {
            self.color_map
                .color((value - bar.low) / (bar.high - bar.low))
        };
        let gap = if cell >= 16.0 { 1.0 } else { 0.0 };
        let size = self.number_size(values, cell - gap)?;
        for ((row, column), &value) in values.indexed_iter() {
            let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
            let color = match value.is_nan() {
                true => GRID,
                false => color_at(value),
            };
            pen.rect((x, y), (x + cell - gap, y + cell - gap), color)?;
            if let (Some(size), false) = (size, value.is_nan()) {
                let label = Label::new(size).centered().color(text_color_on(color));
                let middle = (cell - gap) / 2.0;
                pen.text(&self.number(value), x + middle, y + middle, label)?;
            }
        }
        pen.frame((left, top), (right - gap, bottom - gap), 1.0, AXIS)?;
        bar.draw(&pen, (right + BAR_GAP, top), bottom - gap, color_at)
    }

    fn number(&self, value: f64) -> String {
        let decimals = self.decimals;
        let text = match value.abs() < 1e7 {
            true => format!("{value:.decimals$}"),
            false => format!("{value:.decimals$e}"),
        };
        // No sign of a value that rounds to 0.
        match text.trim_start_matches(['-', '0', '.']).is_empty() {
            true => text.trim_start_matches('-').to_owned(),
            false => text.replace('-', "−"),
        }
    }

    /// The font size at which every number fits its cell, or nothing if none is readable.
    fn number_size(&self, values: &Array2<f64>, cell: f64) -> Result<Option<f64>, ChartError> {
        if !self.annot {
            return Ok(None);
        }
        let seen = values.iter().filter(|value| !value.is_nan());
        let numbers: Vec<String> = seen.map(|value| self.number(*value)).collect();
        let (largest, smallest) = SIZES;
        let width = Label::new(largest).widest(&numbers)?.max(1.0);
        let fitting = largest * ((cell - 4.0) / width).min((cell - 4.0) / largest).min(1.0);
        Ok((fitting >= smallest).then_some(fitting))
    }

    fn alt(&self, (values, rows, columns): &Table) -> String {
        let kind = match self.cells {
            Cells::Given { .. } => "Heat map",
            Cells::Correlations { .. } => "Map of correlations",
        };
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" “{title}”"),
        };
        let size = format!("{kind}{title} of {} by {} cells", rows.len(), columns.len());
        let at = |((row, column), value): ((usize, usize), &f64)| {
            format!(
                "{} for {} and {}",
                short(*value),
                rows[row],
                columns[column]
            )
        };
        // A column goes together with itself in any case.
        let own = matches!(self.cells, Cells::Correlations { .. });
        let seen = || {
            let cells = values.indexed_iter().filter(|(_, value)| !value.is_nan());
            cells.filter(|((row, column), _)| !own || row < column)
        };
        let highest = seen().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let lowest = seen().reduce(|a, b| if b.1 < a.1 { b } else { a });
        match (highest, lowest) {
            (Some(highest), Some(lowest)) => {
                format!("{size}: highest {}, lowest {}", at(highest), at(lowest))
            }
            _ => format!("{size} without numbers"),
        }
    }
}

fn few(column: &str, received: usize) -> Result<(), ChartError> {
    match received > MOST {
        true => Err(ChartError::Groups {
            column: column.to_owned(),
            max: MOST,
            received,
        }),
        false => Ok(()),
    }
}

fn correlations(source: &Source, names: &[String]) -> Result<Array2<f64>, ChartError> {
    let columns = names.iter().map(|name| source.numbers(name));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let mut values = Array2::from_elem((names.len(), names.len()), f64::NAN);
    for (row, a) in columns.iter().enumerate() {
        for (column, b) in columns.iter().enumerate().skip(row) {
            let correlation = pearson(a, b);
            values[[row, column]] = correlation;
            values[[column, row]] = correlation;
        }
    }
    Ok(values)
}

struct Layout {
    cell: f64,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    width: f64,
    height: f64,
    rows: Vec<String>,
    columns: Vec<String>,
    /// Every so manyth row and column has its name there.
    every: usize,
    /// Whether the columns' names stand upright, being wider than the cells.
    upright: bool,
    bar: ColorBar,
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;
    use crate::Columns;

    #[test]
    fn correlations_leave_texts_and_gaps_out() {
        let columns = Columns::new()
            .with_numbers("a", [1.0, 2.0, 3.0, f64::NAN])
            .with_texts("name", ["p", "q", "r", "s"])
            .with_numbers("b", [-2.0, -4.0, -6.0, 9.0])
            .with_numbers("constant", [5.0; 4]);
        let map = HeatMap::correlations(columns);
        let (values, names, _) = map.table().unwrap();
        assert_eq!(names, ["a", "b", "constant"]);
        assert!((values[[0, 1]] + 1.0).abs() < 1e-12 && values[[2, 2]].is_nan());
        let alt = map.figure().unwrap().alt().to_owned();
        assert!(
            alt.contains("3 by 3 cells: highest -1 for a and b"),
            "{alt}"
        );
        assert_eq!(map.columns(["b"]).table().unwrap().1, ["b"]);
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        let map = |values: &Array2<f64>| HeatMap::new(values, &["a"], &["b"]);
        let infinite = map(&arr2(&[[f64::INFINITY]])).figure();
        assert!(matches!(infinite, Err(ChartError::Coordinate { .. })));
        let names = map(&arr2(&[[1.0, 2.0]])).figure();
        assert!(matches!(names, Err(ChartError::LengthMismatch { .. })));
        let range = map(&arr2(&[[1.0]])).range(1.0, 1.0).figure();
        assert!(matches!(range, Err(ChartError::Setting { .. })));
        let texts = HeatMap::correlations(Columns::new().with_texts("a", ["b"])).figure();
        assert!(matches!(texts, Err(ChartError::Empty { .. })));
        let none = Vec::<String>::new();
        let many = HeatMap::new(&Array2::<f64>::zeros((300, 1)), none, ["b"]).figure();
        assert!(matches!(
            many,
            Err(ChartError::Groups { received: 300, .. })
        ));
    }

    #[test]
    fn single_and_missing_numbers_are_drawn() {
        for value in [f64::NAN, 0.0, -1e300] {
            let figure = HeatMap::new(&arr2(&[[value]]), &["a"], &["b"])
                .annot()
                .figure();
            assert!(figure.is_ok(), "{figure:?}");
        }
    }

    #[test]
    fn numbers_have_their_decimals_and_no_sign_of_nothing() {
        let map = HeatMap::new(&arr2(&[[0.0]]), &["a"], &["b"]);
        assert_eq!(
            [0.456, -0.001, -1.5].map(|v| map.number(v)),
            ["0.46", "0.00", "−1.50"]
        );
    }
}
