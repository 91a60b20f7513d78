use super::registry;
use crate::losses;

/// Whether more is better of a figure with this key: `Some(true)` for accuracies, areas, scores
/// and the like, `Some(false)` for losses and errors, `None` if the name does not tell.
///
/// Knows every name that `compile` takes, with what a history puts before and after it:
/// `val_auc`, `price_mean_absolute_error`, `precision_1`.
///
/// ```
/// use labbook_nn::metrics::direction_of_name;
///
/// assert_eq!(direction_of_name("val_auc"), Some(true));
/// assert_eq!(direction_of_name("val_price_mae"), Some(false));
/// assert_eq!(direction_of_name("learning_rate"), None);
/// ```
#[must_use]
pub fn direction_of_name(key: &str) -> Option<bool> {
    let key = key.strip_prefix("val_").unwrap_or(key);
    let known = ends(key).find_map(of_known_name);
    let known = known.or_else(|| ends(without_count(key)).find_map(of_known_name));
    // What Keras 2 looked for.
    known.or_else(|| (key.contains("acc") || key.starts_with("fmeasure")).then_some(true))
}

/// The name itself, then what follows its first, second, ... underscore.
fn ends(name: &str) -> impl Iterator<Item = &str> {
    let after = name.match_indices('_').map(|(index, _)| &name[index + 1..]);
    std::iter::once(name).chain(after)
}

/// `precision_1` is a second metric called `precision`.
fn without_count(name: &str) -> &str {
    match name.rsplit_once('_') {
        Some((base, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

fn of_known_name(name: &str) -> Option<bool> {
    if let Some(metric) = registry::of_class_or_name(name) {
        return metric.higher_is_better();
    }
    let is_loss = matches!(name, "loss" | "error") || losses::registry::by_name(name).is_ok();
    is_loss.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_way_is_better() {
        for (key, direction) in [
            ("loss", Some(false)),
            ("val_loss", Some(false)),
            ("head_loss", Some(false)),
            ("accuracy", Some(true)),
            ("val_acc", Some(true)),
            ("my_accurate_one", Some(true)),
            ("fmeasure_2", Some(true)),
            ("AUC", Some(true)),
            ("val_auc_1", Some(true)),
            ("precision_12", Some(true)),
            ("val_head_recall", Some(true)),
            ("f1_score", Some(true)),
            ("fbeta_score", Some(true)),
            ("r2_score", Some(true)),
            ("mean_io_u", Some(true)),
            ("val_cosine_similarity", Some(true)),
            ("top_k_categorical_accuracy", Some(true)),
            ("mae", Some(false)),
            ("price_mae", Some(false)),
            ("val_root_mean_squared_error", Some(false)),
            ("mean_absolute_percentage_error", Some(false)),
            ("sparse_categorical_crossentropy", Some(false)),
            ("reconstruction_error", Some(false)),
            ("head_binary_crossentropy", Some(false)),
            ("val_kl_divergence", Some(false)),
            ("learning_rate", None),
            ("close", None),
            ("", None),
            ("_", None),
        ] {
            assert_eq!(direction_of_name(key), direction, "{key}");
        }
    }
}
