//! Models, weights and trainings in files.

pub(crate) mod archive;
pub(crate) mod checkpoint;
pub(crate) mod keeper;
mod run_folder;
mod saved;
mod saved_graph;

pub use run_folder::set_run_folder;
