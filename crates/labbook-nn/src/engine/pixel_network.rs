use std::ops::Range;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::engine::kernels::{self, ActiveColumns, Aligned, CLASSES, Dropping, LANES, Packed};
use crate::layers::ConfigKind;
use crate::model::graph::Planned;
use crate::random::mask_seed;
use crate::{Activation, Error, L1L2, Result};

/// Numbers of the last layer's output that a piece of a batch may hold: 8 MiB, which fit in the
/// cache that processors share.
const PIECE_NUMBERS: usize = 1 << 21;
/// Images of a piece: each block of pixels takes the head's weights from memory once a piece.
const MOST_IMAGES: usize = 16;
const FEWEST_IMAGES: usize = 8;
/// Numbers of the last layer's output in a block of pixels of all images of a piece: with their
/// gradients, and the head's weights and gradients, they fit in a processor's own cache.
const BLOCK_NUMBERS: usize = 24 << 10;
/// Rows that go through the layers at a time.
const ROWS: usize = 96;
/// A layer with so few inputs is computed again in the backward pass instead of kept.
const FEW_INPUTS: usize = 16;
/// Wider layers are better multiplied by libtorch.
const WIDEST: usize = 1024;

/// A training step of dense layers on every pixel, `Flatten`, and a dense layer with ten units,
/// without autograd.
///
/// Each processor takes blocks of pixels of a piece of the batch, which stay in its cache on
/// their way through all layers. Only the last layer's output goes through memory.
#[derive(Debug)]
pub(crate) struct PixelNetwork {
    links: Vec<Link>,
    /// The links' weights.
    weights: Vec<Weights>,
    head: Head,
    /// Pixels of an image, and numbers of a pixel.
    pixels: usize,
    channels: usize,
    /// Images of a piece and pixels of a block.
    images: usize,
    block: usize,
    /// Pixels that a worker takes of every image in this step.
    share: usize,
    workers: Vec<Worker>,
}

/// A dense layer with ReLU, perhaps with a dropout after it.
#[derive(Debug)]
struct Link {
    kernel: Packed,
    transposed: Packed,
    bias: Packed,
    inputs: usize,
    units: usize,
    /// Of the dropout after it, and what that drops in this step.
    rate: Option<f64>,
    dropping: Option<Dropping>,
    /// Whether all outputs of a piece are kept for the backward pass.
    kept: bool,
}

/// A layer's weights, and the penalty on its kernel.
#[derive(Debug)]
struct Weights {
    kernel: Tensor,
    bias: Tensor,
    regularizer: Option<L1L2>,
}

/// The last layer: a row of weights for each class, block by block.
#[derive(Debug)]
struct Head {
    kernel: Aligned,
    gradients: Aligned,
    bias_gradients: Vec<f32>,
    weights: Weights,
}

/// What a thread works with: some blocks of pixels of all images of a piece.
#[derive(Debug)]
struct Worker {
    /// Sums of the links' gradients: of the first link's kernel, of the transposes of the other
    /// kernels, and of the biases.
    sums: Vec<(Packed, Packed)>,
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
    /// The head's products, in parts.
    products: Aligned,
}

