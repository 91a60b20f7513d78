//! The embedded typeface: one family, two weights.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ab_glyph::{Font, Glyph, GlyphId, PxScale, ScaleFont, point};
use plotters::style::{FontStyle, register_font};

use crate::ChartError;
use crate::face::Face;
use crate::shaped_line::{ShapedLine, is_plain};

/// The family name to use in plotters' text styles: `(FONT, 28).into_font()`.
///
/// It is plotters' generic name, so code written for other backends works unchanged. The
/// bold style is Open Sans Semibold, every other style Open Sans Regular.
pub const FONT: &str = "sans-serif";

static REGULAR: &[u8] = include_bytes!("../fonts/OpenSans-Regular.ttf");
static SEMIBOLD: &[u8] = include_bytes!("../fonts/OpenSans-Semibold.ttf");

/// Ascent plus descent over em (OpenSans `hhea`: (2189 + 600) / 2048). Plotters and ab_glyph
/// measure a font by this height; people and CSS measure it by its em.
pub(crate) const HEIGHT_PER_EM: f64 = 2789.0 / 2048.0;
/// Height of capitals and digits over em (OpenSans `OS/2`: 1462 / 2048).
const CAP_PER_EM: f64 = 1462.0 / 2048.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weight {
    Regular,
    Semibold,
}

pub(crate) struct Typeface {
    regular: Face,
    semibold: Face,
}

/// One glyph's coverage: `(x, y, alpha)` relative to the start of the baseline.
pub(crate) type Coverage = Vec<(i32, i32, f32)>;

impl Typeface {
    /// The typeface, also made known to plotters under [`FONT`] for its own text measuring.
    pub(crate) fn get() -> Result<&'static Self, ChartError> {
        static TYPEFACE: OnceLock<Option<Typeface>> = OnceLock::new();
        TYPEFACE
            .get_or_init(Self::load)
            .as_ref()
            .ok_or(ChartError::Font)
    }

    fn load() -> Option<Self> {
        for family in [FONT, "serif", "monospace"] {
            register_font(family, FontStyle::Normal, REGULAR).ok()?;
            register_font(family, FontStyle::Bold, SEMIBOLD).ok()?;
        }
        Some(Self {
            regular: Face::new(REGULAR)?,
            semibold: Face::new(SEMIBOLD)?,
        })
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Semibold => &self.semibold,
        }
    }

    /// Advance width in pixels of `text` at `height` pixels (ascent plus descent).
    pub(crate) fn width(&'static self, text: &str, height: f64, weight: Weight) -> f64 {
        if let Some(line) = self.shaped(text, height, weight) {
            return f64::from(line.width);
        }
        let mut width = 0.0;
        self.layout(text, height, weight, |_, _, advance| width = advance);
        f64::from(width)
    }

    /// The text as other fonts and scripts need it; nothing if this font sets it by itself.
    fn shaped(&'static self, text: &str, height: f64, weight: Weight) -> Option<ShapedLine> {
        let face = self.face(weight);
        let own = |character: char| is_plain(character) && face.font.glyph_id(character).0 != 0;
        if text
            .chars()
            .all(|character| own(character) || character.is_control())
        {
            return None;
        }
        let em = height / HEIGHT_PER_EM;
        Some(ShapedLine::new(text, em as f32, face))
    }

    /// The characters of a text that no font of this machine has.
    pub(crate) fn missing(&'static self, text: &str, weight: Weight) -> BTreeSet<char> {
        let line = self.shaped(text, 16.0, weight);
        line.map_or_else(BTreeSet::new, |line| line.missing)
    }

    /// Calls `place(glyph, x, x after it)` for each character, kerned.
    fn layout(
        &self,
        text: &str,
        height: f64,
        weight: Weight,
        mut place: impl FnMut(GlyphId, f32, f32),
    ) {
        let font = self
            .face(weight)
            .font
            .as_scaled(PxScale::from(height as f32));
        let mut x = 0.0;
        let mut previous: Option<GlyphId> = None;
        for character in text.chars() {
            let glyph = font.glyph_id(character);
            if let Some(previous) = previous {
                x += font.kern(previous, glyph);
            }
            let next = x + font.h_advance(glyph);
            place(glyph, x, next);
            x = next;
            previous = Some(glyph);
        }
    }

    /// Rasterises `text` with glyphs at fractional positions, starting `offset` pixels right
    /// of the origin.
    pub(crate) fn rasterize(
        &'static self,
        text: &str,
        height: f64,
        weight: Weight,
        offset: f64,
    ) -> Coverage {
        let mut coverage = Coverage::new();
        if let Some(line) = self.shaped(text, height, weight) {
            for (face, mut glyph) in line.glyphs {
                glyph.position.x += offset as f32;
                cover(face, glyph, &mut coverage);
            }
            return coverage;
        }
        let face = self.face(weight);
        let scale = PxScale::from(height as f32);
        self.layout(text, height, weight, |id, x, _| {
            let glyph = id.with_scale_and_position(scale, point(x + offset as f32, 0.0));
            cover(face, glyph, &mut coverage);
        });
        coverage
    }
}

fn cover(face: &Face, glyph: Glyph, coverage: &mut Coverage) {
    if let Some(outline) = face.font.outline_glyph(glyph) {
        let corner = outline.px_bounds().min;
        outline.draw(|x, y, alpha| {
            if alpha > 0.0 {
                let (x, y) = (corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                coverage.push((x, y, alpha.min(1.0)));
            }
        });
    }
}

/// Height in pixels of capitals and digits at a font height (ascent plus descent) in pixels.
pub(crate) fn cap_height(height: f64) -> f64 {
    height / HEIGHT_PER_EM * CAP_PER_EM
}
