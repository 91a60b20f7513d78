//! How gradients change weights.

mod adam;
mod learning_rate;
mod learning_rate_multipliers;
mod learning_rate_schedule;
mod muon;
mod optimizer;
mod rmsprop;
mod sgd;
mod slots;

pub use adam::Adam;
pub use learning_rate_schedule::LearningRateSchedule;
pub use muon::Muon;
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerState};
pub use rmsprop::RMSprop;
pub use sgd::SGD;
