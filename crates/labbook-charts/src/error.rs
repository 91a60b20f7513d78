use std::path::PathBuf;

/// What can go wrong when a figure is made or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The figure would have no pixels or far too many.
    #[error("expected a width and height from 1 to {max} CSS pixels. Received: {width} x {height}")]
    Size {
        /// Width received, in CSS pixels.
        width: u32,
        /// Height received, in CSS pixels.
        height: u32,
        /// Largest width or height.
        max: u32,
    },
    /// The labels leave no room to draw in.
    #[error(
        "{what} needs at least {min_width} x {min_height} CSS pixels with these labels. \
         Received: {width} x {height}; make it larger or shorten the labels"
    )]
    TooSmall {
        /// Which part does not fit.
        what: &'static str,
        /// Least width, in CSS pixels.
        min_width: u32,
        /// Least height, in CSS pixels.
        min_height: u32,
        /// Width available, in CSS pixels.
        width: u32,
        /// Height available, in CSS pixels.
        height: u32,
    },
    /// A chart without anything to draw.
    #[error("expected at least one {what}. Received: none; add one before drawing")]
    Empty {
        /// What is missing: "series", "bar", "image", "point".
        what: &'static str,
    },
    /// Two inputs that belong together have different lengths.
    #[error("expected one {what} per {per} ({expected}). Received: {received}")]
    LengthMismatch {
        /// What there is too much or too little of.
        what: &'static str,
        /// What it belongs to.
        per: &'static str,
        /// Number wanted.
        expected: usize,
        /// Number received.
        received: usize,
    },
    /// Images with neither one nor three channels.
    #[error(
        "expected images of shape (N, height, width, 3) or (N, height, width, 1). Received: {shape:?}"
    )]
    ImageShape {
        /// Shape received.
        shape: Vec<usize>,
    },
    /// A label that does not number one of the classes.
    #[error("expected class labels from 0 to {last}. Received: {label} at position {position}", last = n_classes.saturating_sub(1))]
    LabelOutOfRange {
        /// Where the label stands, counted from 0.
        position: usize,
        /// The label received.
        label: i64,
        /// How many class names there are.
        n_classes: usize,
    },
    /// Points with fewer than two coordinates.
    #[error("expected points of shape (N, 2), one row per point. Received: {columns} columns")]
    PointShape {
        /// Number of columns received.
        columns: usize,
    },
    /// A point that cannot be drawn.
    #[error(
        "expected coordinates from -1e300 to 1e300. Received: {value:?} in row {row}; leave such \
         points out, or look for NaN in what they were computed from"
    )]
    Coordinate {
        /// The point, counted from 0.
        row: usize,
        /// The value received.
        value: f64,
    },
    /// A logarithmic axis has no place for the value.
    #[error("expected positive values for a logarithmic axis. Received: {value:?} for {name:?}")]
    NotPositive {
        /// The point's label.
        name: String,
        /// The value received.
        value: f64,
    },
    /// Not the activation of one image.
    #[error(
        "expected one activation of shape (height, width, channels) or (1, height, width, \
         channels). Received: {shape:?}; choose one image, and a layer before Flatten"
    )]
    FeatureMapShape {
        /// Shape received.
        shape: Vec<usize>,
    },
    /// Kernels that are not small colour pictures.
    #[error(
        "expected kernels of shape (height, width, 3, filters) or (height, width, 1, filters), \
         as the first convolution has them. Received: {shape:?}"
    )]
    KernelShape {
        /// Shape received.
        shape: Vec<usize>,
    },
    /// Pictures that belong to other pictures and have another shape.
    #[error("expected {what} of shape {expected:?}. Received: {received:?}")]
    ShapeMismatch {
        /// Which pictures.
        what: &'static str,
        /// Shape wanted.
        expected: Vec<usize>,
        /// Shape received.
        received: Vec<usize>,
    },
    /// A bar that cannot be drawn.
    #[error("expected finite values of at least 0. Received: {value:?} for {name:?}")]
    BarValue {
        /// Name of the bar.
        name: String,
        /// The value received.
        value: f64,
    },
    /// A layer takes its input from a layer that the plot does not have.
    #[error(
        "expected {layer:?} to be connected to layers of the plot. Received: {received:?}; add a \
         layer or an input of this name"
    )]
    UnknownLayer {
        /// The layer that takes the input.
        layer: String,
        /// The name received.
        received: String,
    },
    /// A model has too many layers or connections for one picture.
    #[error(
        "expected a model that fits into a picture of {max} x {max} CSS pixels. Received: {layers} \
         layers; leave the shapes out or draw a part of the model"
    )]
    ModelSize {
        /// Number of layers received.
        layers: usize,
        /// Largest width or height.
        max: u32,
    },
    /// A column that is not there, or not of the kind that the chart needs.
    #[error("column {column:?}: expected {expected}. Received: {received}")]
    Column {
        /// The column's name.
        column: String,
        /// What it should be.
        expected: &'static str,
        /// What there is.
        received: String,
    },
    /// A number of a column has no place on an axis.
    #[error(
        "column {column:?}: expected numbers from -1e300 to 1e300; gaps are left out. Received: \
         {value:?} in row {row}; make a gap of it, or leave the row out"
    )]
    ColumnValue {
        /// The column's name.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// The value received.
        value: f64,
    },
    /// More groups than a person can tell apart, or than there is room for.
    #[error(
        "column {column:?}: expected at most {max} different values to draw side by side. \
         Received: {received}; name some of them in an order, or gather them first"
    )]
    Groups {
        /// The column's name.
        column: String,
        /// Most groups that are drawn.
        max: usize,
        /// Number received.
        received: usize,
    },
    /// An option that does not exist, or is out of its range.
    #[error("{option}: expected {expected}. Received: {received}")]
    Setting {
        /// The option's name.
        option: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What was given.
        received: String,
    },
    /// The embedded typeface could not be read.
    #[error("the embedded font could not be read; the build of labbook-charts is damaged")]
    Font,
    /// Drawing failed, or the closure given to [`draw`](crate::draw) returned an error.
    #[error("drawing failed: {0}")]
    Drawing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bitmap could not be encoded.
    #[error("the PNG could not be encoded: {0}")]
    Png(#[from] png::EncodingError),
    /// A figure's bitmap could not be read back.
    #[error("the PNG of a figure could not be decoded: {0}")]
    Decode(#[from] png::DecodingError),
    /// The figure could not be written.
    #[error("the figure could not be saved as {path}: {source}; check that the folder exists and can be written to", path = path.display())]
    Save {
        /// The path given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ChartError {
    /// There is no column of this name, but others.
    pub fn no_column(column: &str, names: &[String]) -> Self {
        Self::Column {
            column: column.to_owned(),
            expected: "the name of a column",
            received: match names.is_empty() {
                true => "a table without columns".to_owned(),
                false => format!("a table with the columns {}", names.join(", ")),
            },
        }
    }

    /// The column holds something else than numbers.
    pub fn no_numbers(column: &str, kind: impl ToString) -> Self {
        Self::Column {
            column: column.to_owned(),
            expected: "a column of numbers",
            received: kind.to_string(),
        }
    }
}