impl PixelNetwork {
    /// The steps of a model with these layers, if it is such a network and the processor can.
    ///
    /// `input` is the shape of an image.
    pub(crate) fn of(plan: &[Planned<'_>], input: &[i64], batch: i64) -> Option<Self> {
        let (&[ref inner @ .., channels], [chain @ .., flatten, head]) = (input, plan) else {
            return None;
        };
        let is_flatten = matches!(kind(flatten), Some(ConfigKind::Flatten {}));
        if !kernels::available() || inner.is_empty() || !is_flatten {
            return None;
        }
        let pixels = usize::try_from(inner.iter().product::<i64>()).ok()?;
        let channels = usize::try_from(channels).ok()?;
        let (links, chained) = links(chain)?;
        let Some((weights, Activation::Linear)) = Weights::of(head) else {
            return None;
        };
        let (first, units) = (links.first()?, links.last()?.units);
        let features = pixels.checked_mul(units)?;
        if weights.kernel.size() != [features as i64, CLASSES as i64] || first.inputs != channels {
            return None;
        }
        let images = (PIECE_NUMBERS / features).clamp(FEWEST_IMAGES, MOST_IMAGES);
        let images = images.min(batch.max(1) as usize);
        // An odd number of pixels, so that images do not compete for the same places of the cache.
        let block = (BLOCK_NUMBERS / (images * units)).clamp(1, pixels) | 1;
        Some(Self {
            head: Head {
                kernel: Aligned::zeros(features * CLASSES),
                gradients: Aligned::zeros(features * CLASSES),
                bias_gradients: vec![0.0; CLASSES],
                weights,
            },
            links,
            weights: chained,
            pixels,
            channels,
            images,
            block,
            share: pixels,
            workers: Vec::new(),
        })
    }

    /// Begins a step with the weights that the layers have now.
    pub(crate) fn begin(&mut self) -> Result<()> {
        for (link, weights) in self.links.iter_mut().zip(&self.weights) {
            link.take(weights)?;
        }
        let head = &mut self.head;
        transpose(kernels::numbers(&head.weights.kernel)?, &mut head.kernel);
        head.gradients.fill(0.0);
        head.bias_gradients.fill(0.0);
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
        self.share = self.pixels.div_ceil(self.block).div_ceil(threads) * self.block;
        let links = &self.links;
        self.workers
            .resize_with(self.pixels.div_ceil(self.share), || Worker::new(links));
        for (kernel, bias) in self.workers.iter_mut().flat_map(|worker| &mut worker.sums) {
            kernel.clear();
            bias.clear();
        }
        Ok(())
    }

    /// How many images may go forward and back at a time.
    pub(crate) fn piece_size(&self) -> i64 {
        self.images as i64
    }

    /// The values before the softmax, (N, 10), of a piece; `first` is its first image's place in
    /// the batch.
    pub(crate) fn forward(&mut self, x: &Tensor, first: i64) -> Result<Tensor> {
        let x = x.f_contiguous()?;
        let numbers = kernels::numbers(&x)?;
        let (pixels, channels, share) = (self.pixels, self.channels, self.share);
        let images = numbers.len() / (pixels * channels);
        let (links, block) = (&self.links, self.block);
        let weights = self.head.kernel.par_chunks(share * head_numbers(links));
        let parts = self.workers.par_iter_mut().zip(weights).enumerate();
        parts.for_each(|(part, (worker, weights))| {
            let pixel = part * share;
            worker.gather(numbers, (pixels, channels), pixel, (share, block));
            // Pixels are counted block by block, so that masks depend on no thread.
            let place = first as u64 * pixels as u64 + (pixel * images) as u64;
            worker.forward(links, weights, block, place);
        });
        let mut logits = vec![0.0; images * CLASSES];
        for worker in &self.workers {
            for (logit, parts) in logits.iter_mut().zip(worker.products.chunks(LANES)) {
                *logit += parts.iter().sum::<f32>();
            }
        }
        let logits = Tensor::f_from_slice(&logits)?.f_reshape([-1, CLASSES as i64])?;
        Ok(logits.f_add(&self.head.weights.bias.f_detach()?)?)
    }

    /// Goes back from the gradients of the values that `forward` gave last.
    pub(crate) fn backward(&mut self, gradients: &Tensor) -> Result<()> {
        let gradients = gradients.f_contiguous()?;
        let gradients = kernels::numbers(&gradients)?;
        let head = &mut self.head;
        for image in gradients.chunks(CLASSES) {
            for (sum, gradient) in head.bias_gradients.iter_mut().zip(image) {
                *sum += gradient;
            }
        }
        let (links, block) = (&self.links, self.block);
        let length = self.share * head_numbers(links);
        let weights = head.kernel.par_chunks(length);
        let weights = weights.zip(head.gradients.par_chunks_mut(length));
        let parts = self.workers.par_iter_mut().zip(weights);
        parts.for_each(|(worker, weights)| worker.backward(links, weights, block, gradients));
        Ok(())
    }

    /// The sums of the gradients, with those of the penalties: kernel and bias of each layer.
    pub(crate) fn gradients(&mut self) -> Result<Vec<Tensor>> {
        let mut gradients = Vec::new();
        let Some((first, others)) = self.workers.split_first_mut() else {
            return Err(Error::Torch {
                operation: "the gradients".to_owned(),
                message: "expected a piece of a batch before, received none".to_owned(),
            });
        };
        for other in others {
            let sums = first.sums.iter_mut().zip(&other.sums);
            for ((kernel, bias), (other_kernel, other_bias)) in sums {
                kernel.add(other_kernel);
                bias.add(other_bias);
            }
        }
        for (index, (weights, (kernel_sum, bias_sum))) in
            self.weights.iter().zip(&first.sums).enumerate()
        {
            let mut kernel = weights.kernel.f_detach()?.f_empty_like()?;
            let numbers = kernels::numbers_mut(&mut kernel)?;
            match index {
                0 => kernel_sum.unpack(numbers),
                _ => kernel_sum.unpack_transposed(numbers),
            }
            weights.add_penalty(&mut kernel)?;
            let mut bias = weights.bias.f_detach()?.f_empty_like()?;
            bias_sum.unpack(kernels::numbers_mut(&mut bias)?);
            gradients.extend([kernel, bias]);
        }
        let head = &self.head;
        let mut kernel = head.weights.kernel.f_detach()?.f_empty_like()?;
        transpose_back(&head.gradients, kernels::numbers_mut(&mut kernel)?);
        head.weights.add_penalty(&mut kernel)?;
        gradients.extend([kernel, Tensor::f_from_slice(&head.bias_gradients)?]);
        Ok(gradients)
    }
}

impl Link {
    /// Packs the weights as they are now; each step has masks of its own.
    fn take(&mut self, weights: &Weights) -> Result<()> {
        let numbers = kernels::numbers(&weights.kernel)?;
        self.kernel.pack(numbers);
        self.transposed.pack_transposed(numbers);
        self.bias.pack(kernels::numbers(&weights.bias)?);
        if let Some(rate) = self.rate {
            self.dropping = Some(Dropping::new(rate, mask_seed()?));
        }
        Ok(())
    }

