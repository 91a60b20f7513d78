use super::application::{Application, application};
use super::blocks::{Parts, dense, named_activation, zeros};
use super::network::{Head, Network};
use super::publisher::Publisher;
use crate::Activation::Relu;
use crate::{Add, MaxPooling2D, SymbolicTensor};

application!(
    /// ResNet of 18 layers (He et al. 2016): 11.2 million weights before its top, images of 224.
    ///
    /// Of torchvision (`resnet18`) and timm; Keras has none. Names are the publisher's, such as
    /// `conv1`, `layer1.0.conv1`, `fc`.
    ResNet18
);

application!(
    /// ResNet of 50 layers (He et al. 2016): 23.6 million weights before its top, images of 224.
    ///
    /// Keras's is that of He et al., torchvision's (`resnet50`) and timm's move the strides of a block
    /// to its 3x3 convolution. Names are the publisher's: `conv2_block1_1_conv` in Keras,
    /// `layer1.0.conv1` in the others.
    ResNet50
);

/// Filters and blocks of the four stages.
const WIDTHS: [i64; 4] = [64, 128, 256, 512];
const SHORT: [usize; 4] = [2, 2, 2, 2];
const LONG: [usize; 4] = [3, 4, 6, 3];

/// A block's place: its stage and its number in it, counted from 0.
#[derive(Debug, Clone, Copy)]
struct Place {
    stage: usize,
    block: usize,
}

impl Place {
    /// The stride of its first convolution.
    fn stride(self) -> i64 {
        match self.stage > 0 && self.block == 0 {
            true => 2,
            false => 1,
        }
    }

    fn name(self, parts: &Parts) -> String {
        let Self { stage, block } = self;
        match parts.is_keras() {
            true => format!("conv{}_block{}", stage + 2, block + 1),
            false => format!("layer{}.{block}", stage + 1),
        }
    }

    /// The names of a convolution, counted from 1, and its batch normalization; 0 is the one
    /// beside the block.
    fn names(self, parts: &Parts, number: usize) -> (String, String) {
        let block = self.name(parts);
        match (parts.is_keras(), number) {
            (true, _) => (
                format!("{block}_{number}_conv"),
                format!("{block}_{number}_bn"),
            ),
            (false, 0) => (
                format!("{block}.downsample.0"),
                format!("{block}.downsample.1"),
            ),
            (false, _) => (
                format!("{block}.conv{number}"),
                format!("{block}.bn{number}"),
            ),
        }
    }
}

pub(super) fn basic(x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    network(x, parts, SHORT, |x, place, filters| {
        let convolution = |x: &SymbolicTensor, number, stride| {
            let (name, norm) = place.names(parts, number);
            parts.convolution(x, (&name, &norm), filters, (3, stride))
        };
        let y = convolution(x, 1, place.stride());
        let y = relu(&y, parts, place, "1");
        let y = convolution(&y, 2, 1);
        let beside = place.stage > 0 && place.block == 0;
        joined(x, &y, parts, place, beside.then_some(filters))
    })
}

pub(super) fn bottlenecks(x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    // Where He et al. put a block's stride, or the place that is named version 1.5.
    let strides = |place: Place| match parts.is_keras() {
        true => [place.stride(), 1, 1],
        false => [1, place.stride(), 1],
    };
    network(x, parts, LONG, |x, place, filters| {
        let mut y = x.clone();
        let kernels = [(filters, 1), (filters, 3), (4 * filters, 1)];
        for (index, (filters, kernel)) in kernels.into_iter().enumerate() {
            let (name, norm) = place.names(parts, index + 1);
            let window = (kernel, strides(place)[index]);
            y = parts.convolution(&y, (&name, &norm), filters, window);
            if index < 2 {
                y = relu(&y, parts, place, &(index + 1).to_string());
            }
        }
        let beside = place.block == 0;
        joined(x, &y, parts, place, beside.then_some(4 * filters))
    })
}

/// The stem, and the four stages of blocks.
fn network(
    x: SymbolicTensor,
    parts: &Parts,
    blocks: [usize; 4],
    block: impl Fn(&SymbolicTensor, Place, i64) -> SymbolicTensor,
) -> SymbolicTensor {
    let names = match parts.is_keras() {
        true => ("conv1_conv", "conv1_bn"),
        false => ("conv1", "bn1"),
    };
    // Keras, too, puts three zeros on every side here.
    let even = Parts {
        publisher: Publisher::Torchvision,
        ..parts.clone()
    };
    let x = even.convolution(&x, names, 64, (7, 2));
    let x = named_activation(&x, Relu, parts.name("conv1_relu", "relu", "act1"));
    // No number is negative here, so that zeros change no maximum.
    let pool = MaxPooling2D::new(3).strides(2);
    let mut x = pool
        .name(parts.name("pool1_pool", "maxpool", "maxpool"))
        .call(&zeros(&x, 1));
    for (stage, (count, filters)) in blocks.into_iter().zip(WIDTHS).enumerate() {
        for number in 0..count {
            let place = Place {
                stage,
                block: number,
            };
            x = block(&x, place, filters);
        }
    }
    x
}

fn relu(x: &SymbolicTensor, parts: &Parts, place: Place, part: &str) -> SymbolicTensor {
    let block = place.name(parts);
    let name = match parts.is_keras() {
        true => format!("{block}_{part}_relu"),
        false => format!("{block}.relu{part}"),
    };
    named_activation(x, Relu, &name)
}

/// The block and what goes past it, through a convolution of its own where the shapes differ.
fn joined(
    x: &SymbolicTensor,
    y: &SymbolicTensor,
    parts: &Parts,
    place: Place,
    filters: Option<i64>,
) -> SymbolicTensor {
    let past = match filters {
        Some(filters) => {
            let (name, norm) = place.names(parts, 0);
            parts.convolution(x, (&name, &norm), filters, (1, place.stride()))
        }
        None => x.clone(),
    };
    let block = place.name(parts);
    let (add, out) = match parts.is_keras() {
        true => (format!("{block}_add"), format!("{block}_out")),
        false => (format!("{block}.add"), block),
    };
    let sum = Add::new().name(add).call([&past, y]);
    named_activation(&sum, Relu, &out)
}

pub(super) fn top(x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
    let x = parts.means(&x);
    let name = parts.name("predictions", "fc", "fc");
    dense(&x, name, head.classes, head.activation)
}

pub(super) fn top_layers(publisher: Publisher) -> &'static [&'static str] {
    match publisher {
        Publisher::Keras => &["predictions"],
        Publisher::Torchvision | Publisher::Timm => &["fc"],
    }
}
