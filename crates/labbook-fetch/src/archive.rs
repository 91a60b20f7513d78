use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::fetch_error::io_error;
use crate::{Contents, FetchError, Options, Progress};

/// Room for tar headers and what comes along.
const OTHER_BYTES: u64 = 16 << 20;

/// Most letters of a text file's name.
const LONGEST_NAME: usize = 100;

/// Writes the files into `staging`, an empty folder. Names in the archive are only compared, or, as
/// those of texts, letters and digits; everything else is passed over.
pub(crate) fn unpack(
    archive: &Path,
    staging: &Path,
    contents: &Contents,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let unreadable = |source| FetchError::BadArchive {
        path: archive.to_path_buf(),
        source,
    };
    let file = File::open(archive).map_err(io_error("open", archive))?;
    // A small archive can unpack to any size; this one may not.
    let limit = contents.unpacked_bytes().saturating_add(OTHER_BYTES);
    let bytes = GzDecoder::new(BufReader::new(file)).take(limit);
    let mut tar = tar::Archive::new(bytes);
    let mut wanted = Wanted::new(contents);
    for place in wanted.folders() {
        let folder = staging.join(place);
        fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
    }
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let size = entry.size();
        let is_file = entry.header().entry_type() == tar::EntryType::Regular;
        let kind = entry.header().entry_type();
        let path = entry.path_bytes().into_owned();
        let Some(member) = wanted.take(&path) else {
            continue;
        };
        let bad = |found: String| FetchError::BadMember {
            name: member.name.clone(),
            expected: member.expected.clone(),
            found,
        };
        if member.again {
            return Err(bad("a second one".to_owned()));
        }
        if !is_file {
            return Err(bad(format!("{kind:?}")));
        }
        if member.bytes.is_some_and(|bytes| bytes != size) {
            return Err(bad(format!("{size} bytes")));
        }
        let path = staging.join(&member.name);
        let mut file = File::create_new(&path).map_err(io_error("create", &path))?;
        let copied = copy(&mut entry, &mut file, archive, &path)?;
        if copied != size {
            return Err(bad(format!("{copied} bytes")));
        }
        // Many small files are as safe once their folder has its name: see `fetch`.
        if member.bytes.is_some() {
            file.sync_all().map_err(io_error("write", &path))?;
        }
        progress(Progress::Unpacking {
            files: wanted.seen.len(),
            total: wanted.total(),
        });
    }
    match wanted.missing() {
        Some(name) => Err(FetchError::MissingMember { name }),
        None => Ok(()),
    }
}

/// A file of the archive that is kept.
struct Member {
    /// Its name in the folder on disk.
    name: String,
    /// The length that it has to have, and the same in words.
    bytes: Option<u64>,
    expected: String,
    again: bool,
}

/// Which files are kept, and which of them came.
struct Wanted<'a> {
    contents: &'a Contents,
    seen: HashSet<String>,
    /// Files by the place that they are in, for texts.
    counts: Vec<usize>,
}

impl<'a> Wanted<'a> {
    fn new(contents: &'a Contents) -> Self {
        let counts = match contents {
            Contents::Texts { places, .. } => vec![0; places.len()],
            _ => Vec::new(),
        };
        Self {
            contents,
            seen: HashSet::new(),
            counts,
        }
    }

    fn folders(&self) -> &'static [&'static str] {
        match self.contents {
            Contents::Texts { places, .. } => places,
            _ => &[],
        }
    }

    fn total(&self) -> usize {
        match self.contents {
            Contents::File(_) => 1,
            Contents::Members { members, .. } => members.len(),
            Contents::Texts { places, files, .. } => places.len() * files,
        }
    }

    /// The file that a name in the archive means, if it is kept.
    fn take(&mut self, path: &[u8]) -> Option<Member> {
        let path = std::str::from_utf8(path).ok()?;
        let path = path.strip_prefix("./").unwrap_or(path);
        let path = path.strip_prefix(self.contents.name())?.strip_prefix('/')?;
        let (name, bytes) = match self.contents {
            Contents::File(_) => return None,
            Contents::Members { members, .. } => {
                let (name, bytes) = members.iter().find(|(name, _)| *name == path)?;
                ((*name).to_owned(), Some(*bytes))
            }
            Contents::Texts { places, .. } => {
                let (place, name) = path.rsplit_once('/')?;
                let number = places.iter().position(|known| *known == place)?;
                let plain = name.strip_suffix(".txt")?;
                let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if plain.is_empty() || plain.len() > LONGEST_NAME || !plain.chars().all(letters) {
                    return None;
                }
                self.counts[number] += 1;
                (format!("{}/{name}", places[number]), None)
            }
        };
        let again = !self.seen.insert(name.clone());
        let expected = match bytes {
            Some(bytes) => format!("{bytes} bytes"),
            None => "text".to_owned(),
        };
        Some(Member {
            name,
            bytes,
            expected,
            again,
        })
    }

    fn missing(&self) -> Option<String> {
        match self.contents {
            Contents::File(_) => None,
            Contents::Members { members, .. } => {
                let mut names = members.iter().map(|(name, _)| *name);
                names
                    .find(|name| !self.seen.contains(*name))
                    .map(str::to_owned)
            }
            Contents::Texts { places, files, .. } => {
                let wrong = self.counts.iter().position(|count| count != files)?;
                Some(format!("{files} texts in {}", places[wrong]))
            }
        }
    }
}

/// As `io::copy`, but telling a damaged archive from a full disk.
fn copy(
    from: &mut impl Read,
    to: &mut File,
    archive: &Path,
    path: &Path,
) -> Result<u64, FetchError> {
    let mut buffer = vec![0; 1 << 16];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(n) => {
                io::Write::write_all(to, &buffer[..n]).map_err(io_error("write", path))?;
                copied += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                let path = archive.to_path_buf();
                return Err(FetchError::BadArchive { path, source });
            }
        }
    }
}

/// Whether everything is there, as far as names and lengths tell.
pub(crate) fn is_complete(dest_dir: &Path, options: &Options) -> bool {
    let has = |path: &Path, bytes: u64| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes)
    };
    let place = dest_dir.join(options.contents.name());
    match &options.contents {
        Contents::File(_) => has(&place, options.bytes),
        Contents::Members { members, .. } => members
            .iter()
            .all(|(name, bytes)| has(&place.join(name), *bytes)),
        // It gets its name when all its files are there.
        Contents::Texts { places, .. } => places.iter().all(|name| place.join(name).is_dir()),
    }
}
