//! Layers joined to a network: the graph, its summary, what its layers put out.

mod activations;
mod assets;
mod attention;
pub(crate) mod compiled;
mod description;
mod forward;
mod freezing;
pub(crate) mod graph;
mod joined;
#[expect(clippy::module_inception, reason = "the file of the type Model")]
pub(crate) mod model;
mod sequential;
pub(crate) mod shared_layer;
mod summary;
pub(crate) mod symbolic_tensor;
mod symbols;
mod weights;

pub use activations::{ActivationBatches, LayerRange};
pub use compiled::{Compile, LossChoice, Losses, OptimizerChoice};
pub use freezing::LayerPlace;
pub use joined::Models;
pub use model::Model;
pub use sequential::Sequential;
pub use shared_layer::SharedLayer;
pub use summary::{Summary, SummaryRow};
pub use symbolic_tensor::{Input, SymbolicTensor, SymbolicTensors};
