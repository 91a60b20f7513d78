//! Downloads the official CIFAR-10 archive: resumable, verified, never half-written.
//!
//! ```no_run
//! use std::path::Path;
//! use labbook_fetch::{Options, Progress, fetch_cifar10};
//!
//! let dir = fetch_cifar10(Path::new("data"), &Options::default(), &mut |progress: Progress| {
//!     eprintln!("{progress}");
//! })?;
//! # Ok::<(), labbook_fetch::FetchError>(())
//! ```
//!
//! This is the only crate that reaches the network; the library prints nothing.

mod address;
mod archive;
mod download;
mod fetch;
mod fetch_error;
mod options;
mod progress;

pub use fetch::fetch_cifar10;
pub use fetch_error::FetchError;
pub use options::Options;
pub use progress::Progress;
