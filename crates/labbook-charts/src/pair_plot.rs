use crate::axes::Span;
use crate::bitmap::Canvas;
use crate::color::readable_on_white;
use crate::column_source::{Categories, ColumnSource, Source};
use crate::dot_layer::{DotLayer, dot_look, mixed_order};
use crate::draw::render_reduced;
use crate::ink::{AXIS, GRID, Label, MARGIN, Pen, TICK_SIZE};
use crate::look::{Look, group_colors, look_methods};
use crate::names::owned;
use crate::points::grouped;
use crate::statistics::{Bins, bin_edges, counts};
use crate::{ChartError, Figure, SCALE};

/// Most columns and colours.
const MOST_COLUMNS: usize = 12;
const MOST_HUES: usize = 40;
/// Points drawn in a panel at most.
const MOST_POINTS: usize = 50_000;
/// Side of a panel: what all share, its bounds, and the space between panels, in CSS pixels.
const SIDES: f64 = 820.0;
const PANEL: (f64, f64) = (100.0, 200.0);
const GAP: f64 = 12.0;
/// Room left of the panels, below them and for the legend, in CSS pixels.
const LEFT: f64 = 70.0;
const BELOW: f64 = 44.0;
const LEGEND_GAP: f64 = 18.0;
const OPACITY: f64 = 0.5;

/// Each column of numbers against each other, and its histogram where it would meet itself:
/// seaborn's `pairplot`.
///
/// Of more than 50,000 rows every so manyth is a point of the panels, evenly over all; the
/// histograms count all. Rows with a gap in one of the columns are left out.
///
/// ```
/// use labbook_charts::{Columns, PairPlot};
///
/// let columns = Columns::new()
///     .with_numbers("bill", [39.1, 39.5, 46.0, 50.0])
///     .with_numbers("mass", [3750.0, 3800.0, 4900.0, 5400.0])
///     .with_texts("species", ["Adelie", "Adelie", "Gentoo", "Gentoo"]);
/// let figure = PairPlot::new(columns).hue("species").figure()?;
/// assert!(figure.alt().contains("bill, mass of 4 rows, by species: Adelie 2, Gentoo 2"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PairPlot {
    source: Source,
    columns: Vec<String>,
    look: Look,
}

look_methods!(PairPlot);

/// The rows without a gap.
struct Rows {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// The colour of each row.
    colors: Vec<usize>,
    hues: Vec<String>,
    gaps: usize,
}

impl PairPlot {
    /// All columns of numbers against one another; the figure's size follows from their number.
    pub fn new(source: impl ColumnSource + 'static) -> Self {
        Self {
            source: Source::new(source),
            columns: Vec::new(),
            look: Look::default(),
        }
    }

