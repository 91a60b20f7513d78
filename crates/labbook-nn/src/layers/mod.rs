pub(crate) mod activation;
mod activation_layer;
mod average_pooling2d;
mod axis;
mod batch_normalization;
mod concatenate;
pub(crate) mod config;
mod conv2d;
mod dense;
mod dot;
mod dropout;
mod flatten;
mod global_average_pooling2d;
mod global_max_pooling2d;
pub(crate) mod initializer;
pub(crate) mod layer;
mod max_pooling2d;
mod merge;
mod normalization;
mod pool;
pub(crate) mod regularizer;
mod rescaling;
mod whitening;

pub use activation::Activation;
pub use activation_layer::ActivationLayer;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use concatenate::Concatenate;
pub(crate) use config::Kind as ConfigKind;
pub use config::LayerConfig;
pub use conv2d::{Conv2D, Padding};
pub use dense::Dense;
pub use dot::Dot;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use initializer::Initializer;
pub use layer::{BuildContext, Layer, LayerInfo, LayerOptions, Parameter, Phase};
pub use max_pooling2d::MaxPooling2D;
pub use merge::{Add, Average, Maximum, Minimum, Multiply, Subtract};
pub use normalization::Normalization;
pub use regularizer::L1L2;
pub use rescaling::Rescaling;
pub use whitening::Whitening;

/// For the tests of single layers: builds a layer on the CPU from a fixed seed.
#[cfg(test)]
fn build(
    layer: &mut impl crate::Layer,
    input: impl Into<crate::Shape>,
) -> crate::Result<crate::Shape> {
    let mut context = crate::layers::layer::BuildContext {
        name: "layer",
        class_name: layer.class_name(),
        rng: &mut crate::random::Rng::new(7, 0),
        device: tch::Device::Cpu,
        room: &mut None,
    };
    layer.build(&input.into(), &mut context)
}
