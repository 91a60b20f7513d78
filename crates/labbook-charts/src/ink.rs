//! What all charts draw with: text and shapes in CSS pixels, and the colours of the frame.

use plotters::element::{BitMapElement, Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, FontTransform, IntoFont, RGBColor, TextStyle};

use crate::bitmap::Canvas;
use crate::font::{FONT, HEIGHT_PER_EM, Typeface, Weight};
use crate::shaped_line::{is_invisible, is_mark};
use crate::{ChartError, SCALE, px};

/// Titles and numbers.
pub(crate) const INK: RGBColor = RGBColor(33, 37, 41);
/// Axis labels and tick labels.
pub(crate) const MUTED: RGBColor = RGBColor(91, 98, 106);
/// Axes and frames.
pub(crate) const AXIS: RGBColor = RGBColor(173, 181, 189);
/// Grid lines.
pub(crate) const GRID: RGBColor = RGBColor(233, 236, 239);

/// Font sizes (em) in CSS pixels.
pub(crate) const TITLE_SIZE: f64 = 15.0;
pub(crate) const LABEL_SIZE: f64 = 12.0;
pub(crate) const TICK_SIZE: f64 = 11.0;

/// Space around every figure, in CSS pixels.
pub(crate) const MARGIN: f64 = 12.0;

/// How a piece of text looks and how it sits at its position.
#[derive(Clone, Copy)]
pub(crate) struct Label {
    size: f64,
    weight: Weight,
    color: RGBColor,
    horizontal: HPos,
    vertical: VPos,
    upward: bool,
}

impl Label {
    /// Regular, near-black, starting at its position and centred on it vertically.
    pub(crate) fn new(size: f64) -> Self {
        Self {
            size,
            weight: Weight::Regular,
            color: INK,
            horizontal: HPos::Left,
            vertical: VPos::Center,
            upward: false,
        }
    }

    pub(crate) fn title() -> Self {
        Self::new(TITLE_SIZE).semibold()
    }

    pub(crate) fn axis() -> Self {
        Self::new(LABEL_SIZE).color(MUTED)
    }

    pub(crate) fn tick() -> Self {
        Self::new(TICK_SIZE).color(MUTED)
    }

    pub(crate) fn semibold(self) -> Self {
        let weight = Weight::Semibold;
        Self { weight, ..self }
    }

    pub(crate) fn color(self, color: RGBColor) -> Self {
        Self { color, ..self }
    }

    pub(crate) fn scaled(self, scale: f64) -> Self {
        let size = self.size * scale;
        Self { size, ..self }
    }

    pub(crate) fn centered(self) -> Self {
        let horizontal = HPos::Center;
        Self { horizontal, ..self }
    }

    pub(crate) fn ending(self) -> Self {
        let horizontal = HPos::Right;
        Self { horizontal, ..self }
    }

    /// Reads from bottom to top.
    pub(crate) fn upward(self) -> Self {
        let upward = true;
        Self { upward, ..self }
    }

    /// Width of the text in CSS pixels.
    pub(crate) fn width(&self, text: &str) -> Result<f64, ChartError> {
        let width = Typeface::get()?.width(text, self.font_height(), self.weight);
        Ok(width / f64::from(SCALE))
    }

    /// Width in CSS pixels of the widest text.
    pub(crate) fn widest<S: AsRef<str>>(&self, texts: &[S]) -> Result<f64, ChartError> {
        let mut widest = 0.0_f64;
        for text in texts {
            widest = widest.max(self.width(text.as_ref())?);
        }
        Ok(widest)
    }

    /// The text, or as much of it as fits into `width` CSS pixels with an ellipsis.
    pub(crate) fn shortened(&self, text: &str, width: f64) -> Result<String, ChartError> {
        if self.width(text)? <= width {
            return Ok(text.to_owned());
        }
        let characters: Vec<char> = text.chars().collect();
        let first = |count: usize| -> String {
            let kept: String = characters[..count].iter().collect();
            kept.trim_end().to_owned() + "…"
        };
        // As many characters as fit, found by halving: texts may be long.
        let (mut fitting, mut beyond) = (0, characters.len());
        while fitting + 1 < beyond {
            let middle = fitting.midpoint(beyond);
            match self.width(&first(middle))? <= width {
                true => fitting = middle,
                false => beyond = middle,
            }
        }
        // Not between a letter and its marks.
        while fitting > 0 && (is_mark(characters[fitting]) || is_invisible(characters[fitting])) {
            fitting -= 1;
        }
        let shorter = first(fitting);
        match self.width(&shorter)? <= width {
            true => Ok(shorter),
            false => Ok(String::new()),
        }
    }

    fn font_height(&self) -> f64 {
        self.size * f64::from(SCALE) * HEIGHT_PER_EM
    }
}

/// Draws on a canvas, in CSS pixels.
pub(crate) struct Pen<'c, 'b> {
    canvas: &'c Canvas<'b>,
}

impl<'c, 'b> Pen<'c, 'b> {
    pub(crate) fn new(canvas: &'c Canvas<'b>) -> Self {
        Self { canvas }
    }

