use ndarray::{Array3, ArrayBase, ArrayView2, Axis, Data, Dimension};
use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{Label, MARGIN, Pen};
use crate::mosaic::Mosaic;
use crate::{ChartError, ColorMap, Figure};

/// Largest width and height of the grid of maps, in bitmap pixels, if the maps allow it.
const ROOM: (usize, usize) = (1200, 6000);
/// Space between maps, in bitmap pixels.
const GAP: usize = 2;
/// Different colours in a figure: with the text they stay within a palette of 256, and their
/// steps are too small to see.
const LEVELS: u8 = 128;

/// What the channels of one layer answer to one image: a picture per channel, as in F.
/// Chollet's "Deep Learning with Python" (2017), section 5.4.
///
/// Each channel is standardised by itself: its mean becomes 128, its standard deviation 64, and
/// what lies outside 0 to 255 is cut off. A constant channel is 128 throughout.
///
/// ```
/// use labbook_charts::FeatureMaps;
/// use ndarray::Array4;
///
/// let activation = Array4::from_shape_fn((1, 15, 15, 20), |(_, y, x, c)| (y * x % (c + 2)) as f32);
/// let figure = FeatureMaps::new(&activation).title("conv2d").figure()?;
/// assert!(figure.alt().contains("20 channels of 15 x 15"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// Standardised; height, width, channels.
    maps: Array3<u8>,
    /// Of the array received.
    shape: Vec<usize>,
    title: String,
    columns: usize,
    color_map: ColorMap,
}

impl FeatureMaps {
    /// An activation of shape `(height, width, channels)` or `(1, height, width, channels)`;
    /// eight maps per row, in Viridis.
    pub fn new<S, D, F>(activation: &ArrayBase<S, D>) -> Self
    where
        S: Data<Elem = F>,
        D: Dimension,
        F: Copy + Into<f64>,
    {
        let shape = activation.shape().to_vec();
        let maps = match shape[..] {
            [height, width, channels] | [1, height, width, channels] => {
                let values: Vec<f64> = activation.iter().map(|&value| value.into()).collect();
                Array3::from_shape_vec((height, width, channels), values).ok()
            }
            _ => None,
        };
        Self {
            maps: maps.map_or_else(|| Array3::zeros((0, 0, 0)), |maps| standardised(&maps)),
            shape,
            title: String::new(),
            columns: 8,
            color_map: ColorMap::Viridis,
        }
    }

    /// Writes a title, such as the layer's name, above the maps.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Number of maps per row, at least 1.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Replaces the colours.
    #[must_use]
    pub fn color_map(mut self, color_map: ColorMap) -> Self {
        self.color_map = color_map;
        self
    }

    /// Draws the maps; the figure's size follows from them. Each of their pixels becomes a
    /// whole number of bitmap pixels.
    ///
    /// # Errors
    ///
    /// [`ChartError::FeatureMapShape`] for an array of another shape, [`ChartError::Size`] if
    /// the maps are too many for one figure; more columns help.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let (height, width, channels) = self.maps.dim();
        if height * width * channels == 0 {
            return Err(ChartError::FeatureMapShape {
                shape: self.shape.clone(),
            });
        }
        let columns = self.columns.min(channels);
        let rows = channels.div_ceil(columns);
        let fitting = (ROOM.0 / (columns * (width + 1))).min(ROOM.1 / (rows * (height + 1)));
        let mosaic = Mosaic::new(
            channels,
            (height, width),
            columns,
            fitting.clamp(2, 40),
            GAP,
        );
        let (grid_width, grid_height) = mosaic.size();
        let label = Label::tick();
        let below = format!(
            "{channels} {} of {height} × {width}",
            if channels == 1 { "channel" } else { "channels" }
        );
        let text_width = label.width(&below)?.max(Label::title().width(&self.title)?);
        let top = MARGIN + if self.title.is_empty() { 20.0 } else { 46.0 };
        let figure_width = (grid_width.max(text_width.min(600.0)) + 2.0 * MARGIN).ceil() as u32;
        let figure_height = (top + grid_height + MARGIN).ceil() as u32;
        let png = render(figure_width, figure_height, |canvas| {
            self.draw_on(canvas, &mosaic, &below, top)
        })?;
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" of “{title}”"),
        };
        let alt = format!(
            "Feature maps{title}: {channels} channels of {height} x {width}, {columns} per row, \
             each standardised"
        );
        let title = self.title.clone();
        let figure = Figure::new(png, figure_width, figure_height, title, alt);
        Ok(figure.with_photographs(true))
    }

    fn draw_on(
        &self,
        canvas: &Canvas<'_>,
        mosaic: &Mosaic,
        below: &str,
        top: f64,
    ) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let title = Label::title().shortened(&self.title, pen.size().0 - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
        pen.text(below, MARGIN, top - 12.0, Label::tick())?;
        let colors: Vec<[u8; 3]> = (0..LEVELS)
            .map(|level| {
                let RGBColor(r, g, b) = self
                    .color_map
                    .color(f64::from(level) / f64::from(LEVELS - 1));
                [r, g, b]
            })
            .collect();
        let level = |value: u8| usize::from(value) * usize::from(LEVELS) / 256;
        mosaic.draw(&pen, (MARGIN, top), |tile, row, column| {
            colors[level(self.maps[[row, column, tile]])]
        })
    }
}

