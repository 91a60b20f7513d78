use std::fmt;
use std::path::PathBuf;

use crate::shown_path::shown;

/// Where a data set came from; its text belongs beside every result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// The official CIFAR-10 files: all six SHA-256 sums agree.
    Official {
        /// The folder that holds the six files.
        dir: PathBuf,
    },
    /// Files in the official layout whose contents are not the official ones, such as images that
    /// were compressed again.
    OfficialLayout {
        /// The folder that holds the six files.
        dir: PathBuf,
    },
    /// Drawn images, as when no CIFAR-10 was found.
    Drawn {
        /// Seed of the drawing.
        seed: u64,
    },
}

impl Provenance {
    /// Whether the images are drawings rather than CIFAR-10's photographs.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        matches!(self, Self::Drawn { .. })
    }

    /// Whether the files are the official ones, byte for byte.
    #[must_use]
    pub fn is_official(&self) -> bool {
        matches!(self, Self::Official { .. })
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Official { dir } => {
                write!(f, "CIFAR-10, official binary files, {}", shown(dir))
            }
            Self::OfficialLayout { dir } => write!(
                f,
                "CIFAR-10 in the official layout, but not the official files (checksums differ), {}",
                shown(dir)
            ),
            Self::Drawn { seed } => {
                write!(f, "drawn stand-in set (not CIFAR-10), seed {seed}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_what_it_is() {
        let dir = PathBuf::from("/srv/cifar-10-batches-bin");
        assert_eq!(
            Provenance::Official { dir: dir.clone() }.to_string(),
            "CIFAR-10, official binary files, /srv/cifar-10-batches-bin"
        );
        assert_eq!(
            Provenance::OfficialLayout { dir }.to_string(),
            "CIFAR-10 in the official layout, but not the official files (checksums differ), \
             /srv/cifar-10-batches-bin"
        );
        assert_eq!(
            Provenance::Drawn { seed: 0 }.to_string(),
            "drawn stand-in set (not CIFAR-10), seed 0"
        );
    }
}
