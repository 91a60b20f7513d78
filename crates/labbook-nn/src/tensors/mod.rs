//! What every room needs of tensors: shapes, precision, copies, lists of them.

pub(crate) mod casts;
pub(crate) mod copy;
mod dtype_policy;
mod list;
pub(crate) mod memory;
pub(crate) mod shape;
pub(crate) mod sum;

pub use dtype_policy::{DtypePolicy, bfloat16_is_fast};
pub use list::Tensors;
pub use shape::{Shape, Size2D, Size3D};
