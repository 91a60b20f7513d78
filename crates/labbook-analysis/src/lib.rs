//! What a network learned: metrics over its predictions.
//!
//! Conventions are scikit-learn's: true labels come first, predictions second; a confusion
//! matrix has one row per true class and one column per predicted class; a ratio whose
//! denominator is zero counts as 0.
//!
//! ```
//! use labbook_analysis::{Average, ConfusionMatrix, accuracy_score};
//!
//! let truth = [0_i64, 0, 1, 2, 2];
//! let predicted = [0_i64, 1, 1, 2, 0];
//! let matrix = ConfusionMatrix::new(&truth, &predicted, 3)?;
//! assert_eq!(matrix.counts()[[0, 1]], 1);
//! assert_eq!(matrix.accuracy(), 0.6);
//! assert_eq!(matrix.precision(Average::Micro), 0.6);
//! assert_eq!(accuracy_score(&truth, &predicted)?, 0.6);
//! # Ok::<(), labbook_analysis::AnalysisError>(())
//! ```

mod affinities;
mod agreement;
mod average;
mod bootstrap;
mod calibration;
mod checks;
mod class_label;
mod classification_report;
mod clustering_scores;
mod confused_pair;
mod confusion_matrix;
mod curves;
mod embedding_quality;
mod error;
mod estimators;
mod losses;
mod metric;
mod neighbors;
mod pacmap;
mod pca;
mod probability_scores;
mod pruned_search;
mod random;
mod refinement;
mod regression_scores;
mod samples;
mod scores;
mod simd;
mod symmetric_graph;
mod top_k;
mod tsne;
mod umap;

pub use affinities::Affinities;
pub use agreement::{
    KappaWeights, McNemar, balanced_accuracy_score, cohen_kappa_score, matthews_corrcoef,
};
pub use average::Average;
pub use bootstrap::{BootstrapInterval, bootstrap_interval};
pub use calibration::{Calibration, CalibrationBin};
pub use class_label::ClassLabel;
pub use classification_report::{ClassificationReport, ReportRow, classification_report};
pub use clustering_scores::{adjusted_rand_score, normalized_mutual_info_score, silhouette_score};
pub use confused_pair::{ConfusedPair, confused_indices};
pub use confusion_matrix::{ConfusionMatrix, Normalize};
pub use curves::{PrecisionRecallCurve, RocCurve, average_precision_score, roc_auc_score};
pub use embedding_quality::{
    knn_recall, knn_recall_of, nearest_neighbor_accuracy, nearest_on_embedding, trustworthiness,
    trustworthiness_of,
};
pub use error::AnalysisError;
pub use estimators::{
    FittedKMeans, FittedKNeighborsClassifier, FittedKNeighborsRegressor, FittedLinearRegression,
    FittedLogisticRegression, FittedRandomForestClassifier, FittedRandomForestRegressor, Hdbscan,
    KMeans, KNeighborsClassifier, KNeighborsRegressor, LinearRegression, LogisticRegression,
    RandomForestClassifier, RandomForestRegressor,
};
pub use losses::{largest_loss_indices, sample_losses};
pub use metric::Metric;
pub use pacmap::{Pacmap, PacmapInit};
pub use pca::{FittedPca, IncrementalPca, Pca};
pub use probability_scores::{brier_score_loss, log_loss};
pub use regression_scores::{
    explained_variance_score, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, r2_score, root_mean_squared_error,
};
pub use samples::Samples;
pub use scores::{accuracy_score, f1_score, precision_score, recall_score};
pub use top_k::top_k_accuracy_score;
pub use tsne::{Init, LearningRate, Method, Tsne, TsneEvent, TsneMap};
pub use umap::{Umap, UmapInit, UmapMap};
