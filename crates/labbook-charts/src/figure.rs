use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::ChartError;
use crate::draw::Drawing;

/// A drawn figure: a PNG with a title and alternative text.
///
/// The bitmap has two pixels per CSS pixel; show it at [`width`](Self::width) by
/// [`height`](Self::height) for sharp lines on dense displays.
#[derive(Clone, PartialEq, Eq)]
pub struct Figure {
    png: Vec<u8>,
    width: u32,
    height: u32,
    title: String,
    alt: String,
    note: String,
    photographs: bool,
}

/// Characters that a note names at most.
const NAMED: usize = 8;

impl Figure {
    pub(crate) fn new(
        drawing: Drawing,
        width: u32,
        height: u32,
        title: String,
        alt: String,
    ) -> Self {
        Self {
            png: drawing.png,
            width,
            height,
            title,
            alt,
            note: note(&drawing.missing),
            photographs: false,
        }
    }

    /// The same where the figure shows images, whose colours stay as they are everywhere.
    pub(crate) fn with_photographs(mut self, photographs: bool) -> Self {
        self.photographs = photographs;
        self
    }

    /// With the notes of the figures that it was made of.
    pub(crate) fn with_notes_of(mut self, figures: &[&Self]) -> Self {
        for figure in figures {
            if !self.note.contains(&figure.note) {
                let space = if self.note.is_empty() { "" } else { " " };
                self.note += &format!("{space}{}", figure.note);
            }
        }
        self
    }

    /// The encoded image, `2 * width` by `2 * height` pixels.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// Width in CSS pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in CSS pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The title, empty if the figure has none.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the figure shows, in words, for readers who cannot see it.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// Whether the figure shows images, such as photographs or what a layer makes of them: a page
    /// with a dark background may turn the colours of a figure that does not.
    pub fn has_photographs(&self) -> bool {
        self.photographs
    }

    /// What a reader has to know to read the figure, mostly nothing: which characters no font of
    /// this machine has, so that their code points are drawn.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Replaces the title that accompanies the image (not the one drawn in it).
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Replaces the alternative text.
    #[must_use]
    pub fn with_alt(mut self, alt: impl Into<String>) -> Self {
        self.alt = alt.into();
        self
    }

    /// Writes the PNG. The file appears whole or not at all: it is written beside its place
    /// and renamed.
    ///
    /// # Errors
    ///
    /// [`ChartError::Save`] if the folder is missing or cannot be written to.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ChartError> {
        let path = path.as_ref();
        let failed = |source| ChartError::Save {
            path: path.to_owned(),
            source,
        };
        labbook_files::write_file(path, &self.png).map_err(failed)
    }
}

fn note(missing: &BTreeSet<char>) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let named: Vec<String> = missing
        .iter()
        .take(NAMED)
        .map(|&character| format!("{character} (U+{:04X})", u32::from(character)))
        .collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "No font of this machine has {}{more}: code points are drawn instead. Install a font with \
         these characters, for instance one of the Noto family, and restart the kernel.",
        named.join(", ")
    )
}

/// The size and the alternative text, not the bytes of the image.
impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Figure({} x {}, {} KB PNG: {})",
            self.width,
            self.height,
            self.png.len().div_ceil(1024),
            self.alt
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn figure() -> Figure {
        let (png, missing) = (vec![1, 2, 3], BTreeSet::new());
        Figure::new(Drawing { png, missing }, 10, 20, "T".into(), "words".into())
    }

    #[test]
    fn save_leaves_only_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.png");
        fs::write(&path, "old").unwrap();
        figure().save(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [1, 2, 3]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn save_into_a_missing_folder_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let error = figure()
            .save(folder.path().join("no/figure.png"))
            .unwrap_err();
        assert!(error.to_string().contains("figure.png"), "{error}");
    }

    #[test]
    fn a_note_names_some_of_the_characters_that_are_missing() {
        assert_eq!(figure().note(), "");
        let note = note(&('一'..='丏').collect());
        assert!(note.starts_with("No font of this machine has 一 (U+4E00), 丁 (U+4E01), "));
        assert!(
            note.contains("丆 (U+4E06), 万 (U+4E07) and 8 more: code points"),
            "{note}"
        );
    }

    #[test]
    fn debug_says_what_it_shows_instead_of_bytes() {
        assert_eq!(
            format!("{:?}", figure()),
            "Figure(10 x 20, 1 KB PNG: words)"
        );
    }
}
