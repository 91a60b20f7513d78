use super::application::{Application, application};
use super::blocks::{Parts, dense, named_activation};
use super::inverted_residual::{InvertedResidual, Names, Weighing};
use super::network::{Head, Network};
use super::publisher::Publisher;
use crate::Activation::{Sigmoid, Silu};
use crate::{Dropout, Normalization, Rescaling, SymbolicTensor};

application!(
    /// The smallest EfficientNet (Tan and Le 2019): 4 million weights before its top, images of
    /// 224.
    ///
    /// Keras's begins with layers that scale pixels from 0..255 by mean and variance, which its
    /// file holds; without a file to 0..1 only, as with `weights=None`. Names are the publisher's:
    /// `block2a_expand_conv` in Keras, `features.2.0.block.0.0` in torchvision
    /// (`efficientnet_b0`), `blocks.1.0.conv_pw` in timm.
    EfficientNetB0
);

/// Kernel, blocks, filters, how often they widen, and the first one's stride.
const STAGES: [(i64, usize, i64, i64, i64); 7] = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
];
/// How many blocks those are.
const BLOCKS: usize = 16;
/// How often the last block would be skipped in training; those before it less often.
const DROP: f64 = 0.2;

pub(super) fn features(mut x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    if parts.is_keras() {
        x = Rescaling::new(1.0 / 255.0).call(&x);
        let layer = Normalization::new().mean(parts.image_mean.clone());
        let layer = layer.variance(parts.image_variance.clone());
        x = layer.shared().call(&x);
    }
    let stem = match parts.publisher {
        Publisher::Keras => ("stem_conv", "stem_bn"),
        Publisher::Torchvision => ("features.0.0", "features.0.1"),
        Publisher::Timm => ("conv_stem", "bn1"),
    };
    let x = parts.convolution(&x, stem, 32, (3, 2));
    let mut x = named_activation(
        &x,
        Silu,
        parts.name("stem_activation", "features.0.2", "act1"),
    );
    let (mut channels, mut number) = (32, 0);
    for (stage, (kernel, count, filters, widening, stride)) in STAGES.into_iter().enumerate() {
        for block in 0..count {
            let drop = match parts.publisher {
                Publisher::Timm => 0.0,
                _ => DROP * number as f64 / BLOCKS as f64,
            };
            let block = InvertedResidual {
                kernel,
                stride: if block == 0 { stride } else { 1 },
                channels,
                wide: channels * widening,
                filters,
                activation: Silu,
                weighing: Some(Weighing {
                    squeezed: channels / 4,
                    inner: Silu,
                    gate: Sigmoid,
                }),
                drop,
                names: names(parts.publisher, stage, block),
            };
            x = block.call(&x, parts);
            (channels, number) = (filters, number + 1);
        }
    }
    let last = match parts.publisher {
        Publisher::Keras => ("top_conv", "top_bn"),
        Publisher::Torchvision => ("features.8.0", "features.8.1"),
        Publisher::Timm => ("conv_head", "bn2"),
    };
    let x = parts.convolution(&x, last, 1280, (1, 1));
    named_activation(
        &x,
        Silu,
        parts.name("top_activation", "features.8.2", "act2"),
    )
}

fn names(publisher: Publisher, stage: usize, block: usize) -> Names {
    let expands = stage > 0;
    match publisher {
        Publisher::Keras => {
            let letter = char::from(b'a' + block as u8);
            let prefix = format!("block{}{letter}", stage + 1);
            let pair = |first: &str, second: &str| {
                (format!("{prefix}_{first}"), format!("{prefix}_{second}"))
            };
            Names {
                expand: pair("expand_conv", "expand_bn"),
                depthwise: pair("dwconv", "bn"),
                squeeze: pair("se_reduce", "se_expand"),
                project: pair("project_conv", "project_bn"),
                out: format!("{prefix}_add"),
            }
        }
        Publisher::Torchvision => {
            let place = format!("features.{}.{block}", stage + 1);
            Names::torchvision(&format!("{place}.block"), &place, expands, true)
        }
        Publisher::Timm => Names::timm(&format!("blocks.{stage}.{block}"), expands),
    }
}

pub(super) fn top(x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
    let mut x = parts.means(&x);
    if parts.publisher != Publisher::Timm {
        x = Dropout::new(0.2).call(&x);
    }
    let [name] = *top_layers(parts.publisher);
    dense(&x, name, head.classes, head.activation)
}

pub(super) fn top_layers(publisher: Publisher) -> &'static [&'static str; 1] {
    match publisher {
        Publisher::Keras => &["predictions"],
        Publisher::Torchvision => &["classifier.1"],
        Publisher::Timm => &["classifier"],
    }
}
