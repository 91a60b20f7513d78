use ndarray::{Array4, ArrayView4, Axis};

use crate::draw::render;
use crate::ink::{Label, MARGIN, Pen};
use crate::mosaic::Mosaic;
use crate::{ChartError, Figure};

/// Largest width of the grid and of a tile, in bitmap pixels, if the filters allow it.
const ROOM: usize = 1200;
const TILE: usize = 72;
/// Space between filters, in bitmap pixels.
const GAP: usize = 6;

/// The kernels of the first convolution as little colour pictures.
///
/// All are scaled alike: 0 is mid-grey, and the largest weight by amount, of either sign, is
/// full colour.
///
/// ```
/// use labbook_charts::FilterGrid;
/// use ndarray::Array4;
///
/// let kernel = Array4::from_shape_fn((3, 3, 3, 32), |(y, x, c, f)| ((y + x * c + f) % 5) as f32 - 2.0);
/// let figure = FilterGrid::new(&kernel).title("conv2d").figure()?;
/// assert!(figure.alt().contains("32 filters of 3 x 3"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FilterGrid {
    kernel: Array4<f32>,
    title: String,
    columns: usize,
}

impl FilterGrid {
    /// A kernel of shape `(height, width, 3, filters)` or `(height, width, 1, filters)`; 16
    /// filters per row.
    pub fn new<'a>(kernel: impl Into<ArrayView4<'a, f32>>) -> Self {
        Self {
            kernel: kernel.into().to_owned(),
            title: String::new(),
            columns: 16,
        }
    }

    /// Writes a title, such as the layer's name, above the filters.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Number of filters per row, at least 1.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Draws the filters; the figure's size follows from them.
    ///
    /// # Errors
    ///
    /// [`ChartError::KernelShape`] unless the kernel has one or three channels,
    /// [`ChartError::Size`] if the filters are too many for one figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let (height, width, channels, filters) = self.kernel.dim();
        if height * width * filters == 0 || ![1, 3].contains(&channels) {
            return Err(ChartError::KernelShape {
                shape: self.kernel.shape().to_vec(),
            });
        }
        let columns = self.columns.min(filters);
        let side = height.max(width);
        let zoom = (TILE / side)
            .min((ROOM / columns).saturating_sub(GAP) / side)
            .max(2);
        let mosaic = Mosaic::new(filters, (height, width), columns, zoom, GAP);
        let (grid_width, grid_height) = mosaic.size();
        let below = format!("{filters} filters of {height} × {width}, grey is 0");
        let text_width = Label::tick()
            .width(&below)?
            .max(Label::title().width(&self.title)?);
        let top = MARGIN + if self.title.is_empty() { 22.0 } else { 48.0 };
        let figure_width = (grid_width.max(text_width.min(600.0)) + 2.0 * MARGIN).ceil() as u32;
        let figure_height = (top + grid_height + MARGIN).ceil() as u32;
        let largest = self
            .kernel
            .iter()
            .filter(|w| w.is_finite())
            .fold(0.0_f32, |m, w| m.max(w.abs()));
        let byte = |weight: f32| match largest > 0.0 {
            // A cast cuts off at 0 and 255; NaN becomes 0.
            true => (127.5 + 127.5 * weight / largest).round() as u8,
            false => 128,
        };
        let png = render(figure_width, figure_height, |canvas| {
            let pen = Pen::new(canvas);
            let title = Label::title().shortened(&self.title, pen.size().0 - 2.0 * MARGIN)?;
            pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
            pen.text(&below, MARGIN, top - 13.0, Label::tick())?;
            mosaic.draw(&pen, (MARGIN, top), |tile, row, column| {
                let weights = self.kernel.index_axis(Axis(3), tile);
                [0, 1, 2].map(|channel| byte(weights[[row, column, channel.min(channels - 1)]]))
            })
        })?;
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" of “{title}”"),
        };
        let alt = format!(
            "Kernels{title} as pictures: {filters} filters of {height} x {width}, largest weight \
             {largest:.3}"
        );
        let title = self.title.clone();
        let figure = Figure::new(png, figure_width, figure_height, title, alt);
        Ok(figure.with_photographs(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_of_deeper_layers_are_refused() {
        let error = FilterGrid::new(&Array4::zeros((3, 3, 64, 8)))
            .figure()
            .unwrap_err();
        assert!(error.to_string().contains("[3, 3, 64, 8]"), "{error}");
    }
}
