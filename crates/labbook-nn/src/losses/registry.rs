//! The losses by class name and by Keras's short names: one line for each.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::LossConfig;
use super::{Loss, SparseCategoricalCrossentropy};
use crate::{Error, Result};

/// Makes a loss from its options.
type Make = fn(&Value) -> serde_json::Result<Box<dyn Loss>>;

/// Class name, names that `compile` takes, how to make it.
const LOSSES: &[(&str, &[&str], Make)] = &[(
    "SparseCategoricalCrossentropy",
    &["sparse_categorical_crossentropy"],
    make::<SparseCategoricalCrossentropy>,
)];

fn make<L: Loss + DeserializeOwned + 'static>(config: &Value) -> serde_json::Result<Box<dyn Loss>> {
    Ok(Box::new(serde_json::from_value::<L>(config.clone())?))
}

/// The loss of this name with its default options: `"mse"`, `"mean_squared_error"` or
/// `"MeanSquaredError"`.
pub(crate) fn by_name(name: &str) -> Result<Box<dyn Loss>> {
    let found = LOSSES
        .iter()
        .find(|(class, names, _)| *class == name || names.contains(&name));
    let unknown = || {
        let known: Vec<&str> = LOSSES
            .iter()
            .filter_map(|(_, names, _)| names.first().copied())
            .collect();
        Error::option(
            "loss",
            format!("one of {}", known.join(", ")),
            name,
            "or pass a loss of your own: LossFn::new(\"name\", |y_true, y_pred| ..)",
        )
    };
    let (_, _, make) = found.ok_or_else(unknown)?;
    make(&Value::Object(serde_json::Map::new())).map_err(|_| unknown())
}

/// The loss with these options.
pub(crate) fn from_config(config: &LossConfig) -> Result<Box<dyn Loss>> {
    let found = LOSSES
        .iter()
        .find(|(class, ..)| *class == config.class_name);
    let loss = found.and_then(|(_, _, make)| make(&config.config).ok());
    loss.ok_or_else(|| {
        Error::option(
            "loss",
            "a loss that this version knows, with its options",
            &config.class_name,
            "load with a version that knows it, or compile the model again",
        )
    })
}
