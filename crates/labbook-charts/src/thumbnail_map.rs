use std::collections::HashMap;

use ndarray::{Array4, ArrayBase, ArrayView4, Axis, Data, Ix2};

use crate::axes::{Axes, AxisTexts};
use crate::bitmap::Canvas;
use crate::draw::render_reduced;
use crate::ink::{AXIS, GRID, Pen};
use crate::legend::{Mark, ROUND, reserve};
use crate::mosaic::Mosaic;
use crate::points::{ClassedPoints, grouped};
use crate::{ChartError, Figure, Palette, SCALE};

const LEGEND_GAP: f64 = 18.0;
/// Frame of a thumbnail in the colour of its class, and the space around it, in CSS pixels.
const FRAME: f64 = 1.5;
const GAP: f64 = 1.0;

/// Images at their places in a map: those that would cover another one are left out, and show
/// as pale dots where there is room.
///
/// ```
/// use labbook_charts::ThumbnailMap;
/// use ndarray::{Array2, Array4};
///
/// let images = Array4::<u8>::from_elem((3, 32, 32, 3), 90);
/// let map = Array2::from_shape_fn((3, 2), |(i, axis)| (i * i + axis) as f32);
/// let figure = ThumbnailMap::new(&images, &map).size(400, 400).figure()?;
/// assert!(figure.alt().contains("3 of 3 images"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ThumbnailMap {
    images: Array4<u8>,
    points: ClassedPoints,
    texts: AxisTexts,
    palette: Palette,
    image_size: u32,
    size: (u32, u32),
}

impl ThumbnailMap {
    /// Images of shape `(N, height, width, 3)` or `(N, height, width, 1)` and points of shape
    /// `(N, 2)`; 900 by 760 CSS pixels, about 32 for an image.
    pub fn new<'a, S, F>(images: impl Into<ArrayView4<'a, u8>>, points: &ArrayBase<S, Ix2>) -> Self
    where
        S: Data<Elem = F>,
        F: Copy + Into<f64>,
    {
        Self {
            images: images.into().to_owned(),
            points: ClassedPoints::new(points),
            texts: AxisTexts::default(),
            palette: Palette::default(),
            image_size: 32,
            size: (900, 760),
        }
    }

    /// Frames each image in the colour of its class and adds a legend.
    #[must_use]
    pub fn classes(
        mut self,
        classes: &[i64],
        class_names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        self.points.set_classes(classes, class_names);
        self
    }

    /// Replaces the colours of the classes.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// Writes a title above the map.
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

    /// Longest side of an image, in CSS pixels. Each pixel of an image becomes a whole number
    /// of bitmap pixels, at least one, so the result can differ a little.
    #[must_use]
    pub fn image_size(mut self, pixels: u32) -> Self {
        self.image_size = pixels;
        self
    }

    /// Width and height in CSS pixels, legend included.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the map; an image earlier in the array has precedence.
    ///
    /// # Errors
    ///
    /// [`ChartError::ImageShape`] unless the images have one or three channels, and the errors
    /// of [`ScatterPlot::figure`](crate::ScatterPlot::figure).
    pub fn figure(&self) -> Result<Figure, ChartError> {
        self.points.check()?;
        self.points.check_paired("image", self.images.dim().0)?;
        let (_, rows, columns, channels) = self.images.dim();
        if rows * columns == 0 || ![1, 3].contains(&channels) {
            return Err(ChartError::ImageShape {
                shape: self.images.shape().to_vec(),
            });
        }
        let mut shown = 0;
        let (width, height) = self.size;
        let png = render_reduced(width, height, |root| {
            shown = self.draw_on(root)?;
            Ok(())
        })?;
        let alt = format!(
            "{}; {} of {} images shown",
            self.points.alt("Map with thumbnails", &self.texts.title),
            grouped(shown),
            grouped(self.points.len())
        );
        let figure = Figure::new(png, width, height, self.texts.title.clone(), alt);
        Ok(figure.with_photographs(true))
    }

    /// Tells how many images found room.
    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<usize, ChartError> {
        let pen = Pen::new(canvas);
        let size = pen.size();
        let legend = self.points.legend(self.palette, Mark::Square);
        let room = size.1 - ROUND;
        let reserved = reserve(&legend, size, LEGEND_GAP)?;
        let what = "a map with thumbnails";
        let axes = Axes::new(size, self.points.spans(), &self.texts, reserved, what)?;
        axes.draw(&pen)?;
        legend.draw(&pen, (axes.right + LEGEND_GAP, axes.top), room)?;

        let places: Vec<(f64, f64)> = self
            .points
            .points
            .iter()
            .map(|&[x, y]| (axes.x_at(x), axes.y_at(y)))
            .collect();
        let (_, rows, columns, channels) = self.images.dim();
        let pixels = self.image_size.saturating_mul(SCALE) as usize;
        let zoom = (pixels / rows.max(columns)).max(1);
        let mosaic = Mosaic::new(1, (rows, columns), 1, zoom, 0);
        let (width, height) = mosaic.size();
        let pitch = (width + 2.0 * (FRAME + GAP), height + 2.0 * (FRAME + GAP));

        for &(x, y) in &places {
            pen.dot(x, y, 1.5, GRID)?;
        }
        let colors = match legend.is_empty() {
            true => vec![AXIS; places.len()],
            false => self.points.colors(self.palette),
        };
        let chosen = thinned(&places, pitch);
        for &index in &chosen {
            // Whole CSS pixels, inside the axes.
            let inside = |middle: f64, side: f64, low: f64, high: f64| {
                let start = (middle - side / 2.0).round();
                start.min(high - side - FRAME).max(low + FRAME)
            };
            let left = inside(places[index].0, width, axes.left, axes.right);
            let top = inside(places[index].1, height, axes.top, axes.bottom);
            pen.frame(
                (left, top),
                (left + width, top + height),
                FRAME,
                colors[index],
            )?;
            let image = self.images.index_axis(Axis(0), index);
            mosaic.draw(&pen, (left, top), |_, row, column| {
                [0, 1, 2].map(|channel| image[[row, column, channel.min(channels - 1)]])
            })?;
        }
        Ok(chosen.len())
    }
}

