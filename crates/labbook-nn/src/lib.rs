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

mod callbacks;
mod data;
mod engine;
mod error;
mod exchange;
mod image_files;
mod images;
pub mod interrupt;
mod layers;
mod losses;
pub mod metrics;
mod model;
mod names;
mod optimizers;
mod random;
mod saving;
mod tensors;
mod training;

pub use callbacks::{
    Callback, CallbackState, Callbacks, Control, CsvLogger, EarlyStopping, LearningRateScheduler,
    Lookahead, ModelCheckpoint, MonitorMode, ReduceLROnPlateau,
};
pub use data::{
    Batch, Batches, Dataset, GeneratorDataset, IntoElement, IntoTensors, Numbers, Order, Pipeline,
    RandomAccess, TensorDataset,
};
pub use error::{Error, Result};
pub use exchange::{ImportedWeights, WeightLayout, WeightMap, WeightMapRow, WeightNames};
pub use image_files::{
    AspectRatio, ColorMode, ImageFolder, ImageInterpolation, LabelMode, image_dataset_from_directory,
    image_dataset_from_files, load_img,
};
pub use images::{Augmentation, Explanation, TestTimeAugmentation};
pub use layers::{
    Activation, ActivationLayer, Add, Average, AveragePooling2D, BatchNormalization, BuildContext,
    Concatenate, Conv2D, Dense, Dot, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D,
    Initializer, L1L2, Layer, LayerConfig, LayerInfo, LayerOptions, MaxPooling2D, Maximum, Minimum,
    Multiply, Normalization, Padding, Parameter, Phase, Rescaling, Subtract, Whitening,
};
pub use losses::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, FocalAlpha, Hinge, Huber,
    KLDivergence, LogCosh, Loss, LossConfig, LossFn, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Output, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge, Targets,
};
pub use metrics::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, F1Score, FBetaScore, LossMetric, MeanIoU,
    Metric, MetricChoice, MetricConfig, MetricFn, Metrics, Precision, R2Score, Recall,
    RootMeanSquaredError, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
};
pub use model::{
    ActivationBatches, Compile, Input, LayerRange, LossChoice, Losses, Model, OptimizerChoice,
    Sequential, SharedLayer, Summary, SummaryRow, SymbolicTensor, SymbolicTensors,
};
pub use names::clear_session;
pub use optimizers::{
    Adam, LearningRateSchedule, Muon, Optimizer, OptimizerConfig, OptimizerState, RMSprop, SGD,
};
pub use random::set_random_seed;
pub use saving::set_run_folder;
pub use tensors::{DtypePolicy, Shape, Size2D, Tensors, bfloat16_is_fast};
pub use training::{
    ConsoleReporter, CrossValidation, Evaluate, Evaluation, Fit, FitParams, History, Logs, Predict,
    Progress, Reporter, Verbosity, cross_val_score, set_default_reporter,
};
