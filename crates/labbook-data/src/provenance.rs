use std::fmt;
use std::path::{Path, PathBuf};

use crate::shown_path::shown;

/// Where a data set came from; its text belongs beside every result.
///
/// ```
/// use labbook_data::Provenance;
///
/// let data = Provenance::files("leaves, my own photographs", "/srv/leaves");
/// assert_eq!(data.to_string(), "leaves, my own photographs, /srv/leaves");
/// assert_eq!(data.description(), "leaves, my own photographs");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    description: String,
    folder: Option<PathBuf>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Official,
    Files,
    Drawn,
}

impl Provenance {
    /// The files that everybody has of a public data set, byte for byte.
    pub fn official(description: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self::of(Kind::Official, description, Some(folder.into()))
    }

    /// Other files.
    pub fn files(description: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self::of(Kind::Files, description, Some(folder.into()))
    }

    /// Data that were drawn or computed instead of read.
    pub fn drawn(description: impl Into<String>) -> Self {
        Self::of(Kind::Drawn, description, None)
    }

    fn of(kind: Kind, description: impl Into<String>, folder: Option<PathBuf>) -> Self {
        Self {
            description: description.into(),
            folder,
            kind,
        }
    }

    /// What the data are, without their folder: runs that reach the same files by other paths are
    /// seen to agree.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The folder that holds the files, if there are some.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Whether the data were drawn rather than read.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.kind == Kind::Drawn
    }

    /// Whether the files are the official ones, byte for byte.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.kind == Kind::Official
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)?;
        match &self.folder {
            Some(folder) => write!(f, ", {}", shown(folder)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_stands_in_the_text_but_not_in_the_description() {
        let data = Provenance::official("digits, official files", "/srv/digits");
        assert_eq!(data.to_string(), "digits, official files, /srv/digits");
        assert_eq!(data.description(), "digits, official files");
        assert_eq!(data.folder(), Some(Path::new("/srv/digits")));
        assert!(data.is_official() && !data.is_drawn());
        let other = Provenance::official("digits, official files", "/home");
        assert_ne!(data, other);
        assert_eq!(data.description(), other.description());
        let drawn = Provenance::drawn("drawn set, seed 0");
        assert_eq!(drawn.to_string(), "drawn set, seed 0");
        assert!(drawn.is_drawn() && !drawn.is_official());
    }
}
