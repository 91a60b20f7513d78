use serde::{Deserialize, Serialize};

/// Where a text is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// At spaces, tabs and line ends, however many.
    #[default]
    Whitespace,
    /// After each character, as Unicode counts them.
    Character,
    /// Nowhere: each text is one word.
    None,
}

impl Split {
    pub(crate) fn apply(self, text: &str) -> Vec<String> {
        match self {
            Self::Whitespace => {
                let words = text.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
                words
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
            Self::Character => text.chars().map(String::from).collect(),
            // An empty text stands for padding, which is no word.
            Self::None if text.is_empty() => Vec::new(),
            Self::None => vec![text.to_owned()],
        }
    }
}

/// The runs of words of these lengths, one length after another, each run as one word with spaces.
pub(crate) fn ngrams(words: Vec<String>, lengths: &[usize]) -> Vec<String> {
    if lengths.is_empty() {
        return words;
    }
    let runs = lengths.iter().flat_map(|&length| words.windows(length));
    runs.map(|run| run.join(" ")).collect()
}
