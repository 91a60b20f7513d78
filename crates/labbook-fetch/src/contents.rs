/// What a download holds, and what is kept of it.
///
/// Names are the library's own: those of an archive are only compared with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// The download itself is kept, under this name.
    File(&'static str),
    /// A gzipped tar archive with files of known lengths in one folder.
    Members {
        /// The folder, in the archive and on disk.
        folder: &'static str,
        /// The files' names and lengths in bytes; others are passed over.
        members: Vec<(&'static str, u64)>,
    },
    /// A gzipped tar archive with folders of many text files.
    Texts {
        /// The folder around them, in the archive and on disk.
        folder: &'static str,
        /// The folders in it that are kept, such as `train/pos`.
        places: &'static [&'static str],
        /// How many files each of them has.
        files: usize,
        /// Most bytes of all that is unpacked.
        most: u64,
    },
}

impl Contents {
    /// The file or folder that is there in the end.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::File(name) => name,
            Self::Members { folder, .. } | Self::Texts { folder, .. } => folder,
        }
    }

    /// Bytes that are written besides the download.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Members { members, .. } => {
                let lengths = members.iter().map(|(_, bytes)| *bytes);
                lengths.fold(0, u64::saturating_add)
            }
            Self::Texts { most, .. } => *most,
        }
    }
}
