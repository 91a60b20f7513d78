use std::borrow::Cow;

use ndarray::{Array4, ArrayView3, ArrayView4, Axis};
use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, INK, Label, MARGIN, MUTED, Pen};
use crate::mosaic::Mosaic;
use crate::names::owned;
use crate::{ChartError, Figure, SCALE};

/// Green and red of right and wrong predictions; each reads well on white.
const RIGHT: RGBColor = RGBColor(0, 122, 71);
const WRONG: RGBColor = RGBColor(200, 30, 30);
/// Space between images, in CSS pixels.
const GUTTER: f64 = 14.0;
/// Space between an image and the picture beside it, in CSS pixels.
const BESIDE_GAP: f64 = 3.0;
/// Width of the tick or cross and the space behind it, in CSS pixels.
const MARK: f64 = 16.0;

/// Small images in rows, enlarged without smoothing, each with a caption.
///
/// ```
/// use labbook_charts::ImageGrid;
/// use ndarray::Array4;
///
/// let images = Array4::<u8>::zeros((10, 32, 32, 3));
/// let names = ["cat", "dog"];
/// let truth = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
/// let figure = ImageGrid::new(&images)
///     .columns(5)
///     .predictions(&truth, &truth, &names)
///     .figure()?;
/// assert!(figure.alt().contains("10 of 10 predictions right"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageGrid {
    images: Array4<u8>,
    beside: Vec<Array4<u8>>,
    columns: usize,
    title: String,
    image_size: u32,
    captions: Captions,
    probabilities: Option<Vec<f64>>,
    notes: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Captions {
    None,
    Text(Vec<String>),
    Predictions {
        predicted: Vec<i64>,
        truth: Vec<i64>,
        class_names: Vec<String>,
    },
}

/// A caption ready to be drawn.
struct Caption<'a> {
    text: Cow<'a, str>,
    /// The true class, under the name of a wrong prediction.
    actual: Option<&'a str>,
    /// The last line.
    note: Option<&'a str>,
    /// Whether the prediction is right, if the caption is one.
    right: Option<bool>,
}

