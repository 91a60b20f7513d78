//! Texts and sequences as tensors, as Keras's preprocessing layers make them.
//!
//! ```
//! use labbook_text::TextVectorization;
//!
//! let mut vectorizer = TextVectorization::new();
//! vectorizer.adapt(&["the cat sat", "the dog ran"])?;
//! assert_eq!(vectorizer.vocabulary()[..3], ["", "[UNK]", "the"]);
//! assert_eq!(vectorizer.call(&["the bird", "the cat sat"])?.size(), [2, 3]);
//! # Ok::<(), labbook_text::TextError>(())
//! ```

mod bleu;
mod error;
mod files;
mod pad_sequences;
mod rouge;
mod split;
mod standardize;
mod string_lookup;
mod text_output;
mod text_vectorization;
mod timeseries_windows;
mod tokenizer;
mod train_tokenizer;
mod vocabulary;
mod word_vectors;

pub use bleu::{Bleu, BleuScore};
pub use error::{Result, TextError};
pub use pad_sequences::{PadSequences, Side, pad_sequences};
pub use rouge::{RougeScore, rouge_l, rouge_l_sum, rouge_n};
pub use split::Split;
pub use standardize::Standardize;
pub use string_lookup::StringLookup;
pub use text_output::TextOutput;
pub use text_vectorization::TextVectorization;
pub use timeseries_windows::TimeseriesWindows;
pub use tokenizer::Tokenizer;
pub use train_tokenizer::TrainTokenizer;
pub use word_vectors::WordVectors;
