use std::thread;

use crate::axis::{Axis, Piece};
use crate::instructions::{self, Run};
use crate::lanes::{LANES, Lanes, apply};
use crate::points::MOST;

/// Images in memory: height, width, channels, the last innermost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Images {
    pub(crate) fn size(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// A linear map between the tiles of images and their values at the points.
///
/// The values of all tiles at one point (i, j) form a matrix of tiles x channels; the matrices
/// lie one after the other. Tiles that are shorter because the image ends do without the last
/// points, so that the matrices of those are shorter.
#[derive(Debug, Clone)]
pub(crate) struct Transform {
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    pub(crate) images: Images,
}

/// What the images hold before the transposed map is added.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Zero everywhere; tiles may overlap.
    Zero,
    /// A value per channel where tiles are, or zero; tiles must not overlap.
    Channels(Option<&'a [f32]>),
}

impl Transform {
    /// The rows that one image takes in the matrix of every point, row by row of points.
    pub(crate) fn tiles(&self) -> Vec<usize> {
        let (height, width) = (self.rows.points(), self.columns.points());
        (0..height)
            .flat_map(|i| (0..width).map(move |j| (i, j)))
            .map(|(i, j)| self.rows.users(i) * self.columns.users(j))
            .collect()
    }

    /// All rows of one image in all matrices.
    pub(crate) fn products(&self) -> usize {
        self.tiles().iter().sum()
    }

    /// Takes `count` images to the points.
    pub(crate) fn to_points(&self, count: usize, images: &[f32], points: &mut [f32]) {
        let each = count.div_ceil(threads()).max(1);
        // For each thread its images' part of every matrix.
        let mut shares: Vec<Vec<&mut [f32]>> = Vec::new();
        shares.resize_with(count.div_ceil(each), Vec::new);
        let mut rest = points;
        for tiles in self.tiles() {
            let size = tiles * self.images.channels;
            let (matrix, others) = rest.split_at_mut(count * size);
            rest = others;
            if size == 0 {
                shares.iter_mut().for_each(|share| share.push(&mut []));
                continue;
            }
            for (share, part) in shares.iter_mut().zip(matrix.chunks_mut(each * size)) {
                share.push(part);
            }
        }
        let images = images.chunks(each * self.images.size());
        run(shares
            .into_iter()
            .zip(images)
            .map(|(points, images)| ToPoints {
                transform: self,
                images,
                points,
            }));
    }

    /// Adds the transposed map of the points' values to `count` images.
    pub(crate) fn to_images(
        &self,
        count: usize,
        points: &[f32],
        start: Start<'_>,
        images: &mut [f32],
    ) {
        let each = count.div_ceil(threads()).max(1);
        let mut shares: Vec<Vec<&[f32]>> = Vec::new();
        shares.resize_with(count.div_ceil(each), Vec::new);
        let mut rest = points;
        for tiles in self.tiles() {
            let size = tiles * self.images.channels;
            let (matrix, others) = rest.split_at(count * size);
            rest = others;
            for (i, share) in shares.iter_mut().enumerate() {
                let first = i * each * size;
                share.push(&matrix[first..(first + each * size).min(matrix.len())]);
            }
        }
        let images = images.chunks_mut(each * self.images.size());
        run(shares
            .into_iter()
            .zip(images)
            .map(|(points, images)| ToImages {
                transform: self,
                images,
                points,
                start,
            }));
    }
}

/// As many threads as libtorch uses.
fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
}

/// Each on a thread of its own, the first on this one.
fn run<R: Run + Send>(mut parts: impl Iterator<Item = R>) {
    let Some(first) = parts.next() else { return };
    thread::scope(|scope| {
        for part in parts {
            scope.spawn(|| instructions::run(part));
        }
        instructions::run(first);
    });
}

/// One thread's part of [`Transform::to_points`].
struct ToPoints<'a> {
    transform: &'a Transform,
    images: &'a [f32],
    points: Vec<&'a mut [f32]>,
}

