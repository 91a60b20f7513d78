use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The options of a metric under its class name, as a saved model keeps them.
///
/// ```
/// use labbook_nn::{BinaryAccuracy, Metric};
///
/// let config = BinaryAccuracy::new().threshold(0.25).config();
/// assert!(config.is_some_and(|config| config.config["threshold"] == 0.25));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricConfig {
    /// Name of the class as in Keras, such as `MeanAbsoluteError`.
    pub class_name: String,
    /// The options by their names, the metric's own name among them.
    #[serde(default)]
    pub config: Value,
}

impl MetricConfig {
    /// The options of a metric that serde can write; `None` if it cannot.
    #[must_use]
    pub fn of(class_name: &str, options: &impl Serialize) -> Option<Self> {
        Some(Self {
            class_name: class_name.to_owned(),
            config: serde_json::to_value(options).ok()?,
        })
    }
}
