use ndarray::{Array4, ArrayBase, ArrayView4, Data, Ix2};
use plotters::style::RGBColor;

use crate::axes::{Axes, AxisTexts};
use crate::bitmap::Canvas;
use crate::color_bar::{BAR_GAP, ColorBar};
use crate::dot_layer::{DotLayer, dot_look, mixed_order};
use crate::draw::render_reduced;
use crate::ink::{GRID, INK, Label, Pen};
use crate::legend::{Legend, Mark, ROUND, reserve};
use crate::live_scatter::{LiveScatter, LiveValues, Thumbnails};
use crate::points::{ClassedPoints, grouped, plottable, short};
use crate::ticks::round_ticks;
use crate::{ChartError, ColorMap, Figure, Palette, SCALE, SERIES_COLORS};

/// Space between the plotted part and the legend, in CSS pixels.
const LEGEND_GAP: f64 = 18.0;
/// Height of the bar of colours, and its name's longest width, in CSS pixels.
const BAR_HEIGHT: f64 = 260.0;
const LONGEST_NAME: f64 = 120.0;

/// Points in the plane, coloured by class, with a full legend beside them: a map of PCA or
/// t-SNE.
///
/// All points are drawn into one bitmap, each smooth and translucent, in an order that favours
/// no class; 50,000 take a fraction of a second and few bytes.
///
/// ```
/// use labbook_charts::ScatterPlot;
/// use ndarray::arr2;
///
/// let map = arr2(&[[0.0, 1.0], [2.0, 0.5], [2.2, 0.4]]);
/// let figure = ScatterPlot::new(&map)
///     .classes(&[0, 1, 1], &["cat", "dog"])
///     .title("Map")
///     .figure()?;
/// assert!(figure.alt().contains("dog 2"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScatterPlot {
    points: ClassedPoints,
    errors: Option<Vec<bool>>,
    texts: AxisTexts,
    palette: Palette,
    values: Option<PointValues>,
    alpha: Option<f64>,
    marker_size: Option<f64>,
    equal_aspect: bool,
    thumbnails: Option<Array4<u8>>,
    size: (u32, u32),
}

/// What colours points along a scale.
#[derive(Debug, Clone, PartialEq)]
struct PointValues {
    name: String,
    values: Vec<f64>,
    /// Those of the first and the last colour, which differ.
    bounds: (f64, f64),
    color_map: ColorMap,
}

impl ScatterPlot {
    /// Points of shape `(N, 2)`, or the first two columns of a wider array; 900 by 600 CSS
    /// pixels, one colour.
    pub fn new<S, F>(points: &ArrayBase<S, Ix2>) -> Self
    where
        S: Data<Elem = F>,
        F: Copy + Into<f64>,
    {
        Self {
            points: ClassedPoints::new(points),
            errors: None,
            texts: AxisTexts::default(),
            palette: Palette::default(),
            values: None,
            alpha: None,
            marker_size: None,
            equal_aspect: false,
            thumbnails: None,
            size: (900, 600),
        }
    }

    /// Colours each point by its class; the legend lists every class, present or not.
    #[must_use]
    pub fn classes(
        mut self,
        classes: &[i64],
        class_names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        self.points.set_classes(classes, class_names);
        self
    }

    /// Colours each point by a number, with a bar of the colours beside the plot: by default from
    /// dark violet to yellow. It takes the place of classes.
    #[must_use]
    pub fn values(mut self, name: impl Into<String>, values: &[f64]) -> Self {
        self.values = Some(PointValues {
            name: name.into(),
            values: values.to_vec(),
            bounds: bounds(values),
            color_map: ColorMap::Viridis,
        });
        self
    }

    /// Replaces the colours of [`values`](Self::values).
    #[must_use]
    pub fn color_map(mut self, color_map: ColorMap) -> Self {
        if let Some(values) = &mut self.values {
            values.color_map = color_map;
        }
        self
    }

    /// Marks the points that are wrong, one flag per point, with a dark cross.
    #[must_use]
    pub fn errors(mut self, wrong: &[bool]) -> Self {
        self.errors = Some(wrong.to_vec());
        self
    }

