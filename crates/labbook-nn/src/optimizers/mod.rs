//! How gradients change weights.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod ftrl;
mod learning_rate;
mod learning_rate_multipliers;
mod learning_rate_schedule;
mod lion;
mod multi_optimizer;
mod muon;
mod nadam;
mod optimizer;
#[cfg(test)]
mod parity;
mod rmsprop;
mod ruled;
mod sgd;
mod shared_options;
mod slots;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use ftrl::Ftrl;
pub use learning_rate_schedule::LearningRateSchedule;
pub use lion::Lion;
pub use multi_optimizer::MultiOptimizer;
pub use muon::Muon;
pub use nadam::Nadam;
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerState};
pub use rmsprop::RMSprop;
pub use sgd::SGD;
