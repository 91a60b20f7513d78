//! Models of scikit-learn's kind, to compare networks with: crates that are made for them fit them, our
//! tensors and labels go in and out.

mod classes;
mod forest_options;
mod hdbscan;
mod k_means;
mod k_neighbors;
mod linear_regression;
mod logistic_regression;
mod probabilities;
mod random_forest_classifier;
mod random_forest_regressor;
mod training;

pub use hdbscan::Hdbscan;
pub use k_means::{FittedKMeans, KMeans};
pub use k_neighbors::{
    FittedKNeighborsClassifier, FittedKNeighborsRegressor, KNeighborsClassifier,
    KNeighborsRegressor,
};
pub use linear_regression::{FittedLinearRegression, LinearRegression};
pub use logistic_regression::{FittedLogisticRegression, LogisticRegression};
pub use random_forest_classifier::{FittedRandomForestClassifier, RandomForestClassifier};
pub use random_forest_regressor::{FittedRandomForestRegressor, RandomForestRegressor};
