use super::publisher::Publisher;
use crate::tensors::shape::Size2D;
use crate::{
    Activation, ActivationLayer, BatchNormalization, Conv2D, Dense, DepthwiseConv2D,
    GlobalAveragePooling2D, Padding, SymbolicTensor, ZeroPadding2D,
};

/// The layers that networks are made of, as one publisher makes them.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) publisher: Publisher,
    /// Of batch normalizations; the momentum is Keras's, which is one less that of PyTorch.
    pub(super) epsilon: f64,
    pub(super) momentum: f64,
    /// Whether convolutions before a batch normalization have a bias.
    pub(super) bias: bool,
    /// What a network that scales its images itself takes off and divides by.
    pub(super) image_mean: Vec<f64>,
    pub(super) image_variance: Vec<f64>,
}

impl Parts {
    pub(super) fn is_keras(&self) -> bool {
        self.publisher == Publisher::Keras
    }

    /// The one of three names that this publisher uses.
    pub(super) fn name<'a>(&self, keras: &'a str, torchvision: &'a str, timm: &'a str) -> &'a str {
        match self.publisher {
            Publisher::Keras => keras,
            Publisher::Torchvision => torchvision,
            Publisher::Timm => timm,
        }
    }

    /// A convolution with its batch normalization, named in this order.
    pub(super) fn convolution(
        &self,
        x: &SymbolicTensor,
        (name, norm): (&str, &str),
        filters: i64,
        (kernel, stride): (i64, i64),
    ) -> SymbolicTensor {
        let (x, padding) = self.bordered(x, kernel, stride);
        let layer = Conv2D::new(filters, kernel).strides(stride);
        let layer = layer.padding(padding).use_bias(self.bias).name(name);
        self.normalization(&layer.call(&x), norm)
    }

    /// A convolution of each channel with its batch normalization.
    pub(super) fn depthwise(
        &self,
        x: &SymbolicTensor,
        (name, norm): (&str, &str),
        (kernel, stride): (i64, i64),
    ) -> SymbolicTensor {
        let (x, padding) = self.bordered(x, kernel, stride);
        let layer = DepthwiseConv2D::new(kernel).strides(stride);
        let layer = layer.padding(padding).use_bias(false).name(name);
        self.normalization(&layer.call(&x), norm)
    }

    /// The mean of each channel, under the publisher's name for it.
    pub(super) fn means(&self, x: &SymbolicTensor) -> SymbolicTensor {
        let name = self.name("avg_pool", "avgpool", "global_pool");
        GlobalAveragePooling2D::new().name(name).call(x)
    }

    pub(super) fn normalization(&self, x: &SymbolicTensor, name: &str) -> SymbolicTensor {
        let layer = BatchNormalization::new().epsilon(self.epsilon);
        layer.momentum(self.momentum).name(name).call(x)
    }

    /// PyTorch puts as many zeros on every side, TensorFlow one less before where strides leave
    /// something over.
    fn bordered(&self, x: &SymbolicTensor, kernel: i64, stride: i64) -> (SymbolicTensor, Padding) {
        match stride > 1 && kernel > 1 && !self.is_keras() {
            true => (zeros(x, kernel / 2), Padding::Valid),
            false => (x.clone(), Padding::Same),
        }
    }
}

pub(super) fn zeros(x: &SymbolicTensor, border: i64) -> SymbolicTensor {
    ZeroPadding2D::new(border).call(x)
}

pub(super) fn activation(x: &SymbolicTensor, activation: Activation) -> SymbolicTensor {
    ActivationLayer::new(activation).call(x)
}

pub(super) fn named_activation(
    x: &SymbolicTensor,
    activation: Activation,
    name: &str,
) -> SymbolicTensor {
    ActivationLayer::new(activation).name(name).call(x)
}

/// A dense layer under a name.
pub(super) fn dense(
    x: &SymbolicTensor,
    name: &str,
    units: i64,
    activation: Activation,
) -> SymbolicTensor {
    let layer = Dense::new(units).activation(activation);
    layer.name(name).call(x)
}

/// A convolution with a bias that ends in a function.
pub(super) fn plain_convolution(
    x: &SymbolicTensor,
    name: &str,
    filters: i64,
    kernel: impl Into<Size2D>,
    activation: Activation,
) -> SymbolicTensor {
    let layer = Conv2D::new(filters, kernel).activation(activation);
    layer.name(name).call(x)
}
