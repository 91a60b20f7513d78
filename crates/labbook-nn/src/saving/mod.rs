//! Models, weights and trainings in files.

pub(crate) mod archive;
pub(crate) mod beside;
pub(crate) mod checkpoint;
mod file_lock;
pub(crate) mod file_name;
pub(crate) mod keeper;
pub(crate) mod number;
pub(crate) mod opened;
mod run_folder;
pub(crate) mod saved;
mod saved_graph;

pub use file_lock::FileLock;
pub use run_folder::set_run_folder;
