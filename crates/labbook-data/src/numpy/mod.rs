//! NumPy's files: arrays in `.npy`, and several of them by name in `.npz`.

mod header;
mod npy;
mod npz;
mod numbers;
mod numpy_array;
mod to_numpy;

pub use npy::{read_npy, write_npy};
pub use npz::{NumpyArrays, read_npz, write_npz};
pub use numpy_array::NumpyArray;
pub use to_numpy::ToNumpy;
