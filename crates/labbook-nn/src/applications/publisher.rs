use std::fmt;

use tch::{Kind, Tensor};

use super::network::Network;
use crate::Result;

/// Who trained a network: its layers, their names and what is done to images before differ.
///
/// | | [`Keras`](Self::Keras) | [`Torchvision`](Self::Torchvision) | [`Timm`](Self::Timm) |
/// |---|---|---|---|
/// | names of layers | `conv2_block1_1_conv` | `layer1.0.conv1` | `layer1.0.conv1` |
/// | zeros at borders | as TensorFlow: more below and right | as many on every side | as many on every side |
/// | images, from 0 to 255 | by network: see [`preprocess_input`] | to 0 to 1, then less ImageNet's mean and by its deviation | the same |
///
/// [`preprocess_input`]: super::Application::preprocess_input
///
/// ```
/// use labbook_nn::applications::{Publisher, ResNet18};
///
/// // Keras has no such network.
/// let resnet = ResNet18::new();
/// assert_eq!(resnet.found_publisher()?, Publisher::Torchvision);
/// # Ok::<(), labbook_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Publisher {
    /// `keras.applications`.
    Keras,
    /// `torchvision.models`.
    Torchvision,
    /// `timm`, in the variants that are not called `tf_`.
    Timm,
}

/// Mean and deviation of ImageNet's channels, red first, for numbers from 0 to 1.
pub(super) const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
pub(super) const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];
/// The mean of its pixels, blue first, as Caffe's first networks took it off.
const CAFFE_MEAN: [f64; 3] = [103.939, 116.779, 123.68];

impl Publisher {
    /// What the network wants of images of shape (.., 3), red first, from 0 to 255.
    pub(super) fn preprocess(self, network: Network, images: &Tensor) -> Result<Tensor> {
        let x = images.f_to_kind(Kind::Float)?;
        let row = |values: &[f64]| -> Result<Tensor> {
            let row = Tensor::f_from_slice(values)?.f_to_kind(Kind::Float)?;
            Ok(row.f_to_device(x.device())?)
        };
        if self != Self::Keras {
            let scaled = x.f_div_scalar(255.0)?.f_sub(&row(&MEAN)?)?;
            return Ok(scaled.f_div(&row(&DEVIATION)?)?);
        }
        match network {
            Network::ResNet18 | Network::ResNet50 | Network::VGG16 => {
                Ok(x.f_flip([-1])?.f_sub(&row(&CAFFE_MEAN)?)?)
            }
            Network::MobileNetV2 => Ok(x.f_div_scalar(127.5)?.f_sub_scalar(1.0)?),
            // These begin with layers that do it.
            Network::MobileNetV3Small | Network::EfficientNetB0 => Ok(x),
        }
    }
}

impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keras => "Keras",
            Self::Torchvision => "torchvision",
            Self::Timm => "timm",
        })
    }
}
