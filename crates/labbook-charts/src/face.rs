use ab_glyph::{Font, FontRef, Glyph, GlyphId, PxScale, point};

/// One font file: its outlines, and what orders and joins its glyphs.
pub(crate) struct Face {
    pub(crate) font: FontRef<'static>,
    pub(crate) shaper: rustybuzz::Face<'static>,
}

impl Face {
    /// The font in these bytes, or the first one of a collection.
    pub(crate) fn new(bytes: &'static [u8]) -> Option<Self> {
        Some(Self {
            font: FontRef::try_from_slice_and_index(bytes, 0).ok()?,
            shaper: rustybuzz::Face::from_slice(bytes, 0)?,
        })
    }

    /// Whether the face can draw this character.
    pub(crate) fn has(&self, character: char) -> bool {
        let glyph = self.font.glyph_id(character);
        glyph.0 != 0 && (character.is_whitespace() || self.font.outline(glyph).is_some())
    }

    /// A glyph where the font's em has so many pixels.
    pub(crate) fn glyph(&self, id: u32, em: f32, (x, y): (f32, f32)) -> Option<Glyph> {
        // ab_glyph measures a font by the distance from ascent to descent.
        let height = em * self.font.height_unscaled() / self.units_per_em();
        let id = GlyphId(u16::try_from(id).ok()?);
        Some(id.with_scale_and_position(PxScale::from(height), point(x, y)))
    }

    pub(crate) fn units_per_em(&self) -> f32 {
        self.shaper.units_per_em() as f32
    }
}
