use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::split::ngrams;
use crate::vocabulary::{UNKNOWN, Vocabulary};
use crate::{Result, Split, Standardize, TextError, TextOutput};

/// Makes tensors of texts: standardizes them, splits them into words, and looks each word up in a
/// vocabulary that it learned. Keras's `TextVectorization`.
///
/// Place 0 fills texts up and place 1 is that of unknown words; for outputs other than
/// [`TextOutput::Int`] unknown words have place 0. An empty text has no words: a row of zeros.
///
/// ```
/// use labbook_text::{TextOutput, TextVectorization};
///
/// let mut vectorizer = TextVectorization::new()
///     .max_tokens(100)
///     .output_mode(TextOutput::MultiHot);
/// vectorizer.adapt(&["Good, good news!", "bad news"])?;
/// assert_eq!(vectorizer.vocabulary(), ["[UNK]", "news", "good", "bad"]);
/// let rows = vectorizer.call(&["news? unheard-of news"])?;
/// assert_eq!(Vec::<f32>::try_from(rows.view(4)).unwrap(), [1.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TextVectorization {
    options: Options,
    vocabulary: Option<Vocabulary>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    max_tokens: Option<usize>,
    standardize: Standardize,
    split: Split,
    ngrams: Vec<usize>,
    output_mode: TextOutput,
    output_sequence_length: Option<usize>,
    pad_to_max_tokens: bool,
}

/// What JSON keeps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    text_vectorization: Options,
    vocabulary: Option<Vec<String>>,
    idf_weights: Option<Vec<f32>>,
}

