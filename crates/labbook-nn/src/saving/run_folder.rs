use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

static FOLDER: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Where trainings with a run name are kept if nobody chose a folder, from the working directory.
const DEFAULT: &str = "runs/unfinished";

/// Chooses the folder in which trainings with a [run name](crate::Fit::run_name) are kept until they
/// end; the default is `runs/unfinished` in the working directory. It is made when it is needed.
pub fn set_run_folder(folder: impl Into<PathBuf>) {
    *FOLDER.write().unwrap_or_else(PoisonError::into_inner) = Some(folder.into());
}

/// The chosen folder, or the default.
pub(crate) fn run_folder() -> PathBuf {
    FOLDER
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
        .unwrap_or_else(|| PathBuf::from(DEFAULT))
}
