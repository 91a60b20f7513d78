//! How values look in a notebook.
//!
//! A value that a notebook shows implements [`Render`]: HTML, plain text and, for figures, a PNG.
//! [`NotebookDisplay`] turns that into what the kernel reads when such a value ends a cell. Nothing
//! below this crate knows of notebooks.

mod array;
mod error;
mod frame;
mod history;
mod html;
mod interrupt;
mod layout;
mod matrix;
mod output;
mod prediction_table;
mod random_examples;
mod record;
mod render;
mod results;
mod session;
mod table;
mod values;
mod versions;

pub use array::format_array;
pub use error::NotebookError;
pub use history::{HistoryFrame, plot_history};
pub use html::escape;
pub use labbook_experiments::Scale;
pub use layout::{Row, Stack, row, stack};
pub use matrix::{confusion_matrix, plot_confusion_matrices, plot_confusion_matrix};
pub use output::NotebookDisplay;
pub use prediction_table::prediction_table;
pub use random_examples::show_random_examples;
pub use render::Render;
pub use results::{Results, plot_results};
pub use session::Session;
pub use table::{Align, Cell, Table};
pub use versions::Versions;
