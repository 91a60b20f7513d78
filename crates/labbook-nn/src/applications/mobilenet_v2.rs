use super::application::{Application, application};
use super::blocks::{Parts, dense, named_activation};
use super::inverted_residual::{InvertedResidual, Names};
use super::network::{Head, Network};
use super::publisher::Publisher;
use crate::Activation::Relu6;
use crate::{Dropout, GlobalAveragePooling2D, SymbolicTensor};

application!(
    /// MobileNet of version 2 and width 1 (Sandler et al. 2018): 2.3 million weights before its
    /// top, images of 224.
    ///
    /// Names are the publisher's: `block_1_expand` in Keras, `features.2.conv.0.0` in torchvision
    /// (`mobilenet_v2`), `blocks.1.0.conv_pw` in timm (`mobilenetv2_100`).
    MobileNetV2
);

/// How often a stage's blocks widen, their filters, how many there are, the first one's stride.
const STAGES: [(i64, i64, usize, i64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

pub(super) fn features(x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    let stem = match parts.publisher {
        Publisher::Keras => ("Conv1", "bn_Conv1"),
        Publisher::Torchvision => ("features.0.0", "features.0.1"),
        Publisher::Timm => ("conv_stem", "bn1"),
    };
    let x = parts.convolution(&x, stem, 32, (3, 2));
    let mut x = named_activation(&x, Relu6, parts.name("Conv1_relu", "features.0.2", "act1"));
    let (mut channels, mut number) = (32, 0);
    for (stage, (widening, filters, count, stride)) in STAGES.into_iter().enumerate() {
        for block in 0..count {
            let wide = channels * widening;
            let block = InvertedResidual {
                kernel: 3,
                stride: if block == 0 { stride } else { 1 },
                channels,
                wide,
                filters,
                activation: Relu6,
                weighing: None,
                drop: 0.0,
                names: names(parts.publisher, number, stage, block),
            };
            x = block.call(&x, parts);
            (channels, number) = (filters, number + 1);
        }
    }
    let last = match parts.publisher {
        Publisher::Keras => ("Conv_1", "Conv_1_bn"),
        Publisher::Torchvision => ("features.18.0", "features.18.1"),
        Publisher::Timm => ("conv_head", "bn2"),
    };
    let x = parts.convolution(&x, last, 1280, (1, 1));
    named_activation(&x, Relu6, parts.name("out_relu", "features.18.2", "act2"))
}

fn names(publisher: Publisher, number: usize, stage: usize, block: usize) -> Names {
    let expands = number > 0;
    match publisher {
        Publisher::Keras => {
            let prefix = match number {
                0 => "expanded_conv".to_owned(),
                _ => format!("block_{number}"),
            };
            let pair = |part: &str| {
                let name = format!("{prefix}_{part}");
                let norm = format!("{name}_BN");
                (name, norm)
            };
            Names {
                expand: pair("expand"),
                depthwise: pair("depthwise"),
                squeeze: pair("squeeze"),
                project: pair("project"),
                out: format!("{prefix}_add"),
            }
        }
        Publisher::Torchvision => {
            let block = format!("features.{}", number + 1);
            let conv = format!("{block}.conv");
            let mut names = Names::torchvision(&conv, &block, expands, false);
            // The last convolution is not wrapped.
            let last = 1 + usize::from(expands);
            names.project = (format!("{conv}.{last}"), format!("{conv}.{}", last + 1));
            names
        }
        Publisher::Timm => Names::timm(&format!("blocks.{stage}.{block}"), expands),
    }
}

pub(super) fn top(x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
    let mut x = GlobalAveragePooling2D::new().call(&x);
    if parts.publisher == Publisher::Torchvision {
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
