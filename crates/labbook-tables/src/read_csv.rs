use std::collections::BTreeSet;
use std::path::Path;
use std::str;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use labbook_data::{DataError, read_file};
use memchr::{memchr, memchr3};
use polars::frame::DataFrame;
use rayon::prelude::*;

use crate::error::TableError;
use crate::guess::Cells;

/// Most bytes of a file, unpacked.
const MOST: u64 = 8 << 30;

/// Reads a CSV file, gzipped or not, as pandas does: the first line names the columns, types are
/// guessed, `NA` and the like are gaps.
///
/// A column is of whole numbers, of numbers, of truth values or of text, the first that all its
/// cells allow; gaps are null. Fields may stand in quotes, and hold line ends there. Empty lines
/// are left out. Names that lack become `Unnamed: 3`, and those that come again `name.1`.
///
/// ```
/// use labbook_tables::read_csv;
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("birds.csv");
/// # std::fs::write(&path, "species,mass\nAdelie,3750\nGentoo,NA\n").unwrap();
/// let birds = read_csv(&path)?;
/// assert_eq!(birds.shape(), (2, 2));
/// assert_eq!(birds.column("mass")?.null_count(), 1);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// For what is no file, a line with more or fewer fields than the first (it is named), text that is
/// not UTF-8.
pub fn read_csv(path: impl AsRef<Path>) -> Result<DataFrame, TableError> {
    ReadCsv::new().read(path)
}

/// [`read_csv`] with options.
#[derive(Clone, Debug)]
pub struct ReadCsv {
    separator: u8,
    header: bool,
}

impl Default for ReadCsv {
    fn default() -> Self {
        Self {
            separator: b',',
            header: true,
        }
    }
}

impl ReadCsv {
    /// Commas, and names in the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands between fields, such as `b';'` or `b'\t'`.
    #[must_use]
    pub fn separator(mut self, separator: u8) -> Self {
        self.separator = separator;
        self
    }

    /// Says that the first line is a row like the others; columns are then named `0`, `1` and so on.
    #[must_use]
    pub fn no_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`read_csv`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<DataFrame, TableError> {
        let path = path.as_ref();
        let bytes = read_file(path, MOST)?;
        self.parse(&bytes).map_err(|fault| match fault {
            Fault::Frame(error) => error.into(),
            Fault::Line(line, expected, found) => DataError::file(
                path,
                format!("{expected} in line {line}"),
                found,
                "correct the line, or give the right separator to ReadCsv",
            )
            .into(),
        })
    }

    fn parse(&self, bytes: &[u8]) -> Result<DataFrame, Fault> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if !self.separator.is_ascii() {
            let expected = "a separator that is one ASCII byte".to_owned();
            return Err(Fault::Line(1, expected, format!("{:#04x}", self.separator)));
        }
        let text = str::from_utf8(bytes).map_err(|error| {
            let line = 1 + newlines(&bytes[..error.valid_up_to()]);
            Fault::Line(line, "text in UTF-8".to_owned(), "other bytes".to_owned())
        })?;
        let mut records = Records::new(text, self.separator);
        let mut first = Vec::new();
        if records.next(|field| first.push(field.to_owned())).is_none() {
            return Err(Fault::Line(
                1,
                "names of columns".to_owned(),
                "nothing".to_owned(),
            ));
        }
        let names = match self.header {
            true => names(&first),
            false => (0..first.len()).map(|n| n.to_string()).collect(),
        };
        let mut columns: Vec<Cells> = names.iter().map(|_| Cells::default()).collect();
        let mut rows = 0;
        if !self.header {
            rows = 1;
            for (column, cell) in columns.iter_mut().zip(&first) {
                column.push(cell);
            }
        }
        loop {
            let mut fields = 0;
            let push = |field: &str| {
                if let Some(column) = columns.get_mut(fields) {
                    column.push(field);
                }
                fields += 1;
            };
            let Some(line) = records.next(push) else {
                break;
            };
            if fields != names.len() {
                let expected = format!("{} fields", names.len());
                return Err(Fault::Line(line, expected, fields.to_string()));
            }
            rows += 1;
        }
        let columns = columns.into_par_iter().zip(&names);
        let columns = columns.map(|(cells, name)| cells.into_column(name));
        DataFrame::new(rows, columns.collect()).map_err(Fault::Frame)
    }
}

#[derive(Debug)]
enum Fault {
    Line(u64, String, String),
    Frame(polars::error::PolarsError),
}

struct Records<'a> {
    separator: u8,
    /// For records with quotes.
    reader: Reader,
    left: &'a str,
    /// Of what is left, counted from 1.
    line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        Self {
            separator,
            reader: ReaderBuilder::new().delimiter(separator).build(),
            left: text,
            line: 1,
            text: vec![0; 1 << 10],
            ends: vec![0; 1 << 6],
        }
    }

    /// Gives the next record's fields, and tells the line that it began in; `None` after the last one.
    fn next(&mut self, field: impl FnMut(&str)) -> Option<u64> {
        // Empty lines are left out here, so that the line named is the record's own.
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let bytes = self.left.as_bytes();
        let empty = bytes.iter().take_while(|byte| is_end(byte)).count();
        self.line += newlines(&bytes[..empty]);
        self.left = &self.left[empty..];
        let bytes = self.left.as_bytes();
        if bytes.is_empty() {
            return None;
        }
        let line = self.line;
        // A record is a line, unless it has quotes.
        match memchr3(b'\n', b'\r', b'"', bytes) {
            Some(at) if bytes[at] == b'"' => self.quoted(field),
            end => {
                let end = end.unwrap_or(bytes.len());
                split(&self.left[..end], self.separator, field);
                self.left = &self.left[end..];
            }
        }
        Some(line)
    }

    /// The fields of a record in which quotes may hide separators and line ends.
    fn quoted(&mut self, mut field: impl FnMut(&str)) {
        let bytes = self.left.as_bytes();
        let (mut done, mut text, mut ends) = (0, 0, 0);
        loop {
            let (result, read, wrote, ended) = self.reader.read_record(
                &bytes[done..],
                &mut self.text[text..],
                &mut self.ends[ends..],
            );
            done += read;
            text += wrote;
            ends += ended;
            match result {
                // Asked again without input, the reader knows that this is the end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::End | ReadRecordResult::Record => break,
            }
        }
        self.line += newlines(&bytes[..done]);
        // A record ends behind an ASCII byte or at the end.
        self.left = self.left.get(done..).unwrap_or_default();
        let mut start = 0;
        for &end in &self.ends[..ends] {
            let bytes = self.text.get(start..end).unwrap_or_default();
            // The whole file is UTF-8, and what is cut from it are ASCII bytes.
            field(str::from_utf8(bytes).unwrap_or_default());
            start = end;
        }
    }
}