    fn scale(&self) -> f32 {
        self.dropping.map_or(1.0, Dropping::scale)
    }

    /// Where the outputs of some rows are.
    fn places(&self, rows: &Range<usize>) -> Range<usize> {
        match self.kept {
            true => rows.start * self.units..rows.end * self.units,
            false => 0..rows.len() * self.units,
        }
    }

    /// The outputs of some rows, the first of which has this place among all.
    fn forward(&self, x: &[f32], active: &ActiveColumns, y: &mut [f32], row: u64) {
        kernels::affine_relu(x, active, &self.kernel, &self.bias, y);
        if let Some(dropping) = self.dropping {
            dropping.apply(y, row * self.units as u64);
        }
    }
}

impl Weights {
    /// The weights of a dense layer and the function that it has to end with.
    fn of(planned: &Planned<'_>) -> Option<(Self, Activation)> {
        let Some(ConfigKind::Dense {
            kernel_regularizer, ..
        }) = kind(planned)
        else {
            return None;
        };
        let [kernel, bias] = &planned.layer.parameters()[..] else {
            return None;
        };
        let fits = [kernel, bias].iter().all(|weight| {
            weight.trainable
                && weight.value.device() == Device::Cpu
                && weight.value.kind() == Kind::Float
                && weight.value.is_contiguous()
        });
        let weights = Self {
            kernel: kernel.value.shallow_clone(),
            bias: bias.value.shallow_clone(),
            regularizer: kernel_regularizer,
        };
        fits.then_some((weights, planned.activation))
    }

    /// Adds the gradient of the penalty.
    fn add_penalty(&self, gradient: &mut Tensor) -> Result<()> {
        let Some(L1L2 { l1, l2 }) = self.regularizer else {
            return Ok(());
        };
        let (l1, twice_l2) = (l1 as f32, 2.0 * l2 as f32);
        let kernel = kernels::numbers(&self.kernel)?;
        for (sum, &weight) in kernels::numbers_mut(gradient)?.iter_mut().zip(kernel) {
            let sign = f32::from(weight > 0.0) - f32::from(weight < 0.0);
            *sum += l1 * sign + twice_l2 * weight;
        }
        Ok(())
    }
}

impl Worker {
    fn new(links: &[Link]) -> Self {
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
            products: Aligned::default(),
        }
    }

