use std::sync::Arc;

use serde_json::Value;

use super::{CustomConfig, Names};
use crate::{Error, Layer, Loss, Metric, Result};

type MakeLayer = dyn Fn(&CustomConfig) -> Result<Box<dyn Layer>> + Send + Sync;
type MakeLoss = dyn Fn(&CustomConfig) -> Result<Box<dyn Loss>> + Send + Sync;
type MakeMetric = dyn Fn(&CustomConfig) -> Result<Box<dyn Metric>> + Send + Sync;

static LAYERS: Names<MakeLayer> = Names::new();
static LOSSES: Names<MakeLoss> = Names::new();
static METRICS: Names<MakeMetric> = Names::new();

/// Makes a layer of a person's own known by its class name, so that models with it can be
/// loaded; as `register_keras_serializable` does.
///
/// The function makes the layer from the options that its `config` told. A name registered again
/// replaces the one before, as when a cell is run twice; a layer of this crate keeps its name.
///
/// ```
/// use labbook_nn::{
///     Activation, BuildContext, CustomConfig, Layer, LayerConfig, LayerOptions, Phase, Result,
///     Sequential, Shape, register_layer,
/// };
/// use tch::Tensor;
///
/// /// Multiplies by a number.
/// #[derive(Debug)]
/// struct Scale {
///     factor: f64,
///     options: LayerOptions,
/// }
///
/// impl Scale {
///     fn new(factor: f64) -> Self {
///         Self { factor, options: LayerOptions::default() }
///     }
/// }
///
/// impl Layer for Scale {
///     fn class_name(&self) -> &'static str {
///         "Scale"
///     }
///     fn options(&self) -> &LayerOptions {
///         &self.options
///     }
///     fn config(&self) -> Option<LayerConfig> {
///         Some(CustomConfig::new("Scale").with("factor", self.factor).into())
///     }
///     fn build(&mut self, input: &Shape, _: &mut BuildContext<'_>) -> Result<Shape> {
///         Ok(input.clone())
///     }
///     fn forward(&self, x: &Tensor, _: Phase, _: Activation) -> Result<Tensor> {
///         Ok(x * self.factor)
///     }
/// }
///
/// # fn main() -> labbook_nn::Result<()> {
/// register_layer("Scale", |config| Ok(Scale::new(config.get("factor")?)));
/// let mut model = Sequential::new();
/// model.add(Scale::new(3.0));
/// model.build(2)?;
/// let folder = std::env::temp_dir().join(format!("scale-{}", std::process::id()));
/// let mut loaded = Sequential::load(model.save(folder.join("scaled"))?)?;
/// assert_eq!(loaded.predict(&Tensor::from_slice2(&[[1_f32, 2.0]]))?.double_value(&[0, 1]), 6.0);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok(())
/// # }
/// ```
pub fn register_layer<L: Layer + 'static>(
    class_name: &str,
    make: impl Fn(&CustomConfig) -> Result<L> + Send + Sync + 'static,
) {
    let make = move |config: &CustomConfig| Ok(Box::new(make(config)?) as Box<dyn Layer>);
    LAYERS.set(class_name, Arc::new(make));
}

/// Makes a loss of a person's own known by name, for `compile` and for models that are loaded.
///
/// A [`LossFn`](crate::LossFn) of this name is saved by its name alone; a type tells its options
/// in [`Loss::config`]. A name of this crate keeps its meaning.
///
/// ```
/// use labbook_nn::{Adam, Dense, LossFn, Sequential, register_loss};
///
/// # fn main() -> labbook_nn::Result<()> {
/// register_loss("quartic", |_| {
///     Ok(LossFn::new("quartic", |y_true, y_pred| (y_true - y_pred).pow_tensor_scalar(4)))
/// });
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(3));
/// model.compile(Adam::new(), "quartic", [])?;
/// # Ok(())
/// # }
/// ```
pub fn register_loss<L: Loss + 'static>(
    name: &str,
    make: impl Fn(&CustomConfig) -> Result<L> + Send + Sync + 'static,
) {
    let make = move |config: &CustomConfig| Ok(Box::new(make(config)?) as Box<dyn Loss>);
    LOSSES.set(name, Arc::new(make));
}

/// Makes a metric of a person's own known by name, for `compile` and for models that are loaded.
///
/// As [`register_loss`] does for losses.
///
/// ```
/// use labbook_nn::{Adam, Dense, MetricFn, Sequential, register_metric};
///
/// # fn main() -> labbook_nn::Result<()> {
/// register_metric("close", |_| {
///     Ok(MetricFn::new("close", |y_true, y_pred| (y_true - y_pred).abs().lt(0.1)))
/// });
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(3));
/// model.compile(Adam::new(), "mse", ["close"])?;
/// # Ok(())
/// # }
/// ```
pub fn register_metric<M: Metric + 'static>(
    name: &str,
    make: impl Fn(&CustomConfig) -> Result<M> + Send + Sync + 'static,
) {
    let make = move |config: &CustomConfig| Ok(Box::new(make(config)?) as Box<dyn Metric>);
    METRICS.set(name, Arc::new(make));
}

/// The layer with these options, if its class is registered.
pub(crate) fn layer(class_name: &str, options: &Value) -> Option<Result<Box<dyn Layer>>> {
    let (_, make) = LAYERS.get(class_name)?;
    Some(make(&CustomConfig::of(class_name, options)))
}

/// The loss with these options, if its name is registered.
pub(crate) fn loss(name: &str, options: &Value) -> Option<Result<Box<dyn Loss>>> {
    let (_, make) = LOSSES.get(name)?;
    Some(make(&CustomConfig::of(name, options)))
}

/// The metric with these options, if its name is registered.
pub(crate) fn metric(name: &str, options: &Value) -> Option<Result<Box<dyn Metric>>> {
    let (_, make) = METRICS.get(name)?;
    Some(make(&CustomConfig::of(name, options)))
}

/// Whether a loss is registered under this name.
pub(crate) fn is_loss(name: &str) -> bool {
    LOSSES.get(name).is_some()
}

/// Whether a metric is registered under this name.
pub(crate) fn is_metric(name: &str) -> bool {
    METRICS.get(name).is_some()
}

/// What to say of a class that a file names and nobody knows.
pub(crate) fn unknown(kind: &str, class_name: &str) -> Error {
    Error::option(
        kind,
        "one of this version, or one of your own that is registered",
        class_name,
        format!(
            "run the cell that defines it and calls register_{kind}({class_name:?}, |config| ..) \
             before this one, or load with the version that wrote the file"
        ),
    )
}
