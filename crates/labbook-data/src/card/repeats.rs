use std::collections::HashMap;
use std::hash::Hash;

use super::data_card::{DataCard, share};

/// Counts what comes again within a part, and what is in both.
pub(super) fn add<T: Hash + Eq>(
    card: &mut DataCard,
    what: &str,
    train: impl IntoIterator<Item = T>,
    test: Option<impl IntoIterator<Item = T>>,
) {
    let mut first: HashMap<T, u64> = HashMap::new();
    let mut count = 0_u64;
    for item in train {
        *first.entry(item).or_default() += 1;
        count += 1;
    }
    let again = count - first.len() as u64;
    let part = if test.is_some() { "train " } else { "" };
    if again > 0 {
        let text = format!(
            "{again} of the {count} {part}{what} ({}) repeat an earlier one",
            share(again, count)
        );
        card.warnings.push(text);
    }
    card.fact(&format!("repeated {part}{what}"), again);
    let Some(test) = test else {
        return;
    };
    let (mut count, mut known) = (0_u64, 0_u64);
    for item in test {
        known += u64::from(first.contains_key(&item));
        count += 1;
    }
    card.fact(&format!("test {what} that are train {what} too"), known);
    if known > 0 {
        let text = format!(
            "{known} of the {count} test {what} ({}) are among the train {what} as well",
            share(known, count)
        );
        card.warnings.insert(0, text);
    }
}
