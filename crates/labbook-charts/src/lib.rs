//! Figures: curves, matrices, image grids, drawn with plotters and an embedded font.
//!
//! Every chart is a builder whose `figure()` gives a [`Figure`]: a PNG at two pixels per CSS
//! pixel with a title and alternative text. Nothing here prints or shows anything. The same
//! input gives the same bytes on every machine: no system font is ever read.
//!
//! [`draw`] makes a figure from any plotters code.

mod bar_chart;
mod bitmap;
mod color;
mod color_map;
mod draw;
mod encode;
mod error;
mod figure;
mod font;
mod image_grid;
mod ink;
mod light_palette;
mod line_chart;
mod matrix_plot;
mod palette;
mod ticks;

pub use plotters;

pub use bar_chart::BarChart;
pub use bitmap::{Bitmap, Canvas};
pub use color::{css_hex, text_color_on};
pub use color_map::ColorMap;
pub use draw::{SCALE, draw, px};
pub use error::ChartError;
pub use figure::Figure;
pub use font::FONT;
pub use image_grid::ImageGrid;
pub use light_palette::LightPalette;
pub use line_chart::{LineChart, side_by_side};
pub use matrix_plot::MatrixPlot;
pub use palette::{SERIES_COLORS, hls_palette};
