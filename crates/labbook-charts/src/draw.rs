use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;

use plotters::drawing::IntoDrawingArea;
use plotters::style::WHITE;

use crate::bitmap::{Bitmap, Canvas};
use crate::encode::encode;
use crate::font::Typeface;
use crate::reduce::reduce_colors;
use crate::{ChartError, Figure};

/// Bitmap pixels per CSS pixel.
pub const SCALE: u32 = 2;

/// Largest width or height of a figure, in CSS pixels.
pub(crate) const MAX_SIDE: u32 = 8192;

/// Bitmap pixels for a length in CSS pixels, to the nearest whole pixel.
///
/// ```
/// assert_eq!(labbook_charts::px(12.0), 24);
/// ```
pub fn px(css: f64) -> i32 {
    (css * f64::from(SCALE)).round() as i32
}

/// Draws anything that plotters can draw, on white, `width` by `height` CSS pixels.
///
/// The drawing area's coordinates are bitmap pixels, `SCALE` per CSS pixel: use [`px`] for
/// lengths and font sizes, and [`FONT`](crate::FONT) (`"sans-serif"`) for text.
///
/// ```
/// use labbook_charts::plotters::prelude::*;
/// use labbook_charts::{draw, px};
///
/// let figure = draw(320, 200, |root| {
///     let mut chart = ChartBuilder::on(root)
///         .margin(px(8.0))
///         .caption("Squares", ("sans-serif", px(16.0)))
///         .set_left_and_bottom_label_area_size(px(28.0))
///         .build_cartesian_2d(0.0..4.0, 0.0..16.0)?;
///     chart.configure_mesh().label_style(("sans-serif", px(12.0))).draw()?;
///     let points = (0..=40).map(|i| f64::from(i) / 10.0).map(|x| (x, x * x));
///     chart.draw_series(LineSeries::new(points, BLUE.stroke_width(4)))?;
///     Ok(())
/// })?;
/// assert_eq!((figure.width(), figure.height()), (320, 200));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
///
/// # Errors
///
/// [`ChartError::Size`] for an impossible size; [`ChartError::Drawing`] with whatever error
/// the closure returned.
pub fn draw<F>(width: u32, height: u32, drawing: F) -> Result<Figure, ChartError>
where
    F: FnOnce(&Canvas<'_>) -> Result<(), Box<dyn Error + Send + Sync>>,
{
    let png = render(width, height, |root| {
        drawing(root).map_err(ChartError::Drawing)
    })?;
    let alt = format!("A drawing of {width} by {height} pixels");
    Ok(Figure::new(png, width, height, String::new(), alt))
}

/// An encoded bitmap, and the characters in it that no font has.
pub(crate) struct Drawing {
    pub(crate) png: Vec<u8>,
    pub(crate) missing: BTreeSet<char>,
}

/// The encoded bitmap of a drawing on white.
pub(crate) fn render(
    width: u32,
    height: u32,
    drawing: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<Drawing, ChartError> {
    let (rgb, missing) = paint(width, height, drawing)?;
    let png = encode(&rgb, width * SCALE, height * SCALE)?;
    Ok(Drawing { png, missing })
}

/// The same in at most 256 colours.
pub(crate) fn render_reduced(
    width: u32,
    height: u32,
    drawing: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<Drawing, ChartError> {
    let (mut rgb, missing) = paint(width, height, drawing)?;
    reduce_colors(&mut rgb);
    let png = encode(&rgb, width * SCALE, height * SCALE)?;
    Ok(Drawing { png, missing })
}

/// The RGB pixels of a drawing on white, and the characters in it that no font has.
fn paint(
    width: u32,
    height: u32,
    drawing: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<(Vec<u8>, BTreeSet<char>), ChartError> {
    let allowed = 1..=MAX_SIDE;
    if !allowed.contains(&width) || !allowed.contains(&height) {
        return Err(ChartError::Size {
            width,
            height,
            max: MAX_SIDE,
        });
    }
    let size = (width * SCALE, height * SCALE);
    let mut rgb = vec![0; 3 * size.0 as usize * size.1 as usize];
    let missing = RefCell::default();
    let root = Bitmap::new(&mut rgb, size, Typeface::get()?, &missing).into_drawing_area();
    root.fill(&WHITE)
        .map_err(|error| ChartError::Drawing(Box::new(error)))?;
    drawing(&root)?;
    drop(root);
    Ok((rgb, missing.take()))
}