    /// The columns to draw (seaborn's `vars`), in this order, at most 12.
    #[must_use]
    pub fn vars(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.columns = owned(names);
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::Empty`] without a column
    /// of numbers or where all rows have gaps, [`ChartError::Groups`] for more than 12 columns or
    /// 40 colours, [`ChartError::TooSmall`] or [`ChartError::Size`] if the plot cannot be drawn at
    /// a size that was asked for.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let rows = self.rows()?;
        let n = rows.columns.len() as f64;
        let legend = self.look.legend(&rows.hues);
        let room = n * (PANEL.1 + GAP);
        let reserved = match legend.is_empty() {
            true => 0.0,
            false => legend.size(room)?.0 + LEGEND_GAP,
        };
        let top = MARGIN
            + if self.look.title.is_empty() {
                0.0
            } else {
                28.0
            };
        let around = (2.0 * MARGIN + LEFT + reserved, top + BELOW + MARGIN);
        let fitting = (SIDES / n).clamp(PANEL.0, PANEL.1);
        let size = self.look.size.unwrap_or((
            (around.0 + n * fitting).ceil() as u32,
            (around.1 + n * fitting).ceil() as u32,
        ));
        let panel = (
            ((f64::from(size.0) - around.0) / n - GAP).floor(),
            ((f64::from(size.1) - around.1) / n - GAP).floor(),
        );
        if panel.0 < 40.0 || panel.1 < 40.0 {
            return Err(ChartError::TooSmall {
                what: "a pair plot",
                min_width: (around.0 + n * (40.0 + GAP)).ceil() as u32,
                min_height: (around.1 + n * (40.0 + GAP)).ceil() as u32,
                width: size.0,
                height: size.1,
            });
        }
        let place = Place { top, panel };
        let png = render_reduced(size.0, size.1, |canvas| {
            self.draw_on(canvas, &rows, &place)?;
            let left = f64::from(size.0) - MARGIN - reserved + LEGEND_GAP;
            legend.draw(&Pen::new(canvas), (left, top), room)
        })?;
        let title = self.look.title.clone();
        Ok(Figure::new(png, size.0, size.1, title, self.alt(&rows)))
    }

    fn rows(&self) -> Result<Rows, ChartError> {
        let names = match self.columns.is_empty() {
            true => {
                let mut names = self.source.numeric_names();
                // A column that colours has its place in the legend.
                names.retain(|name| Some(name) != self.look.hue.as_ref());
                names
            }
            false => self.columns.clone(),
        };
        if names.is_empty() {
            return Err(ChartError::Empty {
                what: "column of numbers",
            });
        }
        let too_many = |column: &str, received, max| {
            let column = column.to_owned();
            match received > max {
                true => Err(ChartError::Groups {
                    column,
                    max,
                    received,
                }),
                false => Ok(()),
            }
        };
        too_many("vars", names.len(), MOST_COLUMNS)?;
        let columns = names.iter().map(|name| self.source.numbers(name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let height = columns[0].len();
        let hue = match &self.look.hue {
            Some(hue) => {
                let hues = self.source.categories(hue)?.in_order(&self.look.hue_order);
                too_many(hue, hues.names.len(), MOST_HUES)?;
                hues
            }
            None => Categories {
                names: vec![String::new()],
                rows: vec![Some(0); height],
            },
        };
        let lengths = columns.iter().map(Vec::len).chain([hue.rows.len()]);
        for received in lengths {
            if received != height {
                return Err(ChartError::LengthMismatch {
                    what: "value in every column",
                    per: "row",
                    expected: height,
                    received,
                });
            }
        }
        let kept: Vec<usize> = (0..height)
            .filter(|&row| hue.rows[row].is_some() && columns.iter().all(|c| !c[row].is_nan()))
            .collect();
        let part = |column: &Vec<f64>| kept.iter().map(|&row| column[row]).collect();
        match kept.is_empty() {
            true => Err(ChartError::Empty {
                what: "row without a gap",
            }),
            false => Ok(Rows {
                names,
                columns: columns.iter().map(part).collect(),
                colors: kept.iter().filter_map(|&row| hue.rows[row]).collect(),
                hues: hue.names,
                gaps: height - kept.len(),
            }),
        }
    }

    fn alt(&self, rows: &Rows) -> String {
        let n = rows.colors.len();
        let gaps = match rows.gaps {
            0 => String::new(),
            gaps => format!(", {} with gaps left out", grouped(gaps)),
        };
        let points = match n > MOST_POINTS {
            true => format!(
                ", {} of them drawn as points",
                grouped(n.div_ceil(every(n)))
            ),
            false => String::new(),
        };
        let by = match &self.look.hue {
            None => String::new(),
            Some(hue) => {
                let count = |color: usize| rows.colors.iter().filter(|c| **c == color).count();
                let counted: Vec<String> = rows
                    .hues
                    .iter()
                    .enumerate()
                    .map(|(color, name)| format!("{name} {}", grouped(count(color))))
                    .collect();
                format!(", by {hue}: {}", counted.join(", "))
            }
        };
        let kind = self.look.named("Pair plot");
        let names = rows.names.join(", ");
        format!("{kind} of {names} of {} rows{gaps}{points}{by}", grouped(n))
    }

    fn draw_on(&self, canvas: &Canvas<'_>, rows: &Rows, place: &Place) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let (width, _) = pen.size();
        let title = Label::title().shortened(&self.look.title, width - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
        let n = rows.columns.len();
        let spans: Vec<Span> = rows
            .columns
            .iter()
            .map(|column| Span::around(column.iter().copied(), 0.06))
            .collect();
        for row in 0..n {
            for column in 0..n {
                let corner = place.corner(row, column);
                match row == column {
                    true => draw_bars(&pen, rows, row, &spans[row], corner, place.panel)?,
                    false => {
                        let pair = (&spans[column], &spans[row]);
                        draw_points(&pen, rows, (column, row), pair, corner, place.panel)?;
                    }
                }
                let (left, top) = corner;
                let (right, bottom) = (left + place.panel.0, top + place.panel.1);
                pen.rect((left - 1.0, top), (left, bottom), AXIS)?;
                pen.rect((left - 1.0, bottom), (right, bottom + 1.0), AXIS)?;
            }
        }
        (0..n).try_for_each(|index| self.draw_ticks(&pen, rows, index, &spans[index], place))
    }

    /// Ticks and names of a column: left of its row and below its column.
    fn draw_ticks(
        &self,
        pen: &Pen<'_, '_>,
        rows: &Rows,
        index: usize,
        span: &Span,
        place: &Place,
    ) -> Result<(), ChartError> {
        let (panel_width, panel_height) = place.panel;
        let (left, top) = place.corner(index, 0);
        let label = Label::tick();
        for (value, text) in span.ticks((panel_height / 50.0).max(2.0) as usize) {
            let y = top + (1.0 - span.share(value)) * panel_height;
            // In the first row the numbers belong to the points beside the histogram.
            let text = label.shortened(&text, LEFT - 28.0)?;
            pen.text(&text, left - 6.0, y, label.ending())?;
        }
        let name = Label::axis().centered();
        let text = name.shortened(&rows.names[index], panel_height)?;
        pen.text(&text, MARGIN + 6.0, top + panel_height / 2.0, name.upward())?;

        let (left, top) = place.corner(rows.columns.len() - 1, index);
        let bottom = top + panel_height;
        let ticks = span.ticks((panel_width / 60.0).max(2.0) as usize);
        let texts: Vec<&str> = ticks.iter().map(|(_, text)| text.as_str()).collect();
        // Of long numbers only every other one has room.
        let wide = label.widest(&texts)? + 6.0;
        let every = (wide * ticks.len() as f64 / panel_width).ceil().max(1.0) as usize;
        for (value, text) in ticks.iter().step_by(every) {
            let x = left + span.share(*value) * panel_width;
            pen.rect((x - 0.5, bottom), (x + 0.5, bottom + 4.0), AXIS)?;
            pen.text(text, x, bottom + 8.0 + TICK_SIZE / 2.0, label.centered())?;
        }
        let text = name.shortened(&rows.names[index], panel_width)?;
        pen.text(&text, left + panel_width / 2.0, bottom + 34.0, name)
    }
}

/// Where the panels stand, in CSS pixels.
struct Place {
    top: f64,
    panel: (f64, f64),
}

impl Place {
    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        (
            (MARGIN + LEFT + column as f64 * (self.panel.0 + GAP)).floor(),
            (self.top + row as f64 * (self.panel.1 + GAP)).floor(),
        )
    }
}

/// Every so manyth of `n` rows is a point.
fn every(n: usize) -> usize {
    n.div_ceil(MOST_POINTS).max(1)
}

fn draw_points(
    pen: &Pen<'_, '_>,
    rows: &Rows,
    (x, y): (usize, usize),
    (x_span, y_span): (&Span, &Span),
    corner: (f64, f64),
    (width, height): (f64, f64),
) -> Result<(), ChartError> {
    let scale = f64::from(SCALE);
    let (width, height) = (width * scale, height * scale);
    let mut layer = DotLayer::new(width as usize, height as usize);
    let colors = group_colors(rows.hues.len());
    let step = every(rows.colors.len());
    let drawn = rows.colors.len().div_ceil(step);
    let (radius, alpha) = dot_look(drawn, width * height);
    for index in mixed_order(drawn) {
        let row = index * step;
        let place = (
            x_span.share(rows.columns[x][row]) * width,
            (1.0 - y_span.share(rows.columns[y][row])) * height,
        );
        layer.dot(place, radius.min(5.0), colors[rows.colors[row]], alpha);
    }
    let pixels = (width as usize, height as usize);
    pen.picture(corner, pixels, layer.into_rgb())
}

/// The histograms of a column's colours, before one another.
fn draw_bars(
    pen: &Pen<'_, '_>,
    rows: &Rows,
    column: usize,
    span: &Span,
    (left, top): (f64, f64),
    (width, height): (f64, f64),
) -> Result<(), ChartError> {
    let values = &rows.columns[column];
    let edges = bin_edges(values, &Bins::Auto);
    let bottom = top + height;
    let mut parts = vec![Vec::new(); rows.hues.len()];
    for (value, &color) in values.iter().zip(&rows.colors) {
        parts[color].push(*value);
    }
    let counted: Vec<Vec<u64>> = parts.iter().map(|part| counts(part, &edges)).collect();
    let highest = counted.iter().flatten().copied().max().unwrap_or(1).max(1);
    let x_at = |value: f64| left + span.share(value).clamp(0.0, 1.0) * width;
    pen.rect((left, top), (left + width, bottom), plotters::style::WHITE)?;
    pen.rect((left, bottom - 1.0), (left + width, bottom), GRID)?;
    for (counts, color) in counted.iter().zip(group_colors(rows.hues.len())) {
        let mut line = Vec::new();
        for (sides, &count) in edges.windows(2).zip(counts) {
            let y = bottom - 0.94 * height * count as f64 / highest as f64;
            line.extend([(x_at(sides[0]), y), (x_at(sides[1]), y)]);
        }
        let mut outline = line.clone();
        outline.extend([
            (x_at(edges[edges.len() - 1]), bottom),
            (x_at(edges[0]), bottom),
        ]);
        pen.tinted_polygon(&outline, color, OPACITY)?;
        pen.line(&line, 1.0, readable_on_white(color))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;

    #[test]
    fn gaps_and_columns_of_texts_are_left_out() {
        let columns = Columns::new()
            .with_numbers("a", [1.0, 2.0, f64::NAN])
            .with_texts("text", ["p", "q", "p"])
            .with_numbers("b", [3.0, 3.0, 3.0]);
        let figure = PairPlot::new(columns).figure().unwrap();
        assert_eq!(
            figure.alt(),
            "Pair plot of a, b of 2 rows, 1 with gaps left out"
        );
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        let wide = (0..20).fold(Columns::new(), |columns, i| {
            columns.with_numbers(format!("c{i}"), [1.0, 2.0])
        });
        let error = PairPlot::new(wide.clone()).figure().unwrap_err();
        assert!(
            matches!(
                error,
                ChartError::Groups {
                    max: 12,
                    received: 20,
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            PairPlot::new(wide.clone())
                .vars(["c1", "c7"])
                .figure()
                .is_ok()
        );
        let small = PairPlot::new(wide)
            .vars(["c1", "c7"])
            .size(100, 100)
            .figure();
        assert!(matches!(small, Err(ChartError::TooSmall { .. })));
        let none = PairPlot::new(Columns::new().with_texts("a", ["b"])).figure();
        assert!(matches!(none, Err(ChartError::Empty { .. })));
    }

    #[test]
    fn very_many_rows_are_thinned_and_that_is_told() {
        let numbers = (0..120_000).map(f64::from);
        let columns = Columns::new()
            .with_numbers("a", numbers.clone())
            .with_numbers("b", numbers);
        let figure = PairPlot::new(columns).figure().unwrap();
        assert!(
            figure
                .alt()
                .contains("120,000 rows, 40,000 of them drawn as points"),
            "{figure:?}"
        );
    }
}
