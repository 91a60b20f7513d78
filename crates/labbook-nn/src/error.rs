use std::io::ErrorKind;
use std::path::Path;

use tch::TchError;

/// What went wrong while describing, building, training or asking a model.
///
/// Every message says what was expected, what was received and what to do.
///
/// ```
/// use labbook_nn::{Dense, Error, Sequential};
///
/// let mut model = Sequential::new();
/// model.add(Dense::new(0).name("wrong").input_shape(2));
/// let error = model.summary().unwrap_err();
/// assert!(matches!(error, Error::Layer { .. }));
/// assert!(error.to_string().contains("expected at least 1 unit, received 0"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer was given an option or an input shape that it cannot work with.
    #[error("layer {layer} ({class_name}): expected {expected}, received {received}; {advice}")]
    Layer {
        /// Name of the layer.
        layer: String,
        /// Class of the layer, such as `Conv2D`.
        class_name: String,
        /// What the layer needs.
        expected: String,
        /// What it was given.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// The model has no layers.
    #[error(
        "model {model}: expected at least one layer, received none; \
         add one first, for instance model.add(Dense::new(10))"
    )]
    NoLayers {
        /// Name of the model.
        model: String,
    },
    /// Two layers of one model have the same name.
    #[error(
        "model {model}: expected layer names that differ, received {layer} twice; \
         choose another with .name(..)"
    )]
    DuplicateLayer {
        /// Name of the model.
        model: String,
        /// The name met twice.
        layer: String,
    },
    /// The model does not know its input shape yet, so it has no weights.
    #[error(
        "model {model}: expected a built model, received one without an input shape; \
         give the first layer .input_shape(..), or call build(..) or fit(..) first"
    )]
    NotBuilt {
        /// Name of the model.
        model: String,
    },
    /// Training or evaluation needs an optimizer and a loss.
    #[error(
        "model {model}: expected a compiled model, received one without optimizer and loss; call \
         compile(Adam::new(), SparseCategoricalCrossentropy::new(), [\"accuracy\"]) \
         after adding the last layer"
    )]
    NotCompiled {
        /// Name of the model.
        model: String,
    },
    /// A tensor of images, features or labels does not fit.
    #[error("{argument}: expected {expected}, received {received}; {advice}")]
    Data {
        /// Which argument, such as `x` or `validation y`.
        argument: String,
        /// What the model needs.
        expected: String,
        /// What it was given.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// A stage of a [`Dataset`](crate::Dataset) failed on one of its elements.
    #[error("data set: {stage}, element {element}: {cause}")]
    Dataset {
        /// The stage, such as `map` or `batch(32)`.
        stage: String,
        /// The element among those that came to this stage in the epoch, counted from 0.
        element: u64,
        /// What went wrong with it.
        cause: Box<Error>,
    },
    /// An option of `compile`, `fit`, `evaluate` or an optimizer is outside its range.
    #[error("{option}: expected {expected}, received {received}; {advice}")]
    Option {
        /// Name of the option.
        option: String,
        /// What it may be.
        expected: String,
        /// What it was.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// Weights or optimizer slots do not match the model.
    #[error("weights: expected {expected}, received {received}; {advice}")]
    Weights {
        /// What the model has.
        expected: String,
        /// What it was given.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// No layer of the model has this name.
    #[error("layer: expected one of {known}, received {name}; see model.summary()")]
    UnknownLayer {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Somebody asked the process to stop what it computes; see [`interrupt`](crate::interrupt).
    #[error("{work} was interrupted; call it again to compute it anew")]
    Interrupted {
        /// What was being computed, such as `evaluate`.
        work: String,
    },
    /// A callback ended the training with an error.
    #[error("callback: {message}")]
    Callback {
        /// The callback's words.
        message: String,
    },
    /// A file is not what it has to be.
    #[error("{path}: expected {expected}, received {received}; {advice}")]
    File {
        /// The file.
        path: String,
        /// What it has to hold.
        expected: String,
        /// What it holds.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// The system refused to read or write a file.
    #[error("cannot {action} {path}: {message}; {advice}")]
    Io {
        /// The file.
        path: String,
        /// What was to be done with it, such as `open`.
        action: String,
        /// The system's words.
        message: String,
        /// What to do about it.
        advice: String,
    },
    /// libtorch refused an operation, most often for lack of memory.
    #[error("libtorch could not compute {operation}: {message}")]
    Torch {
        /// What was being computed.
        operation: String,
        /// First line of libtorch's message.
        message: String,
    },
}

/// The result of this crate's fallible calls.
///
/// ```
/// use labbook_nn::{Dense, Result, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// fn weights(units: i64) -> Result<i64> {
///     let mut model = Sequential::new();
///     model.add(Dense::new(units).input_shape(2));
///     model.count_params()
/// }
///
/// assert_eq!(weights(4)?, 12);
/// # Ok(())
/// # }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn data(
        argument: &str,
        expected: impl Into<String>,
        received: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::Data {
            argument: argument.to_owned(),
            expected: expected.into(),
            received: received.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn option(
        option: &str,
        expected: impl Into<String>,
        received: impl ToString,
        advice: impl Into<String>,
    ) -> Self {
        Self::Option {
            option: option.to_owned(),
            expected: expected.into(),
            received: received.to_string(),
            advice: advice.into(),
        }
    }

    pub(crate) fn weights(
        expected: impl Into<String>,
        received: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::Weights {
            expected: expected.into(),
            received: received.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn file(
        path: &Path,
        expected: impl Into<String>,
        received: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::File {
            path: path.display().to_string(),
            expected: expected.into(),
            received: received.into(),
            advice: advice.into(),
        }
    }

    /// Names the layer in an error of libtorch; leaves the other errors as they are.
    pub(crate) fn within(self, place: &str) -> Self {
        match self {
            Self::Torch { operation, message } if operation == UNNAMED_OPERATION => Self::Torch {
                operation: place.to_owned(),
                message,
            },
            other => other,
        }
    }
}

/// The system's refusal to do something with a file.
pub(crate) fn cannot(action: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        action: action.to_owned(),
        message: error.to_string(),
        advice: advice(error.kind()).to_owned(),
    }
}

/// What to do when the system refuses.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room there, or choose a folder on another disk"
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "choose a folder that you may write to, or ask for access"
        }
        ErrorKind::NotFound => "check the name, also against the working directory",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            "choose a name of a file in a folder"
        }
        _ => "try again, or choose a folder on another disk",
    }
}

const UNNAMED_OPERATION: &str = "a tensor operation";

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        // libtorch appends its C++ call stack, which tells a reader nothing.
        let message = match error {
            TchError::Torch(text) => text,
            other => other.to_string(),
        };
        Self::Torch {
            operation: UNNAMED_OPERATION.to_owned(),
            message: message.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_system_comes_with_advice() {
        let told = |kind: ErrorKind| {
            let error = cannot("write", Path::new("/a/b"), &kind.into());
            error.to_string()
        };
        assert!(
            told(ErrorKind::StorageFull)
                .ends_with("; make room there, or choose a folder on another disk")
        );
        assert!(told(ErrorKind::ReadOnlyFilesystem).contains("you may write to"));
        assert!(told(ErrorKind::NotFound).contains("check the name"));
    }

    #[test]
    fn a_libtorch_error_keeps_its_first_line_and_names_the_place() {
        let error = Error::from(TchError::Torch("out of memory\nframe #0: c10".into()))
            .within("layer conv2d");
        assert_eq!(
            error.to_string(),
            "libtorch could not compute layer conv2d: out of memory"
        );
        assert_eq!(error.clone().within("elsewhere"), error);
    }
}
