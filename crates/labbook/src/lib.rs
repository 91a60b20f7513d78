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
pub use labbook_study as study;
pub use labbook_tables as tables;
pub use labbook_text as text;
pub use {ndarray, plotters, polars, tch};

/// Data sets known by their names: images, tables and labelled texts.
pub mod datasets {
    pub use labbook_data::datasets::*;
    pub use labbook_tables::datasets::*;
}

/// What a notebook's cells use.
pub mod prelude {
    pub use crate::{datasets, ndarray, nn, plotters, polars, tch};

    pub use labbook_analysis::{
        Average, BootstrapInterval, Calibration, ClassificationReport, ConfusionMatrix,
        IncrementalPca, KappaWeights, McNemar, Normalize, Pacmap, Pca, PrecisionRecallCurve,
        RocCurve, Tsne, Umap, accuracy_score, adjusted_rand_score, average_precision_score,
        balanced_accuracy_score, bootstrap_interval, brier_score_loss, classification_report,
        cohen_kappa_score, explained_variance_score, f1_score, log_loss, matthews_corrcoef,
        mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
        normalized_mutual_info_score, precision_score, r2_score, recall_score, roc_auc_score,
        root_mean_squared_error, silhouette_score, top_k_accuracy_score,
    };
    // models to compare networks with
    pub use labbook_analysis::{
        Hdbscan, KMeans, KNeighborsClassifier, KNeighborsRegressor, LinearRegression,
        LogisticRegression, RandomForestClassifier, RandomForestRegressor,
    };
    pub use labbook_charts::{
        AttentionMap, BarChart, BarPlot, BoxPlot, ColorMap, ColumnScatter, Columns, CountPlot,
        FeatureMaps, Figure, FilterGrid, HeatMap, Histogram, ImageGrid, LabelledScatter, LineChart,
        MatrixPlot, ModelPlot, PairPlot, Palette, ParallelCoordinates, PrecisionRecallPlot,
        ReliabilityDiagram, RocPlot, ScatterPlot, ThumbnailMap, ViolinPlot, XyChart, draw,
        hls_palette, panels, px, side_by_side,
    };
    pub use labbook_data::{
        ImageSet, ImageSets, KFold, Provenance, Rows, StratifiedKFold, TrainTestSplit,
        train_test_split,
    };
    // a person's own data and weights
    pub use labbook_data::{
        DataCard, NumpyArray, NumpyArrays, TextSet, TextSets, ToNumpy, data_card, read_npy,
        read_npz, write_npy, write_npz,
    };
    pub use labbook_nn::Activation::{
        Celu, Elu, Gelu, HardSigmoid, HardSilu, LeakyRelu, Linear, LogSigmoid, LogSoftmax, Mish,
        Relu, Relu6, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign, Tanh,
    };
    pub use labbook_nn::{
        AspectRatio, ColorMode, CrossValidation, ImageFolder, ImageInterpolation, ImportedWeights,
        LabelMode, WeightLayout, WeightMap, applications, cross_val_score,
        image_dataset_from_directory, image_dataset_from_files, load_img, save_img,
    };
    // a merging layer; its own name is here how scores are averaged
    pub use labbook_nn::Average as AverageLayer;
    // the layers; their own names are here activations and orders of axes
    pub use labbook_nn::Softmax as SoftmaxLayer;
    pub use labbook_nn::{
        AUC, Accuracy, Activation, ActivationLayer, ActivityRegularization, Adadelta, Adagrad,
        Adam, AdamW, Adamax, Add, AdditiveAttention, AlphaDropout, Attention, Augmentation,
        AveragePooling1D, AveragePooling2D, AveragePooling3D, BatchNormalization, Bidirectional,
        BinaryAccuracy, BinaryCrossentropy, BinaryFocalCrossentropy, BuildContext, CTC, Callback,
        CategoricalAccuracy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
        CategoricalHinge, CategoryEncoding, CenterCrop, Compile, Concatenate, Constraint, Control,
        Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, ConvLSTM1D, CosineSimilarity,
        Cropping1D, Cropping2D, CsvLogger, CustomConfig, Dataset, Dense, DepthwiseConv2D,
        Discretization, Distribution, Dot, Dropout, DtypePolicy, ELU, EarlyStopping, Embedding,
        Evaluate, F1Score, FBetaScore, Factor, FanMode, FeatureSlice, FillMode, Fit, Flatten, Flip,
        Ftrl, GRU, GRUCell, GaussianDropout, GaussianNoise, Generate, GeneratorDataset,
        GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D,
        GlobalMaxPooling2D, GlobalMaxPooling3D, GroupNormalization, Hinge, History, Huber,
        Initializer, Input, IntegerLookup, Interpolation, JsonLogger, KLDivergence, L1L2, LSTM,
        LSTMCell, Layer, LayerConfig, LayerNormalization, LayerOptions, LeakyReLU,
        LearningRateCurve, LearningRateFinder, LearningRateSchedule, LearningRateScheduler, Lion,
        LogCosh, Logs, Lookahead, Loss, LossConfig, LossFn, Masking, MaxPooling1D, MaxPooling2D,
        MaxPooling3D, Maximum, MeanAbsoluteError, MeanAbsolutePercentageError, MeanIoU,
        MeanSquaredError, MeanSquaredLogarithmicError, MergeMode, Metric, MetricConfig, MetricFn,
        Metrics, Minimum, MlFlow, Model, ModelCheckpoint, MonitorMode, MultiHeadAttention,
        MultiOptimizer, Multiply, Muon, Nadam, Normalization, Optimizer, OrthogonalRegularizer,
        Output, OutputMode, PReLU, Padding, Parameter, Permute, Perplexity, Phase, Poisson,
        PositionEmbedding, Precision, Predict, R2Score, RMSprop, RNN, RandomBrightness,
        RandomContrast, RandomFlip, RandomRotation, RandomTranslation, RandomZoom, ReLU, Recall,
        RecurrentCell, RecurrentLayer, ReduceLROnPlateau, Regularizer, RepeatVector, Rescaling,
        Reshape, Resizing, RootMeanSquaredError, SGD, ScoreMode, SeparableConv2D, Sequential,
        Shape, SharedLayer, SimpleRNN, SimpleRNNCell, SinePositionEncoding,
        SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy,
        SpatialDropout1D, SpatialDropout2D, SquaredHinge, StackedRNNCells, StochasticDepth,
        Subtract, Targets, TensorBoard, TensorDataset, TestTimeAugmentation, TimeDistributed,
        TopKCategoricalAccuracy, TrainStep, TransformerDecoder, TransformerEncoder,
        UnitNormalization, UpSampling1D, UpSampling2D, Whitening, ZeroPadding1D, ZeroPadding2D,
        bfloat16_is_fast, clear_session, metrics, register_layer, register_loss, register_metric,
        set_random_seed,
    };
    pub use labbook_notebook::{
        HistoryFrame, LivePlot, NotebookDisplay, Render, Session, StudyFrame, Table, Trials,
        Versions, array_of, barplot, boxplot, calibration_curve, column_of, confusion_matrix,
        correlation_map, countplot, feature_maps, frame_of, histplot, image_grid, image_set,
        mistakes, neighbor_matrix, pairplot, plot_activations, plot_activations_of,
        plot_calibration, plot_confusion_matrices, plot_confusion_matrix, plot_explained_variance,
        plot_filters, plot_forecast, plot_histories, plot_history, plot_importances,
        plot_learning_rate, plot_model, plot_node_weights, plot_parallel_coordinates,
        plot_precision_recall, plot_precision_recall_curve, plot_roc, plot_setting_importances,
        plot_study, plot_telling_words, plot_words, precision_recall_curve, prediction_table,
        print_progress, roc_curve, row, scatter, scatterplot, show, show_examples, show_grad_cam,
        show_in_place, show_largest_losses, show_most_confused, show_random_examples,
        show_saliency, stack, tensor_of, thumbnails, violinplot,
    };
    pub use labbook_records::{RunRecord, Runs};
    pub use labbook_study::{
        Case, PairedComparison, SettingImportances, Study, StudyResults, Training, TrialResult,
    };
    pub use labbook_tables::{
        Fill, PermutationImportance, ReadCsv, TablePreprocessor, permutation_importance, read_csv,
    };
    pub use labbook_text::{
        Bleu, PadSequences, RougeScore, Side, Split, Standardize, StringLookup, TextOutput,
        TextVectorization, TimeseriesWindows, Tokenizer, TrainTokenizer, WordVectors,
        pad_sequences, rouge_l, rouge_l_sum, rouge_n,
    };
}