/// The places, in their order, that keep `pitch` from all chosen before them along at least
/// one axis.
fn thinned(places: &[(f64, f64)], pitch: (f64, f64)) -> Vec<usize> {
    // Chosen places by the cell of a grid as wide as the pitch: only neighbours can collide.
    let mut cells: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
    let mut chosen = Vec::new();
    for (index, &(x, y)) in places.iter().enumerate() {
        let cell = ((x / pitch.0).floor() as i64, (y / pitch.1).floor() as i64);
        let mut near = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (cell.0 + dx, cell.1 + dy)));
        let collides = near.any(|cell| {
            cells.get(&cell).is_some_and(|there| {
                there.iter().any(|&other| {
                    let (other_x, other_y) = places[other];
                    (x - other_x).abs() < pitch.0 && (y - other_y).abs() < pitch.1
                })
            })
        });
        if !collides {
            cells.entry(cell).or_default().push(index);
            chosen.push(index);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_places_keep_their_distance_and_leave_no_hole() {
        let places: Vec<(f64, f64)> = (0..900)
            .map(|i| {
                (
                    f64::from(i * 7919 % 1000) / 5.0,
                    f64::from(i * 104_729 % 997) / 5.0,
                )
            })
            .collect();
        let chosen = thinned(&places, (20.0, 30.0));
        let clash = |a: usize, b: usize| {
            let (a, b) = (places[a], places[b]);
            (a.0 - b.0).abs() < 20.0 && (a.1 - b.1).abs() < 30.0
        };
        for (position, &a) in chosen.iter().enumerate() {
            assert!(chosen[..position].iter().all(|&b| !clash(a, b)));
        }
        for other in 0..places.len() {
            assert!(chosen.contains(&other) || chosen.iter().any(|&b| clash(other, b)));
        }
        assert_eq!(chosen[0], 0);
    }
}
