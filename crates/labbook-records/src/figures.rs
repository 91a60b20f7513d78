use labbook_nn::Evaluation;

/// The figures of an evaluation by their names, the loss first.
#[must_use]
pub fn figures(evaluation: &Evaluation) -> Vec<(String, f64)> {
    let mut figures = evaluation.progress.logs.entries().to_vec();
    if figures.iter().all(|(name, _)| name != "loss") {
        figures.insert(0, ("loss".to_owned(), evaluation.loss));
    }
    figures
}

/// Keras's names of the metrics that are shares from 0 to 1 by definition.
const SHARES: [&str; 10] = [
    "acc",
    "accuracy",
    "auc",
    "binary_accuracy",
    "categorical_accuracy",
    "precision",
    "recall",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
];

/// Whether a metric of this name is a share from 0 to 1 by its definition in Keras, such as
/// `accuracy`, `val_accuracy` or `test_auc`.
///
/// ```
/// assert!(labbook_records::is_share("val_accuracy"));
/// assert!(!labbook_records::is_share("mean_squared_error"));
/// ```
#[must_use]
pub fn is_share(name: &str) -> bool {
    let sets = ["val_", "test_", "train_"];
    let name = sets
        .iter()
        .find_map(|set| name.strip_prefix(set))
        .unwrap_or(name);
    // A second metric of one kind is called `auc_1`.
    let kind = match name.rsplit_once('_') {
        Some((kind, number)) if number.bytes().all(|b| b.is_ascii_digit()) => kind,
        _ => name,
    };
    SHARES.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_known_by_their_names_in_keras() {
        for name in [
            "acc",
            "val_accuracy",
            "test_auc",
            "precision_1",
            "train_recall",
        ] {
            assert!(is_share(name), "{name}");
        }
        for name in [
            "loss",
            "mae",
            "accuracy_in_percent",
            "my_accuracy",
            "val_",
            "r2_score",
        ] {
            assert!(!is_share(name), "{name}");
        }
    }
}
