//! Data sets that the library knows, one module each, as in `keras.datasets`.

pub mod cifar10;
pub mod cifar100;
pub mod fashion_mnist;
mod glyphs;
mod idx;
mod idx_images;
mod locate;
pub mod mnist;

pub use locate::{DIRECTORY_VARIABLE, locate};
