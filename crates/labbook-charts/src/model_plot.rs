use std::collections::{BTreeSet, HashMap};

use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::draw::{MAX_SIDE, render};
use crate::edge_router::{Routes, route};
use crate::ink::{AXIS, INK, Label, MARGIN, MUTED, Pen};
use crate::layered_layout::LayeredLayout;
use crate::{ChartError, Figure};

/// Height of a box, with and without shapes, in CSS pixels.
const BOX: f64 = 46.0;
const LOW_BOX: f64 = 30.0;
/// Space left and right of a text in its cell.
const PAD: f64 = 12.0;
/// Background of a layer's name.
const TINT: RGBColor = RGBColor(238, 243, 249);
const LINE: RGBColor = RGBColor(134, 142, 150);
/// Room right of a box for an arrow from it to itself.
const LOOP: f64 = 14.0;
/// More layers or bends of lines than these are in no picture.
const MAX_LAYERS: usize = 1000;
const MAX_PLACES: usize = 20_000;
/// A large model is drawn smaller, down to this share; text of half the size can still be read.
const LEAST_SCALE: f64 = 0.5;
/// Most CSS pixels of a picture.
const MAX_AREA: f64 = 16e6;

/// A model's layers from top to bottom with arrows between them, as Keras's `plot_model` draws
/// them.
///
/// A layer takes its input from the one before it, unless
/// [`connected_to`](Self::connected_to) says otherwise.
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
///
/// A block with a skip connection:
///
/// ```
/// # use labbook_charts::ModelPlot;
/// let figure = ModelPlot::new()
///     .input("image", "(None, 64)")
///     .layer("dense", "Dense", "(None, 64)", "(None, 64)")
///     .layer("add", "Add", "[(None, 64), (None, 64)]", "(None, 64)")
///     .connected_to(&["dense", "image"])
///     .figure()?;
/// assert!(figure.alt().ends_with("after dense, image"));
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
    sources: Sources,
}

/// Where a layer takes its input from.
#[derive(Debug, Clone, PartialEq)]
enum Sources {
    /// The layer before it, if there is one.
    Previous,
    Layers(Vec<String>),
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

