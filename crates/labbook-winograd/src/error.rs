use tch::TchError;

/// Why a convolution could not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has another shape, kind or device than the convolution that it was given to.
    #[error("{what}: expected {expected}, received {received}; {hint}")]
    Mismatch {
        /// The tensor, by its name in the signature.
        what: &'static str,
        /// What the convolution needs.
        expected: String,
        /// What was given.
        received: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The sizes do not describe a convolution.
    #[error("expected {expected}, received {received}; {hint}")]
    Size {
        /// What would do.
        expected: &'static str,
        /// What was given.
        received: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// libtorch refused an operation.
    #[error(transparent)]
    Torch(#[from] TchError),
}

/// The result of a function of this crate.
pub type Result<T> = std::result::Result<T, Error>;