    /// Writes a title above the plot.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.texts.title = title.into();
        self
    }

    /// Names the horizontal axis.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.texts.x_label = label.into();
        self
    }

    /// Names the vertical axis; the name stands above it.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.texts.y_label = label.into();
        self
    }

    /// Replaces the colours, for instance by [`Palette::Muted`].
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// Opacity of a point, from 0 to 1; by default it suits the number of points.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha.clamp(0.0, 1.0));
        self
    }

    /// Diameter of a point in CSS pixels, from 1 to 40; by default it suits the number of
    /// points.
    #[must_use]
    pub fn marker_size(mut self, pixels: f64) -> Self {
        self.marker_size = Some(pixels.clamp(1.0, 40.0));
        self
    }

    /// Makes a unit as long on one axis as on the other, as distances in a map deserve.
    #[must_use]
    pub fn equal_aspect(mut self) -> Self {
        self.equal_aspect = true;
        self
    }

    /// Gives each point an image of shape `(height, width, 1 or 3)`, which a notebook and a report
    /// show beside the pointer. Of more than 2,000 every so manyth is kept, and at most 64 pixels
    /// of a side: about 0.3 to 1.5 MB. The picture is the same without.
    #[must_use]
    pub fn thumbnails<'a>(mut self, images: impl Into<ArrayView4<'a, u8>>) -> Self {
        self.thumbnails = Some(images.into().to_owned());
        self
    }

    /// Width and height in CSS pixels, legend included.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without points, [`ChartError::PointShape`] with fewer than two
    /// columns, [`ChartError::Coordinate`] for one that is NaN or infinite,
    /// [`ChartError::LengthMismatch`] unless classes and flags pair up with points,
    /// [`ChartError::LabelOutOfRange`] for a class without a name, [`ChartError::TooSmall`] or
    /// [`ChartError::Size`] if the plot cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        self.points.check()?;
        if let Some(errors) = &self.errors {
            self.points.check_paired("error flag", errors.len())?;
        }
        if let Some(PointValues { values, .. }) = &self.values {
            self.points.check_paired("value", values.len())?;
            if let Some(row) = values.iter().position(|value| !plottable(*value)) {
                let value = values[row];
                return Err(ChartError::Coordinate { row, value });
            }
        }
        let (width, height) = self.size;
        let png = render_reduced(width, height, |root| self.draw_on(root))?;
        let title = self.texts.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn alt(&self) -> String {
        let mut alt = self.points.alt("Scatter plot", &self.texts.title);
        if let Some(values) = &self.values {
            let (low, high) = values.bounds;
            alt += &format!("; {} from {} to {}", values.name, short(low), short(high));
        }
        if let Some(errors) = self.wrong() {
            alt += &format!("; {} marked as wrong", grouped(errors));
        }
        alt
    }

    fn wrong(&self) -> Option<usize> {
        let errors = self.errors.as_ref()?;
        Some(errors.iter().filter(|&&wrong| wrong).count())
    }

    fn legend(&self) -> Legend {
        let mut legend = match self.values {
            Some(_) => Legend::default(),
            None => self.points.legend(self.palette, Mark::Dot),
        };
        if let Some(wrong) = self.wrong() {
            legend.push(Mark::Cross(INK), format!("wrong: {}", grouped(wrong)));
        }
        legend
    }

    fn axes(&self, size: (f64, f64)) -> Result<Axes<'_>, ChartError> {
        let mut reserved = reserve(&self.legend(), size, LEGEND_GAP)?;
        if let Some(values) = &self.values {
            let name = Label::tick().width(&values.name)?.min(LONGEST_NAME);
            reserved = reserved.max(BAR_GAP + values.bar().width()?.max(name));
        }
        let what = "a scatter plot";
        let axes = Axes::new(size, self.points.spans(), &self.texts, reserved, what)?;
        match self.equal_aspect {
            true => Axes::new(size, axes.with_equal_units(), &self.texts, reserved, what),
            false => Ok(axes),
        }
    }

    /// Radius in bitmap pixels and opacity of the points.
    fn dot(&self, axes: &Axes<'_>) -> (f64, f64) {
        let scale = f64::from(SCALE);
        let area = (axes.right - axes.left) * (axes.bottom - axes.top) * scale * scale;
        let (radius, alpha) = dot_look(self.points.len(), area);
        let chosen = self.marker_size.map(|size| size / 2.0 * scale);
        (chosen.unwrap_or(radius), self.alpha.unwrap_or(alpha))
    }

    /// Draws the plot, and tells what one that a person can zoom and hover over is drawn from.
    ///
    /// # Errors
    ///
    /// Those of [`figure`](Self::figure), and [`ChartError::ImageShape`] or
    /// [`ChartError::LengthMismatch`] for thumbnails that do not suit the points.
    pub fn live(&self) -> Result<LiveScatter, ChartError> {
        let figure = self.figure()?;
        let thumbnails = match &self.thumbnails {
            Some(images) => {
                self.points.check_paired("image", images.dim().0)?;
                Some(Thumbnails::new(images)?)
            }
            None => None,
        };
        let axes = self.axes((f64::from(self.size.0), f64::from(self.size.1)))?;
        let (radius, alpha) = self.dot(&axes);
        let classes = match self.values {
            Some(_) => None,
            None => self.points.classes(),
        };
        let values = self.values.as_ref().map(|values| LiveValues {
            name: values.name.clone(),
            values: values.values.clone(),
            range: values.bounds.into(),
            colors: (0..256)
                .map(|step| values.color_map.color(f64::from(step) / 255.0))
                .collect(),
        });
        Ok(LiveScatter {
            labels: [self.texts.x_label.clone(), self.texts.y_label.clone()],
            plot: [axes.left, axes.top, axes.right, axes.bottom],
            ranges: axes.ranges(),
            points: self.points.points.clone(),
            names: match classes {
                Some(_) => self.points.class_names.clone(),
                None => Vec::new(),
            },
            colors: match classes {
                Some(_) => self.palette.colors(self.points.class_names.len()),
                None => vec![SERIES_COLORS[0]],
            },
            classes,
            wrong: self.errors.clone(),
            values,
            dot: [radius / f64::from(SCALE), alpha],
            thumbnails,
            figure,
        })
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let size = pen.size();
        let legend = self.legend();
        let room = size.1 - ROUND;
        let axes = self.axes(size)?;
        let scale = f64::from(SCALE);
        let (width, height) = (axes.right - axes.left, axes.bottom - axes.top);
        let pixels = ((width * scale) as usize, (height * scale) as usize);
        let layer = self.layer(&axes, pixels);
        pen.picture((axes.left, axes.top), pixels, layer.into_rgb())?;
        axes.draw(&pen)?;
        let Some(values) = &self.values else {
            return legend.draw(&pen, (axes.right + LEGEND_GAP, axes.top), room);
        };
        let left = axes.right + BAR_GAP;
        let name = Label::tick().shortened(&values.name, LONGEST_NAME)?;
        pen.text(&name, left, axes.top + 4.0, Label::tick())?;
        let (wrong, _) = legend.size(room)?;
        let top = match wrong > 0.0 {
            true => axes.top + 36.0,
            false => axes.top + 16.0,
        };
        legend.draw(&pen, (left, axes.top + 12.0), room)?;
        let bottom = (top + BAR_HEIGHT).min(axes.bottom);
        values
            .bar()
            .draw(&pen, (left, top), bottom, |value| values.color(value))
    }

    fn layer(&self, axes: &Axes<'_>, (width, height): (usize, usize)) -> DotLayer {
        let scale = f64::from(SCALE);
        let mut layer = DotLayer::new(width, height);
        for x in axes.x_grid() {
            let x = ((x - axes.left) * scale).round();
            layer.rect((x - 1.0, x + 1.0), (0.0, height as f64), GRID);
        }
        for y in axes.y_grid() {
            let y = ((y - axes.top) * scale).round();
            layer.rect((0.0, width as f64), (y - 1.0, y + 1.0), GRID);
        }
        let n = self.points.len();
        let (radius, alpha) = self.dot(axes);
        let colors = match &self.values {
            Some(values) => values
                .values
                .iter()
                .map(|value| values.color(*value))
                .collect(),
            None => self.points.colors(self.palette),
        };
        let place = |index: usize| {
            let [x, y] = self.points.points[index];
            (
                (axes.x_at(x) - axes.left) * scale,
                (axes.y_at(y) - axes.top) * scale,
            )
        };
        for index in mixed_order(n) {
            layer.dot(place(index), radius, colors[index], alpha);
        }
        // Crosses last: a mistake matters more than what lies over it.
        let arm = (radius * 1.1).max(3.6);
        let thickness = (radius * 0.3).clamp(1.2, 2.5);
        for (index, _) in self
            .errors
            .iter()
            .flatten()
            .enumerate()
            .filter(|(_, wrong)| **wrong)
        {
            layer.cross(place(index), (arm, thickness), INK, (alpha * 1.6).min(0.9));
        }
        layer
    }
}