    /// Adds a layer that takes its input from the one added before it.
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
            sources: Sources::Previous,
        });
        self
    }

    /// Adds an input of the model: an `InputLayer` that takes from no other layer.
    #[must_use]
    pub fn input(self, name: impl Into<String>, shape: impl Into<String>) -> Self {
        let shape = shape.into();
        let mut plot = self.layer(name, "InputLayer", shape.clone(), shape);
        if let Some(layer) = plot.layers.last_mut() {
            layer.sources = Sources::Layers(Vec::new());
        }
        plot
    }

    /// Says by name from which layers the one added last takes its input, in place of the one
    /// before it. They may be added later; of several layers with one name, the first is meant.
    #[must_use]
    pub fn connected_to<S: AsRef<str>>(mut self, layers: &[S]) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            let names = layers.iter().map(|name| name.as_ref().to_owned());
            layer.sources = Sources::Layers(names.collect());
        }
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
    /// [`ChartError::Empty`] without layers; [`ChartError::UnknownLayer`] for a connection to a
    /// layer that there is not; [`ChartError::ModelSize`] if the layers are too many for one
    /// figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        if self.layers.is_empty() {
            return Err(ChartError::Empty { what: "layer" });
        }
        let too_large = || ChartError::ModelSize {
            layers: self.layers.len(),
            max: MAX_SIDE,
        };
        if self.layers.len() > MAX_LAYERS {
            return Err(too_large());
        }
        let edges = self.edges()?;
        let columns = self.columns()?;
        let between: Vec<(usize, usize)> = edges.iter().copied().filter(|e| e.0 != e.1).collect();
        let n = self.layers.len();
        let box_width = columns.width();
        let mut layout =
            LayeredLayout::new(n, &between, box_width, MAX_PLACES).ok_or_else(too_large)?;
        let width = settle(&mut layout, &columns);
        let loops: Vec<usize> = edges.iter().filter(|e| e.0 == e.1).map(|e| e.0).collect();
        let beside = if loops.is_empty() { 0.0 } else { LOOP };
        let title_width = Label::title().width(&self.title)?;
        let natural_width = (width + beside).max(title_width) + 2.0 * MARGIN;
        // Before the lines: their number is bounded by the width.
        if natural_width * LEAST_SCALE > f64::from(MAX_SIDE) {
            return Err(too_large());
        }
        let routes = route(&layout, self.top(), (box_width, self.box_height()));
        let natural_height = routes.bottom + MARGIN;
        let side = f64::from(MAX_SIDE) / natural_width.max(natural_height);
        let area = (MAX_AREA / (natural_width * natural_height)).sqrt();
        let scale = side.min(area).min(1.0);
        if scale < LEAST_SCALE {
            return Err(too_large());
        }
        let [width, height] = [natural_width, natural_height]
            .map(|length| ((length * scale).ceil() as u32).min(MAX_SIDE));
        let picture = Picture {
            columns,
            layout,
            routes,
            loops,
            scale,
        };
        let png = render(width, height, |canvas| self.draw_on(canvas, &picture))?;
        let title = self.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    /// The arrows between layers, by number, each once.
    fn edges(&self) -> Result<Vec<(usize, usize)>, ChartError> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for (number, layer) in self.layers.iter().enumerate() {
            numbers.entry(&layer.name).or_insert(number);
        }
        let mut edges = BTreeSet::new();
        for (to, layer) in self.layers.iter().enumerate() {
            match &layer.sources {
                Sources::Previous => edges.extend(to.checked_sub(1).map(|from| (to, from))),
                Sources::Layers(names) => {
                    for name in names {
                        let from = numbers.get(name.as_str());
                        let from = from.ok_or_else(|| ChartError::UnknownLayer {
                            layer: layer.name.clone(),
                            received: name.clone(),
                        })?;
                        edges.insert((to, *from));
                    }
                }
            }
        }
        Ok(edges.into_iter().map(|(to, from)| (from, to)).collect())
    }

    /// Whether every layer takes its input from the one before it alone.
    fn is_chain(&self) -> bool {
        let previous = std::iter::once(None).chain(self.layers.iter().map(Some));
        self.layers
            .iter()
            .zip(previous)
            .all(|(layer, previous)| match (&layer.sources, previous) {
                (Sources::Previous, _) => true,
                (Sources::Layers(names), None) => names.is_empty(),
                (Sources::Layers(names), Some(previous)) => *names == [previous.name.clone()],
            })
    }

    fn alt(&self) -> String {
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" “{title}”"),
        };
        let chain = self.is_chain();
        let mut previous = None;
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|layer| {
                let sources = match &layer.sources {
                    _ if chain => String::new(),
                    Sources::Previous => previous.iter().cloned().collect(),
                    Sources::Layers(names) => names.join(", "),
                };
                previous = Some(layer.name.clone());
                let after = match sources.as_str() {
                    "" => String::new(),
                    sources => format!(" after {sources}"),
                };
                let Layer {
                    name, class_name, ..
                } = layer;
                match self.show_shapes {
                    true => format!(
                        "{name} ({class_name}) from {} to {}{after}",
                        layer.input, layer.output
                    ),
                    false => format!("{name} ({class_name}){after}"),
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

    fn draw_on(&self, canvas: &Canvas<'_>, picture: &Picture) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let Picture {
            columns,
            layout,
            routes,
            loops,
            scale,
        } = picture;
        let scale = *scale;
        let at = |(x, y): (f64, f64)| (x * scale, y * scale);
        let text = |text: &str, x: f64, y: f64, label: Label| {
            pen.text(text, x * scale, y * scale, label.scaled(scale))
        };
        let fill = |from, to| pen.rect(at(from), at(to), AXIS);
        let line = |points: &[(f64, f64)]| {
            let points: Vec<(f64, f64)> = points.iter().copied().map(at).collect();
            pen.line(&points, 1.5 * scale, LINE)
        };
        let head = |(x, y): (f64, f64), (dx, dy): (f64, f64)| {
            let back = (x - 8.0 * dx, y - 8.0 * dy);
            let (side_x, side_y) = (4.5 * dy, 4.5 * dx);
            let corners = [
                (back.0 - side_x, back.1 - side_y),
                (back.0 + side_x, back.1 + side_y),
                (x, y),
            ];
            pen.polygon(&corners.map(at), LINE)
        };
        text(&self.title, MARGIN, MARGIN + 8.0, Label::title())?;
        for route in &routes.routes {
            line(&route.points)?;
        }
        for route in &routes.routes {
            if let Some(tip) = route.down {
                head(tip, (0.0, 1.0))?;
            }
            if let Some(tip) = route.up {
                head(tip, (0.0, -1.0))?;
            }
        }
        let height = self.box_height();
        for (layer, place) in self.layers.iter().zip(&layout.places) {
            let (left, right) = columns.sides(place.x);
            let first = left + columns.name.round();
            let second = first + columns.way.round();
            let top = routes.tops[place.rank];
            let bottom = top + height;
            pen.rect(at((left, top)), at((first, bottom)), TINT)?;
            pen.frame(at((left, top)), at((right, bottom)), scale, AXIS)?;
            let center = top + height / 2.0;
            if !self.show_shapes {
                let x = left + PAD;
                text(&layer.name, x, center, name_label())?;
                let x = right - PAD;
                text(&layer.class_name, x, center, class_label().ending())?;
                continue;
            }
            let (upper, lower) = (top + height * 0.28, top + height * 0.72);
            text(&layer.name, left + PAD, upper, name_label())?;
            text(&layer.class_name, left + PAD, lower, class_label())?;
            fill((first, top), (first + 1.0, bottom))?;
            fill((second, top), (second + 1.0, bottom))?;
            fill((first + 1.0, center - 0.5), (right, center + 0.5))?;
            for (way, shape, y) in [
                ("input:", &layer.input, upper),
                ("output:", &layer.output, lower),
            ] {
                text(way, first + PAD, y, class_label())?;
                text(shape, second + PAD, y, shape_label())?;
            }
        }
        for &number in loops {
            let place = &layout.places[number];
            let (_, right) = columns.sides(place.x);
            let top = routes.tops[place.rank];
            let [upper, lower] = [0.28, 0.72].map(|share| (top + height * share).round());
            let out = right + LOOP - 2.0;
            line(&[
                (right + 2.0, lower),
                (out, lower),
                (out, upper),
                (right + 7.0, upper),
            ])?;
            head((right + 2.0, upper), (-1.0, 0.0))?;
        }
        Ok(())
    }
}

