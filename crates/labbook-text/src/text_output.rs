use serde::{Deserialize, Serialize};

/// What a text becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOutput {
    /// The places of its words in the vocabulary, in their order: `i64` (N, length), filled up with 0.
    #[default]
    Int,
    /// 1 at the places of the words that it has: `f32` (N, size of the vocabulary).
    MultiHot,
    /// How often it has each word: `f32` (N, size of the vocabulary).
    Count,
    /// How often it has each word, times the word's weight: the logarithm of 1 + texts / (1 + texts
    /// with the word), as Keras defines it. Unknown words weigh the mean of all.
    TfIdf,
}
