use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<Option<NameCounter>> = Mutex::new(None);

/// Starts the counting of layer and model names anew: the next layers are `conv2d`, `dense`.
///
/// Names count through the whole process as in Keras, so the layers of a second model are
/// `conv2d_1`, `dense_1` and so on.
pub fn clear_session() {
    *NAMES.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The next free name for a class in this process.
pub(crate) fn unique_name(class_name: &str) -> String {
    NAMES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .next(class_name)
}

/// Counts names as Keras 2.4 does: `dense`, `dense_1`, `dense_2`.
#[derive(Debug, Default)]
struct NameCounter {
    used: HashMap<String, u64>,
}

impl NameCounter {
    fn next(&mut self, class_name: &str) -> String {
        let base = snake_case(class_name);
        let used = self.used.entry(base.clone()).or_insert(0);
        *used += 1;
        match *used - 1 {
            0 => base,
            n => format!("{base}_{n}"),
        }
    }
}

/// `MaxPooling2D` becomes `max_pooling2d`, `L1L2` becomes `l1_l2`.
///
/// An underscore goes before a capital that follows a lower-case letter or digit, and before
/// a capital that starts a lower-case run.
fn snake_case(class_name: &str) -> String {
    let chars: Vec<char> = class_name.chars().collect();
    let mut snake = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let starts_word = |previous: char| {
            let next_is_lower = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
            next_is_lower || previous.is_lowercase() || is_inner_capital(&chars, i)
        };
        if c.is_uppercase() && i > 0 && starts_word(chars[i - 1]) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// A capital between digits, as the second L in `L1L2`; the D that ends `Conv2D` is none.
fn is_inner_capital(chars: &[char], i: usize) -> bool {
    chars[i - 1].is_ascii_digit() && chars.get(i + 1).is_some_and(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_become_the_names_that_keras_gives() {
        for (class_name, name) in [
            ("Conv2D", "conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("Flatten", "flatten"),
            ("Dropout", "dropout"),
            ("Dense", "dense"),
            ("L1L2", "l1_l2"),
            ("BatchNormalization", "batch_normalization"),
            ("InputLayer", "input_layer"),
            ("Sequential", "sequential"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ] {
            assert_eq!(snake_case(class_name), name);
        }
    }

    #[test]
    fn names_count_from_zero_for_each_class() {
        let mut names = NameCounter::default();
        let given: Vec<String> = ["Dense", "Conv2D", "Dense", "Dense"]
            .iter()
            .map(|class| names.next(class))
            .collect();
        assert_eq!(given, ["dense", "conv2d", "dense_1", "dense_2"]);
    }
}
