use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, INK, Label, MARGIN, MUTED, Pen};
use crate::{ChartError, Figure};

/// Height of a box, with and without shapes, and the space between boxes, in CSS pixels.
const BOX: f64 = 46.0;
const LOW_BOX: f64 = 30.0;
const BETWEEN: f64 = 24.0;
/// Space left and right of a text in its cell.
const PAD: f64 = 12.0;
/// Background of a layer's name.
const TINT: RGBColor = RGBColor(238, 243, 249);
const LINE: RGBColor = RGBColor(134, 142, 150);

/// A model's layers from top to bottom, as Keras's `plot_model` draws them.
///
/// ```
/// use labbook_charts::ModelPlot;
///
/// let figure = ModelPlot::new()
///     .layer("flatten", "Flatten", "(None, 32, 32, 3)", "(None, 3072)")
///     .layer("dense", "Dense", "(None, 3072)", "(None, 10)")
///     .figure()?;
/// assert!(figure.alt().contains("dense (Dense) from (None, 3072) to (None, 10)"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPlot {
    layers: Vec<Layer>,
    title: String,
    show_shapes: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    name: String,
    class_name: String,
    input: String,
    output: String,
}

/// Widths of the three columns of a box.
struct Columns {
    name: f64,
    way: f64,
    shape: f64,
}

impl Default for ModelPlot {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelPlot {
    /// A plot without layers that shows shapes.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            title: String::new(),
            show_shapes: true,
        }
    }

    /// Adds a layer below those there are.
    #[must_use]
    pub fn layer(
        mut self,
        name: impl Into<String>,
        class_name: impl Into<String>,
        input_shape: impl Into<String>,
        output_shape: impl Into<String>,
    ) -> Self {
        self.layers.push(Layer {
            name: name.into(),
            class_name: class_name.into(),
            input: input_shape.into(),
            output: output_shape.into(),
        });
        self
    }

    /// Writes a title above the layers.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Whether the shapes of inputs and outputs are shown.
    #[must_use]
    pub fn show_shapes(mut self, show_shapes: bool) -> Self {
        self.show_shapes = show_shapes;
        self
    }

    /// Draws the plot; its size follows from the layers.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without layers, [`ChartError::Size`] if they are too many for one
    /// figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        if self.layers.is_empty() {
            return Err(ChartError::Empty { what: "layer" });
        }
        let columns = self.columns()?;
        let width = columns.name + columns.way + columns.shape;
        let title_width = Label::title().width(&self.title)?;
        let width = (width.max(title_width) + 2.0 * MARGIN).ceil() as u32;
        let count = self.layers.len() as f64;
        let height = self.top() + count * self.box_height() + (count - 1.0) * BETWEEN + MARGIN;
        let height = height.ceil() as u32;
        let png = render(width, height, |canvas| self.draw_on(canvas, &columns))?;
        let title = self.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn alt(&self) -> String {
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" “{title}”"),
        };
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|layer| {
                let Layer {
                    name, class_name, ..
                } = layer;
                match self.show_shapes {
                    true => format!(
                        "{name} ({class_name}) from {} to {}",
                        layer.input, layer.output
                    ),
                    false => format!("{name} ({class_name})"),
                }
            })
            .collect();
        format!(
            "Model{title} of {} layers, top to bottom: {}",
            layers.len(),
            layers.join("; ")
        )
    }

    fn columns(&self) -> Result<Columns, ChartError> {
        let widest = |label: Label, texts: Vec<&str>| label.widest(&texts);
        let layers = || self.layers.iter();
        let names = widest(name_label(), layers().map(|l| l.name.as_str()).collect())?;
        let classes = widest(
            class_label(),
            layers().map(|l| l.class_name.as_str()).collect(),
        )?;
        if !self.show_shapes {
            let (way, shape) = (0.0, 0.0);
            // Name and class stand in one line.
            let mut name = 0.0_f64;
            for layer in &self.layers {
                let width =
                    name_label().width(&layer.name)? + class_label().width(&layer.class_name)?;
                name = name.max(width + 10.0);
            }
            let name = name + 2.0 * PAD;
            return Ok(Columns { name, way, shape });
        }
        let shapes = layers().flat_map(|l| [l.input.as_str(), l.output.as_str()]);
        Ok(Columns {
            name: names.max(classes) + 2.0 * PAD,
            way: class_label().width("output:")? + 2.0 * PAD,
            shape: widest(shape_label(), shapes.collect())? + 2.0 * PAD,
        })
    }

    fn top(&self) -> f64 {
        MARGIN + if self.title.is_empty() { 2.0 } else { 28.0 }
    }

    fn box_height(&self) -> f64 {
        if self.show_shapes { BOX } else { LOW_BOX }
    }

    fn draw_on(&self, canvas: &Canvas<'_>, columns: &Columns) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        pen.text(&self.title, MARGIN, MARGIN + 8.0, Label::title())?;
        // Whole pixels keep the thin lines sharp.
        let left = ((pen.size().0 - columns.name - columns.way - columns.shape) / 2.0).floor();
        let first = (left + columns.name).round();
        let second = (first + columns.way).round();
        let right = (second + columns.shape).round();
        let middle = left.midpoint(right).round();
        let height = self.box_height();
        for (index, layer) in self.layers.iter().enumerate() {
            let top = self.top() + index as f64 * (height + BETWEEN);
            let bottom = top + height;
            if index > 0 {
                let tip = top - 2.0;
                pen.line(
                    &[(middle, top - BETWEEN + 2.0), (middle, tip - 5.0)],
                    1.5,
                    LINE,
                )?;
                let head = [
                    (middle - 4.5, tip - 8.0),
                    (middle + 4.5, tip - 8.0),
                    (middle, tip),
                ];
                pen.polygon(&head, LINE)?;
            }
            pen.rect((left, top), (first, bottom), TINT)?;
            pen.frame((left, top), (right, bottom), 1.0, AXIS)?;
            let center = top + height / 2.0;
            if !self.show_shapes {
                let x = left + PAD;
                pen.text(&layer.name, x, center, name_label())?;
                let x = right - PAD;
                pen.text(&layer.class_name, x, center, class_label().ending())?;
                continue;
            }
            let (upper, lower) = (top + height * 0.28, top + height * 0.72);
            pen.text(&layer.name, left + PAD, upper, name_label())?;
            pen.text(&layer.class_name, left + PAD, lower, class_label())?;
            pen.rect((first, top), (first + 1.0, bottom), AXIS)?;
            pen.rect((second, top), (second + 1.0, bottom), AXIS)?;
            pen.rect((first + 1.0, center - 0.5), (right, center + 0.5), AXIS)?;
            for (way, shape, y) in [
                ("input:", &layer.input, upper),
                ("output:", &layer.output, lower),
            ] {
                pen.text(way, first + PAD, y, class_label())?;
                pen.text(shape, second + PAD, y, shape_label())?;
            }
        }
        Ok(())
    }
}

fn name_label() -> Label {
    Label::new(13.0).semibold()
}

fn class_label() -> Label {
    Label::new(12.0).color(MUTED)
}

fn shape_label() -> Label {
    Label::new(12.0).color(INK)
}
