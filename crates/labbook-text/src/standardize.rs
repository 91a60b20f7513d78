use serde::{Deserialize, Serialize};

/// What becomes of a text before it is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardize {
    /// Capitals become small letters, and punctuation is left out.
    #[default]
    LowerAndStripPunctuation,
    /// Capitals become small letters. As in Keras, those of the alphabet from A to Z.
    Lower,
    /// Punctuation is left out: ``!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'``.
    StripPunctuation,
    /// Nothing.
    None,
}

impl Standardize {
    pub(crate) fn apply(self, text: &str) -> String {
        let lower = matches!(self, Self::LowerAndStripPunctuation | Self::Lower);
        let strip = matches!(
            self,
            Self::LowerAndStripPunctuation | Self::StripPunctuation
        );
        let kept = text
            .chars()
            .filter(|character| !(strip && character.is_ascii_punctuation()));
        match lower {
            true => kept
                .map(|character| character.to_ascii_lowercase())
                .collect(),
            false => kept.collect(),
        }
    }
}
