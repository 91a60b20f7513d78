use tch::Tensor;

use crate::Result;
use crate::memory::Scratch;
use crate::transform::{Start, Transform};

/// The values of some images' tiles: one matrix of tiles x channels for every point.
pub(crate) struct Matrices<'a> {
    transform: &'a Transform,
    tiles: Vec<usize>,
    /// Images that they hold now.
    count: usize,
    buffer: Scratch,
}

impl<'a> Matrices<'a> {
    /// Room for `most` images.
    pub(crate) fn new(transform: &'a Transform, most: usize) -> Result<Self> {
        let tiles = transform.tiles();
        let rows = tiles.iter().sum::<usize>() * most;
        Ok(Self {
            transform,
            tiles,
            count: most,
            buffer: Scratch::new(rows * transform.images.channels)?,
        })
    }

    /// The values of all of these images.
    pub(crate) fn of(transform: &'a Transform, count: usize, images: &[f32]) -> Result<Self> {
        let mut matrices = Self::new(transform, count)?;
        matrices.take(count, images);
        Ok(matrices)
    }

    /// Makes room for `count` images, at most as many as at first.
    pub(crate) fn resize(&mut self, count: usize) {
        self.count = count;
    }

    /// Replaces the values by those of `count` images.
    pub(crate) fn take(&mut self, count: usize, images: &[f32]) {
        self.count = count;
        let points = self.buffer.values_mut();
        self.transform.to_points(count, images, points);
    }

    /// Takes the values back to the images with the transposed map.
    pub(crate) fn give(&self, start: Start<'_>, images: &mut [f32]) {
        let points = self.buffer.values();
        self.transform
            .from_points(self.count, points, start, images);
    }

    pub(crate) fn points(&self) -> usize {
        self.tiles.len()
    }

    /// The matrix of a point; `None` if no tile needs it.
    pub(crate) fn matrix(&self, point: usize) -> Result<Option<Tensor>> {
        let rows = self.tiles[point] * self.count;
        if rows == 0 {
            return Ok(None);
        }
        let channels = self.transform.images.channels;
        let start = self.tiles[..point].iter().sum::<usize>() * self.count * channels;
        self.buffer.matrix(start, rows, channels).map(Some)
    }
}
