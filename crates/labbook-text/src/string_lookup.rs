use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::vocabulary::{UNKNOWN, Vocabulary};
use crate::{Result, TextError};

/// Gives words their places in a vocabulary, and places their words: for labels and categories.
/// Keras's `StringLookup`.
///
/// Unknown words have place 0, known ones 1 and so on.
///
/// ```
/// use labbook_text::StringLookup;
///
/// let mut topics = StringLookup::new();
/// topics.adapt(&["grain", "trade", "grain"])?;
/// let places = topics.call(&["trade", "grain", "ship"])?;
/// assert_eq!(Vec::<i64>::try_from(&places).unwrap(), [2, 1, 0]);
/// assert_eq!(topics.words(&places)?, ["trade", "grain", "[UNK]"]);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StringLookup {
    max_tokens: Option<usize>,
    vocabulary: Option<Vocabulary>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    string_lookup: Vec<String>,
    max_tokens: Option<usize>,
}

impl StringLookup {
    /// Without a vocabulary yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many places there may be, that of unknown words included; at least 2.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = Some(max_tokens.max(2));
        self
    }

    /// Learns the vocabulary, the most frequent word first, and of equally frequent ones the last
    /// in the alphabet.
    ///
    /// # Errors
    /// When there are no words.
    pub fn adapt<S: AsRef<str>>(&mut self, words: &[S]) -> Result<()> {
        let words = words.iter().map(|word| vec![word.as_ref().to_owned()]);
        self.vocabulary = Some(Vocabulary::learn(words, (false, self.max_tokens), false)?);
        Ok(())
    }

    /// Gives the vocabulary instead of learning it.
    ///
    /// # Errors
    /// When a word is there twice, or there is none.
    pub fn set_vocabulary<S: Into<String>>(
        &mut self,
        words: impl IntoIterator<Item = S>,
    ) -> Result<()> {
        let words = words.into_iter().map(Into::into).collect();
        self.vocabulary = Some(Vocabulary::new(words, false)?);
        Ok(())
    }

    /// The words by their places, that of unknown ones first; empty before there are any.
    #[must_use]
    pub fn vocabulary(&self) -> &[String] {
        self.vocabulary.as_ref().map_or(&[], |v| &v.words)
    }

    /// The places of some words, `i64` (N,).
    ///
    /// # Errors
    /// When there is no vocabulary.
    pub fn call<S: AsRef<str>>(&self, words: &[S]) -> Result<Tensor> {
        let vocabulary = self.vocabulary.as_ref();
        let vocabulary = vocabulary.ok_or(TextError::NoVocabulary("StringLookup"))?;
        let places = words.iter().map(|word| vocabulary.place(word.as_ref()));
        Ok(Tensor::f_from_slice(&places.collect::<Vec<_>>())?)
    }

    /// The words at some places, whatever the tensor's shape, one after another; a place that does
    /// not exist is that of unknown ones.
    ///
    /// # Errors
    /// When the numbers are not whole.
    pub fn words(&self, places: &Tensor) -> Result<Vec<String>> {
        let flat = places.f_flatten(0, -1)?;
        let places = Vec::<i64>::try_from(&flat)?;
        let known = self.vocabulary();
        let words = places.into_iter().map(|place| {
            let word = usize::try_from(place).ok().and_then(|p| known.get(p));
            word.map_or_else(|| UNKNOWN.to_owned(), String::clone)
        });
        Ok(words.collect())
    }

    /// The vocabulary as JSON.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn to_json(&self) -> Result<String> {
        let saved = Saved {
            string_lookup: self.vocabulary().to_vec(),
            max_tokens: self.max_tokens,
        };
        serde_json::to_string(&saved).map_err(|error| TextError::Json(error.to_string()))
    }

    /// What [`to_json`](Self::to_json) gave.
    ///
    /// # Errors
    /// When the text tells something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let saved: Saved =
            serde_json::from_str(text).map_err(|error| TextError::Json(error.to_string()))?;
        let mut loaded = Self {
            max_tokens: saved.max_tokens,
            vocabulary: None,
        };
        if !saved.string_lookup.is_empty() {
            loaded.set_vocabulary(saved.string_lookup)?;
        }
        Ok(loaded)
    }
}
