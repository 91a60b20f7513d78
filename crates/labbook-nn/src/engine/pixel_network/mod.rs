mod head;
mod link;
mod worker;

use rayon::prelude::*;
use tch::Tensor;

use crate::engine::kernels::{self, Instructions, LANES};
use crate::layers::ConfigKind;
use crate::model::graph::Planned;
use crate::{Activation, Error, Result};
use head::{Head, groups, span};
use link::{Link, Weights, kind, links};
use worker::{Setting, Worker};

/// Numbers of the last layer's output that a piece of a batch may hold: 8 MiB, which fit in the
/// cache that processors share.
const PIECE_NUMBERS: usize = 1 << 21;
/// Images of a piece: each block of pixels takes the head's weights from memory once a piece.
const MOST_IMAGES: usize = 16;
const FEWEST_IMAGES: usize = 8;
/// Numbers of the last layer's output in a block of pixels of all images of a piece: with their
/// gradients, and the weights and gradients of ten classes, they fit in a processor's own cache.
const BLOCK_NUMBERS: usize = 24 << 10;
/// Multiplications of a step's way forward through layers on the rows of a table, at most: they are one thread's
/// work, and many more would better be libtorch's, which divides them.
const MOST_OF_A_TABLE: usize = 1 << 21;
/// For more classes, the last layer is a product of large matrices, which libtorch is made for.
const MOST_CLASSES: usize = 1000;

