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

/// Second word of the command line of a kernel that waits for a notebook, behind the settings; the process that
/// it is meant to outlive for a moment only and the line by which notebooks name the facade follow.
pub const SPARE: &str = "--spare";

/// JupyterLab sets it for its notebooks' kernels. Who runs a notebook once has no use for a second kernel, and
/// must not be the reason that one ends.
pub const SESSION: &str = "JPY_SESSION_NAME";

/// The name under which the stand-in for the compiler of a cell is called.
pub const CELL_RUSTC: &str = "cell-rustc";
