use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a download did not succeed.
///
/// Unless the message says otherwise, the part that came is kept and the next run goes on there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// An address, or where it redirects to, that is neither https nor on this machine.
    #[error(
        "the address should begin with https:// (http:// only on a loopback address such as \
         127.0.0.1, and not after https). Received: {url}"
    )]
    InsecureAddress {
        /// The address refused.
        url: String,
    },
    /// Text that is no web address.
    #[error("not a web address. Received: {url:?}")]
    BadAddress {
        /// The text.
        url: String,
    },
    /// The server passed the request on too often.
    #[error("{url} redirects more than {limit} times. Try another address")]
    TooManyRedirects {
        /// The address first asked.
        url: String,
        /// How many redirects are followed.
        limit: usize,
    },
    /// No answer: no network, an unknown host, a refused connection, a bad certificate.
    #[error("{url} could not be reached: {source}. Check the connection and run this again")]
    Unreachable {
        /// The address asked.
        url: String,
        /// The reason.
        source: Box<ureq::Error>,
    },
    /// An answer other than the file.
    #[error("{url} should answer 200 or 206. Received: status {status}. Try again later")]
    Status {
        /// The address asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A web page came in the file's place, as from a log-in page or a server out of order.
    #[error(
        "{url} should give a file of data. Received: a web page. A log-in page of the network or a \
         fault of the server is the usual cause: open the address in a browser"
    )]
    WebPage {
        /// The address asked.
        url: String,
    },
    /// The server's file has another length.
    #[error(
        "the file should have {expected} bytes. Received: {found} bytes from {url}. \
         It is another file; try another address"
    )]
    WrongLength {
        /// The address asked.
        url: String,
        /// Bytes of the archive.
        expected: u64,
        /// Bytes that the server announced, or sent before it was stopped.
        found: u64,
    },
    /// The connection ended too soon.
    #[error(
        "the connection ended after {received} of {total} bytes. \
         Run this again: it goes on where it stopped"
    )]
    Truncated {
        /// Bytes on disk.
        received: u64,
        /// Bytes of the archive.
        total: u64,
    },
    /// The server went silent.
    #[error(
        "the server sent nothing for {patience:?}, after {received} of {total} bytes. \
         Run this again: it goes on where it stopped"
    )]
    Stalled {
        /// How long it may send nothing.
        patience: Duration,
        /// Bytes on disk.
        received: u64,
        /// Bytes of the archive.
        total: u64,
    },
    /// All bytes came but they are not the archive's. They are deleted.
    #[error(
        "the file's SHA-256 should be {expected}. Received: {found}. The download was \
         deleted; run this again, and try another address if it happens twice"
    )]
    Checksum {
        /// The archive's checksum.
        expected: String,
        /// The download's checksum.
        found: String,
    },
    /// The disk has too little room for archive and files.
    #[error(
        "{} should have {needed} bytes free. Received: {free} bytes. Make room and run this again",
        dir.display()
    )]
    DiskFull {
        /// The folder downloaded into.
        dir: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The archive lacks a file.
    #[error("the archive should hold {name}. Received: an archive without it")]
    MissingMember {
        /// The file's name, or what is missing of many.
        name: String,
    },
    /// The archive holds something else under a file's name.
    #[error(
        "the archive should hold {name} once, as a regular file of {expected}. Received: {found}"
    )]
    BadMember {
        /// The file's name.
        name: String,
        /// What it should hold, as its length.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The archive cannot be read.
    #[error("the archive {} could not be read: {source}. Delete it and run this again", path.display())]
    BadArchive {
        /// The archive.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The system refused to create, write, read, lock or rename something.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// For `map_err`: an [`FetchError::Io`] about `path`.
pub(crate) fn io_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_path_buf();
    move |source| FetchError::Io {
        action,
        path,
        source,
    }
}
