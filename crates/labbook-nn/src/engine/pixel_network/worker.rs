use std::ops::Range;

use super::head::{groups, span};
use super::link::Link;
use crate::engine::kernels::{ActiveColumns, Aligned, HEAD_ROWS, Instructions, LANES, Packed};

/// Rows that go through the layers at a time.
const ROWS: usize = 96;

/// What a thread works with: some blocks of pixels of all images of a piece.
#[derive(Debug)]
pub(super) struct Worker {
    /// Sums of the links' gradients: of the first link's kernel, of the transposes of the other
    /// kernels, and of the biases.
    pub(super) sums: Vec<(Packed, Packed)>,
    /// The piece's images, and their pixels block by block.
    images: usize,
    inputs: Aligned,
    /// The links' outputs: of all these pixels, or of some rows if they are not kept.
    outputs: Vec<Aligned>,
    active: ActiveColumns,
    active_inputs: ActiveColumns,
    /// The gradients of the last link's output in a block, and of others' in some rows.
    block_gradients: Aligned,
    gradients: [Aligned; 2],
    /// What a further group of classes adds to those of a block.
    group_gradients: Aligned,
    /// The head's products, in parts: by groups of classes, then image by image.
    pub(super) products: Aligned,
}

/// What is the same for all workers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) instructions: Instructions,
    pub(super) links: &'a [Link],
    pub(super) classes: usize,
    /// Pixels of a block.
    pub(super) block: usize,
}

impl Setting<'_> {
    /// The head's weights for a pixel.
    pub(super) fn head_numbers(self) -> usize {
        self.links.last().map_or(1, |link| link.units) * self.classes
    }
}

impl Worker {
    pub(super) fn new(links: &[Link]) -> Self {
        let sums = links.iter().enumerate().map(|(index, link)| {
            let kernel = match index {
                0 => Packed::zeros(link.inputs, link.units),
                _ => Packed::zeros(link.units, link.inputs),
            };
            (kernel, Packed::zeros(1, link.units))
        });
        let widest = links.iter().map(|link| link.units).max().unwrap_or(0);
        Self {
            sums: sums.collect(),
            images: 0,
            inputs: Aligned::default(),
            outputs: links.iter().map(|_| Aligned::default()).collect(),
            active: ActiveColumns::default(),
            active_inputs: ActiveColumns::default(),
            block_gradients: Aligned::default(),
            gradients: [Aligned::zeros(ROWS * widest), Aligned::zeros(ROWS * widest)],
            group_gradients: Aligned::default(),
            products: Aligned::default(),
        }
    }

    /// Takes a share of the pixels of all images, from the pixel `first` on, block by block.
    pub(super) fn gather(
        &mut self,
        images: &[f32],
        (pixels, channels): (usize, usize),
        first: usize,
        (share, block): (usize, usize),
    ) {
        self.images = images.len() / (pixels * channels);
        let end = pixels.min(first + share);
        self.inputs.resize((end - first) * self.images * channels);
        let blocks = self.inputs.chunks_mut(self.images * block * channels);
        for (start, to) in (first..end).step_by(block).zip(blocks) {
            let length = to.len() / self.images;
            for (image, to) in images.chunks(pixels * channels).zip(to.chunks_mut(length)) {
                to.copy_from_slice(&image[start * channels..][..length]);
            }
        }
    }

    /// Takes its pixels through all links and the head with these weights; `place` is that of its
    /// first row among all rows of the batch.
    pub(super) fn forward(&mut self, setting: Setting<'_>, weights: &[f32], place: u64) {
        let Setting {
            instructions,
            links,
            classes,
            block,
        } = setting;
        let rows = self.inputs.len() / links[0].inputs;
        for (link, output) in links.iter().zip(&mut self.outputs) {
            output.resize(if link.kept { rows } else { ROWS } * link.units);
        }
        self.products.resize(self.images * classes * LANES);
        self.products.fill(0.0);
        let end = links.len() - 1;
        let block_rows = block * self.images;
        let starts = (0..rows).step_by(block_rows);
        for (start, weights) in starts.zip(weights.chunks(block * setting.head_numbers())) {
            let range = start..rows.min(start + block_rows);
            let length = weights.len() / classes;
            // The first group's; the others follow in one stream.
            instructions.fetch(&weights[..length * classes.min(HEAD_ROWS)]);
            for start in range.clone().step_by(ROWS) {
                self.forward_rows(setting, start..range.end.min(start + ROWS), place);
            }
            let h = &self.outputs[end][links[end].places(&range)];
            for group in groups(classes) {
                let products = &mut self.products[span(&group, self.images * LANES)];
                let weights = (&weights[span(&group, length)], group.len());
                instructions.head(h, weights, products);
            }
        }
    }

    /// Takes some rows through all links.
    fn forward_rows(&mut self, setting: Setting<'_>, rows: Range<usize>, place: u64) {
        let Setting {
            instructions,
            links,
            ..
        } = setting;
        let channels = links[0].inputs;
        let mut x = &self.inputs[rows.start * channels..rows.end * channels];
        for (link, output) in links.iter().zip(&mut self.outputs) {
            instructions.scan(x, link.inputs, &mut self.active);
            let y = &mut output[link.places(&rows)];
            let inputs = (x, &self.active);
            link.forward(instructions, inputs, y, place + rows.start as u64);
            x = y;
        }
    }

