use super::blocks::Parts;
use super::publisher::Publisher;
use super::{efficientnet, mobilenet_v2, mobilenet_v3, resnet, vgg};
use crate::SymbolicTensor;

/// The networks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    EfficientNetB0,
    MobileNetV2,
    MobileNetV3Small,
    ResNet18,
    ResNet50,
    VGG16,
}

impl Network {
    /// As Keras calls the function that makes it.
    pub(super) fn class_name(self) -> &'static str {
        match self {
            Self::EfficientNetB0 => "EfficientNetB0",
            Self::MobileNetV2 => "MobileNetV2",
            Self::MobileNetV3Small => "MobileNetV3Small",
            Self::ResNet18 => "ResNet18",
            Self::ResNet50 => "ResNet50",
            Self::VGG16 => "VGG16",
        }
    }

    /// Those who publish weights of it; the first one is meant unless another is asked for.
    pub(super) fn publishers(self) -> &'static [Publisher] {
        match self {
            Self::ResNet18 => &[Publisher::Torchvision, Publisher::Timm],
            _ => &[Publisher::Keras, Publisher::Torchvision, Publisher::Timm],
        }
    }

    /// The layers before the top.
    pub(super) fn features(self, x: SymbolicTensor, parts: &Parts) -> SymbolicTensor {
        match self {
            Self::EfficientNetB0 => efficientnet::features(x, parts),
            Self::MobileNetV2 => mobilenet_v2::features(x, parts),
            Self::MobileNetV3Small => mobilenet_v3::features(x, parts),
            Self::ResNet18 => resnet::basic(x, parts),
            Self::ResNet50 => resnet::bottlenecks(x, parts),
            Self::VGG16 => vgg::features(x, parts),
        }
    }

    /// The top: from the last images to classes.
    pub(super) fn top(self, x: SymbolicTensor, parts: &Parts, head: &Head) -> SymbolicTensor {
        match self {
            Self::EfficientNetB0 => efficientnet::top(x, parts, head),
            Self::MobileNetV2 => mobilenet_v2::top(x, parts, head),
            Self::MobileNetV3Small => mobilenet_v3::top(x, parts, head),
            Self::ResNet18 | Self::ResNet50 => resnet::top(x, parts, head),
            Self::VGG16 => vgg::top(x, parts, head),
        }
    }

    /// The names of the layers of the top that have weights; the last gives the classes.
    pub(super) fn top_layers(self, publisher: Publisher) -> &'static [&'static str] {
        match self {
            Self::EfficientNetB0 => efficientnet::top_layers(publisher),
            Self::MobileNetV2 => mobilenet_v2::top_layers(publisher),
            Self::MobileNetV3Small => mobilenet_v3::top_layers(publisher),
            Self::ResNet18 | Self::ResNet50 => resnet::top_layers(publisher),
            Self::VGG16 => vgg::top_layers(publisher),
        }
    }
}

/// How a network ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) classes: i64,
    pub(super) activation: crate::Activation,
}
