//! 3x3 convolutions on the CPU with fewer multiplications, by Winograd's minimal filtering.

mod axis;
mod convolution;
mod error;
mod instructions;
mod lanes;
mod matrices;
mod memory;
mod points;
mod tile;
mod transform;

pub use convolution::{Convolution, Gradients, Sizes};
pub use error::{Error, Result};
pub use memory::release_memory;
pub use tile::Tile;
