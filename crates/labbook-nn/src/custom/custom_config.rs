use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::layers::ConfigKind;
use crate::{Error, LayerConfig, LossConfig, MetricConfig, Result};

/// The options of a layer, loss or metric of a person's own, by their names: what Keras calls
/// `get_config`.
///
/// Made in the type's `config`, and given to the function that
/// [`register_layer`](crate::register_layer) and its like were called with.
///
/// ```
/// use labbook_nn::CustomConfig;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let config = CustomConfig::new("Shift").with("units", 4).with("scale", 0.5);
/// let units: i64 = config.get("units")?;
/// assert_eq!(units, 4);
/// assert!(config.get::<f64>("offset").unwrap_err().to_string().contains("offset"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CustomConfig {
    class_name: String,
    options: Value,
}

impl CustomConfig {
    /// No options yet, under the name of the class.
    #[must_use]
    pub fn new(class_name: impl Into<String>) -> Self {
        Self {
            class_name: class_name.into(),
            options: Value::Object(Map::new()),
        }
    }

    pub(crate) fn of(class_name: &str, options: &Value) -> Self {
        Self {
            class_name: class_name.to_owned(),
            options: options.clone(),
        }
    }

    /// Adds an option: a number, a text, a list, or whatever serde can write.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if let Value::Object(options) = &mut self.options {
            let value = serde_json::to_value(value).unwrap_or_default();
            options.insert(name.to_owned(), value);
        }
        self
    }

    /// An option by its name, in the type that is needed.
    ///
    /// # Errors
    /// When there is none of this name and type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.options.get(name);
        let read = value.map(|value| serde_json::from_value(value.clone()));
        match read {
            Some(Ok(value)) => Ok(value),
            _ => Err(Error::option(
                &format!("{} {name}", self.class_name),
                "a value of the type that is asked for",
                value.map_or("none".to_owned(), short),
                "write it in config() with .with(name, value)",
            )),
        }
    }

    /// The name of the class.
    #[must_use]
    pub fn class_name(&self) -> &str {
        &self.class_name
    }
}

/// A value, cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}

impl From<CustomConfig> for LayerConfig {
    fn from(config: CustomConfig) -> Self {
        Self(ConfigKind::Custom {
            class_name: config.class_name,
            config: config.options,
        })
    }
}

impl From<CustomConfig> for LossConfig {
    fn from(config: CustomConfig) -> Self {
        Self {
            class_name: config.class_name,
            config: config.options,
        }
    }
}

impl From<CustomConfig> for MetricConfig {
    fn from(config: CustomConfig) -> Self {
        Self {
            class_name: config.class_name,
            config: config.options,
        }
    }
}
