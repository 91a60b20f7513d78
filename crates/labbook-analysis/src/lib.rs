//! Metrics over predictions: confusion matrices, accuracy, precision.
