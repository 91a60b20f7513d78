//! How values look in a notebook.
//!
//! A value that a notebook shows implements [`Render`]: HTML, plain text and, for figures, a PNG.
//! [`NotebookDisplay`] turns that into what the kernel reads when such a value ends a cell. Nothing
//! below this crate knows of notebooks.

mod activations_plot;
mod array;
mod begin;
mod calibration;
mod charts;
mod data_card;
mod error;
mod explanations;
mod feature_maps;
mod frame;
mod frame_columns;
mod history;
mod html;
mod image_grid;
mod image_set;
mod importance;
mod interrupt;
mod layout;
mod learning_rate;
mod live;
mod live_plot;
mod live_scatter;
mod matrix;
mod mistakes;
mod model_plot;
mod neighborhood;
pub mod numbers;
mod output;
mod own_data;
mod prediction_table;
mod random_examples;
mod ranking;
mod record;
mod render;
mod scatter;
mod session;
mod settings;
#[cfg(test)]
mod some_images;
mod statistical_charts;
mod study;
mod study_settings;
mod table;
mod tensor_frame;
mod tensors;
mod trials;
mod values;
mod versions;
mod words;

pub use activations_plot::{plot_activations, plot_activations_of};
pub use array::format_array;
pub use calibration::{calibration_curve, plot_calibration, plot_precision_recall};
pub use error::NotebookError;
pub use explanations::{show_grad_cam, show_saliency};
pub use feature_maps::feature_maps;
pub use history::{HistoryFrame, plot_histories, plot_history};
pub use html::{Paragraph, escape};
pub use image_grid::image_grid;
pub use image_set::image_set;
pub use importance::plot_importances;
pub use layout::{Row, Stack, row, stack};
pub use learning_rate::plot_learning_rate;
pub use live_plot::LivePlot;
pub use matrix::{confusion_matrix, plot_confusion_matrices, plot_confusion_matrix};
pub use mistakes::{mistakes, show_largest_losses, show_most_confused};
pub use model_plot::{plot_filters, plot_model, plot_node_weights};
pub use neighborhood::{neighbor_matrix, print_progress};
pub use output::{NotebookDisplay, show, show_in_place};
pub use prediction_table::prediction_table;
pub use random_examples::{show_examples, show_random_examples};
pub use ranking::{plot_precision_recall_curve, plot_roc, precision_recall_curve, roc_curve};
pub use render::Render;
pub use scatter::{plot_explained_variance, scatter, thumbnails};
pub use session::Session;
pub use statistical_charts::{
    barplot, boxplot, correlation_map, countplot, histplot, pairplot, scatterplot, violinplot,
};
pub use study::{StudyFrame, plot_study};
pub use study_settings::{plot_parallel_coordinates, plot_setting_importances};
pub use table::{Align, Cell, Table};
pub use tensor_frame::{array_of, column_of, frame_of, tensor_of};
pub use trials::{Fitting, Trials};
pub use versions::Versions;
pub use words::{plot_forecast, plot_telling_words, plot_words};
