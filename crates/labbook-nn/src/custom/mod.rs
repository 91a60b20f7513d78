//! What a person writes in a cell, known by name, so that a file that names it can be loaded.

mod custom_config;
mod names;
mod register;

pub use custom_config::CustomConfig;
pub(crate) use names::Names;
pub(crate) use register::{is_loss, is_metric, layer, loss, metric, unknown};
pub use register::{register_layer, register_loss, register_metric};
