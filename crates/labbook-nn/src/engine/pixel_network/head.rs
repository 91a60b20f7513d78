use std::ops::Range;

use rayon::prelude::*;
use tch::Tensor;

use super::link::Weights;
use crate::Result;
use crate::engine::kernels::{self, Aligned, HEAD_ROWS, LANES};

/// The last layer, which has a row of weights for each class.
///
/// They and their gradients lie block by block of pixels; in a block group by group of classes, see
/// [`groups`]; in a group as [`Instructions::head`](kernels::Instructions::head) takes them.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) classes: usize,
    /// Numbers of a block.
    block: usize,
    pub(super) kernel: Aligned,
    pub(super) gradients: Aligned,
    bias_gradients: Vec<f32>,
    weights: Weights,
}

impl Head {
    /// A head for so many classes and features, of which a block has so many.
    pub(super) fn new(
        weights: Weights,
        classes: usize,
        features: usize,
        block: usize,
    ) -> Option<Self> {
        let count = features.checked_mul(classes)?;
        Some(Self {
            classes,
            block: block * classes,
            kernel: Aligned::zeros(count),
            gradients: Aligned::zeros(count),
            bias_gradients: vec![0.0; classes],
            weights,
        })
    }

    /// Takes the weights as they are now; the gradients are zero again.
    pub(super) fn take(&mut self) -> Result<()> {
        let Self { classes, block, .. } = *self;
        let kernel = &mut self.kernel;
        kernels::with_numbers(&self.weights.kernel, |matrix| {
            let blocks = matrix.par_chunks(block).zip(kernel.par_chunks_mut(block));
            blocks.for_each(|(rows, turns)| take_turns(rows, turns, classes));
        })?;
        self.gradients.fill(0.0);
        self.bias_gradients.fill(0.0);
        Ok(())
    }

    /// Adds the bias to products, (N, classes).
    pub(super) fn add_bias(&self, products: &[f32]) -> Result<Tensor> {
        let products = Tensor::f_from_slice(products)?.f_reshape([-1, self.classes as i64])?;
        Ok(products.f_add(&self.weights.bias.f_detach()?)?)
    }

    /// Adds the gradients of values, (N, classes), to those of the bias.
    ///
    /// Returns them as the groups take them: a row for each image of a group, then those of the
    /// next.
    pub(super) fn take_gradients(&mut self, gradients: &[f32]) -> Vec<f32> {
        for image in gradients.chunks(self.classes) {
            for (sum, gradient) in self.bias_gradients.iter_mut().zip(image) {
                *sum += gradient;
            }
        }
        by_groups(gradients, self.classes)
    }

    /// The sums of the gradients, with that of the penalty: of the kernel and of the bias.
    pub(super) fn all_gradients(&self) -> Result<[Tensor; 2]> {
        let Self { classes, block, .. } = *self;
        let gradients = &self.gradients;
        let kernel = self.weights.kernel_gradient(|numbers| {
            let blocks = numbers.par_chunks_mut(block);
            let blocks = blocks.zip(gradients.par_chunks(block));
            blocks.for_each(|(rows, turns)| take_turns_back(turns, rows, classes));
        })?;
        Ok([kernel, Tensor::f_from_slice(&self.bias_gradients)?])
    }
}

/// The classes whose rows of weights the head takes at a time.
pub(super) fn groups(classes: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..classes).step_by(HEAD_ROWS);
    starts.map(move |first| first..classes.min(first + HEAD_ROWS))
}

/// Where a group's numbers are, so many for each class, if group follows group.
pub(super) fn span(group: &Range<usize>, each: usize) -> Range<usize> {
    group.start * each..group.end * each
}

/// From a row of all classes for each image to the rows of a group, followed by the next group's.
fn by_groups(rows: &[f32], classes: usize) -> Vec<f32> {
    let parts = groups(classes).flat_map(|group| {
        let rows = rows.chunks_exact(classes);
        rows.flat_map(move |row| &row[group.clone()])
    });
    parts.copied().collect()
}

/// From a row of weights for each feature of a block to registers of weights for each class of a
/// group in turn, group by group.
fn take_turns(rows: &[f32], turns: &mut [f32], classes: usize) {
    let features = rows.len() / classes;
    for group in groups(classes) {
        let turns = turns[span(&group, features)].chunks_exact_mut(LANES * group.len());
        for (rows, turn) in rows.chunks_exact(LANES * classes).zip(turns) {
            for (lane, row) in rows.chunks_exact(classes).enumerate() {
                for (class, &number) in row[group.clone()].iter().enumerate() {
                    turn[class * LANES + lane] = number;
                }
            }
        }
    }
}

/// The way back.
fn take_turns_back(turns: &[f32], rows: &mut [f32], classes: usize) {
    let features = rows.len() / classes;
    for group in groups(classes) {
        let turns = turns[span(&group, features)].chunks_exact(LANES * group.len());
        for (rows, turn) in rows.chunks_exact_mut(LANES * classes).zip(turns) {
            for (lane, row) in rows.chunks_exact_mut(classes).enumerate() {
                for (class, number) in row[group.clone()].iter_mut().enumerate() {
                    *number = turn[class * LANES + lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_take_turns_and_go_back() {
        let features = 3 * LANES;
        for classes in [1, 9, 10, 23] {
            let rows: Vec<f32> = (0..features * classes)
                .map(|number| number as f32)
                .collect();
            let mut turns = vec![f32::NAN; rows.len()];
            take_turns(&rows, &mut turns, classes);
            // The first register holds the first class of the first features.
            let first: Vec<f32> = (0..LANES).map(|lane| rows[lane * classes]).collect();
            assert_eq!(turns[..LANES], first);
            let last = span(&groups(classes).last().unwrap(), features).end;
            assert_eq!((last, turns[last - 1]), (rows.len(), rows[rows.len() - 1]));
            let mut again = vec![f32::NAN; rows.len()];
            take_turns_back(&turns, &mut again, classes);
            assert_eq!(again, rows);
        }
    }

    #[test]
    fn gradients_lie_group_by_group() {
        let rows: Vec<f32> = (0..2 * 12).map(|number| number as f32).collect();
        let grouped = by_groups(&rows, 12);
        assert_eq!(grouped[9..12], [9.0, 12.0, 13.0]);
        assert_eq!(grouped[20..], [10.0, 11.0, 22.0, 23.0]);
    }
}