impl Run for ToPoints<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(mut self) {
        let Images { channels, .. } = self.transform.images;
        let zeros = vec![0.0; channels];
        let mut pixels: [[&[f32]; MOST]; MOST] = [[&[]; MOST]; MOST];
        let mut tiles = Tiles::new(self.transform);
        let mut line = [Lanes::ZERO; MOST];
        let mut half = [[Lanes::ZERO; MOST]; MOST];
        for image in self.images.chunks(self.transform.images.size()) {
            while let Some((row, column)) = tiles.next() {
                for (i, pixels) in pixels.iter_mut().enumerate().take(row.length) {
                    for (j, pixel) in pixels.iter_mut().enumerate().take(column.length) {
                        let start = tiles.pixel(row, column, i, j);
                        *pixel = start.map_or(&zeros[..], |start| &image[start..start + channels]);
                    }
                }
                let mut channel = 0;
                while channel < channels {
                    // First along each row of the tile, then along each column of the results.
                    let sizes = (column.points, column.length);
                    for (i, pixels) in pixels.iter().enumerate().take(row.length) {
                        for (value, pixel) in line.iter_mut().zip(pixels).take(column.length) {
                            *value = Lanes::load(pixel, channel);
                        }
                        apply::<FUSED, 1>(&column.matrix, sizes, &line, &mut half[i]);
                    }
                    let sizes = (row.points, row.length);
                    for j in 0..column.points {
                        let values = &half.as_flattened()[j..];
                        apply::<FUSED, MOST>(&row.matrix, sizes, values, &mut line);
                        for (i, value) in line.iter().enumerate().take(row.points) {
                            let (matrix, start) = tiles.place(i, j);
                            let target = &mut self.points[matrix][start..start + channels];
                            value.store(target, channel);
                        }
                    }
                    channel += LANES;
                }
            }
            tiles.next_image();
        }
    }
}

/// One thread's part of [`Transform::to_images`].
struct ToImages<'a> {
    transform: &'a Transform,
    images: &'a mut [f32],
    points: Vec<&'a [f32]>,
    start: Start<'a>,
}

impl Run for ToImages<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Images { channels, .. } = self.transform.images;
        let mut tiles = Tiles::new(self.transform);
        let mut line = [Lanes::ZERO; MOST];
        let mut half = [[Lanes::ZERO; MOST]; MOST];
        for image in self.images.chunks_mut(self.transform.images.size()) {
            if let Start::Zero = self.start {
                image.fill(0.0);
            }
            while let Some((row, column)) = tiles.next() {
                let mut channel = 0;
                while channel < channels {
                    let first = match self.start {
                        Start::Channels(Some(values)) => Lanes::load(values, channel),
                        _ => Lanes::ZERO,
                    };
                    let sizes = (column.length, column.points);
                    for (i, half) in half.iter_mut().enumerate().take(row.points) {
                        for (j, value) in line.iter_mut().enumerate().take(column.points) {
                            let (matrix, start) = tiles.place(i, j);
                            let source = &self.points[matrix][start..start + channels];
                            *value = Lanes::load(source, channel);
                        }
                        apply::<FUSED, 1>(&column.transposed, sizes, &line, half);
                    }
                    let sizes = (row.length, row.points);
                    for j in 0..column.length {
                        let values = &half.as_flattened()[j..];
                        apply::<FUSED, MOST>(&row.transposed, sizes, values, &mut line);
                        for (i, value) in line.iter().enumerate().take(row.length) {
                            let Some(start) = tiles.pixel(row, column, i, j) else {
                                continue;
                            };
                            let pixel = &mut image[start..start + channels];
                            let before = match self.start {
                                Start::Zero => Lanes::load(pixel, channel),
                                Start::Channels(_) => first,
                            };
                            before.plus(value).store(pixel, channel);
                        }
                    }
                    channel += LANES;
                }
            }
            tiles.next_image();
        }
    }
}

