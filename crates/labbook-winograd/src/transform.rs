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

/// One thread's share of the matrices, in the order of the points.
type Share<S> = Vec<S>;

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
        let mut shares: Vec<Share<&mut [f32]>> = Vec::new();
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
    pub(crate) fn from_points(
        &self,
        count: usize,
        points: &[f32],
        start: Start<'_>,
        images: &mut [f32],
    ) {
        let each = count.div_ceil(threads()).max(1);
        let mut shares: Vec<Share<&[f32]>> = Vec::new();
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
            .map(|(points, images)| FromPoints {
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

struct ToPoints<'a> {
    transform: &'a Transform,
    images: &'a [f32],
    points: Share<&'a mut [f32]>,
}

impl Run for ToPoints<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(mut self) {
        let Images { channels, .. } = self.transform.images;
        let zeros = vec![0.0; channels];
        let mut pixels: [[&[f32]; MOST]; MOST] = [[&[]; MOST]; MOST];
        let mut tiles = Tiles::new(self.transform);
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
                    // Columns of the tile, taken to the points along each row.
                    let mut half = [[Lanes::ZERO; MOST]; MOST];
                    for (i, pixels) in pixels.iter().enumerate().take(row.length) {
                        let mut line = [Lanes::ZERO; MOST];
                        for (value, pixel) in line.iter_mut().zip(pixels).take(column.length) {
                            *value = Lanes::load(pixel, channel);
                        }
                        let sizes = (column.points, column.length);
                        apply::<FUSED>(&column.matrix, sizes, &line, |j, value| half[j][i] = value);
                    }
                    for (j, half) in half.iter().enumerate().take(column.points) {
                        let sizes = (row.points, row.length);
                        apply::<FUSED>(&row.matrix, sizes, half, |i, value| {
                            let (matrix, start) = tiles.place(i, j);
                            let target = &mut self.points[matrix][start..start + channels];
                            value.store(target, channel);
                        });
                    }
                    channel += LANES;
                }
            }
            tiles.next_image();
        }
    }
}

struct FromPoints<'a> {
    transform: &'a Transform,
    images: &'a mut [f32],
    points: Share<&'a [f32]>,
    start: Start<'a>,
}

impl Run for FromPoints<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Images { channels, .. } = self.transform.images;
        let mut tiles = Tiles::new(self.transform);
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
                    let mut half = [[Lanes::ZERO; MOST]; MOST];
                    for i in 0..row.points {
                        let mut line = [Lanes::ZERO; MOST];
                        for (j, value) in line.iter_mut().enumerate().take(column.points) {
                            let (matrix, start) = tiles.place(i, j);
                            let source = &self.points[matrix][start..start + channels];
                            *value = Lanes::load(source, channel);
                        }
                        let sizes = (column.length, column.points);
                        apply::<FUSED>(&column.transposed, sizes, &line, |j, value| {
                            half[j][i] = value;
                        });
                    }
                    for (j, half) in half.iter().enumerate().take(column.length) {
                        let sizes = (row.length, row.points);
                        apply::<FUSED>(&row.transposed, sizes, half, |i, value| {
                            if let Some(start) = tiles.pixel(row, column, i, j) {
                                let pixel = &mut image[start..start + channels];
                                let before = match self.start {
                                    Start::Zero => Lanes::load(pixel, channel),
                                    Start::Channels(_) => first,
                                };
                                before.plus(&value).store(pixel, channel);
                            }
                        });
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
