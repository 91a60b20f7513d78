use ndarray::{ArrayBase, Data, Ix2};

use crate::axes::{Axes, AxisTexts};
use crate::bitmap::Canvas;
use crate::dot_layer::DotLayer;
use crate::draw::render_reduced;
use crate::ink::{GRID, INK, Pen};
use crate::legend::{Legend, Mark};
use crate::points::{ClassedPoints, grouped};
use crate::{ChartError, Figure, Palette, SCALE};

/// Space between the plotted part and the legend, in CSS pixels.
const LEGEND_GAP: f64 = 18.0;
/// About this share of the plot is covered by dots, unless their size is chosen.
const COVERED: f64 = 0.1;

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
    alpha: Option<f64>,
    marker_size: Option<f64>,
    equal_aspect: bool,
    size: (u32, u32),
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
            alpha: None,
            marker_size: None,
            equal_aspect: false,
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
        let (width, height) = self.size;
        let png = render_reduced(width, height, |root| self.draw_on(root))?;
        let title = self.texts.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn alt(&self) -> String {
        let mut alt = self.points.alt("Scatter plot", &self.texts.title);
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
        let mut legend = self.points.legend(self.palette, Mark::Dot);
        if let Some(wrong) = self.wrong() {
            legend.push(Mark::Cross(INK), format!("wrong: {}", grouped(wrong)));
        }
        legend
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let size = pen.size();
        let legend = self.legend();
        let room = size.1 - 80.0;
        let reserved = match legend.is_empty() {
            true => 0.0,
            false => legend.size(room)?.0 + LEGEND_GAP,
        };
        let what = "a scatter plot";
        let mut spans = self.points.spans();
        let mut axes = Axes::new(size, spans, &self.texts, reserved, what)?;
        if self.equal_aspect {
            spans = axes.with_equal_units();
            axes = Axes::new(size, spans, &self.texts, reserved, what)?;
        }
        let scale = f64::from(SCALE);
        let (width, height) = (axes.right - axes.left, axes.bottom - axes.top);
        let pixels = ((width * scale) as usize, (height * scale) as usize);
        let layer = self.layer(&axes, pixels);
        pen.picture((axes.left, axes.top), pixels, layer.into_rgb())?;
        axes.draw(&pen)?;
        legend.draw(&pen, (axes.right + LEGEND_GAP, axes.top), room)
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
        let fitting =
            (COVERED * (width * height) as f64 / (std::f64::consts::PI * n as f64)).sqrt();
        let radius = match self.marker_size {
            Some(size) => size / 2.0 * scale,
            None => fitting.clamp(2.2, 8.0),
        };
        let alpha = self.alpha.unwrap_or((fitting / 7.0).clamp(0.4, 0.85));
        let colors = self.points.colors(self.palette);
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

/// All numbers below `n`, far ones following one another, so that classes which come in blocks
/// do not cover one another.
fn mixed_order(n: usize) -> impl Iterator<Item = usize> {
    // Near n over the golden ratio, and without a common divisor, every number is met once.
    let mut step = ((n as f64 * 0.618) as usize).max(1);
    while divisor(step, n) > 1 {
        step += 1;
    }
    (0..n).map(move |i| ((i as u128 * step as u128) % n as u128) as usize)
}

fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixed_order_meets_every_point_once() {
        for n in [1, 2, 3, 10, 64, 1000, 4096] {
            let mut met: Vec<usize> = mixed_order(n).collect();
            met.sort_unstable();
            assert_eq!(met, (0..n).collect::<Vec<_>>());
        }
    }
}
