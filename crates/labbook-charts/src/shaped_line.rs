//! Text that one font cannot set character by character: other scripts, marks that combine,
//! writing from right to left.

use std::collections::BTreeSet;

use ab_glyph::Glyph;
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::BidiInfo;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::face::Face;
use crate::system_fonts;

/// The glyphs of one line, from left to right, at an em in pixels.
pub(crate) struct ShapedLine {
    pub(crate) glyphs: Vec<(&'static Face, Glyph)>,
    pub(crate) width: f32,
    /// Characters that no font has; their code points stand for them.
    pub(crate) missing: BTreeSet<char>,
}

/// A character and the face that draws it.
type Covered = (char, &'static Face);

impl ShapedLine {
    pub(crate) fn new(text: &str, em: f32, primary: &'static Face) -> Self {
        Self::with_fonts(text, em, primary, system_fonts::face_for)
    }

    fn with_fonts(
        text: &str,
        em: f32,
        primary: &'static Face,
        face_for: impl FnMut(char) -> Option<&'static Face>,
    ) -> Self {
        let (characters, missing) = covered(text, primary, face_for);
        let mut line = Self {
            glyphs: Vec::new(),
            width: 0.0,
            missing,
        };
        for (run, right_to_left) in visual_runs(&characters) {
            let mut pieces: Vec<&[Covered]> = run
                .chunk_by(|(_, a), (_, b)| std::ptr::eq(*a, *b))
                .collect();
            if right_to_left {
                pieces.reverse();
            }
            for piece in pieces {
                line.push(piece, right_to_left, em);
            }
        }
        line
    }

    fn push(&mut self, piece: &[Covered], right_to_left: bool, em: f32) {
        let Some(&(_, face)) = piece.first() else {
            return;
        };
        let text: String = piece.iter().map(|(character, _)| character).collect();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text);
        buffer.set_direction(match right_to_left {
            true => Direction::RightToLeft,
            false => Direction::LeftToRight,
        });
        buffer.guess_segment_properties();
        let shaped = rustybuzz::shape(&face.shaper, &[], buffer);
        let scale = em / face.units_per_em();
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        for (info, position) in glyphs {
            let x = self.width + position.x_offset as f32 * scale;
            let y = -position.y_offset as f32 * scale;
            if let Some(glyph) = face.glyph(info.glyph_id, em, (x, y)) {
                self.glyphs.push((face, glyph));
            }
            self.width += position.x_advance as f32 * scale;
        }
    }
}

/// Every character with its face. What no face has becomes its code points, `‹4E2D 6587›`, so that
/// different names never look alike.
fn covered(
    text: &str,
    primary: &'static Face,
    mut face_for: impl FnMut(char) -> Option<&'static Face>,
) -> (Vec<Covered>, BTreeSet<char>) {
    let mut characters: Vec<Covered> = Vec::new();
    let mut missing = BTreeSet::new();
    let mut open = false;
    for character in text.chars() {
        let previous = characters.last().map(|&(_, face)| face);
        let joins = is_invisible(character);
        // A mark is placed by the font of its letter.
        let own = previous.filter(|face| joins || (is_mark(character) && face.has(character)));
        let face = match own {
            Some(face) => Some(face),
            None if joins || primary.has(character) => Some(primary),
            None => face_for(character),
        };
        let push = |characters: &mut Vec<Covered>, text: &str| {
            characters.extend(text.chars().map(|character| (character, primary)));
        };
        match face {
            Some(_) if joins && open => {}
            Some(face) => {
                if open {
                    push(&mut characters, "›");
                    open = false;
                }
                characters.push((character, face));
            }
            None => {
                missing.insert(character);
                push(&mut characters, if open { " " } else { "‹" });
                push(&mut characters, &format!("{:04X}", u32::from(character)));
                open = true;
            }
        }
    }
    if open {
        characters.extend([('›', primary)]);
    }
    (characters, missing)
}

/// Stretches of one direction in the order in which they are seen, and whether they run from
/// right to left.
fn visual_runs(characters: &[Covered]) -> Vec<(&[Covered], bool)> {
    let text: String = characters.iter().map(|(character, _)| character).collect();
    // Places are bytes there and characters here.
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    let place = |byte: usize| starts.partition_point(|&start| start < byte);
    let bidi = BidiInfo::new(&text, None);
    let mut runs = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, visual) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in visual {
            let right_to_left = levels[run.start].is_rtl();
            runs.push((&characters[place(run.start)..place(run.end)], right_to_left));
        }
    }
    runs
}

