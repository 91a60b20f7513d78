use tch::Tensor;

use crate::Result;
use crate::memory::{Pool, Scratch};
use crate::transform::{Start, Transform};

/// The values of some images' tiles: one matrix of tiles x channels for every point.
pub(crate) struct Matrices<'a> {
    transform: &'a Transform,
    tiles: Vec<usize>,
    /// Images that they hold now.
    count: usize,
    buffer: Scratch<'a>,
}

impl<'a> Matrices<'a> {
    /// Room for `most` images.
    pub(crate) fn new(transform: &'a Transform, most: usize, pool: &'a Pool) -> Result<Self> {
        let tiles = transform.tiles();
        let rows = tiles.iter().sum::<usize>() * most;
        Ok(Self {
            transform,
            tiles,
            count: most,
            buffer: pool.take(rows * transform.images.channels)?,
        })
    }

    /// The values of these images.
    pub(crate) fn of(
        transform: &'a Transform,
        count: usize,
        images: &[f32],
        pool: &'a Pool,
    ) -> Result<Self> {
        let mut matrices = Self::new(transform, count, pool)?;
        matrices.set_images(images);
        Ok(matrices)
    }

    /// Replaces the values by those of these images, at most as many as there is room for.
    pub(crate) fn set_images(&mut self, images: &[f32]) {
        self.count = images.len() / self.transform.images.size();
        let points = self.buffer.values_mut();
        self.transform.to_points(self.count, images, points);
    }

    /// Takes the values to as many images with the transposed map.
    pub(crate) fn to_images(&self, start: Start<'_>, images: &mut [f32]) {
        let points = self.buffer.values();
        self.transform.to_images(self.count, points, start, images);
    }

    /// Replaces the values by `rows` times `kernel`, or its transpose: at every point tiles x
    /// channels times filters x channels.
    pub(crate) fn set_products(
        &mut self,
        rows: &Self,
        kernel: &Self,
        transpose: bool,
    ) -> Result<()> {
        self.count = rows.count;
        for point in 0..self.tiles.len() {
            if let (Some(result), Some(rows), Some(kernel)) = (
                self.matrix(point)?,
                rows.matrix(point)?,
                kernel.matrix(point)?,
            ) {
                let kernel = if transpose { kernel.f_tr()? } else { kernel };
                let _ = rows.f_mm_out(&result, &kernel)?;
            }
        }
        Ok(())
    }

    /// Adds, for a gradient of kernels, the sums over tiles of `left` times `right`; the `first`
    /// sums replace what was there.
    pub(crate) fn add_products(&mut self, left: &Self, right: &Self, first: bool) -> Result<()> {
        for point in 0..self.tiles.len() {
            if let (Some(mut sum), Some(left), Some(right)) = (
                self.matrix(point)?,
                left.matrix(point)?,
                right.matrix(point)?,
            ) {
                let left = left.f_tr()?;
                let _ = if first {
                    left.f_mm_out(&sum, &right)?
                } else {
                    sum.f_addmm_(&left, &right)?
                };
            }
        }
        Ok(())
    }

    /// The matrix of a point; `None` if there is no tile that needs it.
    fn matrix(&self, point: usize) -> Result<Option<Tensor>> {
        let rows = self.tiles[point] * self.count;
        let channels = self.transform.images.channels;
        let start = self.tiles[..point].iter().sum::<usize>() * self.count * channels;
        (rows > 0)
            .then(|| self.buffer.matrix(start, rows, channels))
            .transpose()
    }
}