/// The fields of a line without quotes.
fn split(line: &str, separator: u8, mut field: impl FnMut(&str)) {
    let mut left = line;
    while let Some(at) = memchr(separator, left.as_bytes()) {
        field(&left[..at]);
        left = &left[at + 1..];
    }
    field(left);
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The names of the first line, none of them twice.
fn names(fields: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    fields
        .iter()
        .enumerate()
        .map(|(place, field)| {
            let name = match field.trim() {
                "" => format!("Unnamed: {place}"),
                name => name.to_owned(),
            };
            let mut unique = name.clone();
            let mut again = 0;
            while !taken.insert(unique.clone()) {
                again += 1;
                unique = format!("{name}.{again}");
            }
            unique
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::DataType;

    use super::*;

    fn parsed(text: &str) -> DataFrame {
        ReadCsv::new().parse(text.as_bytes()).unwrap()
    }

    fn fault(text: &[u8]) -> (u64, String, String) {
        match ReadCsv::new().parse(text).unwrap_err() {
            Fault::Line(line, expected, found) => (line, expected, found),
            Fault::Frame(error) => panic!("{error}"),
        }
    }

    #[test]
    fn types_are_guessed_and_gaps_kept() {
        let frame = parsed(
            "n,x,b,s,none\n1,1.5,true,\"a, \"\"b\"\"\nc\",\r\n\nNA,2,False,,NA\r\n-3,1e3,NA,3x,",
        );
        assert_eq!(frame.shape(), (3, 5));
        let kinds = [
            DataType::Int64,
            DataType::Float64,
            DataType::Boolean,
            DataType::String,
            DataType::Float64,
        ];
        assert_eq!(frame.dtypes(), kinds);
        assert_eq!(
            frame.column("n").unwrap().i64().unwrap().to_vec(),
            [Some(1), None, Some(-3)]
        );
        let text = frame.column("s").unwrap().str().unwrap().get(0);
        assert_eq!(text, Some("a, \"b\"\nc"));
        assert_eq!(frame.column("none").unwrap().null_count(), 3);
    }

    #[test]
    fn separators_names_and_packed_lines() {
        let frame = ReadCsv::new()
            .separator(b';')
            .no_header()
            .parse(b"1;2,5\n3;4")
            .unwrap();
        assert_eq!(frame.shape(), (2, 2));
        assert_eq!(frame.column("1").unwrap().dtype(), &DataType::String);
        let frame = parsed("\u{feff}a,,a,a\n1,2,3,4\n");
        let found: Vec<&str> = frame
            .get_column_names()
            .iter()
            .map(|n| n.as_str())
            .collect();
        assert_eq!(found, ["a", "Unnamed: 1", "a.1", "a.2"]);
        let long = format!("a\n{}\n", "x".repeat(10_000));
        assert_eq!(parsed(&long).height(), 1);
    }

    #[test]
    fn lines_with_and_without_quotes_are_read_alike() {
        let frame = parsed("a,b\n1,\u{e9}t\u{e9}\n\"2\",\"x\ny\"\r\n3,p\"q\n\"4\",\"\u{e9}\"\n5,");
        assert_eq!(
            frame.column("a").unwrap().i64().unwrap().to_vec(),
            [1, 2, 3, 4, 5].map(Some)
        );
        let text = frame.column("b").unwrap().str().unwrap();
        let text: Vec<Option<&str>> = text.iter().collect();
        let expected = [
            Some("\u{e9}t\u{e9}"),
            Some("x\ny"),
            Some("p\"q"),
            Some("\u{e9}"),
            None,
        ];
        assert_eq!(text, expected);
        let long = format!("a\n\"{}\"\n", "\u{e9}".repeat(5_000));
        let frame = parsed(&long);
        assert_eq!(
            frame
                .column("a")
                .unwrap()
                .str()
                .unwrap()
                .get(0)
                .unwrap()
                .len(),
            10_000
        );
        assert_eq!(fault(b"a,b\n1,2\n\"3\n\n4\",\"5\"\n6\n").0, 6);
        let error = ReadCsv::new().separator(0xa7).parse(b"a").unwrap_err();
        assert!(matches!(error, Fault::Line(1, expected, _) if expected.contains("ASCII")));
    }

    #[test]
    fn faults_name_the_line() {
        assert_eq!(fault(b"a,b\n1,2\n\n3\n").0, 4);
        assert_eq!(fault(b"a,b\n1,2,3\n").1, "2 fields");
        assert_eq!(
            fault(b"a\n\xff\n"),
            (2, "text in UTF-8".to_owned(), "other bytes".to_owned())
        );
        assert_eq!(fault(b"").0, 1);
        assert!(read_csv("/dev/zero").is_err() && read_csv("/").is_err());
    }
}
