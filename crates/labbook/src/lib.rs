//! Deep-learning notebooks in Rust: the one crate that a notebook depends on.
