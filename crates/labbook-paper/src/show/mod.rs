//! How the paper's values look in a notebook.

mod beyond;
mod experiments;
mod record;
mod results;

pub use beyond::plot_efficiency;
pub use results::{Results, plot_results};