/// What a figure is drawn from; lengths are those before it is drawn smaller.
struct Picture {
    columns: Columns,
    layout: LayeredLayout,
    routes: Routes,
    /// Layers with an arrow to themselves.
    loops: Vec<usize>,
    scale: f64,
}

impl Columns {
    fn width(&self) -> f64 {
        self.name + self.way + self.shape
    }

    /// Left and right of a box with this middle, which [`settle`] chose.
    fn sides(&self, middle: f64) -> (f64, f64) {
        let width = self.name.round() + self.way.round() + self.shape.round();
        let left = middle - (width / 2.0).round();
        (left, left + width)
    }
}

/// Moves the places from the left margin on and to whole pixels, which keep the thin lines
/// sharp; the width of all.
fn settle(layout: &mut LayeredLayout, columns: &Columns) -> f64 {
    let half = |place: usize| match place < layout.boxes {
        true => columns.width() / 2.0,
        false => 1.0,
    };
    let places = || layout.places.iter().enumerate();
    let left = places().map(|(i, place)| place.x - half(i));
    let left = left.fold(f64::INFINITY, f64::min);
    let right = places().map(|(i, place)| place.x + half(i));
    let right = right.fold(f64::NEG_INFINITY, f64::max);
    let rounded = columns.name.round() + columns.way.round() + columns.shape.round();
    let shift = MARGIN + (rounded / 2.0).round() - columns.width() / 2.0 - left;
    for place in &mut layout.places {
        place.x = (place.x + shift).round();
    }
    right - left
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