impl TextVectorization {
    /// With Keras's defaults: small letters without punctuation, split at spaces, places of words.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            vocabulary: None,
        }
    }

    /// Sets how large the vocabulary may become, the places of padding and unknown words included.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_tokens(mut self, max_tokens: usize) -> Self {
        self.options.max_tokens = Some(max_tokens);
        self
    }

    /// Sets what becomes of a text before it is split; the default is small letters without
    /// punctuation.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn standardize(mut self, standardize: Standardize) -> Self {
        self.options.standardize = standardize;
        self
    }

    /// Sets where a text is split; the default is at spaces.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn split(mut self, split: Split) -> Self {
        self.options.split = split;
        self
    }

    /// Looks up runs of up to so many words, too.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn ngrams(self, most: usize) -> Self {
        self.ngram_lengths(1..=most)
    }

    /// Looks up runs of words of these lengths alone.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn ngram_lengths(mut self, lengths: impl IntoIterator<Item = usize>) -> Self {
        self.options.ngrams = lengths.into_iter().collect();
        self
    }

    /// Sets what a text becomes; the default is [`TextOutput::Int`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_mode(mut self, output_mode: TextOutput) -> Self {
        self.options.output_mode = output_mode;
        self
    }

    /// Sets how many words a text has with [`TextOutput::Int`]: longer ones are cut, shorter ones
    /// filled up with 0. The default is as many as the longest of those given.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_sequence_length(mut self, length: usize) -> Self {
        self.options.output_sequence_length = Some(length);
        self
    }

    /// Says whether rows are as wide as `max_tokens` even if the vocabulary is smaller; the default
    /// is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pad_to_max_tokens(mut self, pad_to_max_tokens: bool) -> Self {
        self.options.pad_to_max_tokens = pad_to_max_tokens;
        self
    }

    fn check(&self) -> Result<()> {
        let options = &self.options;
        if options.ngrams.contains(&0) {
            let advice = "use ngrams(2) for single words and pairs";
            return Err(TextError::argument(
                "ngrams",
                "lengths of at least 1",
                0,
                advice,
            ));
        }
        let least = 2 + usize::from(self.pads());
        if options.max_tokens.is_some_and(|most| most < least) {
            return Err(TextError::argument(
                "max_tokens",
                format!("at least {least}, for padding and unknown words and one more"),
                options.max_tokens.unwrap_or_default(),
                "use for instance max_tokens(10_000)",
            ));
        }
        if options.output_sequence_length == Some(0) {
            let advice = "leave it out for the length of the longest text";
            return Err(TextError::argument(
                "output_sequence_length",
                "at least 1",
                0,
                advice,
            ));
        }
        Ok(())
    }

    /// Whether there is a place for padding.
    fn pads(&self) -> bool {
        self.options.output_mode == TextOutput::Int
    }

    fn words(&self, text: &str) -> Vec<String> {
        let text = self.options.standardize.apply(text);
        ngrams(self.options.split.apply(&text), &self.options.ngrams)
    }

    /// Learns the vocabulary: the words of these texts, the most frequent first, and of equally
    /// frequent ones the last in the alphabet, as in Keras. What was learned before is forgotten.
    ///
    /// # Errors
    /// When the texts have no words, or an option does not fit.
    pub fn adapt<S: AsRef<str>>(&mut self, texts: &[S]) -> Result<()> {
        self.check()?;
        let words = texts.iter().map(|text| self.words(text.as_ref()));
        let weighted = self.options.output_mode == TextOutput::TfIdf;
        let sizes = (self.pads(), self.options.max_tokens);
        self.vocabulary = Some(Vocabulary::learn(words, sizes, weighted)?);
        Ok(())
    }

    /// Gives the vocabulary instead of learning it, most frequent words first; the places of padding
    /// and unknown words may be left out.
    ///
    /// # Errors
    /// When a word is there twice, there are too many, or the output needs weights.
    pub fn set_vocabulary<S: Into<String>>(
        &mut self,
        words: impl IntoIterator<Item = S>,
    ) -> Result<()> {
        self.set_weighted(words.into_iter().map(Into::into).collect(), None)
    }

    fn set_weighted(&mut self, words: Vec<String>, weights: Option<Vec<f32>>) -> Result<()> {
        self.check()?;
        let mut vocabulary = Vocabulary::new(words, self.pads())?;
        if self
            .options
            .max_tokens
            .is_some_and(|most| vocabulary.len() > most)
        {
            return Err(TextError::argument(
                "vocabulary",
                format!(
                    "at most {} words",
                    self.options.max_tokens.unwrap_or_default()
                ),
                vocabulary.len(),
                "set max_tokens to more",
            ));
        }
        match (self.options.output_mode == TextOutput::TfIdf, weights) {
            (true, Some(weights)) => vocabulary.weigh(weights)?,
            (false, None) => {}
            (needed, _) => {
                return Err(TextError::argument(
                    "idf_weights",
                    if needed {
                        "a weight for each word"
                    } else {
                        "none"
                    },
                    if needed { "none" } else { "some" },
                    "they belong to TextOutput::TfIdf; adapt(&texts) learns them",
                ));
            }
        }
        self.vocabulary = Some(vocabulary);
        Ok(())
    }

    /// The words by their places; empty before there are any.
    #[must_use]
    pub fn vocabulary(&self) -> &[String] {
        self.vocabulary.as_ref().map_or(&[], |v| &v.words)
    }

    /// How many places there are: what an embedding has to have rows for.
    #[must_use]
    pub fn vocabulary_size(&self) -> i64 {
        self.vocabulary().len() as i64
    }

    /// The tensor of some texts, on the CPU: [`TextOutput`] tells its kind and shape.
    ///
    /// # Errors
    /// When there is no vocabulary, or not enough memory.
    pub fn call<S: AsRef<str>>(&self, texts: &[S]) -> Result<Tensor> {
        let vocabulary = self.vocabulary.as_ref();
        let vocabulary = vocabulary.ok_or(TextError::NoVocabulary("TextVectorization"))?;
        let rows = texts.iter().map(|text| self.places(text.as_ref()));
        let rows = rows.collect::<Result<Vec<Vec<i64>>>>()?;
        let options = &self.options;
        if options.output_mode == TextOutput::Int {
            let longest = rows.iter().map(Vec::len).max().unwrap_or_default();
            let length = options.output_sequence_length.unwrap_or(longest).max(1);
            let mut all = vec![0_i64; table_size(rows.len(), length)?];
            for (row, places) in all.chunks_exact_mut(length).zip(&rows) {
                for (cell, place) in row.iter_mut().zip(places) {
                    *cell = *place;
                }
            }
            let size = [rows.len() as i64, length as i64];
            return Ok(Tensor::f_from_slice(&all)?.f_reshape(size)?);
        }
        let width = match (options.pad_to_max_tokens, options.max_tokens) {
            (true, Some(most)) => most,
            _ => vocabulary.len(),
        };
        let mut all = vec![0_f32; table_size(rows.len(), width)?];
        for (row, places) in all.chunks_exact_mut(width).zip(&rows) {
            for &place in places {
                let cell = &mut row[place as usize];
                match options.output_mode {
                    TextOutput::MultiHot => *cell = 1.0,
                    _ => *cell += 1.0,
                }
            }
            for (cell, weight) in row.iter_mut().zip(&vocabulary.weights) {
                *cell *= weight;
            }
        }
        let size = [rows.len() as i64, width as i64];
        Ok(Tensor::f_from_slice(&all)?.f_reshape(size)?)
    }

    /// The text of some places: words with spaces between them, or characters. Padding is left out;
    /// a place that no word has is an unknown word.
    ///
    /// ```
    /// use labbook_text::{Split, TextVectorization};
    ///
    /// let mut letters = TextVectorization::new().split(Split::Character);
    /// letters.adapt(&["banana"])?;
    /// let places = letters.places("nab")?;
    /// assert_eq!(letters.detokenize(&places), "nab");
    /// # Ok::<(), labbook_text::TextError>(())
    /// ```
    #[must_use]
    pub fn detokenize(&self, places: &[i64]) -> String {
        let words = self.vocabulary();
        let word = |&place: &i64| {
            let word = usize::try_from(place)
                .ok()
                .and_then(|place| words.get(place));
            word.map_or(UNKNOWN, String::as_str)
        };
        let known: Vec<&str> = places
            .iter()
            .map(word)
            .filter(|word| !word.is_empty())
            .collect();
        known.join(match self.options.split {
            Split::Character => "",
            _ => " ",
        })
    }

    /// The places of the words of one text, without padding.
    ///
    /// # Errors
    /// When there is no vocabulary.
    pub fn places(&self, text: &str) -> Result<Vec<i64>> {
        let vocabulary = self.vocabulary.as_ref();
        let vocabulary = vocabulary.ok_or(TextError::NoVocabulary("TextVectorization"))?;
        let words = self.words(text);
        Ok(words.iter().map(|word| vocabulary.place(word)).collect())
    }

    /// Options and vocabulary as JSON.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn to_json(&self) -> Result<String> {
        let vocabulary = self.vocabulary.as_ref();
        let weights = vocabulary.map(|v| v.weights.clone());
        let saved = Saved {
            text_vectorization: self.options.clone(),
            vocabulary: vocabulary.map(|v| v.words.clone()),
            idf_weights: weights.filter(|weights| !weights.is_empty()),
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
            options: saved.text_vectorization,
            vocabulary: None,
        };
        loaded.check()?;
        if let Some(words) = saved.vocabulary {
            loaded.set_weighted(words, saved.idf_weights)?;
        }
        Ok(loaded)
    }

    /// Writes options and vocabulary to a file of JSON, beside and renamed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::files::write(path.as_ref(), &self.to_json()?)
    }

    /// What [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file cannot be read, or tells something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_json(&crate::files::read(path.as_ref())?)
    }
}

/// How many cells a table has, if memory can hold them.
fn table_size(rows: usize, width: usize) -> Result<usize> {
    let size = rows.checked_mul(width).filter(|&size| size <= 1 << 33);
    size.ok_or_else(|| {
        TextError::argument(
            "texts",
            "a table that fits in memory",
            format!("{rows} rows of {width} numbers"),
            "take fewer texts at a time, or a smaller max_tokens",
        )
    })
}

impl Default for TextVectorization {
    fn default() -> Self {
        Self::new()
    }
}
