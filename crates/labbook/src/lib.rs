//! Deep-learning notebooks in Rust: the one crate that a notebook depends on.

pub use {ndarray, plotters, polars, tch};

/// What a notebook's cells use.
pub mod prelude {
    pub use crate::{ndarray, plotters, polars, tch};
}
