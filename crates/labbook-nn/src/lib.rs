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

pub mod applications;
mod callbacks;
mod custom;
mod data;
mod engine;
mod error;
mod exchange;
mod generation;
mod image_files;
mod images;
pub mod interrupt;
mod layers;
mod losses;
pub mod metrics;
mod model;
mod names;
mod optimizers;
mod panics;
mod protobuf;
mod random;
mod saving;
mod tensors;
mod training;

pub use callbacks::{
    Callback, CallbackState, Callbacks, Control, CsvLogger, EarlyStopping, JsonLogger,
    LearningRateScheduler, Lookahead, MlFlow, ModelCheckpoint, MonitorMode, ReduceLROnPlateau,
    TensorBoard,
};
pub use custom::{CustomConfig, register_layer, register_loss, register_metric};
pub use data::{
    Batch, Batches, Dataset, GeneratorDataset, IntoElement, IntoTensors, Numbers, Order, Pipeline,
    RandomAccess, TensorDataset,
};
pub use error::{Error, Result};
pub use exchange::{ImportedWeights, WeightLayout, WeightMap, WeightMapRow, WeightNames};
pub use generation::{Generate, IntoTokens};
pub use image_files::{
    AspectRatio, ColorMode, ImageFolder, ImageInterpolation, LabelMode,
    image_dataset_from_directory, image_dataset_from_files, load_img, save_img,
};
pub use images::{Augmentation, Explanation, TestTimeAugmentation};
pub use layers::{
    Activation, ActivationLayer, ActivityRegularization, Add, AdditiveAttention, AlphaDropout,
    Attention, Average, AveragePooling1D, AveragePooling2D, AveragePooling3D, BatchNormalization,
    Bidirectional, BuildContext, CategoryEncoding, CenterCrop, Concatenate, Constraint, Conv1D,
    Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, ConvLSTM1D, Cropping1D, Cropping2D,
    CustomInitializer, Dense, DepthwiseConv2D, Discretization, Distribution, Dot, Dropout, ELU,
    Embedding, Factor, FanMode, FeatureSlice, FillMode, Flatten, Flip, GRU, GRUCell,
    GaussianDropout, GaussianNoise, GlobalAveragePooling1D, GlobalAveragePooling2D,
    GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
    GroupNormalization, Initializer, IntegerLookup, Interpolation, L1L2, LSTM, LSTMCell, Layer,
    LayerConfig, LayerInfo, LayerNormalization, LayerOptions, LeakyReLU, Masking, MaxPooling1D,
    MaxPooling2D, MaxPooling3D, Maximum, MergeMode, Minimum, MultiHeadAttention, Multiply,
    Normalization, OrthogonalRegularizer, OutputMode, PReLU, Padding, Parameter, Permute, Phase,
    PositionEmbedding, RNN, RandomBrightness, RandomContrast, RandomFlip, RandomRotation,
    RandomTranslation, RandomZoom, ReLU, RecurrentCell, RecurrentLayer, RecurrentPart, Regularizer,
    RepeatVector, Rescaling, Reshape, Resizing, ScoreMode, SeparableConv2D, Sides1D, Sides2D,
    SimpleRNN, SimpleRNNCell, SinePositionEncoding, Softmax, SpatialDropout1D, SpatialDropout2D,
    StackedRNNCells, StepMemory, StepsSeen, StochasticDepth, Subtract, TimeDistributed,
    TransformerDecoder, TransformerEncoder, UnitNormalization, UpSampling1D, UpSampling2D,
    Whitening, ZeroPadding1D, ZeroPadding2D,
};
pub use losses::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, FocalAlpha, Hinge, Huber,
    KLDivergence, LogCosh, Loss, LossConfig, LossFn, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Output, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge, Targets,
};
pub use metrics::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, F1Score, FBetaScore, LossMetric, MeanIoU,
    Metric, MetricChoice, MetricConfig, MetricFn, Metrics, Perplexity, Precision, R2Score, Recall,
    RootMeanSquaredError, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
};
pub use model::{
    ActivationBatches, Compile, Input, LayerPlace, LayerRange, LossChoice, Losses, Model, Models,
    OptimizerChoice, Sequential, SharedLayer, Summary, SummaryRow, SymbolicTensor, SymbolicTensors,
};
pub use names::clear_session;
pub use optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Ftrl, LearningRateSchedule, Lion, MultiOptimizer, Muon,
    Nadam, Optimizer, OptimizerConfig, OptimizerState, RMSprop, SGD,
};
pub use random::set_random_seed;
pub use saving::{FileLock, set_run_folder};
pub use tensors::{DtypePolicy, Shape, Size2D, Size3D, Tensors, bfloat16_is_fast};
pub use training::{
    ConsoleReporter, CrossValidation, Evaluate, Evaluation, Fit, FitParams, History,
    LearningRateCurve, LearningRateFinder, Logs, Predict, Progress, Reporter, TrainStep,
    TrainingMemory, Verbosity, cross_val_score, set_default_reporter,
};
