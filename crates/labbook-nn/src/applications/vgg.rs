use super::application::{Application, application};
use super::blocks::{Parts, dense, plain_convolution};
use super::network::{Head, Network};
use super::publisher::Publisher;
use crate::Activation::Relu;
use crate::{
    Conv2D, Dropout, Flatten, GlobalAveragePooling2D, MaxPooling2D, Padding, SymbolicTensor,
};

application!(
    /// VGG of 16 layers (Simonyan and Zisserman 2015): 14.7 million weights before its top, images
    /// of 224.
    ///
    /// Its top takes images of no other size than 224 to 255, except in Keras's, whose weights
    /// follow the size. Names are the publisher's: `block1_conv1` and `fc1` in Keras,
    /// `features.0` and `classifier.0` in torchvision (`vgg16`), `features.0` and
    /// `pre_logits.fc1` in timm.
    VGG16
);

/// Filters and convolutions of each block.
const BLOCKS: [(i64, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];
const HIDDEN: i64 = 4096;
/// Pixels of the last images that the top was made for.
const LAST: i64 = 7;

pub(super) fn features(mut x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    // PyTorch counts convolutions, functions and pools.
    let mut place = 0;
    for (block, (filters, count)) in BLOCKS.into_iter().enumerate() {
        for number in 1..=count {
            let name = match parts.is_keras() {
                true => format!("block{}_conv{number}", block + 1),
                false => format!("features.{place}"),
            };
            let layer = Conv2D::new(filters, 3).padding(Padding::Same);
            x = layer.activation(Relu).name(name).call(&x);
            place += 2;
        }
        let name = match parts.is_keras() {
            true => format!("block{}_pool", block + 1),
            false => format!("features.{place}"),
        };
        x = MaxPooling2D::new(2).strides(2).name(name).call(&x);
        place += 1;
    }
    x
}

pub(super) fn top(x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
    let [first, second, last] = *top_layers(parts.publisher);
    match parts.publisher {
        Publisher::Keras => {
            let x = Flatten::new().name("flatten").call(&x);
            let x = dense(&x, first, HIDDEN, Relu);
            let x = dense(&x, second, HIDDEN, Relu);
            dense(&x, last, head.classes, head.activation)
        }
        Publisher::Torchvision => {
            let x = Flatten::new().call(&x);
            let x = Dropout::new(0.5).call(&dense(&x, first, HIDDEN, Relu));
            let x = Dropout::new(0.5).call(&dense(&x, second, HIDDEN, Relu));
            dense(&x, last, head.classes, head.activation)
        }
        Publisher::Timm => {
            let x = plain_convolution(&x, first, HIDDEN, LAST, Relu);
            let x = plain_convolution(&x, second, HIDDEN, 1, Relu);
            let x = GlobalAveragePooling2D::new().call(&x);
            dense(&x, last, head.classes, head.activation)
        }
    }
}

pub(super) fn top_layers(publisher: Publisher) -> &'static [&'static str; 3] {
    match publisher {
        Publisher::Keras => &["fc1", "fc2", "predictions"],
        Publisher::Torchvision => &["classifier.0", "classifier.3", "classifier.6"],
        Publisher::Timm => &["pre_logits.fc1", "pre_logits.fc2", "head.fc"],
    }
}

/// Whether the top of a publisher takes images of this size.
pub(super) fn top_takes(publisher: Publisher, height: i64, width: i64) -> bool {
    let last = |size: i64| size / 32 == LAST;
    publisher == Publisher::Keras || (last(height) && last(width))
}
