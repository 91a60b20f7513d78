//! Models, weights and trainings in files.

mod archive;
mod beside;
pub(crate) mod checkpoint;
pub(crate) mod file_name;
pub(crate) mod keeper;
pub(crate) mod number;
mod opened;
mod run_folder;
mod saved;
mod saved_graph;

pub use run_folder::set_run_folder;
