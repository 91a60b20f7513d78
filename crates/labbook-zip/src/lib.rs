//! Zip archives, as far as NumPy and PyTorch write them: stored or deflated, also beyond 4 GiB.
//!
//! Everything is read from an archive in memory, and nothing it says of itself is believed: names
//! are texts and no paths, and what is unpacked is bounded by what is packed.
//!
//! ```
//! let archive = labbook_zip::written(&[("a.txt".to_owned(), b"hello".to_vec())]).unwrap();
//! let entries = labbook_zip::entries(&archive).unwrap();
//! assert_eq!(entries[0].name, "a.txt");
//! assert_eq!(labbook_zip::unpacked(&archive, &entries[0]).unwrap(), b"hello");
//! ```

use std::io::Read;
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// What was expected, and what was found.
pub type Fault = (String, String);

/// A file in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which may be any text.
    pub name: String,
    deflated: bool,
    checksum: u32,
    packed: u64,
    size: u64,
    /// Where its own head stands.
    start: u64,
}

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// Deflate makes at most so many bytes of one.
const MOST_EXPANSION: u64 = 1_100;

fn fault(expected: &str, found: impl Into<String>) -> Fault {
    (expected.to_owned(), found.into())
}

fn cut() -> Fault {
    fault("a whole archive", "one that is cut short or damaged")
}

/// Numbers one after another, from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn at(bytes: &'a [u8], start: u64) -> Option<Self> {
        bytes.get(usize::try_from(start).ok()?..).map(Self)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn tag(&mut self, tag: &[u8]) -> Option<()> {
        (self.take(tag.len())? == tag).then_some(())
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

/// What the directory at the archive's end lists.
///
/// # Errors
/// For bytes that are no archive, and for one that is damaged, encrypted or packed in a rare way.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    if !bytes.starts_with(b"PK") {
        let begin = bytes.get(..6).unwrap_or(bytes).escape_ascii();
        return Err(fault(
            "a zip archive, which begins with PK",
            format!("\"{begin}\""),
        ));
    }
    let (count, start, stop) = directory(bytes).ok_or_else(cut)?;
    let mut cursor = Cursor::at(bytes, start).ok_or_else(cut)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(&mut cursor).ok_or_else(cut)??);
    }
    // Nothing is listed that was not counted, and no bytes serve two files.
    let listed = (bytes.len() - cursor.0.len()) as u64 == stop;
    let packed = entries.iter().map(|entry: &Entry| entry.packed);
    let apart = packed.fold(0, u64::saturating_add) <= bytes.len() as u64;
    match listed && apart {
        true => Ok(entries),
        false => Err(cut()),
    }
}

/// How many files there are, and where the directory begins and ends.
fn directory(bytes: &[u8]) -> Option<(u64, u64, u64)> {
    const LENGTH: usize = 22;
    // A comment may stand behind it.
    let first = bytes.len().saturating_sub(LENGTH + usize::from(u16::MAX));
    let end = bytes[first..]
        .windows(END.len())
        .rposition(|part| part == END)?
        + first;
    let mut cursor = Cursor::at(bytes, end as u64)?;
    cursor.tag(END)?;
    let disks = (cursor.u16()?, cursor.u16()?);
    let (_, count) = (cursor.u16()?, cursor.u16()?);
    let (size, start) = (cursor.u32()?, cursor.u32()?);
    let comment = cursor.u16()?;
    if disks != (0, 0) || cursor.0.len() != usize::from(comment) {
        return None;
    }
    if count != u16::MAX && start != u32::MAX {
        // PyTorch puts the larger directory's facts between, though all fits.
        let stop = u64::from(start) + u64::from(size);
        return (stop <= end as u64).then_some((count.into(), start.into(), stop));
    }
    // The larger directory's place stands before this one's end.
    let mut locator = Cursor::at(bytes, (end as u64).checked_sub(20)?)?;
    locator.tag(b"PK\x06\x07")?;
    locator.u32()?;
    let place = locator.u64()?;
    let mut large = Cursor::at(bytes, place)?;
    large.tag(END_64)?;
    large.take(8 + 2 + 2 + 4 + 4 + 8)?;
    let (count, size, start) = (large.u64()?, large.u64()?, large.u64()?);
    let stop = start.checked_add(size)?;
    (stop <= place).then_some((count, start, stop))
}

