use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tch::{Kind, Tensor};
use tokenizers::Tokenizer as Inner;

use crate::files;
use crate::train_tokenizer::{Kind as Pieces, PADDING, TrainTokenizer};
use crate::{PadSequences, Result, Side, TextError, pad_sequences};

/// Texts as pieces of words, learned from texts or loaded from a file of Hugging Face's `tokenizers`.
///
/// The crate of that name does it, so that files are those of the Python package: `tokenizer.json`.
/// What is learned here fills rows up with the piece `[PAD]`, number 0.
///
/// ```
/// use labbook_text::Tokenizer;
///
/// let texts = ["low lower lowest", "new newer newest"];
/// let tokenizer = Tokenizer::bpe(280).train(&texts)?;
/// let ids = tokenizer.encode_batch(&["lower", "new lowest"], 8)?;
/// assert_eq!(ids.size(), [2, 8]);
/// assert_eq!(tokenizer.decode_batch(&ids)?, ["lower", "new lowest"]);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Clone)]
pub struct Tokenizer {
    inner: Inner,
    size: i64,
    padding: i64,
}

impl Tokenizer {
    /// Byte-pair encoding of bytes, as GPT-2's (Radford et al. 2019): every text has its pieces, and
    /// decoding gives it back to the letter. At least 258 pieces, the bytes and two special ones.
    #[must_use]
    pub fn bpe(vocab_size: usize) -> TrainTokenizer {
        TrainTokenizer::new(Pieces::Bytes, vocab_size)
    }

    /// Pieces of words in small letters, as BERT's (Devlin et al. 2019): those that go on a word begin
    /// with `##`, and a word with a letter that was never seen is `[UNK]`. All letters are pieces,
    /// even if there are more than `vocab_size`.
    #[must_use]
    pub fn word_piece(vocab_size: usize) -> TrainTokenizer {
        TrainTokenizer::new(Pieces::Words, vocab_size)
    }

    pub(crate) fn of(mut inner: Inner) -> Result<Self> {
        // Rows have the length that is asked for here.
        let padding = inner.get_padding().map(|padding| padding.pad_id);
        inner.with_padding(None);
        inner.with_truncation(None).map_err(failed)?;
        let named = [PADDING, "<pad>", "<|endoftext|>"];
        let named = named.iter().find_map(|token| inner.token_to_id(token));
        let largest = inner.get_vocab(true).into_values().max();
        Ok(Self {
            size: largest.map_or(0, |id| i64::from(id) + 1),
            padding: padding.or(named).map_or(0, i64::from),
            inner,
        })
    }

    /// How many numbers there are: what an embedding has to have rows for.
    #[must_use]
    pub fn vocabulary_size(&self) -> i64 {
        self.size
    }

    /// The number that fills rows up: the file's, or that of `[PAD]`, `<pad>` or `<|endoftext|>`, or 0.
    #[must_use]
    pub fn padding(&self) -> i64 {
        self.padding
    }

    /// A piece's number.
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<i64> {
        self.inner.token_to_id(token).map(i64::from)
    }

    /// The piece of a number.
    #[must_use]
    pub fn id_to_token(&self, id: i64) -> Option<String> {
        let id = u32::try_from(id).ok()?;
        self.inner.id_to_token(id)
    }

    /// The pieces of a text, with those that the file's template adds (`[CLS]` and the like).
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>> {
        // The fast way leaves the pieces' texts out.
        let encoding = caught(|| self.inner.encode(text, true))?;
        Ok(encoding.get_tokens().to_vec())
    }