    /// Goes back through the head, given its weights, the sums of their gradients and the
    /// gradients of its outputs, and through all links.
    pub(super) fn backward(
        &mut self,
        setting: Setting<'_>,
        (weights, sums): (&[f32], &mut [f32]),
        gradients: &[f32],
    ) {
        let Setting {
            instructions,
            links,
            classes,
            block,
        } = setting;
        let end = links.len() - 1;
        let rows = self.inputs.len() / links[0].inputs;
        let block_rows = block * self.images;
        let length = block * setting.head_numbers();
        let mut next_weights = weights.chunks(length).skip(1);
        let mut sums = sums.chunks_mut(length).peekable();
        let starts = (0..rows).step_by(block_rows);
        for (start, w) in starts.zip(weights.chunks(length)) {
            let Some(dw) = sums.next() else {
                return;
            };
            let range = start..rows.min(start + block_rows);
            self.head_back(setting, range.clone(), (w, dw), gradients);
            // What the next block needs comes while this one computes.
            let next = range.end..rows.min(range.end + block_rows);
            let first_group = |numbers: usize| numbers / classes * classes.min(HEAD_ROWS);
            let w = next_weights.next().unwrap_or_default();
            let w = &w[..first_group(w.len())];
            let dw = sums.peek().map_or(&[][..], |dw| &**dw);
            let dw = &dw[..first_group(dw.len())];
            for start in range.clone().step_by(ROWS) {
                let part = start..range.end.min(start + ROWS);
                for numbers in [&self.outputs[end][links[end].places(&next)], w, dw] {
                    let share = |row: usize| numbers.len() * (row - range.start) / range.len();
                    instructions.fetch(&numbers[share(part.start)..share(part.end)]);
                }
                self.backward_rows(setting, part, range.start);
            }
        }
    }

    /// Goes back through the head in the rows of a block, given the block's weights and the sums of
    /// their gradients.
    fn head_back(
        &mut self,
        setting: Setting<'_>,
        rows: Range<usize>,
        (w, dw): (&[f32], &mut [f32]),
        gradients: &[f32],
    ) {
        let Setting {
            instructions,
            links,
            classes,
            ..
        } = setting;
        let end = links.len() - 1;
        let h = &self.outputs[end][links[end].places(&rows)];
        let (scale, length) = (links[end].scale(), w.len() / classes);
        let g = &mut self.block_gradients;
        g.resize(h.len());
        for group in groups(classes) {
            let place = span(&group, length);
            let weights = (&w[place.clone()], &mut dw[place], group.len());
            let gradients = &gradients[span(&group, self.images)];
            if group.start == 0 {
                instructions.head_back(h, weights, gradients, scale, g);
                continue;
            }
            let more = &mut self.group_gradients;
            more.resize(h.len());
            instructions.head_back(h, weights, gradients, scale, more);
            for (sum, &gradient) in g.iter_mut().zip(&**more) {
                *sum += gradient;
            }
        }
    }

    /// Takes the gradients of the last link's outputs in some rows, of the block that begins at
    /// `block`, back through all links.
    fn backward_rows(&mut self, setting: Setting<'_>, rows: Range<usize>, block: usize) {
        let Setting {
            instructions,
            links,
            ..
        } = setting;
        let Self {
            sums,
            inputs,
            outputs,
            active,
            active_inputs,
            block_gradients,
            gradients: [after, before],
            ..
        } = self;
        let x = &inputs[rows.start * links[0].inputs..rows.end * links[0].inputs];
        instructions.scan(x, links[0].inputs, active_inputs);
        // Only the first link's outputs may not have been kept.
        if !links[0].kept {
            let y = &mut outputs[0][links[0].places(&rows)];
            let weights = (&links[0].kernel, &links[0].bias);
            instructions.affine_relu(x, active_inputs, weights, y);
        }
        let end = links.len() - 1;
        for (index, (link, (kernel, bias))) in links.iter().zip(sums).enumerate().rev() {
            // The head's backward pass has been through the last link's ReLU already.
            let (g, y) = match index == end {
                true => {
                    let start = (rows.start - block) * link.units;
                    let g = &mut block_gradients[start..start + rows.len() * link.units];
                    (g, None)
                }
                false => {
                    let y = &outputs[index][link.places(&rows)];
                    (&mut after[..y.len()], Some((y, link.scale())))
                }
            };
            instructions.relu_back(g, y, bias, active);
            if index == 0 {
                instructions.outer(x, active_inputs, g, kernel);
                return;
            }
            let inputs = &outputs[index - 1][links[index - 1].places(&rows)];
            instructions.outer(g, active, inputs, kernel);
            instructions.product(g, active, &link.transposed, &mut before[..inputs.len()]);
            std::mem::swap(after, before);
        }
    }
}