    /// Width and height of the canvas.
    pub(crate) fn size(&self) -> (f64, f64) {
        let (width, height) = self.canvas.dim_in_pixel();
        let scale = f64::from(SCALE);
        (f64::from(width) / scale, f64::from(height) / scale)
    }

    pub(crate) fn text(&self, text: &str, x: f64, y: f64, label: Label) -> Result<(), ChartError> {
        let style = match label.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Semibold => FontStyle::Bold,
        };
        let mut font = (FONT, label.font_height(), style).into_font();
        if label.upward {
            font = font.transform(FontTransform::Rotate270);
        }
        let style = TextStyle::from(font)
            .color(&label.color)
            .pos(Pos::new(label.horizontal, label.vertical));
        self.element(&Text::new(text, (px(x), px(y)), style))
    }

    /// A filled rectangle that covers exactly the pixels between its corners.
    pub(crate) fn rect(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        color: RGBColor,
    ) -> Result<(), ChartError> {
        let corners = [(px(left), px(top)), (px(right), px(bottom))];
        self.element(&Rectangle::new(corners, color.filled()))
    }

    /// A frame of `width` just outside the rectangle.
    pub(crate) fn frame(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        width: f64,
        color: RGBColor,
    ) -> Result<(), ChartError> {
        let (l, t, r, b) = (left - width, top - width, right + width, bottom + width);
        self.rect((l, t), (r, top), color)?;
        self.rect((l, bottom), (r, b), color)?;
        self.rect((l, t), (left, b), color)?;
        self.rect((right, t), (r, b), color)
    }

    pub(crate) fn line(
        &self,
        points: &[(f64, f64)],
        width: f64,
        color: RGBColor,
    ) -> Result<(), ChartError> {
        let path: Vec<(i32, i32)> = points.iter().map(|&(x, y)| (px(x), px(y))).collect();
        let style = color.stroke_width(px(width).max(1) as u32);
        self.element(&PathElement::new(path, style))
    }

    pub(crate) fn dot(
        &self,
        x: f64,
        y: f64,
        radius: f64,
        color: RGBColor,
    ) -> Result<(), ChartError> {
        self.element(&Circle::new((px(x), px(y)), px(radius), color.filled()))
    }

    /// Fills a polygon.
    pub(crate) fn polygon(
        &self,
        corners: &[(f64, f64)],
        color: RGBColor,
    ) -> Result<(), ChartError> {
        let corners: Vec<(i32, i32)> = corners.iter().map(|&(x, y)| (px(x), px(y))).collect();
        self.element(&Polygon::new(corners, color.filled()))
    }

    /// Fills a polygon with what lies below showing through: `opacity` from 0 to 1.
    pub(crate) fn tinted_polygon(
        &self,
        corners: &[(f64, f64)],
        color: RGBColor,
        opacity: f64,
    ) -> Result<(), ChartError> {
        let corners: Vec<(i32, i32)> = corners.iter().map(|&(x, y)| (px(x), px(y))).collect();
        self.element(&Polygon::new(corners, color.mix(opacity).filled()))
    }

    /// Puts RGB pixels, `width` by `height` bitmap pixels, with their upper left corner at
    /// `(left, top)` in CSS pixels.
    pub(crate) fn picture(
        &self,
        (left, top): (f64, f64),
        (width, height): (usize, usize),
        rgb: Vec<u8>,
    ) -> Result<(), ChartError> {
        let size = (width as u32, height as u32);
        let corner = (px(left), px(top));
        let element: BitMapElement<'_, (i32, i32)> =
            BitMapElement::with_owned_buffer(corner, size, rgb)
                .ok_or_else(|| ChartError::Drawing("a picture does not fill its place".into()))?;
        self.element(&element)
    }

    fn element<'a, E>(&self, element: &'a E) -> Result<(), ChartError>
    where
        &'a E: plotters::element::PointCollection<'a, (i32, i32)>,
        E: plotters::element::Drawable<crate::bitmap::Bitmap<'b>>,
    {
        self.canvas
            .draw(element)
            .map_err(|error| ChartError::Drawing(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_as_much_as_fits() {
        let label = Label::new(12.0);
        let short = label.shortened(&"m".repeat(50_000), 100.0).unwrap();
        assert!(
            label.width(&short).unwrap() <= 100.0 && short.ends_with('…'),
            "{short}"
        );
        assert!(
            label.width(&format!("m{short}")).unwrap() > 100.0,
            "{short}"
        );
        assert_eq!(label.shortened("cat", 100.0).unwrap(), "cat");
        assert_eq!(label.shortened("cat", 1.0).unwrap(), "");
    }

    #[test]
    fn no_mark_is_cut_from_its_letter() {
        let label = Label::new(12.0);
        let text = "e\u{301}".repeat(40);
        for width in 20..60 {
            let short = label.shortened(&text, f64::from(width)).unwrap();
            let marks = short.matches('\u{301}').count();
            assert_eq!(short.matches('e').count(), marks, "{short}");
        }
    }
}