impl PointValues {
    fn color(&self, value: f64) -> RGBColor {
        let (low, high) = self.bounds;
        self.color_map.color((value - low) / (high - low))
    }

    fn bar(&self) -> ColorBar {
        let (low, high) = self.bounds;
        ColorBar {
            low,
            high,
            ticks: round_ticks(low, high, 5),
        }
    }
}

/// The smallest and the largest value, apart where all are the same.
fn bounds(values: &[f64]) -> (f64, f64) {
    let values = values.iter().copied();
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    match low < high {
        true => (low, high),
        false => (low - 0.5, low + low.abs().max(0.5)),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn values_need_a_number_for_each_point() {
        let plot = || ScatterPlot::new(&arr2(&[[0.0, 1.0], [1.0, 0.0]]));
        let short = plot().values("depth", &[1.0]).figure();
        assert!(matches!(short, Err(ChartError::LengthMismatch { .. })));
        let gap = plot().values("depth", &[1.0, f64::NAN]).figure();
        assert!(matches!(gap, Err(ChartError::Coordinate { row: 1, .. })));
        let figure = plot().values("depth", &[1.0, 3.0]).figure().unwrap();
        assert!(figure.alt().contains("depth from 1 to 3"), "{figure:?}");
        assert!(plot().values("depth", &[2.0, 2.0]).figure().is_ok());
    }
}