/// A training step of dense layers on every pixel, `Flatten`, and a dense layer, without autograd; or of dense
/// layers on the rows of a table, which are images of one pixel, where calling libtorch takes longer than to compute.
///
/// Each processor takes blocks of pixels of a piece of the batch, which stay in its cache on
/// their way through all layers. Only the last layer's output goes through memory.
///
/// It takes the place of autograd in a network of
/// - an input whose last axis holds the numbers of a pixel,
/// - at least one `Dense` with ReLU as its own activation, with a multiple of 16 units, at most
///   1024, of at most 1024 inputs; at most one `Dropout` after each,
/// - `Flatten`, if the input has further axes; if it has none, there may be two million multiplications in a
///   batch at most,
/// - a last `Dense` with 1 to 1000 units whose activation is left to the loss, or that has none,
///
/// where every layer is one of this crate's, every `Dense` has a bias, all weights are trained,
/// `f32` and on the CPU. Penalties on kernels are computed here, too; the loss is whatever the
/// caller derives by the last layer's values, a mean over examples, as it sees a batch piece by piece.
/// All other networks are left to autograd, also those
/// that would need but one thing more: another activation, one in a layer of its own, layers before
/// the first `Dense` (such as a normalization), a layer without bias or that is not trained.
///
/// All memory that it needs is its own and goes with it.
#[derive(Debug)]
pub(crate) struct PixelNetwork {
    instructions: Instructions,
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

impl PixelNetwork {
    /// The steps of a model with these layers, if it is such a network and the processor has
    /// instructions with which it is faster than autograd.
    ///
    /// `input` is the shape of an image.
    pub(crate) fn of(plan: &[Planned<'_>], input: &[i64], batch: i64) -> Option<Self> {
        Self::with(Instructions::that_pay()?, plan, input, batch)
    }

    /// The same with these instructions.
    fn with(
        instructions: Instructions,
        plan: &[Planned<'_>],
        input: &[i64],
        batch: i64,
    ) -> Option<Self> {
        let (&[ref inner @ .., channels], [before @ .., head]) = (input, plan) else {
            return None;
        };
        let is_table = inner.is_empty();
        let chain = match before {
            _ if is_table => before,
            [chain @ .., flatten] if matches!(kind(flatten), Some(ConfigKind::Flatten {})) => chain,
            _ => return None,
        };
        let pixels = usize::try_from(inner.iter().product::<i64>()).ok()?;
        let channels = usize::try_from(channels).ok()?;
        let (links, chained) = links(chain)?;
        let Some((weights, Activation::Linear)) = Weights::of(head) else {
            return None;
        };
        let (first, units) = (links.first()?, links.last()?.units);
        let features = pixels.checked_mul(units)?;
        let &[inputs, classes] = weights.kernel.size().as_slice() else {
            return None;
        };
        let classes = usize::try_from(classes).ok()?;
        let fits = (1..=MOST_CLASSES).contains(&classes) && inputs == features as i64;
        if !fits || first.inputs != channels {
            return None;
        }
        let batch = batch.max(1) as usize;
        let images = match is_table {
            true => batch,
            false => (PIECE_NUMBERS / features).clamp(FEWEST_IMAGES, MOST_IMAGES),
        };
        let images = images.min(batch);
        let of_links = links.iter().map(|link| link.inputs * link.units);
        let multiplications = of_links.sum::<usize>() + units * classes;
        if is_table && multiplications.saturating_mul(batch) > MOST_OF_A_TABLE {
            return None;
        }
        // An odd number of pixels, so that images do not compete for the same places of the cache.
        let block = (BLOCK_NUMBERS / (images * units)).clamp(1, pixels) | 1;
        Some(Self {
            instructions,
            head: Head::new(weights, classes, features, block * units)?,
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

    /// Whether it takes rows of a table.
    pub(crate) fn is_of_a_table(&self) -> bool {
        self.pixels == 1
    }

    /// Begins a step with the weights that the layers have now.
    pub(crate) fn begin(&mut self) -> Result<()> {
        for (link, weights) in self.links.iter_mut().zip(&self.weights) {
            link.take(weights)?;
        }
        self.head.take()?;
        self.divide(usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1));
        Ok(())
    }

    /// Divides the pixels among so many workers, whose sums are zero.
    fn divide(&mut self, threads: usize) {
        self.share = self.pixels.div_ceil(self.block).div_ceil(threads) * self.block;
        let links = &self.links;
        self.workers
            .resize_with(self.pixels.div_ceil(self.share), || Worker::new(links));
        for (kernel, bias) in self.workers.iter_mut().flat_map(|worker| &mut worker.sums) {
            kernel.clear();
            bias.clear();
        }
    }

    /// How many images may go forward and back at a time.
    pub(crate) fn piece_size(&self) -> i64 {
        self.images as i64
    }

    /// The last layer's values, (N, classes), of a piece; `first` is its first image's place in
    /// the batch.
    pub(crate) fn forward(&mut self, x: &Tensor, first: i64) -> Result<Tensor> {
        let x = x.f_contiguous()?;
        let products = kernels::with_numbers(&x, |numbers| self.products(numbers, first))?;
        self.head.add_bias(&products)
    }

    /// The values without the bias.
    fn products(&mut self, numbers: &[f32], first: i64) -> Vec<f32> {
        let setting = Setting {
            instructions: self.instructions,
            links: &self.links,
            classes: self.head.classes,
            block: self.block,
        };
        let (pixels, channels, share) = (self.pixels, self.channels, self.share);
        let classes = setting.classes;
        let images = numbers.len() / (pixels * channels);
        let weights = self.head.kernel.par_chunks(share * setting.head_numbers());
        let parts = self.workers.par_iter_mut().zip(weights).enumerate();
        parts.for_each(|(part, (worker, weights))| {
            let pixel = part * share;
            worker.gather(numbers, (pixels, channels), pixel, (share, setting.block));
            // Pixels are counted block by block, so that masks depend on no thread.
            let place = first as u64 * pixels as u64 + (pixel * images) as u64;
            worker.forward(setting, weights, place);
        });
        let mut values = vec![0.0; images * classes];
        for worker in &self.workers {
            for group in groups(classes) {
                let products = &worker.products[span(&group, images * LANES)];
                let products = products.chunks(group.len() * LANES);
                for (values, products) in values.chunks_mut(classes).zip(products) {
                    let values = values[group.clone()].iter_mut();
                    for (value, parts) in values.zip(products.chunks(LANES)) {
                        *value += parts.iter().sum::<f32>();
                    }
                }
            }
        }
        values
    }

    /// Goes back from the gradients of the values that `forward` gave last.
    pub(crate) fn backward(&mut self, gradients: &Tensor) -> Result<()> {
        let gradients = gradients.f_contiguous()?;
        kernels::with_numbers(&gradients, |gradients| self.go_back(gradients))
    }

    fn go_back(&mut self, gradients: &[f32]) {
        let setting = Setting {
            instructions: self.instructions,
            links: &self.links,
            classes: self.head.classes,
            block: self.block,
        };
        let head = &mut self.head;
        let gradients = &head.take_gradients(gradients);
        let length = self.share * setting.head_numbers();
        let weights = head.kernel.par_chunks(length);
        let weights = weights.zip(head.gradients.par_chunks_mut(length));
        let parts = self.workers.par_iter_mut().zip(weights);
        parts.for_each(|(worker, weights)| worker.backward(setting, weights, gradients));
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
            let kernel = weights.kernel_gradient(|numbers| match index {
                0 => kernel_sum.unpack(numbers),
                _ => kernel_sum.unpack_transposed(numbers),
            })?;
            let bias = kernels::new_tensor(&weights.bias.size(), 0.0, |numbers| {
                bias_sum.unpack(numbers);
                Ok(())
            })?;
            gradients.extend([kernel, bias]);
        }
        gradients.extend(self.head.all_gradients()?);
        Ok(gradients)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, no_grad};

    use super::*;
    use crate::L1L2;
    use crate::engine::kernels::Dropping;
    use crate::random::Rng;
    use crate::{ActivationLayer, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Sequential};

    const IMAGE: (i64, i64, i64) = (7, 9, 3);

    fn model(hidden: Vec<Dense>, dropout: Option<f64>, classes: i64) -> Sequential {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        for dense in hidden {
            model.add(dense.activation(Activation::Relu));
        }
        if let Some(rate) = dropout {
            model.add(Dropout::new(rate));
        }
        model.add(Flatten::new());
        model.add(Dense::new(classes).activation(Activation::Softmax));
        model.build(IMAGE).unwrap();
        // Biases that are not zero, so that their gradients matter.
        for (index, weight) in weights(&model).iter().enumerate() {
            let shift = draws(&weight.size(), 100 + index as u64) * 0.05;
            let _ = no_grad(|| weight.shallow_clone().g_add_(&shift));
        }
        model
    }

    fn weights(model: &Sequential) -> Vec<Tensor> {
        let parameters = model.parameters().into_iter();
        parameters.map(|(_, parameter)| parameter.value).collect()
    }

    /// Numbers from -1 to 1, the same on every machine: a value beside ReLU's kink may fall on the
    /// other side after another rounding, and has another gradient there.
    fn draws(size: &[i64], seed: u64) -> Tensor {
        let numbers = Rng::new(seed, 0).uniform(size.iter().product(), 1.0);
        Tensor::from_slice(&numbers.unwrap()).reshape(size)
    }

    fn images(count: i64) -> Tensor {
        draws(&[count, IMAGE.0, IMAGE.1, IMAGE.2], 1)
    }

    fn network(instructions: Instructions, model: &Sequential, batch: i64) -> Option<PixelNetwork> {
        let plan = model.graph.plan().steps;
        let input = model.built_for().unwrap();
        PixelNetwork::with(instructions, &plan, input.dims(), batch)
    }

    /// The last layer's values, by libtorch, in the weights' precision.
    fn reference(weights: &[Tensor], x: &Tensor) -> Tensor {
        let (hidden, head) = weights.split_at(weights.len() - 2);
        let mut h = x.to_kind(head[0].kind());
        for pair in hidden.chunks(2) {
            h = (h.matmul(&pair[0]) + &pair[1]).relu();
        }
        h.reshape([x.size()[0], -1]).matmul(&head[0]) + &head[1]
    }

    /// A step of the mean of each image's loss, in pieces: the last layer's values and the
    /// gradients. The masks of dropout are those of a seed, the pixels are divided among so many
    /// threads.
    fn step(
        network: &mut PixelNetwork,
        x: &Tensor,
        losses: impl Fn(&Tensor) -> Tensor,
        (seed, threads): (u64, usize),
    ) -> Result<(Tensor, Vec<Tensor>)> {
        network.begin()?;
        network.divide(threads);
        for (index, link) in network.links.iter_mut().enumerate() {
            link.dropping = link
                .rate
                .map(|rate| Dropping::new(rate, seed + index as u64));
        }
        let count = x.size()[0];
        let mut values = Vec::new();
        let mut start = 0;
        while start < count {
            let length = network.piece_size().min(count - start);
            let piece = network.forward(&x.narrow(0, start, length), start)?;
            // The losses see all values so far, so that they can be told apart by their place.
            values.push(piece.shallow_clone());
            let leaf = Tensor::cat(&values, 0).set_requires_grad(true);
            let loss = losses(&leaf).narrow(0, start, length).sum(Kind::Float) / count;
            let gradients = Tensor::run_backward(&[loss], &[leaf], false, false);
            network.backward(&gradients[0].narrow(0, start, length))?;
            start += length;
        }
        Ok((Tensor::cat(&values, 0), network.gradients()?))
    }

    /// Squared distances to numbers that differ from class to class and image to image.
    fn squares(values: &Tensor) -> Tensor {
        let targets = draws(&values.size(), 2).to_kind(values.kind());
        (values - targets)
            .square()
            .sum_dim_intlist([1].as_slice(), false, None)
    }

    #[track_caller]
    fn assert_close(computed: &Tensor, expected: &Tensor, bound: f64) {
        assert_eq!(computed.size(), expected.size());
        let difference = (computed - expected).abs().max().double_value(&[]);
        let largest = expected.abs().max().double_value(&[]);
        assert!(difference <= bound * largest, "{difference} of {largest}");
    }

    fn assert_equals_autograd(
        instructions: Instructions,
        model: &Sequential,
        count: i64,
        losses: impl Fn(&Tensor) -> Tensor,
    ) -> Result<()> {
        let size = [&[count], model.built_for()?.dims()].concat();
        let (x, weights) = (draws(&size, 1), weights(model));
        let exact = |weight: &Tensor| {
            let weight = weight.detach().to_kind(Kind::Double);
            weight.set_requires_grad(true)
        };
        let exact: Vec<Tensor> = weights.iter().map(exact).collect();
        let values = reference(&exact, &x);
        let loss = losses(&values).mean(Kind::Double);
        let mut expected = Tensor::run_backward(&[loss], &exact, false, false);
        // Only first layers have one in these tests.
        if let Some(penalty) = model.penalty()? {
            let gradients = Tensor::run_backward(&[penalty], &weights[..1], false, false);
            expected[0] += &gradients[0];
        }

        let mut network = network(instructions, model, count).unwrap();
        for _ in 0..2 {
            // A second step starts from nothing again.
            let (computed, gradients) = step(&mut network, &x, &losses, (0, 2))?;
            assert_close(&computed, &values.detach(), 2e-5);
            assert_eq!(gradients.len(), expected.len());
            for (gradient, expected) in gradients.iter().zip(&expected) {
                assert_close(gradient, expected, 2e-5);
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_equal_those_of_autograd() -> Result<()> {
        let penalized = || Dense::new(80).kernel_regularizer(L1L2::new(0.02, 0.03));
        let cross_entropy = |values: &Tensor| {
            let labels = Tensor::arange(values.size()[0], (Kind::Int64, Device::Cpu)).remainder(10);
            let labels = labels.unsqueeze(-1);
            -values
                .log_softmax(-1, None)
                .gather(-1, &labels, false)
                .squeeze_dim(-1)
        };
        for instructions in Instructions::all() {
            for (hidden, count) in [
                (vec![Dense::new(64), Dense::new(64)], 5),
                (vec![Dense::new(64), Dense::new(16), Dense::new(48)], 19),
                (vec![penalized(), Dense::new(128)], 33),
                // More inputs than a chunk of columns.
                (vec![Dense::new(144), Dense::new(272), Dense::new(32)], 3),
                (vec![Dense::new(16)], 2),
            ] {
                let model = model(hidden, None, 10);
                assert_equals_autograd(instructions, &model, count, cross_entropy)?;
            }
        }
        Ok(())
    }

    fn table_model(hidden: &[i64], classes: i64) -> Sequential {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        for units in hidden {
            model.add(Dense::new(*units).activation(Activation::Relu));
        }
        model.add(Dense::new(classes));
        model.build(13).unwrap();
        model
    }

    #[test]
    fn rows_of_a_table_are_images_of_one_pixel() -> Result<()> {
        for instructions in Instructions::all() {
            for (hidden, classes, count) in [
                (&[64, 64][..], 1, 32),
                (&[16], 3, 5),
                (&[32, 48], 10, 101),
                (&[48, 16, 32], 12, 1),
            ] {
                let model = table_model(hidden, classes);
                assert_equals_autograd(instructions, &model, count, squares)?;
            }
        }
        Ok(())
    }

    #[test]
    fn large_products_of_tables_are_left_to_libtorch() {
        let model = table_model(&[64, 64], 1);
        assert!(network(Instructions::Plain, &model, 256).is_some());
        assert!(network(Instructions::Plain, &model, 512).is_none());
        let model = table_model(&[512, 512], 10);
        assert!(network(Instructions::Plain, &model, 32).is_none());
        let model = table_model(&[], 10);
        assert!(network(Instructions::Plain, &model, 32).is_none());
    }

    #[test]
    fn there_may_be_any_number_of_classes() -> Result<()> {
        for instructions in Instructions::all() {
            for classes in [1, 2, 3, 7, 10, 11, 20, 100, 1000] {
                let model = model(vec![Dense::new(32), Dense::new(64)], None, classes);
                assert_equals_autograd(instructions, &model, 18, squares)?;
            }
        }
        Ok(())
    }

    #[test]
    fn the_number_of_threads_changes_no_mask() -> Result<()> {
        for classes in [10, 13] {
            let model = model(vec![Dense::new(64)], Some(0.3), classes);
            let x = images(17);
            let mut network = network(Instructions::Plain, &model, 17).unwrap();
            assert!(network.block < network.pixels, "several blocks");
            let (values, gradients) = step(&mut network, &x, squares, (7, 1))?;
            assert_eq!(network.workers.len(), 1);
            let (again, gradients_again) = step(&mut network, &x, squares, (7, 3))?;
            assert_eq!(network.workers.len(), 3);
            assert_close(&again, &values, 1e-5);
            for (again, gradient) in gradients_again.iter().zip(&gradients) {
                assert_close(again, gradient, 1e-5);
            }
            let (other, _) = step(&mut network, &x, squares, (8, 3))?;
            assert_ne!(other, again);
        }
        Ok(())
    }

    #[test]
    fn gradients_after_dropout_tell_how_the_loss_changes() -> Result<()> {
        for (instructions, classes) in
            Instructions::all().flat_map(|set| [10, 23].map(|classes| (set, classes)))
        {
            let model = model(vec![Dense::new(32), Dense::new(32)], Some(0.4), classes);
            let x = images(6);
            let mut network = network(instructions, &model, 6).unwrap();
            let mut loss_at = |shift: f64, direction: &[Tensor]| -> Result<(f64, Vec<Tensor>)> {
                for (weight, direction) in weights(&model).iter().zip(direction) {
                    let shifted = direction * shift;
                    let _ = no_grad(|| weight.shallow_clone().g_add_(&shifted));
                }
                // The same masks each time.
                let (values, gradients) = step(&mut network, &x, squares, (11, 2))?;
                let loss = squares(&values.to_kind(Kind::Double)).mean(Kind::Double);
                Ok((loss.double_value(&[]), gradients))
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
        }
        Ok(())
    }

    #[test]
    fn all_instructions_compute_the_same_step() -> Result<()> {
        for classes in [10, 27] {
            let model = model(vec![Dense::new(64), Dense::new(48)], Some(0.2), classes);
            let x = images(21);
            let mut steps = Vec::new();
            for instructions in Instructions::all() {
                let mut network = network(instructions, &model, 21).unwrap();
                steps.push(step(&mut network, &x, squares, (5, 2))?);
            }
            let (values, gradients) = &steps[0];
            for (other_values, other_gradients) in &steps[1..] {
                assert_close(other_values, values, 2e-5);
                for (other, gradient) in other_gradients.iter().zip(gradients) {
                    assert_close(other, gradient, 2e-5);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn other_networks_are_left_to_autograd() {
        let relu = |units| Dense::new(units).activation(Activation::Relu);
        let found = |classes: i64, add: &dyn Fn(&mut Sequential)| {
            let mut model = Sequential::on(Device::Cpu);
            add(&mut model);
            model.add(Flatten::new());
            model.add(Dense::new(classes).activation(Activation::Softmax));
            model.build(IMAGE).unwrap();
            network(Instructions::Plain, &model, 4).is_some()
        };
        assert!(found(10, &|model| model.add(relu(64))));
        assert!(!found(1001, &|model| model.add(relu(16))));
        assert!(!found(10, &|_| {}));
        assert!(!found(10, &|model| model.add(Dense::new(64))));
        assert!(!found(10, &|model| model.add(relu(20))));
        assert!(!found(10, &|model| model.add(relu(64).use_bias(false))));
        let tanh = || Dense::new(64).activation(Activation::Tanh);
        assert!(!found(10, &|model| model.add(tanh())));
        assert!(!found(10, &|model| {
            model.add(Dense::new(64));
            model.add(ActivationLayer::new(Activation::Relu));
        }));
        assert!(!found(10, &|model| {
            model.add(relu(64));
            model.add(MaxPooling2D::new(2));
        }));
        assert!(!found(10, &|model| {
            model.add(Conv2D::new(16, 1));
            model.add(relu(64));
        }));
    }

    #[test]
    fn it_is_used_only_where_it_is_faster_or_asked_for() {
        let model = model(vec![Dense::new(64)], None, 10);
        let plan = model.graph.plan().steps;
        let network = PixelNetwork::of(&plan, &[IMAGE.0, IMAGE.1, IMAGE.2], 4);
        let used = network.map(|network| network.instructions);
        assert_eq!(used, Instructions::that_pay());
    }
}
