//! Figures beside the loss.

mod accuracy;
pub(crate) mod config;
mod mean;
mod metric;
mod metric_fn;
mod metrics_list;
pub(crate) mod registry;

pub use accuracy::Accuracy;
pub use config::MetricConfig;
pub use metric::Metric;
pub use metric_fn::MetricFn;
pub use metrics_list::{MetricChoice, Metrics};
