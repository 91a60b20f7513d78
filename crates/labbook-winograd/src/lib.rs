//! 3x3 convolutions on the CPU with a quarter of the multiplications.
//!
//! Winograd's minimal filtering: tiles of the images and the kernel are taken to the values of
//! polynomials at a few points, where a convolution is one product per point. A tile of 4 x 4
//! outputs takes 36 products per pair of channels instead of 144. The products of all tiles at
//! one point are a matrix product, which is left to libtorch; the transforms are here. The
//! gradients are the transposed computation: the gradient of the output is taken to the points,
//! multiplied by the kernel's values for the input's gradient and by the input's values for the
//! kernel's, and taken back.
//!
//! - [`Convolution`] computes the output and the gradients, or a cropped output where a pool
//!   does not read the last row and column.
//! - [`pays`] tells for which sizes it is faster than libtorch's convolution.
//! - [`release_memory`] gives back the scratch memory that is kept from call to call, as dropping
//!   all convolutions does.
//!
//! Points other than the usual ones (see `points.rs`) keep the rounding errors at the size of
//! those of the direct method.

mod axis;
mod convolution;
mod error;
mod instructions;
mod lanes;
mod matrices;
mod memory;
mod pays;
mod points;
mod tile;
mod transform;

pub use convolution::{Convolution, Gradients, Sizes};
pub use error::{Error, Result};
pub use memory::release_memory;
pub use pays::pays;
pub use tile::Tile;
