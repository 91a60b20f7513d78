use serde_json::Value;
use tch::Tensor;

use super::builder::Attribute::{Float, Int, Ints, Text};
use super::builder::{Attribute, Builder};
use crate::layers::ConfigKind;

use crate::model::shared_layer::SharedLayer;
use crate::tensors::shape::Size2D;
use crate::{Activation, Error, LayerConfig, Padding, Result, Shape};

/// Layers that do nothing when a model predicts.
const IDLE: [&str; 14] = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "StochasticDepth",
];

/// From channels last to channels first, and back.
const FIRST: [i64; 4] = [0, 3, 1, 2];
const LAST: [i64; 4] = [0, 2, 3, 1];

/// Adds what a layer computes, and gives the name of it.
pub(super) fn add_layer(
    onnx: &mut Builder,
    layer: &SharedLayer,
    name: &str,
    inputs: &[(String, Shape)],
) -> Result<String> {
    let refused = |received: String| Error::Layer {
        layer: layer.name().to_owned(),
        class_name: layer.class_name().to_owned(),
        expected: "a layer that export_onnx writes".to_owned(),
        received,
        advice: "make the model of other layers, or use export_weights".to_owned(),
    };
    let (Some((x, shape)), Some(config)) = (inputs.first(), layer.config()) else {
        return Err(refused(format!("the own layer {}", layer.class_name())));
    };
    if IDLE.contains(&layer.class_name()) {
        return Ok(x.clone());
    }
    let weights = Weights::of(layer)?;
    let all: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    let mut activation = Activation::Linear;
    let LayerConfig(kind) = &config;
    let y = match kind {
        ConfigKind::Dense {
            activation: last, ..
        } => {
            activation = *last;
            let kernel = onnx.constant(name, weights.need("kernel")?)?;
            let product = onnx.add("MatMul", name, &[x, &kernel], &[]);
            weights.add_bias(onnx, name, product)?
        }
        ConfigKind::Conv2D {
            strides,
            padding,
            dilation_rate,
            groups,
            activation: last,
            ..
        } => {
            activation = *last;
            let kernel = weights.need("kernel")?.f_permute([3, 2, 0, 1])?;
            let kernel = onnx.constant(name, &kernel)?;
            let bias = match weights.get("bias") {
                Some(bias) => Some(onnx.constant(name, bias)?),
                None => None,
            };
            let (strides, dilations) = (strides.array(), dilation_rate.array());
            let attributes = [
                ("strides", Ints(&strides)),
                ("dilations", Ints(&dilations)),
                ("group", Int(*groups)),
                pad(*padding),
            ];
            let mut taken = vec![kernel.as_str()];
            taken.extend(bias.as_deref());
            channels_first(onnx, name, x, |onnx, x| {
                onnx.add("Conv", name, &[&[x], &taken[..]].concat(), &attributes)
            })
        }
        ConfigKind::MaxPooling2D(pool) | ConfigKind::AveragePooling2D(pool) => {
            let operator = match kind {
                ConfigKind::MaxPooling2D(_) => "MaxPool",
                _ => "AveragePool",
            };
            let Size2D { height, width } = pool.pool_size;
            let strides = pool.step().array();
            let size = [height, width];
            let attributes = [
                ("kernel_shape", Ints(&size)),
                ("strides", Ints(&strides)),
                pad(pool.padding),
            ];
            channels_first(onnx, name, x, |onnx, x| {
                onnx.add(operator, name, &[x], &attributes)
            })
        }
        ConfigKind::GlobalAveragePooling2D {} => {
            let attributes = [("axes", Ints(&[1, 2])), ("keepdims", Int(0))];
            onnx.add("ReduceMean", name, &[x], &attributes)
        }
        ConfigKind::GlobalMaxPooling2D {} => {
            let attributes = [("axes", Ints(&[1, 2])), ("keepdims", Int(0))];
            onnx.add("ReduceMax", name, &[x], &attributes)
        }
        ConfigKind::BatchNormalization { epsilon, .. } => {
            // y = x scale + shift, of the stored statistics.
            let deviation = (weights.need("moving_variance")? + *epsilon).sqrt();
            let scale = match weights.get("gamma") {
                Some(gamma) => gamma / deviation,
                None => deviation.reciprocal(),
            };
            let moved = weights.need("moving_mean")? * &scale;
            let shift = match weights.get("beta") {
                Some(beta) => beta - moved,
                None => -moved,
            };
            scaled(onnx, name, x, &scale, &shift)?
        }
        ConfigKind::Rescaling { scale, offset } => {
            let number = |value: f64| Tensor::from(value as f32);
            scaled(onnx, name, x, &number(*scale), &number(*offset))?
        }
        ConfigKind::Normalization { mean, variance } => {
            // As the layer itself divides: by the deviation, or by a small number.
            let deviation = variance.iter().map(|variance| variance.sqrt().max(1e-7));
            let deviation: Vec<f64> = deviation.collect();
            let shift = mean
                .iter()
                .zip(&deviation)
                .map(|(mean, deviation)| -mean / deviation);
            let shift: Vec<f64> = shift.collect();
            let scale = Tensor::from_slice(&deviation).reciprocal();
            scaled(onnx, name, x, &scale, &Tensor::from_slice(&shift))?
        }
        ConfigKind::Activation { activation: last } => {
            activation = *last;
            x.clone()
        }
        ConfigKind::Flatten {} => onnx.add("Flatten", name, &[x], &[("axis", Int(1))]),
        ConfigKind::Add {} => onnx.add("Sum", name, &all, &[]),
        ConfigKind::Average {} => onnx.add("Mean", name, &all, &[]),
        ConfigKind::Maximum {} => onnx.add("Max", name, &all, &[]),
        ConfigKind::Minimum {} => onnx.add("Min", name, &all, &[]),
        ConfigKind::Subtract {} => onnx.add("Sub", name, &all, &[]),
        ConfigKind::Multiply {} => {
            let mut product = x.clone();
            for other in all.iter().skip(1) {
                product = onnx.add("Mul", name, &[&product, other], &[]);
            }
            product
        }
        ConfigKind::Concatenate { axis } => onnx.add("Concat", name, &all, &[("axis", Int(*axis))]),
        ConfigKind::Registered(_) => registered(onnx, layer, name, x, shape)
            .ok_or_else(|| refused(layer.class_name().to_owned()))?,
        _ => return Err(refused(layer.class_name().to_owned())),
    };
    activated(onnx, name, y, activation)
        .ok_or_else(|| refused(format!("the activation {activation}")))
}

