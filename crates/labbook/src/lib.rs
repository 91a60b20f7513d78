//! Deep-learning notebooks in Rust: the one crate that a notebook depends on.
//!
//! A notebook's first cells are
//!
//! ```text
//! :dep labbook = { path = "../crates/labbook" }
//! use labbook::prelude::*;
//! ```
//!
//! after which its cells read like their Keras counterparts. The libraries below are there as
//! themselves too: `tch`, `ndarray`, `polars` and `plotters`.
//!
//! [`paper`] is a guest: it stands beside the prelude, and nothing else here knows of it.

pub use labbook_analysis as analysis;
pub use labbook_charts as charts;
pub use labbook_data as data;
pub use labbook_nn as nn;
pub use labbook_notebook as notebook;
pub use labbook_paper as paper;
pub use labbook_records as records;
pub use labbook_tables as tables;
pub use {ndarray, plotters, polars, tch};

/// What a notebook's cells use.
pub mod prelude {
    pub use crate::{ndarray, plotters, polars, tch};

    pub use labbook_analysis::{
        Average, BootstrapInterval, Calibration, ClassificationReport, ConfusionMatrix,
        KappaWeights, McNemar, Normalize, Pca, PrecisionRecallCurve, RocCurve, Tsne,
        accuracy_score, adjusted_rand_score, average_precision_score, balanced_accuracy_score,
        bootstrap_interval, brier_score_loss, classification_report, cohen_kappa_score,
        explained_variance_score, f1_score, log_loss, matthews_corrcoef, mean_absolute_error,
        mean_absolute_percentage_error, mean_squared_error, normalized_mutual_info_score,
        precision_score, r2_score, recall_score, roc_auc_score, root_mean_squared_error,
        silhouette_score, top_k_accuracy_score,
    };
    pub use labbook_charts::{
        BarChart, ColorMap, FeatureMaps, Figure, FilterGrid, ImageGrid, LabelledScatter, LineChart,
        MatrixPlot, ModelPlot, Palette, PrecisionRecallPlot, ReliabilityDiagram, RocPlot,
        ScatterPlot, ThumbnailMap, draw, hls_palette, panels, px, side_by_side,
    };
    pub use labbook_data::{
        ImageSet, ImageSets, KFold, Provenance, Rows, StratifiedKFold, TrainTestSplit, datasets,
        train_test_split,
    };
    pub use labbook_nn::Activation::{
        Elu, Gelu, LeakyRelu, Linear, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh,
    };
    // a merging layer; its own name is here how scores are averaged
    pub use labbook_nn::Average as AverageLayer;
    pub use labbook_nn::{
        AUC, Accuracy, ActivationLayer, Adam, Add, Augmentation, AveragePooling2D,
        BatchNormalization, BinaryAccuracy, BinaryCrossentropy, BinaryFocalCrossentropy, Callback,
        CategoricalAccuracy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
        CategoricalHinge, Compile, Concatenate, Control, Conv2D, CosineSimilarity, CsvLogger,
        Dataset, Dense, Dot, Dropout, DtypePolicy, EarlyStopping, Evaluate, F1Score, FBetaScore,
        Fit, Flatten, GeneratorDataset, GlobalAveragePooling2D, GlobalMaxPooling2D, Hinge, History,
        Huber, Initializer, Input, KLDivergence, L1L2, LearningRateSchedule, LearningRateScheduler,
        LogCosh, Logs, Lookahead, LossFn, MaxPooling2D, Maximum, MeanAbsoluteError,
        MeanAbsolutePercentageError, MeanIoU, MeanSquaredError, MeanSquaredLogarithmicError,
        MetricFn, Metrics, Minimum, Model, ModelCheckpoint, MonitorMode, Multiply, Muon,
        Normalization, Padding, Poisson, Precision, Predict, R2Score, RMSprop, Recall,
        ReduceLROnPlateau, Rescaling, RootMeanSquaredError, SGD, Sequential, SharedLayer,
        SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy,
        SquaredHinge, Subtract, TensorDataset, TestTimeAugmentation, TopKCategoricalAccuracy,
        Whitening, bfloat16_is_fast, clear_session, metrics, set_random_seed,
    };
    pub use labbook_notebook::{
        HistoryFrame, NotebookDisplay, Render, Session, Table, Trials, Versions, calibration_curve,
        column_of, confusion_matrix, feature_maps, frame_of, mistakes, neighbor_matrix,
        plot_calibration, plot_confusion_matrices, plot_confusion_matrix, plot_explained_variance,
        plot_filters, plot_history, plot_model, plot_precision_recall, plot_precision_recall_curve,
        plot_roc, precision_recall_curve, prediction_table, print_progress, roc_curve, row,
        scatter, show, show_grad_cam, show_largest_losses, show_most_confused,
        show_random_examples, show_saliency, stack, thumbnails,
    };
    pub use labbook_records::{RunRecord, Runs};
    pub use labbook_tables::{Fill, ReadCsv, TablePreprocessor, read_csv};
}
