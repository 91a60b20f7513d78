//! Keras-like layers, models and training on libtorch.
//!
//! What a model computes follows Keras 2.4: initial weights, losses with penalties, Adam,
//! shuffles, figures per epoch, names, `summary()` and the lines that training prints.
//! Tensors are [`tch::Tensor`]; images have their channels last.
//!
//! ```
//! use labbook_nn::Activation::{Relu, Softmax};
//! use labbook_nn::{Adam, Dense, Fit, Sequential, SparseCategoricalCrossentropy, set_random_seed};
//! use tch::{Device, Kind, Tensor};
//!
//! # fn main() -> labbook_nn::Result<()> {
//! set_random_seed(1);
//! let x = Tensor::rand([64, 2], (Kind::Float, Device::Cpu));
//! let y = x.argmax(-1, false);
//!
//! let mut model = Sequential::new();
//! model.add(Dense::new(8).activation(Relu).input_shape(2));
//! model.add(Dense::new(2).activation(Softmax));
//! model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;
//! let history = model.fit(&x, &y, &Fit::new().epochs(2).batch_size(16).verbose(0))?;
//! assert_eq!(history.keys(), ["loss", "accuracy"]);
//! # Ok(())
//! # }
//! ```

mod activation;
mod activations;
mod adam;
mod allocator;
mod archive;
mod augmentation;
mod augmenter;
mod batches;
mod callback;
mod callbacks;
mod casts;
mod checkpoint;
mod dtype_policy;
mod error;
mod evaluate;
mod fit;
mod history;
mod initializer;
pub mod interrupt;
mod keeper;
mod kernels;
mod layer;
mod layers;
mod learning_rate;
mod learning_rate_multipliers;
mod learning_rate_schedule;
mod logs;
mod loss;
mod metrics;
mod muon;
mod names;
mod optimizer;
mod own_convolutions;
mod pixel_network;
mod predict;
mod progress;
mod random;
mod regularizer;
mod reporter;
mod rmsprop;
mod run_folder;
mod saliency;
mod saved;
mod sequential;
mod sgd;
mod shape;
mod slots;
mod sparse_categorical_crossentropy;
mod summary;
mod test_time_augmentation;
mod training;

pub use activation::Activation;
pub use activations::{ActivationBatches, LayerRange};
pub use adam::Adam;
pub use augmentation::Augmentation;
pub use callback::{Callback, CallbackState, Callbacks, Control};
pub use callbacks::{
    CsvLogger, EarlyStopping, LearningRateScheduler, Lookahead, ModelCheckpoint, MonitorMode,
    ReduceLROnPlateau,
};
pub use dtype_policy::{DtypePolicy, bfloat16_is_fast};
pub use error::{Error, Result};
pub use evaluate::{Evaluate, Evaluation};
pub use fit::Fit;
pub use history::{FitParams, History};
pub use initializer::Initializer;
pub use layer::{BuildContext, Layer, LayerInfo, LayerOptions, Parameter, Phase};
pub use layers::{
    ActivationLayer, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout, Flatten,
    GlobalAveragePooling2D, GlobalMaxPooling2D, LayerConfig, MaxPooling2D, Normalization, Padding,
    Rescaling, Whitening,
};
pub use learning_rate_schedule::LearningRateSchedule;
pub use logs::Logs;
pub use loss::{Loss, LossConfig, Output};
pub use metrics::Metrics;
pub use muon::Muon;
pub use names::clear_session;
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerState};
pub use predict::Predict;
pub use progress::{Progress, Verbosity};
pub use random::set_random_seed;
pub use regularizer::L1L2;
pub use reporter::{ConsoleReporter, Reporter, set_default_reporter};
pub use rmsprop::RMSprop;
pub use run_folder::set_run_folder;
pub use saliency::Explanation;
pub use sequential::Sequential;
pub use sgd::SGD;
pub use shape::{Shape, Size2D};
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;
pub use summary::{Summary, SummaryRow};
pub use test_time_augmentation::TestTimeAugmentation;
