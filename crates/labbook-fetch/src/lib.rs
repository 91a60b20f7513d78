//! Downloads data sets from their publishers: resumable, verified, never half-written.
//!
//! ```no_run
//! use std::path::Path;
//! use labbook_fetch::{DataSet, Progress};
//!
//! let mnist = DataSet::named("mnist").unwrap();
//! let files = mnist.fetch(Path::new("data"), &mut |progress: Progress| {
//!     eprintln!("{progress}");
//! })?;
//! # Ok::<(), labbook_fetch::FetchError>(())
//! ```
//!
//! This is the only crate that reaches the network; the library prints nothing.

mod address;
mod archive;
mod contents;
mod data_set;
mod download;
mod fetch;
mod fetch_error;
mod options;
mod progress;

pub use contents::Contents;
pub use data_set::DataSet;
pub use fetch::fetch;
pub use fetch_error::FetchError;
pub use options::Options;
pub use progress::Progress;
