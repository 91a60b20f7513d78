//! Fonts of the machine, for characters that the embedded one lacks.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustybuzz::ttf_parser::cmap;

use crate::face::Face;

/// Files looked at in all, and folders within folders.
const MOST_FILES: usize = 4000;
const DEPTH: usize = 5;
/// Larger files are no fonts that a figure is worth.
const LARGEST_FILE: u64 = 64 << 20;
/// A table of characters is longer only in damaged files.
const LARGEST_TABLE: u32 = 8 << 20;
/// In the names of fonts that stand out beside the embedded one.
const UNLIKE: [&str; 14] = [
    "bold",
    "italic",
    "oblique",
    "mono",
    "light",
    "thin",
    "black",
    "medium",
    "condensed",
    "serif",
    "heavy",
    "display",
    "semi",
    "narrow",
];

/// Fonts in some folders, read when a character asks for them.
#[derive(Default)]
pub(crate) struct SystemFonts {
    files: Vec<FontFile>,
    known: HashMap<char, Option<&'static Face>>,
}

struct FontFile {
    path: PathBuf,
    state: State,
}

enum State {
    Unread,
    /// The table of the characters that it has.
    Known(Vec<u8>),
    Loaded(&'static Face),
    Useless,
}

/// The face that draws a character, if this machine has one.
pub(crate) fn face_for(character: char) -> Option<&'static Face> {
    static FONTS: OnceLock<Mutex<SystemFonts>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| Mutex::new(SystemFonts::in_folders(&folders())));
    let mut fonts = fonts.lock().unwrap_or_else(PoisonError::into_inner);
    fonts.face_for(character)
}

/// Where Linux, macOS and Windows keep fonts.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts",
        "/Library/Fonts",
        "C:\\Windows\\Fonts",
    ]
    .map(PathBuf::from)
    .to_vec();
    if let Some(home) = std::env::home_dir() {
        for folder in [".local/share/fonts", ".fonts", "Library/Fonts"] {
            folders.push(home.join(folder));
        }
    }
    folders
}

impl SystemFonts {
    pub(crate) fn in_folders(folders: &[PathBuf]) -> Self {
        let mut paths = Vec::new();
        for folder in folders {
            gather(folder, DEPTH, &mut paths);
        }
        // Plain fonts first, and the same ones on every run.
        paths.sort_by_cached_key(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.to_lowercase().replace("sansserif", "sans");
            let unlike = UNLIKE.iter().filter(|word| name.contains(*word)).count();
            (unlike, !name.contains("sans"), name.len(), path.clone())
        });
        let state = || State::Unread;
        let files = paths.into_iter().map(|path| FontFile {
            path,
            state: state(),
        });
        Self {
            files: files.collect(),
            known: HashMap::new(),
        }
    }

    pub(crate) fn face_for(&mut self, character: char) -> Option<&'static Face> {
        if let Some(&face) = self.known.get(&character) {
            return face;
        }
        let loaded = self.files.iter().find_map(|file| match file.state {
            State::Loaded(face) if face.has(character) => Some(face),
            _ => None,
        });
        let face = loaded.or_else(|| {
            let mut files = self.files.iter_mut();
            files.find_map(|file| file.face_for(character))
        });
        self.known.insert(character, face);
        face
    }
}

impl FontFile {
    fn face_for(&mut self, character: char) -> Option<&'static Face> {
        if let State::Unread = self.state {
            self.state = character_table(&self.path).map_or(State::Useless, State::Known);
        }
        match &self.state {
            State::Known(table) if lists(table, character) => {
                self.state = load(&self.path).map_or(State::Useless, State::Loaded);
            }
            _ => return None,
        }
        match self.state {
            // Pictures of emoji, for instance, are listed but have no outline.
            State::Loaded(face) if face.has(character) => Some(face),
            _ => None,
        }
    }
}

/// The font files in a folder and those within it.
fn gather(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if paths.len() >= MOST_FILES {
            return;
        }
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if ["ttf", "otf", "ttc", "otc"]
            .iter()
            .any(|known| extension == *known)
        {
            paths.push(path);
        } else if depth > 0 && path.is_dir() {
            gather(&path, depth - 1, paths);
        }
    }
}

/// A regular file of a sensible size; what is none of that could block for ever.
fn opened(path: &Path) -> Option<File> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (size <= LARGEST_FILE).then(|| File::open(path).ok())?
}

/// Only the table of characters of a font, or of the first one in a collection: most fonts are
/// never needed whole.
fn character_table(path: &Path) -> Option<Vec<u8>> {
    let mut file = opened(path)?;
    let mut read = |at: u32, length: u32| -> Option<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        file.seek(SeekFrom::Start(u64::from(at))).ok()?;
        file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    };
    let number = |bytes: &[u8], at: usize| -> Option<u32> {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    let start = match read(0, 16)? {
        header if header.starts_with(b"ttcf") => number(&header, 12)?,
        _ => 0,
    };
    let header = read(start, 12)?;
    let tables = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let records = read(start.checked_add(12)?, 16 * tables)?;
    let record = records.chunks_exact(16).find(|r| r.starts_with(b"cmap"))?;
    let (at, length) = (number(record, 8)?, number(record, 12)?);
    read(at, Some(length).filter(|&length| length <= LARGEST_TABLE)?)
}

fn lists(table: &[u8], character: char) -> bool {
    let Some(table) = cmap::Table::parse(table) else {
        return false;
    };
    let mut tables = table
        .subtables
        .into_iter()
        .filter(|table| table.is_unicode());
    tables.any(|table| {
        let glyph = table.glyph_index(u32::from(character));
        glyph.is_some_and(|glyph| glyph.0 != 0)
    })
}

/// Stays in memory: a process meets few such fonts, and each of them again and again.
fn load(path: &Path) -> Option<&'static Face> {
    let mut bytes = Vec::new();
    opened(path)?.read_to_end(&mut bytes).ok()?;
    let bytes: &'static [u8] = Box::leak(bytes.into_boxed_slice());
    Some(Box::leak(Box::new(Face::new(bytes)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_are_found_by_their_characters_and_damaged_files_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let font = include_bytes!("../fonts/OpenSans-Regular.ttf");
        fs::write(folder.path().join("cut.ttf"), &font[..500]).unwrap();
        fs::write(folder.path().join("empty.otf"), b"").unwrap();
        fs::write(folder.path().join("text.ttc"), b"ttcf, but no font follows").unwrap();
        fs::create_dir(folder.path().join("folder.ttf")).unwrap();
        fs::write(inner.join("Sans.ttf"), font).unwrap();
        let mut fonts = SystemFonts::in_folders(&[folder.path().to_owned()]);
        assert_eq!(fonts.files.len(), 5);
        assert!(fonts.face_for('ж').is_some());
        assert!(fonts.face_for('\u{e123}').is_none());
        assert!(
            SystemFonts::in_folders(&[inner.join("none")])
                .face_for('a')
                .is_none()
        );
    }

    #[test]
    fn plain_fonts_come_before_those_that_stand_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "ASerif-Regular.ttf",
            "BSans-Bold.ttf",
            "CSans.ttf",
            "Mono.ttf",
        ] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let fonts = SystemFonts::in_folders(&[folder.path().to_owned()]);
        assert!(fonts.files[0].path.ends_with("CSans.ttf"));
    }
}