/// Joiners, variation selectors and marks of direction: they have no looks of their own.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}' | '\u{ad}'
    )
}

/// Characters that combine with the one before them.
pub(crate) fn is_mark(character: char) -> bool {
    let skin_tone = ('\u{1f3fb}'..='\u{1f3ff}').contains(&character);
    skin_tone || character.general_category_group() == GeneralCategoryGroup::Mark
}

/// Whether characters can be set one after the other, with no thought of order or joins.
pub(crate) fn is_plain(character: char) -> bool {
    match character {
        '\0'..='\u{2ff}' => character != '\u{ad}',
        // Greek and Cyrillic, then Latin with marks, punctuation and symbols.
        '\u{370}'..='\u{52f}' => !is_mark(character),
        '\u{1e00}'..='\u{2bff}' => !is_mark(character) && !is_invisible(character),
        '\u{fb00}'..='\u{fb06}' | '\u{fffc}'..='\u{fffd}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary() -> &'static Face {
        let bytes = include_bytes!("../fonts/OpenSans-Regular.ttf");
        Box::leak(Box::new(Face::new(bytes).unwrap()))
    }

    fn text(run: &[Covered]) -> String {
        run.iter().map(|(character, _)| character).collect()
    }

    #[test]
    fn what_no_font_has_is_told_apart_by_its_code_points() {
        let (characters, missing) = covered("a猫犬, 犬!", primary(), |_| None);
        assert_eq!(text(&characters), "a‹732B 72AC›, ‹72AC›!");
        assert_eq!(missing, BTreeSet::from(['猫', '犬']));
        let (joined, _) = covered("👩\u{200d}🔬\u{fe0f}", primary(), |_| None);
        assert_eq!(text(&joined), "‹1F469 1F52C›");
    }

    #[test]
    fn writing_from_right_to_left_is_seen_in_its_order() {
        let face = primary();
        let runs = |shown: &str| -> Vec<(String, bool)> {
            let characters: Vec<Covered> = shown.chars().map(|c| (c, face)).collect();
            let runs = visual_runs(&characters).into_iter();
            runs.map(|(run, rtl)| (text(run), rtl)).collect()
        };
        // The number after the Hebrew word is seen before it.
        let order = ["cat ", "12", "חתול "].map(String::from);
        let seen = runs("cat חתול 12");
        assert_eq!(
            seen.iter().map(|(run, _)| run.clone()).collect::<Vec<_>>(),
            order
        );
        assert_eq!(
            seen.iter().map(|(_, rtl)| *rtl).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert_eq!(runs("猫 a"), [("猫 a".to_owned(), false)]);
    }

    #[test]
    fn marks_do_not_widen_a_line_and_stand_over_their_letters() {
        let face = primary();
        let line = |text| ShapedLine::with_fonts(text, 100.0, face, |_| None);
        let (plain, marked) = (line("e"), line("e\u{301}"));
        assert!(
            (plain.width - marked.width).abs() < 1.0,
            "{} {}",
            plain.width,
            marked.width
        );
        assert!(marked.missing.is_empty());
    }

    #[test]
    fn a_shaped_line_is_as_wide_as_its_letters() {
        let face = primary();
        let line = ShapedLine::with_fonts("Hxn", 20.0, face, |_| None);
        let advance = |c| {
            let glyph = ab_glyph::Font::glyph_id(&face.font, c);
            ab_glyph::Font::h_advance_unscaled(&face.font, glyph) * 20.0 / face.units_per_em()
        };
        let expected: f32 = "Hxn".chars().map(advance).sum();
        assert!(
            (line.width - expected).abs() < 0.5,
            "{} {expected}",
            line.width
        );
        assert_eq!(line.glyphs.len(), 3);
    }
}
