//! Figures: curves, matrices, image grids, drawn with plotters and an embedded font.
//!
//! Every chart is a builder whose `figure()` gives a [`Figure`]: a PNG at two pixels per CSS
//! pixel with a title and alternative text. Nothing here prints or shows anything. The same
//! input gives the same bytes on every machine: no system font is read, unless a text has
//! characters that the embedded font lacks; see [`Figure::note`].
//!
//! [`draw`] makes a figure from any plotters code.

mod attention_map;
mod axes;
mod bar_chart;
mod bar_plot;
mod bitmap;
mod box_plot;
mod color;
mod color_bar;
mod color_map;
mod column_scatter;
mod column_source;
mod curve_plot;
mod dot_layer;
mod draw;
mod edge_router;
mod encode;
mod error;
mod face;
mod feature_maps;
mod figure;
mod filter_grid;
mod font;
mod group_axis;
mod groups;
mod heat_map;
mod heat_map_chart;
mod histogram;
mod image_grid;
mod ink;
mod labelled_scatter;
mod layered_layout;
mod legend;
mod light_palette;
mod line_chart;
mod live_scatter;
mod look;
mod matrix_plot;
mod model_plot;
mod mosaic;
mod names;
mod pair_plot;
mod palette;
mod panels;
mod parallel_axis;
mod parallel_coordinates;
mod points;
mod reduce;
mod reliability_diagram;
mod scatter_plot;
mod shaped_line;
mod statistics;
mod system_fonts;
mod thumbnail_map;
mod ticks;
mod violin_plot;
mod xy_chart;

pub use attention_map::AttentionMap;
pub use plotters;

pub use bar_chart::BarChart;
pub use bar_plot::{BarPlot, CountPlot};
pub use bitmap::{Bitmap, Canvas};
pub use box_plot::BoxPlot;
pub use color::{css_hex, text_color_on};
pub use color_map::ColorMap;
pub use column_scatter::ColumnScatter;
pub use column_source::{Categories, ColumnSource, Columns};
pub use curve_plot::{PrecisionRecallPlot, RocPlot};
pub use draw::{SCALE, draw, px};
pub use error::ChartError;
pub use feature_maps::FeatureMaps;
pub use figure::Figure;
pub use filter_grid::FilterGrid;
pub use font::FONT;
pub use heat_map::{heat_pictures, overlay};
pub use heat_map_chart::HeatMap;
pub use histogram::Histogram;
pub use image_grid::ImageGrid;
pub use labelled_scatter::LabelledScatter;
pub use light_palette::LightPalette;
pub use line_chart::{LineChart, side_by_side};
pub use live_scatter::{LiveScatter, LiveValues, Thumbnails};
pub use matrix_plot::MatrixPlot;
pub use model_plot::ModelPlot;
pub use pair_plot::PairPlot;
pub use palette::{Palette, SERIES_COLORS, hls_palette};
pub use panels::panels;
pub use parallel_coordinates::ParallelCoordinates;
pub use reliability_diagram::ReliabilityDiagram;
pub use scatter_plot::ScatterPlot;
pub use thumbnail_map::ThumbnailMap;
pub use violin_plot::ViolinPlot;
pub use xy_chart::XyChart;
