//! Figures beside the loss.
//!
//! `compile` takes them by Keras's name or as objects, several in an array or a tuple:
//! `["accuracy", "auc"]`, `("mae", Precision::new().thresholds(0.9))`. Some are called as losses
//! are; those stand in this module alone, as in Keras:
//!
//! ```
//! use labbook_nn::{Metrics, metrics};
//!
//! let metrics = Metrics::from(("accuracy", metrics::MeanSquaredError::new().name("brier")));
//! assert_eq!(metrics.names(), ["accuracy", "brier"]);
//! ```

mod accuracy;
mod areas;
mod auc;
mod binary_accuracy;
mod categorical_accuracy;
pub(crate) mod config;
mod confusion;
mod cosine_similarity;
mod direction;
mod f1_score;
mod fbeta_score;
mod loss_metric;
mod mean;
mod mean_absolute_error;
mod mean_absolute_percentage_error;
mod mean_iou;
mod mean_squared_error;
mod mean_squared_logarithmic_error;
mod metric;
mod metric_fn;
mod metrics_list;
mod options;
mod perplexity;
mod precision;
mod r2_score;
mod recall;
pub(crate) mod registry;
mod root_mean_squared_error;
mod shapes;
mod sparse_categorical_accuracy;
mod sparse_top_k_categorical_accuracy;
mod top_k_categorical_accuracy;

pub use accuracy::Accuracy;
pub use auc::AUC;
pub use binary_accuracy::BinaryAccuracy;
pub use categorical_accuracy::CategoricalAccuracy;
pub use config::MetricConfig;
pub use cosine_similarity::CosineSimilarity;
pub use direction::direction_of_name;
pub use f1_score::F1Score;
pub use fbeta_score::FBetaScore;
pub use loss_metric::LossMetric;
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_absolute_percentage_error::MeanAbsolutePercentageError;
pub use mean_iou::MeanIoU;
pub use mean_squared_error::MeanSquaredError;
pub use mean_squared_logarithmic_error::MeanSquaredLogarithmicError;
pub use metric::Metric;
pub use metric_fn::MetricFn;
pub use metrics_list::{MetricChoice, Metrics};
pub use perplexity::Perplexity;
pub use precision::Precision;
pub use r2_score::R2Score;
pub use recall::Recall;
pub use root_mean_squared_error::RootMeanSquaredError;
pub use sparse_categorical_accuracy::SparseCategoricalAccuracy;
pub use sparse_top_k_categorical_accuracy::SparseTopKCategoricalAccuracy;
pub use top_k_categorical_accuracy::TopKCategoricalAccuracy;
