use serde::{Deserialize, Serialize};

use super::pool::Pool;
use super::{
    ActivationLayer, Add, Average, AveragePooling2D, BatchNormalization, Concatenate, Conv2D,
    Dense, Dot, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D,
    Maximum, Minimum, Multiply, Normalization, Padding, Rescaling, Subtract, Whitening,
};
use crate::tensors::shape::Size2D;
use crate::{Activation, Initializer, L1L2, Layer};

/// The options of one of this crate's layers, as a saved model keeps them.
///
/// ```
/// use labbook_nn::{Dense, Layer};
///
/// let config = Dense::new(3).config();
/// assert_eq!(config, Dense::new(3).config());
/// assert_ne!(config, Dense::new(4).config());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerConfig(pub(crate) Kind);

/// The kinds of layers by their names in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
pub(crate) enum Kind {
    Dense {
        units: i64,
        activation: Activation,
        kernel_regularizer: Option<L1L2>,
        #[serde(default)]
        kernel_initializer: Initializer,
        #[serde(default = "yes")]
        use_bias: bool,
    },
    Conv2D {
        filters: i64,
        kernel_size: Size2D,
        strides: Size2D,
        padding: Padding,
        activation: Activation,
        kernel_regularizer: Option<L1L2>,
        #[serde(default)]
        kernel_initializer: Initializer,
        #[serde(default = "yes")]
        use_bias: bool,
    },
    MaxPooling2D(Pool),
    AveragePooling2D(Pool),
    GlobalAveragePooling2D {},
    GlobalMaxPooling2D {},
    Normalization {
        mean: Vec<f64>,
        variance: Vec<f64>,
    },
    Rescaling {
        scale: f64,
        offset: f64,
    },
    Whitening {
        kernel_size: Size2D,
        epsilon: f64,
        use_bias: bool,
    },
    BatchNormalization {
        momentum: f64,
        epsilon: f64,
        #[serde(default = "yes")]
        center: bool,
        #[serde(default = "yes")]
        scale: bool,
    },
    Activation {
        activation: Activation,
    },
    Dropout {
        rate: f64,
    },
    Flatten {},
    Add {},
    Subtract {},
    Multiply {},
    Average {},
    Maximum {},
    Minimum {},
    Concatenate {
        axis: i64,
    },
    Dot {
        axes: (i64, i64),
        normalize: bool,
    },
}

/// What Keras's options are where an older file does not tell them.
fn yes() -> bool {
    true
}

impl LayerConfig {
    /// The layer that has these options and this name.
    pub(crate) fn into_layer(self, name: &str) -> Box<dyn Layer> {
        match self.0 {
            Kind::Dense {
                units,
                activation,
                kernel_regularizer,
                kernel_initializer,
                use_bias,
            } => {
                let layer = Dense::new(units)
                    .activation(activation)
                    .kernel_initializer(kernel_initializer)
                    .use_bias(use_bias)
                    .name(name);
                Box::new(match kernel_regularizer {
                    Some(regularizer) => layer.kernel_regularizer(regularizer),
                    None => layer,
                })
            }
            Kind::Conv2D {
                filters,
                kernel_size,
                strides,
                padding,
                activation,
                kernel_regularizer,
                kernel_initializer,
                use_bias,
            } => {
                let layer = Conv2D::new(filters, kernel_size)
                    .strides(strides)
                    .padding(padding)
                    .activation(activation)
                    .kernel_initializer(kernel_initializer)
                    .use_bias(use_bias)
                    .name(name);
                Box::new(match kernel_regularizer {
                    Some(regularizer) => layer.kernel_regularizer(regularizer),
                    None => layer,
                })
            }
            Kind::MaxPooling2D(pool) => {
                let layer = MaxPooling2D::new(pool.pool_size).padding(pool.padding);
                let layer = layer.name(name);
                Box::new(match pool.strides {
                    Some(strides) => layer.strides(strides),
                    None => layer,
                })
            }
            Kind::AveragePooling2D(pool) => {
                let layer = AveragePooling2D::new(pool.pool_size).padding(pool.padding);
                let layer = layer.name(name);
                Box::new(match pool.strides {
                    Some(strides) => layer.strides(strides),
                    None => layer,
                })
            }
            Kind::GlobalAveragePooling2D {} => Box::new(GlobalAveragePooling2D::new().name(name)),
            Kind::GlobalMaxPooling2D {} => Box::new(GlobalMaxPooling2D::new().name(name)),
            Kind::Normalization { mean, variance } => Box::new(
                Normalization::new()
                    .mean(mean)
                    .variance(variance)
                    .name(name),
            ),
            Kind::Rescaling { scale, offset } => {
                Box::new(Rescaling::new(scale).offset(offset).name(name))
            }
            Kind::Whitening {
                kernel_size,
                epsilon,
                use_bias,
            } => Box::new(
                Whitening::to_be_filled(kernel_size)
                    .epsilon(epsilon)
                    .use_bias(use_bias)
                    .name(name),
            ),
            Kind::BatchNormalization {
                momentum,
                epsilon,
                center,
                scale,
            } => Box::new(
                BatchNormalization::new()
                    .momentum(momentum)
                    .epsilon(epsilon)
                    .center(center)
                    .scale(scale)
                    .name(name),
            ),
            Kind::Activation { activation } => {
                Box::new(ActivationLayer::new(activation).name(name))
            }
            Kind::Dropout { rate } => Box::new(Dropout::new(rate).name(name)),
            Kind::Flatten {} => Box::new(Flatten::new().name(name)),
            Kind::Add {} => Box::new(Add::new().name(name)),
            Kind::Subtract {} => Box::new(Subtract::new().name(name)),
            Kind::Multiply {} => Box::new(Multiply::new().name(name)),
            Kind::Average {} => Box::new(Average::new().name(name)),
            Kind::Maximum {} => Box::new(Maximum::new().name(name)),
            Kind::Minimum {} => Box::new(Minimum::new().name(name)),
            Kind::Concatenate { axis } => Box::new(Concatenate::new().axis(axis).name(name)),
            Kind::Dot { axes, normalize } => {
                Box::new(Dot::along(axes.0, axes.1).normalize(normalize).name(name))
            }
        }
    }
}
