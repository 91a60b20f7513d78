use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::kernels::{self, CLASSES, Dropping, Gradients, LANES, Packed};
use crate::layers::ConfigKind;
use crate::random::mask_seed;
use crate::sequential::Planned;
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
/// Layers with so few inputs are computed again in the backward pass instead of kept.
const FEW_INPUTS: usize = 16;
/// With more inputs a row is better multiplied by libtorch.
const MOST_INPUTS: usize = 1024;

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
    workers: Vec<Worker>,
    piece: Piece,
}

/// A dense layer with ReLU, perhaps with a dropout after it.
#[derive(Debug)]
struct Link {
    kernel: Packed,
    transposed: Packed,
    bias: Packed,
    /// A row of zeros, as long as the input.
    zeros: Packed,
    inputs: usize,
    units: usize,
    /// Of the dropout after it, and what that drops in this step.
    rate: Option<f64>,
    dropping: Option<Dropping>,
    /// Whether the outputs are kept for the backward pass; those of the last link always are.
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
    kernel: Vec<f32>,
    gradients: Vec<f32>,
    bias_gradients: Vec<f32>,
    weights: Weights,
}

/// The piece on its way: for each link that is kept, its outputs block by block.
#[derive(Debug, Default)]
struct Piece {
    images: usize,
    inputs: Vec<f32>,
    /// The links' outputs; empty for those that are computed again.
    outputs: Vec<Vec<f32>>,
}

