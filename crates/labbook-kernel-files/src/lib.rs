//! What the set-up writes for the notebook kernel and the kernel reads.
//!
//! Apart from the kernel, because whoever sets it up waits until this has compiled: no runtime, no
//! procedural macros.

mod settings;
mod skeleton;
mod token;
mod tree;

pub use settings::{Settings, SettingsError};
pub use skeleton::{Docs, mirror, skeleton};
pub use token::{Token, tokens};
pub use tree::link_tree;

/// Name of the file that identifies a build of the template and of the slots made from it.
pub const STAMP: &str = "stamp";

/// The name under which the stand-in for the compiler of a cell is called.
pub const CELL_RUSTC: &str = "cell-rustc";
