use serde_json::Value;

/// Characters of a text that a record keeps at most; tables and terminals show it whole.
const MOST: usize = 400;

/// A text that may have come from anywhere, made harmless for tables and terminals: at most `most`
/// characters, with `…` for what was cut, and control characters (line ends and escape sequences
/// among them) and those that turn the direction of writing as `\u{1b}`.
///
/// ```
/// assert_eq!(labbook_records::clean("two\nlines", 80), "two\\u{a}lines");
/// assert_eq!(labbook_records::clean("a long name", 6), "a lon…");
/// ```
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    let mut length = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let mut piece = character.to_string();
        if character.is_control() || turns_direction(character) {
            piece = character.escape_unicode().to_string();
        }
        length += piece.chars().count();
        let more = usize::from(rest.peek().is_some());
        if length + more > most {
            cleaned.push('…');
            break;
        }
        cleaned += &piece;
    }
    cleaned
}

/// Marks, embeddings, overrides and isolates, after which a terminal writes backwards; and the
/// separators that some take for line ends.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cleans every text in a record's JSON, names included.
pub(crate) fn clean_all(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text, MOST)),
        Value::Array(values) => Value::Array(values.into_iter().map(clean_all).collect()),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Value::Object(
                entries
                    .map(|(name, value)| (clean(&name, MOST), clean_all(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_stays_as_it_is_where_it_can() {
        for text in [
            "",
            "two dense layers",
            "größer 猫 🐈",
            "CPU, AMD EPYC, 2 threads",
        ] {
            assert_eq!(clean(text, 40), text);
        }
        assert_eq!(clean("12345", 5), "12345");
        assert_eq!(clean("123456", 5), "1234…");
    }

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(clean("\u{1b}[31mred\r\n", 80), "\\u{1b}[31mred\\u{d}\\u{a}");
        assert_eq!(clean("a\u{202e}b\u{9b}", 80), "a\\u{202e}b\\u{9b}");
        assert!(!clean(&"\u{7}".repeat(90_000), 50).contains('\u{7}'));
    }

    #[test]
    fn texts_are_cleaned_wherever_they_stand() {
        let long = "x".repeat(70_000);
        let cleaned = clean_all(json!({"a\n": [{"b": "c\u{1b}"}, 1.5, null], "long": long}));
        assert_eq!(cleaned["a\\u{a}"], json!([{"b": "c\\u{1b}"}, 1.5, null]));
        let length = cleaned["long"].as_str().map(|text| text.chars().count());
        assert!(length.is_some_and(|length| length <= MOST + 1));
    }
}