fn entry(cursor: &mut Cursor<'_>) -> Option<Result<Entry, Fault>> {
    cursor.tag(CENTRAL)?;
    cursor.take(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let checksum = cursor.u32()?;
    let mut large = [u64::from(cursor.u32()?), u64::from(cursor.u32()?), 0];
    let lengths = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    large[2] = cursor.u32()?.into();
    let name = cursor.take(lengths.0.into())?;
    let mut extra = Cursor(cursor.take(lengths.1.into())?);
    cursor.take(lengths.2.into())?;
    while let (Some(kind), Some(length)) = (extra.u16(), extra.u16()) {
        let mut field = Cursor(extra.take(length.into())?);
        if kind == 1 {
            // Unpacked, packed, start: those that did not fit, in this order.
            for place in [1, 0, 2] {
                if large[place] == u64::from(u32::MAX) {
                    large[place] = field.u64()?;
                }
            }
        }
    }
    let Ok(name) = String::from_utf8(name.to_vec()) else {
        return Some(Err(fault("names in UTF-8", "other bytes")));
    };
    if flags & 1 != 0 || !matches!(method, 0 | 8) {
        let found = format!("{name:?} packed in another way (method {method}, flags {flags:#x})");
        return Some(Err(fault("files that are stored or deflated", found)));
    }
    let [packed, size, start] = large;
    Some(Ok(Entry {
        name,
        deflated: method == 8,
        checksum,
        packed,
        size,
        start,
    }))
}

/// A file's bytes, checked.
///
/// # Errors
/// When they do not match their checksum or length.
pub fn unpacked(bytes: &[u8], entry: &Entry) -> Result<Vec<u8>, Fault> {
    let packed = packed(bytes, entry).ok_or_else(cut)?;
    let read = match entry.deflated {
        false => packed.to_vec(),
        true => {
            let most = (packed.len() as u64).saturating_mul(MOST_EXPANSION);
            if entry.size > most {
                let expected = format!("at most {most} bytes of {} packed ones", packed.len());
                return Err((expected, entry.size.to_string()));
            }
            let mut read = Vec::new();
            let mut decoder = DeflateDecoder::new(packed).take(entry.size.saturating_add(1));
            decoder.read_to_end(&mut read).map_err(|_| cut())?;
            read
        }
    };
    let mut checksum = Crc::new();
    checksum.update(&read);
    match read.len() as u64 == entry.size && checksum.sum() == entry.checksum {
        true => Ok(read),
        false => Err(fault("bytes that match their checksum", "others")),
    }
}

fn packed<'a>(bytes: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let mut cursor = Cursor::at(bytes, entry.start)?;
    cursor.tag(LOCAL)?;
    cursor.take(22)?;
    let (name, extra) = (cursor.u16()?, cursor.u16()?);
    if cursor.take(name.into())? != entry.name.as_bytes() {
        return None;
    }
    cursor.take(extra.into())?;
    cursor.take(usize::try_from(entry.packed).ok()?)
}

/// Where a stored file's bytes, checked, stand in the archive.
///
/// # Errors
/// When they are deflated, or do not match their checksum.
pub fn stored(bytes: &[u8], entry: &Entry) -> Result<Range<usize>, Fault> {
    if entry.deflated {
        return Err(fault(
            "files that are stored",
            format!("{:?} deflated", entry.name),
        ));
    }
    let packed = packed(bytes, entry).ok_or_else(cut)?;
    let mut checksum = Crc::new();
    checksum.update(packed);
    if packed.len() as u64 != entry.size || checksum.sum() != entry.checksum {
        return Err(fault("bytes that match their checksum", "others"));
    }
    let start = packed.as_ptr().addr() - bytes.as_ptr().addr();
    Ok(start..start + packed.len())
}

/// An archive of stored files.
///
/// # Errors
/// When names, files or their number are larger than the plain format holds.
pub fn written(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Fault> {
    let too_large = || fault("files of less than 4 GiB in all", "more");
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let start = u32::try_from(archive.len()).map_err(|_| too_large())?;
        let size = u32::try_from(bytes.len()).map_err(|_| too_large())?;
        let mut checksum = Crc::new();
        checksum.update(bytes);
        // Version 2.0, UTF-8 names, stored, at the first moment that zip can tell.
        let mut facts = Vec::new();
        for number in [20_u16, 0x800, 0, 0, 0x21] {
            facts.extend(number.to_le_bytes());
        }
        for number in [checksum.sum(), size, size] {
            facts.extend(number.to_le_bytes());
        }
        let length = u16::try_from(name.len()).map_err(|_| fault("short names", name))?;
        facts.extend(length.to_le_bytes());
        facts.extend([0; 2]);
        archive.extend([LOCAL, &facts, name.as_bytes(), bytes].concat());
        directory.extend([CENTRAL, &20_u16.to_le_bytes(), &facts, &[0; 10]].concat());
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(archive.len()).map_err(|_| too_large())?;
    let size = u32::try_from(directory.len()).map_err(|_| too_large())?;
    let count = u16::try_from(files.len())
        .ok()
        .filter(|&count| count < u16::MAX);
    let count = count.ok_or_else(|| fault("less than 65,535 files", "more"))?;
    archive.extend(directory);
    archive.extend([END, &[0; 4], &count.to_le_bytes(), &count.to_le_bytes()].concat());
    archive.extend([&size.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    Ok(archive)
}