impl ImageGrid {
    /// Images of shape `(N, height, width, 3)` in RGB or `(N, height, width, 1)` in grey: an
    /// array by reference, or a view. Five columns, 96 CSS pixels per image, no captions.
    pub fn new<'a>(images: impl Into<ArrayView4<'a, u8>>) -> Self {
        Self {
            images: images.into().to_owned(),
            beside: Vec::new(),
            columns: 5,
            title: String::new(),
            image_size: 96,
            captions: Captions::None,
            probabilities: None,
            notes: None,
        }
    }

    /// Puts another picture right of each image, such as a heat map of it; images and captions
    /// then belong to pairs. Can be called again for a third picture.
    #[must_use]
    pub fn beside<'a>(mut self, pictures: impl Into<ArrayView4<'a, u8>>) -> Self {
        self.beside.push(pictures.into().to_owned());
        self
    }

    /// Number of images (or pairs) per row, at least 1.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Writes a title above the grid.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Longest side of an image, in CSS pixels. Each pixel of an image becomes a whole number
    /// of bitmap pixels, at least one, so the result can differ a little.
    #[must_use]
    pub fn image_size(mut self, pixels: u32) -> Self {
        self.image_size = pixels;
        self
    }

    /// Writes a plain caption under each image.
    #[must_use]
    pub fn captions(mut self, captions: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.captions = Captions::Text(owned(captions));
        self
    }

    /// Names the predicted class under each image: green with a tick if it is the true one,
    /// else red with a cross and the true class below.
    #[must_use]
    pub fn predictions(
        mut self,
        predicted: &[i64],
        truth: &[i64],
        class_names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        self.captions = Captions::Predictions {
            predicted: predicted.to_vec(),
            truth: truth.to_vec(),
            class_names: owned(class_names),
        };
        self
    }

    /// Writes how probable the predicted class is behind its name: one number from 0 to 1 per
    /// image.
    #[must_use]
    pub fn probabilities(mut self, probabilities: &[f64]) -> Self {
        self.probabilities = Some(probabilities.to_vec());
        self
    }

    /// Writes one more, smaller line under each caption.
    #[must_use]
    pub fn notes(mut self, notes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.notes = Some(owned(notes));
        self
    }

    /// Draws the grid; its size follows from the images and the captions.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without images, [`ChartError::ImageShape`] unless they have one
    /// or three channels, [`ChartError::ShapeMismatch`] for pictures beside them of another
    /// shape, [`ChartError::LengthMismatch`] unless captions or labels pair up with images, [`ChartError::LabelOutOfRange`] for a label without a class name,
    /// [`ChartError::Size`] if the grid is too large for one figure.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let (n, rows, columns, channels) = self.images.dim();
        if n == 0 || rows == 0 || columns == 0 {
            return Err(ChartError::Empty { what: "image" });
        }
        if channels != 1 && channels != 3 {
            return Err(ChartError::ImageShape {
                shape: self.images.shape().to_vec(),
            });
        }
        for beside in &self.beside {
            if beside.shape()[..3] != self.images.shape()[..3] || ![1, 3].contains(&beside.dim().3)
            {
                return Err(ChartError::ShapeMismatch {
                    what: "pictures beside the images",
                    expected: self.images.shape().to_vec(),
                    received: beside.shape().to_vec(),
                });
            }
        }
        let captions = self.checked_captions()?;
        let layout = self.layout(&captions)?;
        let (width, height) = (layout.width.ceil() as u32, layout.height.ceil() as u32);
        let png = render(width, height, |root| self.draw_on(root, &captions, &layout))?;
        let figure = Figure::new(png, width, height, self.title.clone(), self.alt(&captions));
        Ok(figure.with_photographs(true))
    }

    fn checked_captions(&self) -> Result<Vec<Caption<'_>>, ChartError> {
        let n = self.images.dim().0;
        let paired = |what, received| {
            if received == n {
                return Ok(());
            }
            Err(ChartError::LengthMismatch {
                what,
                per: "image",
                expected: n,
                received,
            })
        };
        if let Some(probabilities) = &self.probabilities {
            paired("probability", probabilities.len())?;
        }
        if let Some(notes) = &self.notes {
            paired("note", notes.len())?;
        }
        let note = |position: usize| {
            let notes = self.notes.as_ref()?;
            notes.get(position).map(String::as_str)
        };
        let with_probability = |position: usize, name: &'_ str| {
            let probability = self.probabilities.as_ref()?.get(position)?;
            Some(format!("{name} {}", percent(*probability)))
        };
        match &self.captions {
            Captions::None if self.notes.is_none() => Ok(Vec::new()),
            Captions::None => {
                let blank = (0..n).map(|position| Caption {
                    text: Cow::Borrowed(note(position).unwrap_or_default()),
                    actual: None,
                    note: None,
                    right: None,
                });
                Ok(blank.collect())
            }
            Captions::Text(texts) => {
                paired("caption", texts.len())?;
                let plain = texts.iter().enumerate().map(|(position, text)| Caption {
                    text: Cow::Borrowed(text),
                    actual: None,
                    note: note(position),
                    right: None,
                });
                Ok(plain.collect())
            }
            Captions::Predictions {
                predicted,
                truth,
                class_names,
            } => {
                paired("prediction", predicted.len())?;
                paired("true label", truth.len())?;
                let name = |position: usize, label: i64| {
                    usize::try_from(label)
                        .ok()
                        .and_then(|label| class_names.get(label))
                        .map(String::as_str)
                        .ok_or(ChartError::LabelOutOfRange {
                            position,
                            label,
                            n_classes: class_names.len(),
                        })
                };
                let pairs = predicted.iter().zip(truth).enumerate();
                pairs
                    .map(|(position, (&predicted, &truth))| {
                        let right = predicted == truth;
                        let actual = name(position, truth)?;
                        let text = name(position, predicted)?;
                        let text = match with_probability(position, text) {
                            Some(text) => Cow::Owned(text),
                            None => Cow::Borrowed(text),
                        };
                        Ok(Caption {
                            text,
                            actual: (!right).then_some(actual),
                            note: note(position),
                            right: Some(right),
                        })
                    })
                    .collect()
            }
        }
    }

    fn alt(&self, captions: &[Caption<'_>]) -> String {
        let n = self.images.dim().0;
        let title = if self.title.is_empty() {
            String::new()
        } else {
            format!(" “{}”", self.title)
        };
        let mut alt = format!("Image grid{title}, {n} in {} columns", self.columns.min(n));
        let judged = captions.iter().filter(|c| c.right.is_some()).count();
        if judged > 0 {
            let right = captions.iter().filter(|c| c.right == Some(true)).count();
            alt += &format!(", {right} of {judged} predictions right");
        }
        if !captions.is_empty() {
            let texts: Vec<String> = captions
                .iter()
                .map(|caption| {
                    let mut text = caption.text.to_string();
                    if let Some(actual) = caption.actual {
                        text += &format!(" (actually {actual})");
                    }
                    if let Some(note) = caption.note {
                        text += &format!(" ({note})");
                    }
                    text
                })
                .collect();
            alt += &format!(": {}", texts.join(", "));
        }
        alt
    }

    fn layout(&self, captions: &[Caption<'_>]) -> Result<Layout, ChartError> {
        let (n, rows, columns, _) = self.images.dim();
        let pixels = self.image_size.saturating_mul(SCALE) as usize;
        let zoom = (pixels / rows.max(columns)).max(1);
        let scale = f64::from(SCALE);
        let image = (
            (columns * zoom) as f64 / scale,
            (rows * zoom) as f64 / scale,
        );

        let mut caption_width = 0.0_f64;
        for caption in captions {
            let mark = if caption.right.is_some() { MARK } else { 0.0 };
            let width = mark + caption_label(caption).width(&caption.text)?;
            caption_width = caption_width.max(width);
            if let Some(actual) = caption.actual {
                caption_width = caption_width.max(Label::tick().width(&actual_text(actual))?);
            }
            if let Some(note) = caption.note {
                caption_width = caption_width.max(Label::tick().width(note)?);
            }
        }
        // Captions may be wider than thumbnails, within reason; longer ones are shortened.
        let pictures = 1.0 + self.beside.len() as f64;
        let pictures_width = pictures * (image.0 + BESIDE_GAP) - BESIDE_GAP;
        let cell_width = pictures_width.max(caption_width.min(pictures_width.max(150.0)));
        // One line for the caption, and one each for true classes and notes where any has one.
        let line =
            |has: fn(&Caption<'_>) -> bool| if captions.iter().any(has) { 16.0 } else { 0.0 };
        let caption_height = match captions.is_empty() {
            true => 0.0,
            false => 24.0 + line(|c| c.actual.is_some()) + line(|c| c.note.is_some()),
        };
        let across = self.columns.min(n);
        let down = n.div_ceil(self.columns);
        let top = MARGIN + if self.title.is_empty() { 0.0 } else { 28.0 };
        let pitch = (
            cell_width + GUTTER,
            image.1 + caption_height + if captions.is_empty() { GUTTER } else { 8.0 },
        );
        let below = if captions.is_empty() { GUTTER } else { 8.0 };
        let title_width = 2.0 * MARGIN + Label::title().width(&self.title)?;
        let grid_width = 2.0 * MARGIN + across as f64 * pitch.0 - GUTTER;
        Ok(Layout {
            zoom,
            image,
            pictures_width,
            cell_width,
            pitch,
            top,
            width: grid_width.max(title_width.min(2.0 * grid_width.max(300.0))),
            height: top + down as f64 * pitch.1 - below + MARGIN,
        })
    }

    fn draw_on(
        &self,
        canvas: &Canvas<'_>,
        captions: &[Caption<'_>],
        layout: &Layout,
    ) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let title = Label::title().shortened(&self.title, layout.width - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
        for index in 0..self.images.dim().0 {
            let (row, column) = (index / self.columns, index % self.columns);
            let cell_left = MARGIN + column as f64 * layout.pitch.0;
            let left = cell_left + ((layout.cell_width - layout.pictures_width) / 2.0).floor();
            let top = layout.top + row as f64 * layout.pitch.1;
            let bottom = top + layout.image.1;
            let color = match captions.get(index).and_then(|caption| caption.right) {
                Some(false) => WRONG,
                Some(true) | None => AXIS,
            };
            for (place, pictures) in [&self.images].into_iter().chain(&self.beside).enumerate() {
                let left = left + place as f64 * (layout.image.0 + BESIDE_GAP);
                draw_image(
                    &pen,
                    &pictures.index_axis(Axis(0), index),
                    (left, top),
                    layout.zoom,
                )?;
                let right = left + layout.image.0;
                pen.frame((left, top), (right, bottom), 0.5, color)?;
            }
            if let Some(caption) = captions.get(index) {
                let middle = cell_left + layout.cell_width / 2.0;
                draw_caption(&pen, caption, (middle, bottom), layout.cell_width)?;
            }
        }
        Ok(())
    }
}

/// An image of shape (height, width, 1 or 3), each pixel `zoom` by `zoom` bitmap pixels.
fn draw_image(
    pen: &Pen<'_, '_>,
    image: &ArrayView3<'_, u8>,
    corner: (f64, f64),
    zoom: usize,
) -> Result<(), ChartError> {
    let (rows, columns, channels) = image.dim();
    let mosaic = Mosaic::new(1, (rows, columns), 1, zoom, 0);
    mosaic.draw(pen, corner, |_, row, column| {
        [0, 1, 2].map(|channel| image[[row, column, channel.min(channels - 1)]])
    })
}

/// As whole percent, but never 0 or 100 where it is not.
fn percent(probability: f64) -> String {
    let rounded = (100.0 * probability).round();
    if rounded == 0.0 && probability > 0.0 {
        "< 1 %".to_owned()
    } else if rounded == 100.0 && probability < 1.0 {
        "over 99 %".to_owned()
    } else {
        format!("{rounded} %")
    }
}

fn actual_text(actual: &str) -> String {
    format!("actual: {actual}")
}

fn caption_label(caption: &Caption<'_>) -> Label {
    match caption.right {
        Some(true) => Label::new(13.0).semibold().color(RIGHT),
        Some(false) => Label::new(13.0).semibold().color(WRONG),
        None => Label::new(13.0).color(INK),
    }
}

/// The caption under an image whose lower edge has its middle at `(middle, bottom)`.
fn draw_caption(
    pen: &Pen<'_, '_>,
    caption: &Caption<'_>,
    (middle, bottom): (f64, f64),
    room: f64,
) -> Result<(), ChartError> {
    let label = caption_label(caption);
    let mark = if caption.right.is_some() { MARK } else { 0.0 };
    let text = label.shortened(&caption.text, room - mark)?;
    let left = middle - (label.width(&text)? + mark) / 2.0;
    let y = bottom + 14.0;
    // Drawn, as the font has neither sign; their shapes tell right from wrong without colour.
    match caption.right {
        Some(true) => {
            let tick = [
                (left + 0.5, y),
                (left + 4.0, y + 4.0),
                (left + 10.5, y - 4.0),
            ];
            pen.line(&tick, 2.0, RIGHT)?;
        }
        Some(false) => {
            pen.line(&[(left + 1.5, y - 4.0), (left + 9.5, y + 4.0)], 2.0, WRONG)?;
            pen.line(&[(left + 1.5, y + 4.0), (left + 9.5, y - 4.0)], 2.0, WRONG)?;
        }
        None => {}
    }
    pen.text(&text, left + mark, y, label)?;
    let lines = [
        caption.actual.map(actual_text),
        caption.note.map(str::to_owned),
    ];
    for (index, line) in lines.into_iter().flatten().enumerate() {
        let label = Label::tick().color(MUTED).centered();
        let text = label.shortened(&line, room)?;
        pen.text(&text, middle, y + 17.0 + 16.0 * index as f64, label)?;
    }
    Ok(())
}

struct Layout {
    /// Bitmap pixels per image pixel.
    zoom: usize,
    /// Size of an enlarged image, in CSS pixels like all below.
    image: (f64, f64),
    /// Width of an image and what stands beside it.
    pictures_width: f64,
    cell_width: f64,
    pitch: (f64, f64),
    top: f64,
    width: f64,
    height: f64,
}
