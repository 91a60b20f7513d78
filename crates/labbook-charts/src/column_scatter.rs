use ndarray::Array2;

use crate::column_source::{ColumnSource, Source};
use crate::look::{Look, label_methods, look_methods};
use crate::{ChartError, ColorMap, Figure, Palette, ScatterPlot};

/// One column of numbers against another, coloured by a third: seaborn's `scatterplot`.
///
/// A column of texts colours by group, one of numbers along a scale with a bar of its colours;
/// numbers with a [`hue_order`](Self::hue_order) are groups too. Rows with a gap in one of the
/// columns are left out.
///
/// ```
/// use labbook_charts::{ColumnScatter, Columns};
///
/// let columns = Columns::new()
///     .with_numbers("carat", [0.2, 0.3, f64::NAN, 1.1])
///     .with_numbers("price", [326.0, 400.0, 350.0, 5000.0])
///     .with_texts("cut", ["Ideal", "Good", "Good", "Good"]);
/// let figure = ColumnScatter::new(columns, "carat", "price").hue("cut").figure()?;
/// assert!(figure.alt().contains("of 3 points in 2 classes: Ideal 1, Good 2"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ColumnScatter {
    source: Source,
    x: String,
    y: String,
    look: Look,
    palette: Palette,
    color_map: ColorMap,
    alpha: Option<f64>,
    marker_size: Option<f64>,
}

look_methods!(ColumnScatter);
label_methods!(ColumnScatter);

impl ColumnScatter {
    /// The column `y` over the column `x`, 760 by 480 CSS pixels, one colour.
    pub fn new(
        source: impl ColumnSource + 'static,
        x: impl Into<String>,
        y: impl Into<String>,
    ) -> Self {
        Self {
            source: Source::new(source),
            x: x.into(),
            y: y.into(),
            look: Look::default(),
            palette: Palette::default(),
            color_map: ColorMap::Viridis,
            alpha: None,
            marker_size: None,
        }
    }

    /// Replaces the colours of groups.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// Replaces the colours of numbers.
    #[must_use]
    pub fn color_map(mut self, color_map: ColorMap) -> Self {
        self.color_map = color_map;
        self
    }

    /// Opacity of a point, from 0 to 1; by default it suits the number of points.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// Diameter of a point in CSS pixels, from 1 to 40; by default it suits the number of points.
    #[must_use]
    pub fn marker_size(mut self, pixels: f64) -> Self {
        self.marker_size = Some(pixels);
        self
    }

    /// The points as a [`ScatterPlot`], with its further options.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::LengthMismatch`] for
    /// columns of different lengths.
    pub fn plot(&self) -> Result<ScatterPlot, ChartError> {
        let (x, y) = (self.source.numbers(&self.x)?, self.source.numbers(&self.y)?);
        same_length(x.len(), y.len())?;
        let mut kept: Vec<usize> = (0..x.len())
            .filter(|&row| !x[row].is_nan() && !y[row].is_nan())
            .collect();
        let hue = match &self.look.hue {
            None => Hue::None,
            Some(hue) if self.source.is_numeric(hue) && self.look.hue_order.is_empty() => {
                let values = self.source.numbers(hue)?;
                same_length(x.len(), values.len())?;
                kept.retain(|&row| !values[row].is_nan());
                Hue::Values(hue, kept.iter().map(|&row| values[row]).collect())
            }
            Some(hue) => {
                let categories = self.source.categories(hue)?.in_order(&self.look.hue_order);
                same_length(x.len(), categories.rows.len())?;
                kept.retain(|&row| categories.rows[row].is_some());
                let classes = kept.iter().filter_map(|&row| categories.rows[row]);
                Hue::Classes(
                    classes.map(|class| class as i64).collect(),
                    categories.names,
                )
            }
        };
        let points = Array2::from_shape_fn((kept.len(), 2), |(row, axis)| match axis {
            0 => x[kept[row]],
            _ => y[kept[row]],
        });
        let texts = self.look.texts(&self.x, &self.y);
        let (width, height) = self.look.size.unwrap_or((760, 480));
        let mut plot = ScatterPlot::new(&points)
            .title(texts.title)
            .x_label(texts.x_label)
            .y_label(texts.y_label)
            .size(width, height)
            .palette(self.palette);
        plot = match hue {
            Hue::None => plot,
            Hue::Values(name, values) => plot.values(name, &values).color_map(self.color_map),
            Hue::Classes(classes, names) => plot.classes(&classes, names),
        };
        if let Some(alpha) = self.alpha {
            plot = plot.alpha(alpha);
        }
        if let Some(size) = self.marker_size {
            plot = plot.marker_size(size);
        }
        Ok(plot)
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// Those of [`plot`](Self::plot) and of [`ScatterPlot::figure`].
    pub fn figure(&self) -> Result<Figure, ChartError> {
        self.plot()?.figure()
    }
}

enum Hue<'a> {
    None,
    Values(&'a str, Vec<f64>),
    Classes(Vec<i64>, Vec<String>),
}

fn same_length(expected: usize, received: usize) -> Result<(), ChartError> {
    match expected == received {
        true => Ok(()),
        false => Err(ChartError::LengthMismatch {
            what: "value in every column",
            per: "row",
            expected,
            received,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;

    fn columns() -> Columns {
        Columns::new()
            .with_numbers("x", [1.0, 2.0, f64::NAN, 4.0])
            .with_numbers("y", [1.0, 2.0, 3.0, 4.0])
            .with_numbers("n", [5.0, f64::NAN, 5.0, 7.0])
            .with_texts("name", ["a", "b", "c", "d"])
    }

    #[test]
    fn numbers_colour_along_a_scale_or_with_an_order_as_groups() {
        let plot = ColumnScatter::new(columns(), "x", "y").hue("n");
        let alt = plot.figure().unwrap().alt().to_owned();
        assert!(alt.contains("of 2 points; n from 5 to 7"), "{alt}");
        let alt = plot
            .hue_order(["7", "5"])
            .figure()
            .unwrap()
            .alt()
            .to_owned();
        assert!(alt.contains("in 2 classes: 7 1, 5 1"), "{alt}");
    }

    #[test]
    fn texts_have_no_place_on_an_axis() {
        let error = ColumnScatter::new(columns(), "name", "y")
            .figure()
            .unwrap_err();
        assert!(matches!(error, ChartError::Column { .. }), "{error}");
        let uneven = columns().with_numbers("short", [1.0]);
        let error = ColumnScatter::new(uneven, "x", "short")
            .figure()
            .unwrap_err();
        assert!(
            matches!(error, ChartError::LengthMismatch { .. }),
            "{error}"
        );
    }
}