/// The weights of a layer in Keras's shapes.
struct Weights(Vec<(String, Tensor)>);

impl Weights {
    fn of(layer: &SharedLayer) -> Result<Self> {
        let parameters = layer.parameters().into_iter();
        let weights = parameters.map(|parameter| {
            let view = parameter.keras_view(&parameter.value)?;
            Ok((parameter.name, view))
        });
        weights.collect::<Result<_>>().map(Self)
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, weight)| weight)
    }

    fn need(&self, name: &str) -> Result<&Tensor> {
        self.get(name).ok_or_else(|| {
            Error::weights(format!("a weight {name}"), "none", "build the model first")
        })
    }

    fn add_bias(&self, onnx: &mut Builder, name: &str, y: String) -> Result<String> {
        Ok(match self.get("bias") {
            Some(bias) => {
                let bias = onnx.constant(name, bias)?;
                onnx.add("Add", name, &[&y, &bias], &[])
            }
            None => y,
        })
    }
}

/// As TensorFlow pads: where it is uneven, the end has more.
fn pad(padding: Padding) -> (&'static str, Attribute<'static>) {
    let word = match padding {
        Padding::Same => "SAME_UPPER",
        Padding::Valid => "VALID",
    };
    ("auto_pad", Text(word))
}

fn channels_first(
    onnx: &mut Builder,
    name: &str,
    x: &str,
    add: impl FnOnce(&mut Builder, &str) -> String,
) -> String {
    let x = onnx.add("Transpose", name, &[x], &[("perm", Ints(&FIRST))]);
    let y = add(onnx, &x);
    onnx.add("Transpose", name, &[&y], &[("perm", Ints(&LAST))])
}

