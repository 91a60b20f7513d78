/// A result whose error is a [`TextError`].
pub type Result<T, E = TextError> = std::result::Result<T, E>;

/// What can go wrong on the way from texts to tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// An option or an argument does not fit.
    #[error("{argument}: expected {expected}, received {received}; {advice}")]
    Argument {
        /// Which one.
        argument: String,
        /// What would fit.
        expected: String,
        /// What was given.
        received: String,
        /// What to do.
        advice: String,
    },
    /// Texts are to be encoded before there is a vocabulary.
    #[error(
        "{0}: expected a vocabulary, received none; learn one with adapt(&texts), or give it with \
         vocabulary([..])"
    )]
    NoVocabulary(&'static str),
    /// JSON that does not tell a vocabulary.
    #[error("{0}: expected what its to_json() gave; save it again")]
    Json(String),
    /// A tokenizer cannot be learned, or refuses a text.
    #[error(
        "tokenizer: {0}; learn one with Tokenizer::bpe(8000).train(&texts), or load the file of another"
    )]
    Tokenizer(String),
    /// A file cannot be read or written.
    #[error("{path}: {message}; look at the path and its permissions")]
    File {
        /// Where it is.
        path: String,
        /// What the system says.
        message: String,
    },
    /// libtorch refuses.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl TextError {
    pub(crate) fn argument(
        argument: &str,
        expected: impl Into<String>,
        received: impl ToString,
        advice: &str,
    ) -> Self {
        Self::Argument {
            argument: argument.to_owned(),
            expected: expected.into(),
            received: received.to_string(),
            advice: advice.to_owned(),
        }
    }
}