/// What a thread works with.
#[derive(Debug)]
struct Worker {
    /// Sums of the links' gradients.
    sums: Vec<(Packed, Packed)>,
    /// Outputs of the links for some rows.
    rows: Vec<Vec<f32>>,
    gradients: Gradients,
    /// The gradients of the last link's output in a block, and of some rows elsewhere.
    last: Vec<f32>,
    before: Vec<f32>,
    /// The head's products, in parts.
    products: Vec<f32>,
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
        let (pixels, channels) = (inner.iter().product::<i64>() as usize, channels as usize);
        let (links, chained) = links(chain)?;
        let Some((weights, Activation::Linear)) = Weights::of(head) else {
            return None;
        };
        let (Some(first), Some(last)) = (links.first(), links.last()) else {
            return None;
        };
        let (features, units) = (pixels * last.units, last.units);
        if weights.kernel.size() != [features as i64, CLASSES as i64] || first.inputs != channels {
            return None;
        }
        let images = (PIECE_NUMBERS / features).clamp(FEWEST_IMAGES, MOST_IMAGES);
        let images = images.min(batch.max(1) as usize);
        // An odd number of pixels, so that images do not compete for the same places of the cache.
        let block = (BLOCK_NUMBERS / (images * units)).clamp(1, pixels) | 1;
        Some(Self {
            head: Head {
                kernel: vec![0.0; features * CLASSES],
                gradients: vec![0.0; features * CLASSES],
                bias_gradients: vec![0.0; CLASSES],
                weights,
            },
            links,
            weights: chained,
            pixels,
            channels,
            images,
            block,
            workers: Vec::new(),
            piece: Piece::default(),
        })
    }

    /// Begins a step with the weights that the layers have now.
    pub(crate) fn begin(&mut self) -> Result<()> {
        for (link, weights) in self.links.iter_mut().zip(&self.weights) {
            link.take(weights)?;
        }
        let Head {
            kernel,
            gradients,
            bias_gradients,
            weights,
        } = &mut self.head;
        transpose(kernels::numbers(&weights.kernel)?, kernel);
        gradients.fill(0.0);
        bias_gradients.fill(0.0);
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
        let (pixels, channels) = (self.pixels, self.channels);
        let images = numbers.len() / (pixels * channels);
        self.prepare(images);
        let Self {
            links,
            head,
            block,
            workers,
            piece,
            ..
        } = self;
        let block = *block;
        let share = pixels.div_ceil(block).div_ceil(workers.len());
        let mut outputs = parts(&mut piece.outputs, links, images * share * block);
        let width = links.last().map_or(0, |link| link.units);
        let weights = head.kernel.chunks(share * block * width * CLASSES);
        workers
            .par_iter_mut()
            .zip(outputs.par_iter_mut())
            .zip(
                piece
                    .inputs
                    .par_chunks_mut(images * share * block * channels),
            )
            .zip(weights.collect::<Vec<_>>().par_iter())
            .enumerate()
            .for_each(|(part, (((worker, outputs), inputs), weights))| {
                gather(
                    numbers,
                    (pixels, channels),
                    (part * share * block, block),
                    inputs,
                );
                worker.products.clear();
                worker.products.resize(images * CLASSES * LANES, 0.0);
                // Pixels are counted block by block, so that masks depend on no thread.
                let place = (first as usize * pixels + part * share * block * images) as u64;
                let length = block * width * CLASSES;
                let rows = inputs.len() / channels;
                let starts = (0..rows).step_by(images * block);
                for (start, w) in starts.zip(weights.chunks(length)) {
                    let range = start..rows.min(start + images * block);
                    kernels::fetch(w);
                    worker.forward(links, inputs, outputs, range.clone(), place);
                    if let Some(last) = outputs.last() {
                        let h = &last[range.start * width..range.end * width];
                        kernels::head(h, w, &mut worker.products);
                    }
                }
            });
        let mut logits = vec![0.0; images * CLASSES];
        for worker in workers.iter() {
            for (logit, parts) in logits.iter_mut().zip(worker.products.chunks(LANES)) {
                *logit += parts.iter().sum::<f32>();
            }
        }
        let logits = Tensor::f_from_slice(&logits)?.f_reshape([-1, CLASSES as i64])?;
        Ok(logits.f_add(&head.weights.bias.f_detach()?)?)
    }

    /// Goes back from the gradients of the values that `forward` gave last.
    pub(crate) fn backward(&mut self, gradients: &Tensor) -> Result<()> {
        let gradients = gradients.f_contiguous()?;
        let gradients = kernels::numbers(&gradients)?;
        for image in gradients.chunks(CLASSES) {
            for (sum, gradient) in self.head.bias_gradients.iter_mut().zip(image) {
                *sum += gradient;
            }
        }
        let Self {
            links,
            head,
            block,
            workers,
            piece,
            pixels,
            channels,
            ..
        } = self;
        let images = piece.images;
        let share = pixels.div_ceil(*block).div_ceil(workers.len());
        let outputs = parts(&mut piece.outputs, links, images * share * *block);
        let width = links.last().map_or(0, |link| link.units);
        let length = share * *block * width * CLASSES;
        let block = *block;
        workers
            .par_iter_mut()
            .zip(outputs.into_par_iter())
            .zip(piece.inputs.par_chunks(images * share * block * *channels))
            .zip(head.kernel.par_chunks(length))
            .zip(head.gradients.par_chunks_mut(length))
            .for_each(|((((worker, outputs), inputs), weights), sums)| {
                let Some((link, last)) = links.last().zip(outputs.last()) else {
                    return;
                };
                let scale = link.scale();
                let length = block * width * CLASSES;
                let blocks = last.chunks(images * block * width);
                let weights = weights.chunks(length);
                let mut after = blocks.clone().zip(weights.clone()).skip(1);
                let mut sums = sums.chunks_mut(length).peekable();
                let mut row = 0;
                for (h, w) in blocks.zip(weights) {
                    let Some(dw) = sums.next() else {
                        return;
                    };
                    let mut last = std::mem::take(&mut worker.last);
                    last.resize(h.len().max(last.len()), 0.0);
                    kernels::head_back(h, (w, dw), gradients, scale, &mut last[..h.len()]);
                    let filled = h.len();
                    let rows = row..row + filled / width;
                    row = rows.end;
                    // What the next block needs comes while this one computes.
                    let (h, w) = after.next().unwrap_or_default();
                    let dw = sums.peek().map_or(&[][..], |dw| &**dw);
                    let next = [h, w, dw];
                    worker.backward(links, inputs, &outputs, rows, (&last[..filled], next));
                    worker.last = last;
                }
            });
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
        for (weights, (kernel_sum, bias_sum)) in self.weights.iter().zip(&first.sums) {
            let mut kernel = weights.kernel.f_detach()?.f_empty_like()?;
            kernel_sum.unpack(kernels::numbers_mut(&mut kernel)?);
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

    /// Makes room for a piece of so many images.
    fn prepare(&mut self, images: usize) {
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
        let blocks = self.pixels.div_ceil(self.block);
        let threads = blocks.div_ceil(blocks.div_ceil(threads));
        while self.workers.len() < threads {
            self.workers.push(Worker::new(&self.links));
        }
        if self.piece.images == images {
            return;
        }
        let rows = images * self.pixels;
        let last = self.links.len() - 1;
        self.piece = Piece {
            images,
            inputs: vec![0.0; rows * self.channels],
            outputs: self
                .links
                .iter()
                .enumerate()
                .map(|(index, link)| match link.kept || index == last {
                    true => vec![0.0; rows * link.units],
                    false => Vec::new(),
                })
                .collect(),
        };
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

    /// The outputs of some rows, the first of which has this place among all.
    fn forward(&self, x: &[f32], y: &mut [f32], row: u64) {
        kernels::affine(x, &self.kernel, &self.bias, true, y);
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
        let [kernel, bias] = &planned.1.parameters()[..] else {
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
        fits.then_some((weights, planned.2))
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
        let widest = links.iter().map(|link| link.inputs.max(link.units)).max();
        Self {
            sums: links
                .iter()
                .map(|link| {
                    let kernel = Packed::zeros(link.inputs, link.units);
                    (kernel, Packed::zeros(1, link.units))
                })
                .collect(),
            rows: links
                .iter()
                .map(|link| vec![0.0; ROWS * link.units])
                .collect(),
            gradients: Gradients::default(),
            last: Vec::new(),
            before: vec![0.0; ROWS * widest.unwrap_or(0)],
            products: Vec::new(),
        }
    }

    /// Takes some rows through all links; `place` is the place of the first of all rows.
    fn forward(
        &mut self,
        links: &[Link],
        x: &[f32],
        outputs: &mut [&mut [f32]],
        range: std::ops::Range<usize>,
        place: u64,
    ) {
        let channels = links.first().map_or(1, |link| link.inputs);
        for start in range.clone().step_by(ROWS) {
            let rows = ROWS.min(range.end - start);
            let mut before: &[f32] = &x[start * channels..][..rows * channels];
            let scratch = self.rows.iter_mut();
            for ((link, output), scratch) in links.iter().zip(outputs.iter_mut()).zip(scratch) {
                let y = match output.is_empty() {
                    true => &mut scratch[..rows * link.units],
                    false => &mut output[start * link.units..][..rows * link.units],
                };
                link.forward(before, y, place + start as u64);
                before = y;
            }
        }
    }

    /// Takes the gradients of the last link's outputs in some rows back through all links, and
    /// fetches what is needed next.
    fn backward(
        &mut self,
        links: &[Link],
        x: &[f32],
        outputs: &[&mut [f32]],
        range: std::ops::Range<usize>,
        (last, next): (&[f32], [&[f32]; 3]),
    ) {
        let channels = links.first().map_or(1, |link| link.inputs);
        let end = links.len() - 1;
        let width = links[end].units;
        for start in range.clone().step_by(ROWS) {
            let rows = ROWS.min(range.end - start);
            for numbers in next {
                let share = |row: usize| numbers.len() * (row - range.start) / range.len();
                kernels::fetch(&numbers[share(start)..share(start + rows)]);
            }
            let x = &x[start * channels..][..rows * channels];
            // Only the first link's outputs may not have been kept.
            if !links[0].kept && end > 0 {
                let y = &mut self.rows[0][..rows * links[0].units];
                kernels::affine(x, &links[0].kernel, &links[0].bias, true, y);
            }
            let Self {
                sums,
                rows: scratch,
                gradients,
                before,
                ..
            } = self;
            let output = |index: usize| {
                let units = links[index].units;
                match outputs[index].is_empty() {
                    true => &scratch[index][..rows * units],
                    false => &outputs[index][start * units..][..rows * units],
                }
            };
            for (index, link) in links.iter().enumerate().rev() {
                let (kernel, bias) = &mut sums[index];
                let inputs = match index {
                    0 => x,
                    _ => output(index - 1),
                };
                // The head's backward pass knows the last link's outputs already.
                let (from, y) = match index == end {
                    true => (&last[(start - range.start) * width..][..rows * width], None),
                    false => {
                        let y = (output(index), link.scale());
                        (&before[..rows * link.units], Some(y))
                    }
                };
                gradients.take(from, y, inputs, (kernel, bias));
                if index > 0 {
                    let before = &mut before[..rows * link.inputs];
                    gradients.back(&link.transposed, &link.zeros, before);
                }
            }
        }
    }
}

/// What kind of layer it is, if it is one of this crate's.
fn kind((_, layer, _): &Planned<'_>) -> Option<ConfigKind> {
    layer.config().map(|config| config.0)
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
        if units % LANES != 0 || inputs > MOST_INPUTS {
            return None;
        }
        links.push(Link {
            kernel: Packed::zeros(inputs, units),
            transposed: Packed::zeros(units, inputs),
            bias: Packed::zeros(1, units),
            zeros: Packed::zeros(1, inputs),
            inputs,
            units,
            rate: None,
            dropping: None,
            kept: !links.is_empty() || inputs > FEW_INPUTS,
        });
        all_weights.push(weights);
    }
    Some((links, all_weights))
}

/// Each worker's part of the links' outputs, so many rows of each.
fn parts<'a>(outputs: &'a mut [Vec<f32>], links: &[Link], rows: usize) -> Vec<Vec<&'a mut [f32]>> {
    let mut parts: Vec<Vec<&mut [f32]>> = Vec::new();
    for (index, (output, link)) in outputs.iter_mut().zip(links).enumerate() {
        for (part, numbers) in output.chunks_mut(rows * link.units).enumerate() {
            if parts.len() <= part {
                parts.push(Vec::new());
            }
            // A link that is not kept has no parts of its own.
            while parts[part].len() < index {
                parts[part].push(&mut []);
            }
            parts[part].push(numbers);
        }
    }
    parts
}

/// Brings the pixels of all images in the order of blocks, from the pixel `first` on.
fn gather(
    images: &[f32],
    (pixels, channels): (usize, usize),
    (first, block): (usize, usize),
    to: &mut [f32],
) {
    let count = images.len() / (pixels * channels);
    let mut start = first;
    for to in to.chunks_mut(count * block * channels) {
        let length = to.len() / count;
        for (image, to) in images.chunks(pixels * channels).zip(to.chunks_mut(length)) {
            to.copy_from_slice(&image[start * channels..][..length]);
        }
        start += block;
    }
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
        PixelNetwork::of(&model.plan_from(0).0, &[7, 9, 3], count)
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
            let loss = SparseCategoricalCrossentropy::new().mean(&output, &y)?;
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
            (vec![Dense::new(16)], 2),
        ] {
            let model = model(&hidden, None);
            let (x, y) = batch(count);
            let output = model.forward(&x, Phase::Train)?;
            let mut loss = SparseCategoricalCrossentropy::new().mean(&output, &y)?;
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
