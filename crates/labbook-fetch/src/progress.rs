use std::fmt;

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process is downloading into the same folder; this one waits for it.
    Waiting,
    /// Bytes of the archive on disk, those of an earlier run included.
    Downloading {
        /// Bytes so far.
        received: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The archive is complete and its checksum is being computed.
    Verifying,
    /// Files are being taken out of the archive.
    Unpacking {
        /// Files done.
        files: usize,
        /// Files in all.
        total: usize,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "waiting for another download into the same folder"),
            Self::Downloading { received, total } => {
                let mega = |bytes: u64| bytes as f64 / 1e6;
                write!(
                    f,
                    "downloaded {:.1} of {:.1} MB",
                    mega(*received),
                    mega(*total)
                )
            }
            Self::Verifying => write!(f, "checking the archive"),
            Self::Unpacking { files, total } => write!(f, "unpacked {files} of {total} files"),
        }
    }
}