/// Walks the tiles of one image after the other.
struct Tiles<'a> {
    transform: &'a Transform,
    /// Pieces of an axis that use a point, by the point's index.
    row_users: [usize; MOST],
    column_users: [usize; MOST],
    image: usize,
    row: usize,
    column: usize,
    /// The tile that `next` gave.
    here: (usize, usize),
}

impl<'a> Tiles<'a> {
    fn new(transform: &'a Transform) -> Self {
        Self {
            transform,
            row_users: std::array::from_fn(|i| transform.rows.users(i)),
            column_users: std::array::from_fn(|j| transform.columns.users(j)),
            image: 0,
            row: 0,
            column: 0,
            here: (0, 0),
        }
    }

    #[inline(always)]
    fn next(&mut self) -> Option<(&'a Piece, &'a Piece)> {
        let row = self.transform.rows.pieces.get(self.row)?;
        let column = self.transform.columns.pieces.get(self.column)?;
        self.here = (self.row, self.column);
        self.column += 1;
        if self.column == self.transform.columns.pieces.len() {
            self.column = 0;
            self.row += 1;
        }
        Some((row, column))
    }

    fn next_image(&mut self) {
        (self.row, self.column) = (0, 0);
        self.image += 1;
    }

    /// Where pixel (i, j) of the tile starts in the image, if it is inside.
    #[inline(always)]
    fn pixel(&self, row: &Piece, column: &Piece, i: usize, j: usize) -> Option<usize> {
        let images = self.transform.images;
        let y = usize::try_from(row.start.checked_add_unsigned(i)?).ok()?;
        let x = usize::try_from(column.start.checked_add_unsigned(j)?).ok()?;
        let inside = y < images.height && x < images.width;
        inside.then_some((y * images.width + x) * images.channels)
    }

    /// The matrix of point (i, j), and where the tile's row starts in this thread's share.
    #[inline(always)]
    fn place(&self, i: usize, j: usize) -> (usize, usize) {
        let (rows, columns) = (self.row_users[i], self.column_users[j]);
        let tile = (self.image * rows + self.here.0) * columns + self.here.1;
        (
            i * self.transform.columns.points() + j,
            tile * self.transform.images.channels,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tile;

    fn wave(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.7).sin()).collect()
    }

    fn transform() -> Transform {
        Transform {
            rows: Axis::input(7, Tile::Four, 1),
            columns: Axis::input(5, Tile::Four, 1),
            images: Images {
                height: 7,
                width: 5,
                channels: 19,
            },
        }
    }

    #[test]
    fn the_two_directions_are_transposes() {
        let transform = transform();
        let count = 3;
        let images = wave(count * transform.images.size());
        let values = wave(count * transform.products() * transform.images.channels);
        let mut points = vec![0.0; values.len()];
        transform.to_points(count, &images, &mut points);
        let mut back = vec![f32::NAN; images.len()];
        transform.to_images(count, &values, Start::Zero, &mut back);
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
            products.sum()
        };
        let (one, other) = (dot(&points, &values), dot(&images, &back));
        assert!(
            (one - other).abs() < 1e-3 * one.abs().max(1.0),
            "{one} {other}"
        );
    }

    #[test]
    fn plain_instructions_give_the_same_values() {
        let transform = transform();
        let images = wave(transform.images.size());
        let size = transform.products() * transform.images.channels;
        let mut best = vec![0.0; size];
        transform.to_points(1, &images, &mut best);
        let mut plain = vec![0.0; size];
        let mut rest = plain.as_mut_slice();
        let mut points = Vec::new();
        for tiles in transform.tiles() {
            let (matrix, others) = rest.split_at_mut(tiles * transform.images.channels);
            points.push(matrix);
            rest = others;
        }
        ToPoints {
            transform: &transform,
            images: &images,
            points,
        }
        .run::<false>();
        for (best, plain) in best.iter().zip(&plain) {
            assert!((best - plain).abs() < 1e-5);
        }
    }
}