    /// The numbers of a text's pieces, such as the prompt of a model that writes.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let encoding = caught(|| self.inner.encode_fast(text, true))?;
        Ok(encoding.get_ids().iter().copied().map(i64::from).collect())
    }

    /// The numbers of some texts' pieces, `i64` (N, length): cut behind where a text is longer, filled
    /// up behind with [`padding`](Self::padding) where it is shorter.
    ///
    /// # Errors
    /// When the length is 0, the table does not fit in memory, or the model refuses a text.
    pub fn encode_batch<S: AsRef<str>>(&self, texts: &[S], length: usize) -> Result<Tensor> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let encodings = caught(|| self.inner.encode_batch_fast(texts, true))?;
        let rows = encodings.iter().map(|encoding| {
            let ids = encoding.get_ids().iter();
            ids.take(length).copied().map(i64::from).collect()
        });
        let rows: Vec<Vec<i64>> = rows.collect();
        let options = PadSequences::new().maxlen(length).value(self.padding);
        pad_sequences(&rows, &options.padding(Side::Post))
    }

    /// The text of some numbers, without special pieces and what fills up behind.
    ///
    /// # Errors
    /// When a number is outside the vocabulary.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let filled = ids.iter().rev().take_while(|id| **id == self.padding);
        let kept = &ids[..ids.len() - filled.count()];
        if let Some(wrong) = kept.iter().find(|id| !(0..self.size).contains(*id)) {
            return Err(TextError::argument(
                "ids",
                format!("numbers from 0 to {}", self.size - 1),
                wrong,
                "give what encode gave, or a model wrote that has as many outputs",
            ));
        }
        let kept: Vec<u32> = kept.iter().map(|id| *id as u32).collect();
        caught(|| self.inner.decode(&kept, true))
    }

    /// The text of each row of numbers (N, length), as [`decode`](Self::decode) gives it.
    ///
    /// # Errors
    /// When the tensor has another shape or no whole numbers, or a number is outside the vocabulary.
    pub fn decode_batch(&self, ids: &Tensor) -> Result<Vec<String>> {
        let kind = ids.f_kind()?;
        let whole = [Kind::Int64, Kind::Int, Kind::Int16, Kind::Int8, Kind::Uint8];
        if ids.dim() != 2 || !whole.contains(&kind) {
            return Err(TextError::argument(
                "ids",
                "whole numbers of shape (N, length)",
                format!("{kind:?} of shape {:?}", ids.size()),
                "give what encode_batch gave, or one row to decode",
            ));
        }
        let (rows, width) = (ids.size()[0] as usize, ids.size()[1] as usize);
        let numbers = Vec::<i64>::try_from(ids.f_to_kind(Kind::Int64)?.f_flatten(0, -1)?)?;
        let row = |row: usize| &numbers[row * width..(row + 1) * width];
        (0..rows).map(|index| self.decode(row(index))).collect()
    }

    /// The text of a `tokenizer.json`, without lengths to cut and fill up to.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn to_json(&self) -> Result<String> {
        self.inner.to_string(true).map_err(failed)
    }

    /// The tokenizer that a `tokenizer.json` tells.
    ///
    /// # Errors
    /// When the text tells something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let inner = caught(|| Inner::from_bytes(text)).map_err(|error| {
            let told: String = error.to_string().chars().take(300).collect();
            TextError::argument(
                "tokenizer.json",
                "a tokenizer as Hugging Face's tokenizers save it",
                told,
                "save it again with tokenizer.save(path), here or in Python",
            )
        })?;
        Self::of(inner)
    }

    /// Writes a `tokenizer.json`, beside and renamed; Python reads it with
    /// `Tokenizer.from_file(path)`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path.as_ref(), &self.to_json()?)
    }

    /// Reads a `tokenizer.json`: what [`save`](Self::save) wrote, or one of Hugging Face's models.
    ///
    /// # Errors
    /// When the file cannot be read, or tells something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_json(&files::read(path.as_ref())?)
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocabulary_size", &self.size)
            .field("padding", &self.padding)
            .finish_non_exhaustive()
    }
}

/// What the crate behind it says.
pub(crate) fn failed(error: tokenizers::Error) -> TextError {
    TextError::Tokenizer(error.to_string())
}

/// What the crate behind it gives; it panics at files that tell what cannot be.
pub(crate) fn caught<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(TextError::Tokenizer("it tells what cannot be".to_owned())),
    }
}
