//! Starts the notebook kernel.
//!
//! evcxr compiles every cell as a small crate in a folder of its own. This crate gives each running
//! kernel a private folder (a [`slot`]) that starts as a copy of one warm [template](Settings::template),
//! and stands in for `cargo` inside it ([`front`]), so that a cell's dependencies resolve to the
//! workspace's locked versions and are never compiled twice. It stays the kernel's parent, passes
//! Jupyter's messages on to it, and decides what an interrupt does. A [`tap`] on what cells print
//! tells it what evcxr keeps to itself.

pub mod front;
mod further;
mod interrupt;
pub mod launch;
mod manifest;
mod mark;
mod relay;
pub mod replay;
pub mod slot;
pub mod spare;
pub mod tap;
mod told;
pub mod visible;
mod zmtp;

pub use labbook_kernel_files::{Settings, SettingsError};
