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

pub use labbook_analysis as analysis;
pub use labbook_charts as charts;
pub use labbook_data as data;
pub use labbook_nn as nn;
pub use labbook_notebook as notebook;
pub use {ndarray, plotters, polars, tch};

/// What a notebook's cells use.
pub mod prelude {
    pub use crate::{ndarray, plotters, polars, tch};

    pub use labbook_analysis::{
        Average, ConfusionMatrix, Normalize, accuracy_score, precision_score,
    };
    pub use labbook_charts::{
        BarChart, ColorMap, Figure, ImageGrid, LineChart, MatrixPlot, draw, hls_palette, px,
        side_by_side,
    };
    pub use labbook_data::{Cifar10, ImageSet, cifar10};
    pub use labbook_nn::Activation::{Gelu, Linear, Relu, Sigmoid, Softmax, Tanh};
    pub use labbook_nn::{
        Adam, Callback, Control, Conv2D, Dense, Dropout, Evaluate, Fit, Flatten, History, L1L2,
        Logs, MaxPooling2D, Padding, Sequential, SparseCategoricalCrossentropy, clear_session,
        set_random_seed,
    };
    pub use labbook_notebook::{
        HistoryFrame, NotebookDisplay, Render, Scale, Session, Table, Versions, confusion_matrix,
        plot_confusion_matrix, plot_history, prediction_table, row, show_random_examples, stack,
    };
}
