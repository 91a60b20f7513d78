use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::kernel_options::KernelOptions;
use super::pool::Pool;
use super::registry::Registry;
use super::{
    ActivationLayer, Add, Average, AveragePooling2D, BatchNormalization, Concatenate, Conv2D,
    Dense, Dot, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D,
    Maximum, Minimum, Multiply, Normalization, Padding, Rescaling, Subtract, Whitening,
};
use crate::tensors::shape::Size2D;
use crate::{Activation, Constraint, Initializer, Layer, Regularizer, Result, custom};

/// The options of one of this crate's layers, as a saved model keeps them.
///
/// ```
/// use labbook_nn::{Dense, Layer};
///
/// let config = Dense::new(3).config();
/// assert_eq!(config, Dense::new(3).config());
/// assert_ne!(config, Dense::new(4).config());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LayerConfig(pub(crate) Kind);

impl<'de> Deserialize<'de> for LayerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let name = value.get("class_name").and_then(Value::as_str);
        let kind = match name {
            Some(name) if Registry::NAMES.contains(&name) => {
                serde_json::from_value(value).map(Kind::Registered)
            }
            Some(name) if !KNOWN.contains(&name) => {
                serde_json::from_value(value).map(|custom: Custom| Kind::Custom {
                    class_name: custom.class_name,
                    config: custom.config,
                })
            }
            _ => serde_json::from_value(value),
        };
        kind.map(Self).map_err(D::Error::custom)
    }
}

/// The kinds of layers by their names in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
pub(crate) enum Kind {
    Dense {
        units: i64,
        activation: Activation,
        kernel_regularizer: Option<Regularizer>,
        #[serde(default)]
        kernel_initializer: Initializer,
        #[serde(default = "yes")]
        use_bias: bool,
        #[serde(default = "zeros", skip_serializing_if = "are_zeros")]
        bias_initializer: Initializer,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias_regularizer: Option<Regularizer>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activity_regularizer: Option<Regularizer>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kernel_constraint: Option<Constraint>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias_constraint: Option<Constraint>,
    },
    Conv2D {
        filters: i64,
        kernel_size: Size2D,
        strides: Size2D,
        padding: Padding,
        activation: Activation,
        kernel_regularizer: Option<Regularizer>,
        #[serde(default)]
        kernel_initializer: Initializer,
        #[serde(default = "one", skip_serializing_if = "is_one")]
        dilation_rate: Size2D,
        #[serde(default = "one_group", skip_serializing_if = "is_one_group")]
        groups: i64,
        #[serde(default = "yes")]
        use_bias: bool,
        #[serde(default = "zeros", skip_serializing_if = "are_zeros")]
        bias_initializer: Initializer,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias_regularizer: Option<Regularizer>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activity_regularizer: Option<Regularizer>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kernel_constraint: Option<Constraint>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias_constraint: Option<Constraint>,
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
    /// Written and read by its own class name.
    #[serde(untagged, skip_deserializing)]
    Registered(Registry),
    /// A layer of a person's own.
    #[serde(untagged, skip_deserializing)]
    Custom {
        class_name: String,
        config: Value,
    },
}

/// A layer of a person's own as a file keeps it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    class_name: String,
    #[serde(default)]
    config: Value,
}

/// The class names of [`Kind`] that are not [registered](Registry): any other is a person's own.
const KNOWN: [&str; 21] = [
    "Dense",
    "Conv2D",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Normalization",
    "Rescaling",
    "Whitening",
    "BatchNormalization",
    "Activation",
    "Dropout",
    "Flatten",
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Concatenate",
    "Dot",
];

/// What Keras's options are where an older file does not tell them.
fn yes() -> bool {
    true
}

fn zeros() -> Initializer {
    Initializer::Zeros
}

fn one() -> Size2D {
    Size2D::from(1)
}

fn one_group() -> i64 {
    1
}

// What is as it mostly is stays out of files and of what is shown.
fn are_zeros(initializer: &Initializer) -> bool {
    *initializer == zeros()
}

fn is_one(size: &Size2D) -> bool {
    *size == one()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one_group(groups: &i64) -> bool {
    *groups == one_group()
}

impl LayerConfig {
    /// The layer that has these options and this name.
    ///
    /// One of a person's own has the name that its function gives it.
    pub(crate) fn into_layer(self, name: &str) -> Result<Box<dyn Layer>> {
        Ok(match self.0 {
            Kind::Dense {
                units,
                activation,
                kernel_regularizer,
                kernel_initializer,
                use_bias,
                bias_initializer,
                bias_regularizer,
                activity_regularizer,
                kernel_constraint,
                bias_constraint,
            } => {
                let kernel = KernelOptions {
                    activation,
                    use_bias,
                    kernel_initializer,
                    bias_initializer,
                    kernel_regularizer,
                    bias_regularizer,
                    activity_regularizer,
                    kernel_constraint,
                    bias_constraint,
                };
                Box::new(Dense::with(units, kernel).name(name))
            }
            Kind::Conv2D {
                filters,
                kernel_size,
                strides,
                padding,
                dilation_rate,
                groups,
                activation,
                kernel_regularizer,
                kernel_initializer,
                use_bias,
                bias_initializer,
                bias_regularizer,
                activity_regularizer,
                kernel_constraint,
                bias_constraint,
            } => {
                let kernel = KernelOptions {
                    activation,
                    use_bias,
                    kernel_initializer,
                    bias_initializer,
                    kernel_regularizer,
                    bias_regularizer,
                    activity_regularizer,
                    kernel_constraint,
                    bias_constraint,
                };
                let layer = Conv2D::with(filters, kernel_size, kernel)
                    .strides(strides)
                    .padding(padding)
                    .dilation_rate(dilation_rate)
                    .groups(groups);
                Box::new(layer.name(name))
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
            Kind::Registered(registered) => registered.into_layer(name),
            Kind::Custom { class_name, config } => {
                let made = custom::layer(&class_name, &config);
                made.unwrap_or_else(|| Err(custom::unknown("layer", &class_name)))?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_layer_whose_options_are_wrong_is_not_taken_for_a_persons_own() {
        for name in KNOWN.iter().chain(Registry::NAMES) {
            let wrong = serde_json::json!({"class_name": name, "config": {"no such option": 1}});
            let read = serde_json::from_value::<LayerConfig>(wrong);
            assert!(read.is_err(), "{name}: {read:?}");
        }
        let own = serde_json::json!({"class_name": "Gate", "config": {"units": 3}});
        let config: LayerConfig = serde_json::from_value(own.clone()).unwrap();
        assert_eq!(serde_json::to_value(&config).unwrap(), own);
        let error = config.into_layer("gate").unwrap_err().to_string();
        assert!(error.contains("register_layer(\"Gate\""), "{error}");
    }
}
