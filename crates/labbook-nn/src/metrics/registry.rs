//! The metrics by class name and by Keras's short names: one line for each.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::MetricConfig;
use super::{Accuracy, Metric};
use crate::{Error, Result};

/// Makes a metric from its options.
type Make = fn(Value) -> serde_json::Result<Box<dyn Metric>>;

/// Class name, names that `compile` takes, how to make it. The name taken is the key in the
/// history, as in Keras.
const METRICS: &[(&str, &[&str], Make)] = &[("Accuracy", &["accuracy", "acc"], make::<Accuracy>)];

fn make<M: Metric + DeserializeOwned + 'static>(
    config: Value,
) -> serde_json::Result<Box<dyn Metric>> {
    Ok(Box::new(serde_json::from_value::<M>(config)?))
}

/// The metric of this name with its default options.
pub(crate) fn by_name(name: &str) -> Result<Box<dyn Metric>> {
    let found = METRICS
        .iter()
        .find(|(class, names, _)| *class == name || names.contains(&name));
    let unknown = || {
        let known: Vec<&str> = METRICS
            .iter()
            .filter_map(|(_, names, _)| names.first().copied())
            .collect();
        Error::option(
            "metrics",
            format!("one of {}", known.join(", ")),
            name,
            "use [\"accuracy\"], or a metric of your own: MetricFn::new(\"name\", |y_true, y_pred| ..)",
        )
    };
    let (_, _, make) = found.ok_or_else(unknown)?;
    make(serde_json::json!({ "name": name })).map_err(|_| unknown())
}

/// The metric with these options.
pub(crate) fn from_config(config: &MetricConfig) -> Result<Box<dyn Metric>> {
    let found = METRICS
        .iter()
        .find(|(class, ..)| *class == config.class_name);
    let metric = found.and_then(|(_, _, make)| make(config.config.clone()).ok());
    metric.ok_or_else(|| {
        Error::option(
            "metrics",
            "a metric that this version knows, with its options",
            &config.class_name,
            "load with a version that knows it, or compile the model again",
        )
    })
}