    /// Takes a share of the pixels of all images, from the pixel `first` on, block by block.
    fn gather(
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
    fn forward(&mut self, links: &[Link], weights: &[f32], block: usize, place: u64) {
        let rows = self.inputs.len() / links[0].inputs;
        for (link, output) in links.iter().zip(&mut self.outputs) {
            output.resize(if link.kept { rows } else { ROWS } * link.units);
        }
        self.products.resize(self.images * CLASSES * LANES);
        self.products.fill(0.0);
        let end = links.len() - 1;
        let block_rows = block * self.images;
        let starts = (0..rows).step_by(block_rows);
        for (start, weights) in starts.zip(weights.chunks(block * head_numbers(links))) {
            let range = start..rows.min(start + block_rows);
            kernels::fetch(weights);
            for start in range.clone().step_by(ROWS) {
                self.forward_rows(links, start..range.end.min(start + ROWS), place);
            }
            let h = &self.outputs[end][links[end].places(&range)];
            kernels::head(h, weights, &mut self.products);
        }
    }

    /// Takes some rows through all links.
    fn forward_rows(&mut self, links: &[Link], rows: Range<usize>, place: u64) {
        let channels = links[0].inputs;
        let mut x = &self.inputs[rows.start * channels..rows.end * channels];
        for (link, output) in links.iter().zip(&mut self.outputs) {
            self.active.scan(x, link.inputs);
            let y = &mut output[link.places(&rows)];
            link.forward(x, &self.active, y, place + rows.start as u64);
            x = y;
        }
    }

    /// Goes back through the head, given its weights, the sums of their gradients and the
    /// gradients of its outputs, and through all links.
    fn backward(
        &mut self,
        links: &[Link],
        (weights, sums): (&[f32], &mut [f32]),
        block: usize,
        gradients: &[f32],
    ) {
        let end = links.len() - 1;
        let rows = self.inputs.len() / links[0].inputs;
        let block_rows = block * self.images;
        let length = block * head_numbers(links);
        let mut next_weights = weights.chunks(length).skip(1);
        let mut sums = sums.chunks_mut(length).peekable();
        let starts = (0..rows).step_by(block_rows);
        for (start, w) in starts.zip(weights.chunks(length)) {
            let Some(dw) = sums.next() else {
                return;
            };
            let range = start..rows.min(start + block_rows);
            let h = &self.outputs[end][links[end].places(&range)];
            let g = &mut self.block_gradients;
            g.resize(h.len());
            kernels::head_back(h, (w, dw), gradients, links[end].scale(), g);
            // What the next block needs comes while this one computes.
            let next = range.end..rows.min(range.end + block_rows);
            let w = next_weights.next().unwrap_or_default();
            let dw = sums.peek().map_or(&[][..], |dw| &**dw);
            for start in range.clone().step_by(ROWS) {
                let part = start..range.end.min(start + ROWS);
                for numbers in [&self.outputs[end][links[end].places(&next)], w, dw] {
                    let share = |row: usize| numbers.len() * (row - range.start) / range.len();
                    kernels::fetch(&numbers[share(part.start)..share(part.end)]);
                }
                self.backward_rows(links, part, range.start);
            }
        }
    }

    /// Takes the gradients of the last link's outputs in some rows, of the block that begins at
    /// `block`, back through all links.
    fn backward_rows(&mut self, links: &[Link], rows: Range<usize>, block: usize) {
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
        active_inputs.scan(x, links[0].inputs);
        // Only the first link's outputs may not have been kept.
        if !links[0].kept {
            let y = &mut outputs[0][links[0].places(&rows)];
            kernels::affine_relu(x, active_inputs, &links[0].kernel, &links[0].bias, y);
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
            kernels::relu_back(g, y, bias, active);
            if index == 0 {
                kernels::outer(x, active_inputs, g, kernel);
                return;
            }
            let inputs = &outputs[index - 1][links[index - 1].places(&rows)];
            kernels::outer(g, active, inputs, kernel);
            kernels::product(g, active, &link.transposed, &mut before[..inputs.len()]);
            std::mem::swap(after, before);
        }
    }
}

/// What kind of layer it is, if it is one of this crate's.
fn kind(planned: &Planned<'_>) -> Option<ConfigKind> {
    planned.layer.config().map(|config| config.0)
}

/// The dense layers with ReLU and their dropouts, if there is nothing else.
fn links(chain: &[Planned<'_>]) -> Option<(Vec<Link>, Vec<Weights>)> {
    let mut links: Vec<Link> = Vec::new();
    let mut all_weights = Vec::new();
    for planned in chain {
        if let Some(ConfigKind::Dropout { rate }) = kind(planned) {
            let link = links.last_mut().filter(|link| link.rate.is_none())?;
            link.rate = Some(rate);
            link.kept = true;
            continue;
        }
        let Some((weights, Activation::Relu)) = Weights::of(planned) else {
            return None;
        };
        let &[inputs, units] = weights.kernel.size().as_slice() else {
            return None;
        };
        let (inputs, units) = (inputs as usize, units as usize);
        if !units.is_multiple_of(LANES) || inputs.max(units) > WIDEST {
            return None;
        }
        links.push(Link {
            kernel: Packed::zeros(inputs, units),
            transposed: Packed::zeros(units, inputs),
            bias: Packed::zeros(1, units),
            inputs,
            units,
            rate: None,
            dropping: None,
            kept: !links.is_empty() || inputs > FEW_INPUTS,
        });
        all_weights.push(weights);
    }
    // The head's backward pass needs all of the last one's.
    links.last_mut()?.kept = true;
    Some((links, all_weights))
}

/// The head's weights for a pixel.
fn head_numbers(links: &[Link]) -> usize {
    links.last().map_or(1, |link| link.units) * CLASSES
}

/// From a row of weights for each feature to registers of weights for each class in turn.
fn transpose(matrix: &[f32], turns: &mut [f32]) {
    const GROUP: usize = LANES * CLASSES;
    for (rows, turn) in matrix
        .chunks_exact(GROUP)
        .zip(turns.chunks_exact_mut(GROUP))
    {
        for (lane, row) in rows.chunks_exact(CLASSES).enumerate() {
            for (class, &number) in row.iter().enumerate() {
                turn[class * LANES + lane] = number;
            }
        }
    }
}

/// The way back.
fn transpose_back(turns: &[f32], matrix: &mut [f32]) {
    const GROUP: usize = LANES * CLASSES;
    for (rows, turn) in matrix
        .chunks_exact_mut(GROUP)
        .zip(turns.chunks_exact(GROUP))
    {
        for (lane, row) in rows.chunks_exact_mut(CLASSES).enumerate() {
            for (class, number) in row.iter_mut().enumerate() {
                *number = turn[class * LANES + lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::no_grad;

    use super::*;
    use crate::{Dense, Dropout, Flatten, Layer, Loss, Output, Phase, Sequential};
    use crate::{MaxPooling2D, SparseCategoricalCrossentropy};

    fn model(hidden: &[Dense], dropout: Option<f64>) -> Sequential {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        for dense in hidden {
            let Some(crate::LayerConfig(ConfigKind::Dense {
                units,
                kernel_regularizer,
                ..
            })) = dense.config()
            else {
                panic!("a dense layer");
            };
            let layer = Dense::new(units).activation(Activation::Relu);
            model.add(match kernel_regularizer {
                Some(regularizer) => layer.kernel_regularizer(regularizer),
                None => layer,
            });
        }
        if let Some(rate) = dropout {
            model.add(Dropout::new(rate));
        }
        model.add(Flatten::new());
        model.add(Dense::new(10).activation(Activation::Softmax));
        model.build((7, 9, 3)).unwrap();
        // Biases that are not zero, so that their gradients matter.
        for (index, (_, parameter)) in model.parameters().into_iter().enumerate() {
            let wave = Tensor::arange(parameter.count(), (Kind::Float, Device::Cpu)) + index as i64;
            let wave = (wave * 1.7).sin().reshape(parameter.value.size()) * 0.05;
            let _ = no_grad(|| parameter.value.shallow_clone().g_add_(&wave));
        }
        model
    }

    fn batch(count: i64) -> (Tensor, Tensor) {
        let x = Tensor::arange(count * 7 * 9 * 3, (Kind::Float, Device::Cpu));
        let y = Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(10);
        ((x * 0.37).sin().reshape([count, 7, 9, 3]), y)
    }

    fn network(model: &Sequential, count: i64) -> Option<PixelNetwork> {
        PixelNetwork::of(&model.graph.plan().steps, &[7, 9, 3], count)
    }

    /// Mean loss and gradients of a step.
    fn step(network: &mut PixelNetwork, x: &Tensor, y: &Tensor) -> Result<(f64, Vec<Tensor>)> {
        network.begin()?;
        let (count, mut total) = (x.size()[0], 0.0);
        let mut start = 0;
        while start < count {
            let length = network.piece_size().min(count - start);
            let leaf = no_grad(|| network.forward(&x.narrow(0, start, length), start))?
                .set_requires_grad(true);
            let output = Output::Logits(leaf.shallow_clone());
            let y = y.narrow(0, start, length);
            let loss = SparseCategoricalCrossentropy::new().mean(&y, &output)?;
            let loss = loss * (length as f64 / count as f64);
            total += loss.double_value(&[]);
            let gradient = Tensor::run_backward(&[loss], &[leaf], false, false);
            network.backward(&gradient[0])?;
            start += length;
        }
        Ok((total, network.gradients()?))
    }

    #[test]
    fn gradients_equal_those_of_autograd() -> Result<()> {
        if !kernels::available() {
            return Ok(());
        }
        let penalized = || Dense::new(80).kernel_regularizer(L1L2::new(0.02, 0.03));
        for (hidden, count) in [
            (vec![Dense::new(64), Dense::new(64)], 5),
            (vec![Dense::new(64), Dense::new(16), Dense::new(48)], 19),
            (vec![penalized(), Dense::new(128)], 33),
            // More inputs than a chunk of columns.
            (vec![Dense::new(144), Dense::new(272), Dense::new(32)], 3),
            (vec![Dense::new(16)], 2),
        ] {
            let model = model(&hidden, None);
            let (x, y) = batch(count);
            let output = model.forward(&x, Phase::Train)?;
            let mut loss = SparseCategoricalCrossentropy::new().mean(&y, &output)?;
            let value = loss.double_value(&[]);
            if let Some(penalty) = model.penalty()? {
                loss += penalty;
            }
            let leaves: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1.value).collect();
            let expected = Tensor::run_backward(&[loss], &leaves, false, false);

            let mut network = network(&model, count).unwrap();
            for _ in 0..2 {
                // A second step starts from nothing again.
                let (computed, gradients) = step(&mut network, &x, &y)?;
                assert!((computed - value).abs() < 1e-5, "{computed} {value}");
                assert_eq!(gradients.len(), expected.len());
                for (gradient, expected) in gradients.iter().zip(&expected) {
                    assert_eq!(gradient.size(), expected.size());
                    let difference = (gradient - expected).abs().max().double_value(&[]);
                    let largest = expected.abs().max().double_value(&[]);
                    assert!(difference < 1e-5 * largest, "{difference} of {largest}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_after_dropout_tell_how_the_loss_changes() -> Result<()> {
        if !kernels::available() {
            return Ok(());
        }
        let model = model(&[Dense::new(32), Dense::new(32)], Some(0.4));
        let (x, y) = batch(6);
        let mut network = network(&model, 6).unwrap();
        let mut loss_at = |shift: f64, direction: &[Tensor]| -> Result<(f64, Vec<Tensor>)> {
            for ((_, parameter), direction) in model.parameters().iter().zip(direction) {
                let _ = no_grad(|| {
                    let shifted = direction * shift;
                    parameter.value.shallow_clone().g_add_(&shifted)
                });
            }
            // The same masks each time.
            tch::manual_seed(11);
            step(&mut network, &x, &y)
        };
        let (_, gradients) = loss_at(0.0, &[])?;
        let square: f64 = gradients
            .iter()
            .map(|g| g.square().sum(Kind::Double).double_value(&[]))
            .sum();
        let by = 0.02 / square.sqrt();
        let (above, _) = loss_at(by, &gradients)?;
        let (below, _) = loss_at(-2.0 * by, &gradients)?;
        let slope = (above - below) / (2.0 * by);
        assert!((slope / square - 1.0).abs() < 0.01, "{slope} {square}");
        Ok(())
    }

    #[test]
    fn other_networks_are_left_to_autograd() {
        let other = |add: &dyn Fn(&mut Sequential)| {
            let mut model = Sequential::on(Device::Cpu);
            add(&mut model);
            model.add(Flatten::new());
            model.add(Dense::new(10).activation(Activation::Softmax));
            model.build((7, 9, 3)).unwrap();
            assert!(network(&model, 4).is_none());
        };
        other(&|_| {});
        other(&|model| model.add(Dense::new(64)));
        other(&|model| model.add(Dense::new(20).activation(Activation::Relu)));
        other(&|model| model.add(Dense::new(64).activation(Activation::Tanh)));
        other(&|model| {
            model.add(Dense::new(64).activation(Activation::Relu));
            model.add(MaxPooling2D::new(2));
        });
    }
}
