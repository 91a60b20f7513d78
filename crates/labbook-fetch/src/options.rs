use std::time::Duration;

/// What to download and how patiently. The default is the official CIFAR-10 archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the archive is. Must be https, except on a loopback address such as 127.0.0.1.
    pub url: String,
    /// Length of the archive in bytes.
    pub archive_bytes: u64,
    /// SHA-256 of the archive in hexadecimal digits.
    pub archive_sha256: String,
    /// Length in bytes of each of the six files inside.
    pub member_bytes: u64,
    /// How long the server may send nothing at all before the download is given up.
    pub stall: Duration,
}

impl Default for Options {
    /// `cifar-10-binary.tar.gz` from the data set's own page, with one minute of patience.
    fn default() -> Self {
        Self {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz".to_owned(),
            archive_bytes: 170_052_171,
            archive_sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
                .to_owned(),
            // 10,000 records of a label and 3 x 32 x 32 pixels.
            member_bytes: 30_730_000,
            stall: Duration::from_secs(60),
        }
    }
}
