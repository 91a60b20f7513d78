use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The options of a loss under its class name, as a saved model keeps them.
///
/// Loading the model makes the loss again.
///
/// ```
/// use labbook_nn::{Huber, Loss};
///
/// let config = Huber::new().config().expect("one of this crate");
/// assert_eq!(config.class_name, "Huber");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// Name of the class as in Keras, such as `MeanSquaredError`.
    pub class_name: String,
    /// The options by their names.
    #[serde(default)]
    pub config: Value,
}

impl LossConfig {
    /// The options of a loss that serde can write; `None` if it cannot.
    #[must_use]
    pub fn of(class_name: &str, options: &impl Serialize) -> Option<Self> {
        Some(Self {
            class_name: class_name.to_owned(),
            config: serde_json::to_value(options).ok()?,
        })
    }
}
