use crate::ink::Pen;
use crate::{ChartError, SCALE};

/// Many small pictures of one size in rows, enlarged without smoothing, as one bitmap.
pub(crate) struct Mosaic {
    tiles: usize,
    /// Rows and columns of pixels in a tile.
    tile: (usize, usize),
    columns: usize,
    /// Bitmap pixels per pixel of a tile, and between tiles.
    zoom: usize,
    gap: usize,
}

impl Mosaic {
    pub(crate) fn new(
        tiles: usize,
        tile: (usize, usize),
        columns: usize,
        zoom: usize,
        gap: usize,
    ) -> Self {
        Self {
            tiles,
            tile,
            columns: columns.clamp(1, tiles.max(1)),
            zoom,
            gap,
        }
    }

    /// Width and height in bitmap pixels.
    fn pixels(&self) -> (usize, usize) {
        let along = |count: usize, side: usize| count * (side * self.zoom + self.gap) - self.gap;
        let rows = self.tiles.div_ceil(self.columns);
        (along(self.columns, self.tile.1), along(rows, self.tile.0))
    }

    /// Width and height in CSS pixels.
    pub(crate) fn size(&self) -> (f64, f64) {
        let scale = f64::from(SCALE);
        let (width, height) = self.pixels();
        (width as f64 / scale, height as f64 / scale)
    }

    /// Draws every tile; `color(tile, row, column)` gives its pixels.
    pub(crate) fn draw(
        &self,
        pen: &Pen<'_, '_>,
        corner: (f64, f64),
        color: impl Fn(usize, usize, usize) -> [u8; 3],
    ) -> Result<(), ChartError> {
        let (width, height) = self.pixels();
        let (rows, columns) = self.tile;
        let pitch = (rows * self.zoom + self.gap, columns * self.zoom + self.gap);
        let mut rgb = vec![255; 3 * width * height];
        for tile in 0..self.tiles {
            let top = tile / self.columns * pitch.0;
            let left = tile % self.columns * pitch.1;
            for row in 0..rows {
                // One row of the tile, enlarged, then copied downwards.
                let start = 3 * ((top + row * self.zoom) * width + left);
                let length = 3 * columns * self.zoom;
                for column in 0..columns {
                    let color = color(tile, row, column);
                    let from = start + 3 * column * self.zoom;
                    for pixel in rgb[from..from + 3 * self.zoom].chunks_exact_mut(3) {
                        pixel.copy_from_slice(&color);
                    }
                }
                for below in 1..self.zoom {
                    rgb.copy_within(start..start + length, start + 3 * below * width);
                }
            }
        }
        pen.picture(corner, (width, height), rgb)
    }
}
