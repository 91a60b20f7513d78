use super::application::{Application, application};
use super::blocks::{Parts, activation, dense, named_activation, plain_convolution};
use super::inverted_residual::{InvertedResidual, Names, Weighing, divisible_by_eight};
use super::network::{Head, Network};
use super::publisher::Publisher;
use crate::Activation::{HardSigmoid, HardSilu, Linear, Relu};
use crate::{
    ActivationLayer, Dropout, Flatten, GlobalAveragePooling2D, Rescaling, Reshape, SymbolicTensor,
};

application!(
    /// The smaller MobileNet of version 3 (Howard et al. 2019): 0.9 million weights before its
    /// top, images of 224.
    ///
    /// Keras's begins with a layer that scales pixels from 0..255 to -1..1. Names are the
    /// publisher's: `expanded_conv_1_expand` in Keras, `features.2.block.0.0` in torchvision
    /// (`mobilenet_v3_small`), `blocks.1.0.conv_pw` in timm (`mobilenetv3_small_100`).
    MobileNetV3Small
);

struct Row {
    /// Its stage and number in it, as timm counts.
    place: (usize, usize),
    kernel: i64,
    wide: i64,
    filters: i64,
    weighs: bool,
    hard: bool,
    stride: i64,
}

const fn row(
    place: (usize, usize),
    (kernel, wide, filters): (i64, i64, i64),
    (weighs, hard): (bool, bool),
    stride: i64,
) -> Row {
    Row {
        place,
        kernel,
        wide,
        filters,
        weighs,
        hard,
        stride,
    }
}

/// Table 2 of Howard et al.
const ROWS: [Row; 11] = [
    row((0, 0), (3, 16, 16), (true, false), 2),
    row((1, 0), (3, 72, 24), (false, false), 2),
    row((1, 1), (3, 88, 24), (false, false), 1),
    row((2, 0), (5, 96, 40), (true, true), 2),
    row((2, 1), (5, 240, 40), (true, true), 1),
    row((2, 2), (5, 240, 40), (true, true), 1),
    row((3, 0), (5, 120, 48), (true, true), 1),
    row((3, 1), (5, 144, 48), (true, true), 1),
    row((4, 0), (5, 288, 96), (true, true), 2),
    row((4, 1), (5, 576, 96), (true, true), 1),
    row((4, 2), (5, 576, 96), (true, true), 1),
];
const LAST: i64 = 576;
const HIDDEN: i64 = 1024;

pub(super) fn features(mut x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
    if parts.is_keras() {
        x = Rescaling::new(1.0 / 127.5).offset(-1.0).call(&x);
    }
    let stem = match parts.publisher {
        Publisher::Keras => ("conv", "conv_bn"),
        Publisher::Torchvision => ("features.0.0", "features.0.1"),
        Publisher::Timm => ("conv_stem", "bn1"),
    };
    let x = parts.convolution(&x, stem, 16, (3, 2));
    let mut x = named_activation(&x, HardSilu, parts.name("conv_act", "features.0.2", "act1"));
    let mut channels = 16;
    for (number, row) in ROWS.iter().enumerate() {
        let weighing = row.weighs.then(|| Weighing {
            squeezed: divisible_by_eight(row.wide as f64 / 4.0),
            inner: Relu,
            gate: HardSigmoid,
        });
        let block = InvertedResidual {
            kernel: row.kernel,
            stride: row.stride,
            channels,
            wide: row.wide,
            filters: row.filters,
            activation: if row.hard { HardSilu } else { Relu },
            weighing,
            drop: 0.0,
            names: names(parts.publisher, number, row),
        };
        x = block.call(&x, parts);
        channels = row.filters;
    }
    let last = match parts.publisher {
        Publisher::Keras => ("conv_1", "conv_1_bn"),
        Publisher::Torchvision => ("features.12.0", "features.12.1"),
        Publisher::Timm => ("blocks.5.0.conv", "blocks.5.0.bn1"),
    };
    activation(&parts.convolution(&x, last, LAST, (1, 1)), HardSilu)
}

fn names(publisher: Publisher, number: usize, row: &Row) -> Names {
    match publisher {
        Publisher::Keras => {
            let prefix = match number {
                0 => "expanded_conv".to_owned(),
                _ => format!("expanded_conv_{number}"),
            };
            let pair = |part: &str, second: &str| {
                (
                    format!("{prefix}_{part}"),
                    format!("{prefix}_{part}_{second}"),
                )
            };
            Names {
                expand: pair("expand", "bn"),
                depthwise: pair("depthwise", "bn"),
                squeeze: pair("squeeze_excite_conv", "1"),
                project: pair("project", "bn"),
                out: format!("{prefix}_add"),
            }
        }
        Publisher::Torchvision => {
            let block = format!("features.{}", number + 1);
            Names::torchvision(&format!("{block}.block"), &block, number > 0, row.weighs)
        }
        Publisher::Timm => {
            let (stage, block) = row.place;
            Names::timm(&format!("blocks.{stage}.{block}"), number > 0)
        }
    }
}

pub(super) fn top(x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
    let means = GlobalAveragePooling2D::new().call(&x);
    let [hidden, last] = *top_layers(parts.publisher);
    if parts.publisher == Publisher::Torchvision {
        let x = dense(&means, hidden, HIDDEN, HardSilu);
        let x = Dropout::new(0.2).call(&x);
        return dense(&x, last, head.classes, head.activation);
    }
    let pixel = Reshape::new((1, 1, LAST)).call(&means);
    let x = plain_convolution(&pixel, hidden, HIDDEN, 1, HardSilu);
    match parts.publisher {
        Publisher::Keras => {
            let x = Dropout::new(0.2).call(&x);
            let x = plain_convolution(&x, last, head.classes, 1, Linear);
            let rows = Flatten::new().call(&x);
            let layer = ActivationLayer::new(head.activation);
            layer.name("predictions").call(&rows)
        }
        _ => {
            let rows = Flatten::new().call(&x);
            dense(&rows, last, head.classes, head.activation)
        }
    }
}

pub(super) fn top_layers(publisher: Publisher) -> &'static [&'static str; 2] {
    match publisher {
        Publisher::Keras => &["conv_2", "logits"],
        Publisher::Torchvision => &["classifier.0", "classifier.3"],
        Publisher::Timm => &["conv_head", "classifier"],
    }
}