/// Each channel as bytes with mean 128 and standard deviation 64.
fn standardised(maps: &Array3<f64>) -> Array3<u8> {
    let mut bytes = Array3::zeros(maps.dim());
    for (from, mut to) in maps.axis_iter(Axis(2)).zip(bytes.axis_iter_mut(Axis(2))) {
        let (mean, deviation) = mean_and_deviation(&from);
        to.zip_mut_with(&from, |byte, &value| {
            *byte = if deviation > 0.0 && value.is_finite() {
                // A cast cuts off what lies outside 0 to 255 and the fraction, as NumPy does.
                ((value - mean) / deviation * 64.0 + 128.0) as u8
            } else {
                128
            };
        });
    }
    bytes
}

/// Of the finite values; the deviation is 0 where rounding is all there is of it.
fn mean_and_deviation(channel: &ArrayView2<'_, f64>) -> (f64, f64) {
    let finite = || channel.iter().copied().filter(|value| value.is_finite());
    let count = finite().count().max(1) as f64;
    let mean = finite().sum::<f64>() / count;
    let variance = finite().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    let noise = 1e-12 * mean.abs();
    (mean, if deviation > noise { deviation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use ndarray::arr3;

    use super::*;

    #[test]
    fn a_channel_is_standardised_by_itself_and_cut_off() {
        let maps = arr3(&[[[0.0, 5.0], [2.0, 5.0]], [[0.0, 5.0], [2.0, 5.0]]]);
        let bytes = standardised(&maps);
        assert_eq!(
            bytes.index_axis(Axis(2), 0),
            ndarray::arr2(&[[64, 192], [64, 192]])
        );
        assert!(bytes.index_axis(Axis(2), 1).iter().all(|&byte| byte == 128));
        let mut spike = Array3::zeros((10, 10, 1));
        spike[[0, 0, 0]] = 1.0;
        let bytes = standardised(&spike);
        assert_eq!((bytes[[0, 0, 0]], bytes[[1, 1, 0]]), (255, 121));
    }

    #[test]
    fn a_constant_channel_that_is_no_round_number_is_grey_too() {
        let maps = Array3::from_elem((7, 7, 1), 0.1);
        assert!(standardised(&maps).iter().all(|&byte| byte == 128));
        let maps = Array3::from_elem((2, 2, 1), f64::NAN);
        assert!(standardised(&maps).iter().all(|&byte| byte == 128));
    }

    #[test]
    fn a_batch_and_a_dense_layer_are_refused() {
        for shape in [vec![2, 5, 5, 3], vec![1, 512], vec![5, 5]] {
            let activation = ndarray::ArrayD::<f32>::zeros(shape.clone());
            let error = FeatureMaps::new(&activation).figure().unwrap_err();
            assert!(error.to_string().contains(&format!("{shape:?}")), "{error}");
        }
    }
}
