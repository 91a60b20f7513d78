use std::collections::BTreeSet;

use tokenizers::decoders::byte_level::ByteLevel as ByteLevelDecoder;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Tokenizer as Inner, Trainer,
};

use crate::tokenizer::caught;
use crate::{Result, TextError, Tokenizer};

/// What fills rows up, and what no piece stands for.
pub(crate) const PADDING: &str = "[PAD]";
const UNKNOWN: &str = "[UNK]";

/// What pieces that go on a word begin with.
const GOES_ON: &str = "##";

/// How a [`Tokenizer`] learns its pieces: what [`Tokenizer::bpe`] and [`Tokenizer::word_piece`] give.
///
/// ```
/// use labbook_text::Tokenizer;
///
/// let learning = Tokenizer::word_piece(40).special_tokens(["[CLS]"]).min_frequency(2);
/// let tokenizer = learning.train(&["golden corn", "golden coins"])?;
/// assert_eq!(tokenizer.token_to_id("[CLS]"), Some(2));
/// assert!(tokenizer.tokenize("golden")?.len() < 6);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainTokenizer {
    kind: Kind,
    vocab_size: usize,
    min_frequency: u64,
    special_tokens: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bytes,
    Words,
}

impl TrainTokenizer {
    pub(crate) fn new(kind: Kind, vocab_size: usize) -> Self {
        Self {
            kind,
            vocab_size,
            min_frequency: 0,
            special_tokens: Vec::new(),
        }
    }

    /// Sets how often two pieces have to stand side by side to become one; the default is at all.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn min_frequency(mut self, min_frequency: u64) -> Self {
        self.min_frequency = min_frequency;
        self
    }

    /// Adds pieces that are never divided and that decoding leaves out, behind `[PAD]` and `[UNK]`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn special_tokens<S: Into<String>>(mut self, tokens: impl IntoIterator<Item = S>) -> Self {
        self.special_tokens
            .extend(tokens.into_iter().map(Into::into));
        self
    }

    /// Learns the pieces of texts; the same texts give the same pieces.
    ///
    /// # Errors
    /// When there is no room for the pieces that are always there, or the texts have no letters.
    pub fn train<S: AsRef<str>>(&self, texts: &[S]) -> Result<Tokenizer> {
        let special = [PADDING, UNKNOWN].map(str::to_owned);
        let special = [&special, self.special_tokens.as_slice()].concat();
        let least = special.len()
            + match self.kind {
                Kind::Bytes => ByteLevel::alphabet().len(),
                Kind::Words => 1,
            };
        if self.vocab_size < least {
            return Err(TextError::argument(
                "vocab_size",
                format!("at least {least}, for special pieces and those that are always there"),
                self.vocab_size,
                "8000 is usual for a small corpus",
            ));
        }
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        if texts.iter().all(|text| text.trim().is_empty()) {
            return Err(TextError::argument(
                "texts",
                "at least one with letters",
                format!("{} empty ones", texts.len()),
                "are the texts read?",
            ));
        }
        Tokenizer::of(caught(|| self.learn(&texts, &special))?)
    }

    fn learn(&self, texts: &[&str], special: &[String]) -> tokenizers::Result<Inner> {
        let mut inner = Inner::new(BPE::default());
        match self.kind {
            Kind::Bytes => {
                inner.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
                inner.with_decoder(Some(ByteLevelDecoder::default()));
            }
            Kind::Words => {
                inner.with_normalizer(Some(BertNormalizer::default()));
                inner.with_pre_tokenizer(Some(BertPreTokenizer));
                inner.with_decoder(Some(WordPieceDecoder::default()));
            }
        }
        let mut first = special.to_vec();
        let trainer = BpeTrainer::builder()
            .vocab_size(self.vocab_size)
            .min_frequency(self.min_frequency)
            .show_progress(false);
        let trainer = match self.kind {
            Kind::Bytes => trainer.initial_alphabet(ByteLevel::alphabet().into_iter().collect()),
            Kind::Words => {
                // The crate numbers these as it meets them in a map, in another order each time.
                first.extend(letters_that_go_on(&inner, texts)?);
                trainer.continuing_subword_prefix(GOES_ON.to_owned())
            }
        };
        let mut trainer = trainer.special_tokens(added(&first)).build();
        trainer.feed(texts.iter(), |text| words(&inner, text))?;
        let mut pieces = BPE::default();
        trainer.train(&mut pieces)?;
        match self.kind {
            Kind::Bytes => inner.with_model(pieces),
            Kind::Words => inner.with_model(WordPiece::from_bpe(&pieces)),
        };
        inner.add_special_tokens(&added(special));
        Ok(inner)
    }
}

fn added(tokens: &[String]) -> Vec<AddedToken> {
    let tokens = tokens.iter();
    tokens
        .map(|token| AddedToken::from(token.clone(), true))
        .collect()
}

/// What a text is divided into before there are pieces.
fn words(inner: &Inner, text: &str) -> tokenizers::Result<Vec<String>> {
    let mut text = NormalizedString::from(text);
    if let Some(normalizer) = inner.get_normalizer() {
        normalizer.normalize(&mut text)?;
    }
    let mut divided = PreTokenizedString::from(text);
    if let Some(pre_tokenizer) = inner.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut divided)?;
    }
    let words = divided.get_splits(OffsetReferential::Normalized, OffsetType::None);
    Ok(words
        .into_iter()
        .map(|(word, ..)| word.to_owned())
        .collect())
}

/// All letters that stand behind another one in a word, in their order.
fn letters_that_go_on(inner: &Inner, texts: &[&str]) -> tokenizers::Result<Vec<String>> {
    let mut letters = BTreeSet::new();
    for text in texts {
        for word in words(inner, text)? {
            letters.extend(word.chars().skip(1));
        }
    }
    let letters = letters.into_iter();
    Ok(letters.map(|letter| format!("{GOES_ON}{letter}")).collect())
}
