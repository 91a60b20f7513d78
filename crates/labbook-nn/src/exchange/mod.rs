//! Weights for and from other libraries.

mod exporting;
mod imported_weights;
mod importing;
mod onnx;
mod orders;
mod pytorch;
pub(crate) mod tensor_file;
mod torch_file;
mod weight_layout;
mod weight_map;

pub use imported_weights::ImportedWeights;
pub use weight_layout::WeightLayout;
pub use weight_map::{WeightMap, WeightMapRow, WeightNames};