fn scaled(
    onnx: &mut Builder,
    name: &str,
    x: &str,
    scale: &Tensor,
    shift: &Tensor,
) -> Result<String> {
    let (scale, shift) = (onnx.constant(name, scale)?, onnx.constant(name, shift)?);
    let product = onnx.add("Mul", name, &[x, &scale], &[]);
    Ok(onnx.add("Add", name, &[&product, &shift], &[]))
}

/// Layers whose options a file keeps under their own names; `None` for those not written here.
fn registered(
    onnx: &mut Builder,
    layer: &SharedLayer,
    name: &str,
    x: &str,
    shape: &Shape,
) -> Option<String> {
    let config = serde_json::to_value(layer.config()?).ok()?;
    let option = |name: &str| config.get("config").and_then(|options| options.get(name));
    let number = |name: &str| option(name).and_then(Value::as_f64);
    match layer.class_name() {
        "ReLU" => {
            let plain = number("negative_slope") == Some(0.0)
                && number("threshold") == Some(0.0)
                && option("max_value").is_none_or(Value::is_null);
            plain.then(|| onnx.add("Relu", name, &[x], &[]))
        }
        "LeakyReLU" => {
            let slope = number("negative_slope")? as f32;
            Some(onnx.add("LeakyRelu", name, &[x], &[("alpha", Float(slope))]))
        }
        "Softmax" => {
            let last = shape.dims().len() as f64;
            let axis = number("axis")?;
            let is_last = axis == -1.0 || axis == last;
            is_last.then(|| onnx.add("Softmax", name, &[x], &[("axis", Int(-1))]))
        }
        "Reshape" => {
            let sizes = option("target_shape")?.as_array()?;
            let sizes: Option<Vec<i64>> = sizes.iter().map(Value::as_i64).collect();
            let sizes = onnx.whole(name, &[&[0], &sizes?[..]].concat());
            Some(onnx.add("Reshape", name, &[x, &sizes], &[]))
        }
        _ => None,
    }
}

/// The function that a layer ends with; `None` for one that is not written here.
fn activated(onnx: &mut Builder, name: &str, x: String, activation: Activation) -> Option<String> {
    let number =
        |onnx: &mut Builder, value: f64| onnx.constant(name, &Tensor::from(value as f32)).ok();
    Some(match activation {
        Activation::Linear => x,
        Activation::Relu => onnx.add("Relu", name, &[&x], &[]),
        Activation::Softmax => onnx.add("Softmax", name, &[&x], &[("axis", Int(-1))]),
        Activation::LogSoftmax => onnx.add("LogSoftmax", name, &[&x], &[("axis", Int(-1))]),
        Activation::Sigmoid => onnx.add("Sigmoid", name, &[&x], &[]),
        Activation::Tanh => onnx.add("Tanh", name, &[&x], &[]),
        Activation::Elu => onnx.add("Elu", name, &[&x], &[]),
        Activation::Selu => onnx.add("Selu", name, &[&x], &[]),
        Activation::Softplus => onnx.add("Softplus", name, &[&x], &[]),
        Activation::Softsign => onnx.add("Softsign", name, &[&x], &[]),
        Activation::Exponential => onnx.add("Exp", name, &[&x], &[]),
        Activation::LeakyRelu => onnx.add("LeakyRelu", name, &[&x], &[("alpha", Float(0.3))]),
        Activation::Relu6 => {
            let (low, high) = (number(onnx, 0.0)?, number(onnx, 6.0)?);
            onnx.add("Clip", name, &[&x, &low, &high], &[])
        }
        Activation::Silu => {
            let gate = onnx.add("Sigmoid", name, &[&x], &[]);
            onnx.add("Mul", name, &[&x, &gate], &[])
        }
        Activation::Gelu => {
            // x / 2 (1 + erf(x / root of 2)).
            let (root, one, half) = (
                number(onnx, 0.5_f64.sqrt())?,
                number(onnx, 1.0)?,
                number(onnx, 0.5)?,
            );
            let inner = onnx.add("Mul", name, &[&x, &root], &[]);
            let inner = onnx.add("Erf", name, &[&inner], &[]);
            let inner = onnx.add("Add", name, &[&inner, &one], &[]);
            let product = onnx.add("Mul", name, &[&x, &inner], &[]);
            onnx.add("Mul", name, &[&product, &half], &[])
        }
        _ => return None,
    })
}
