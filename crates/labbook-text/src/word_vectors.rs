use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use tch::Tensor;

use crate::{Result, TextError};

/// Vectors of words that somebody trained, as GloVe and word2vec write them into text files, to begin
/// an embedding with.
///
/// A line is a word and its numbers; word2vec has a first line with how many words and numbers there
/// are. Of a word that is there twice the first vector counts.
///
/// ```
/// use labbook_text::WordVectors;
///
/// # let folder = std::env::temp_dir().join(format!("word-vectors-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("vectors.txt");
/// std::fs::write(&path, "gold 0.5 1\noil -1 2\n").unwrap();
/// let vectors = WordVectors::read(&path)?;
/// assert_eq!((vectors.len(), vectors.dim()), (2, 2));
/// assert_eq!(vectors.get("oil"), Some(&[-1.0, 2.0][..]));
/// // For Embedding::new(3, 2).weights(&table): a row for each word, zeros where none is known.
/// let table = vectors.table(&["", "oil", "tin"])?;
/// assert_eq!(table.size(), [3, 2]);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    places: HashMap<String, usize>,
    numbers: Vec<f32>,
    dim: usize,
}

impl WordVectors {
    /// Reads a text file.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is no word with as many numbers as the others.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let problem = |message: String| TextError::File {
            path: path.display().to_string(),
            message,
        };
        // A pipe would be waited for without end.
        let found = fs::metadata(path).map_err(|error| problem(error.to_string()))?;
        if !found.is_file() {
            return Err(problem("expected a file, found something else".to_owned()));
        }
        let file = File::open(path).map_err(|error| problem(error.to_string()))?;
        let mut vectors = Self {
            places: HashMap::new(),
            numbers: Vec::new(),
            dim: 0,
        };
        // Some files have words that are no UTF-8.
        let lines = BufReader::new(file).split(b'\n');
        for (number, line) in (1..).zip(lines) {
            let line = line.map_err(|error| problem(error.to_string()))?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if line.is_empty() || number == 1 && is_head(line) {
                continue;
            }
            vectors.add(line).ok_or_else(|| {
                problem(format!(
                    "expected a word and {} finite numbers in line {number}, received {:?}",
                    match vectors.dim {
                        0 => "at least 1".to_owned(),
                        dim => dim.to_string(),
                    },
                    line.chars().take(60).collect::<String>()
                ))
            })?;
        }
        match vectors.places.is_empty() {
            true => Err(problem(
                "expected words with their numbers, found none".to_owned(),
            )),
            false => Ok(vectors),
        }
    }

    /// Takes a line; none if it is no word with its numbers.
    fn add(&mut self, line: &str) -> Option<()> {
        if self.dim == 0 {
            self.dim = line.split(' ').count() - 1;
        }
        // Words may have spaces in them: the numbers are the last parts.
        let mut parts = line.rsplitn(self.dim + 1, ' ');
        let mut row: Vec<f32> = Vec::with_capacity(self.dim);
        for part in parts.by_ref().take(self.dim) {
            row.push(
                part.parse()
                    .ok()
                    .filter(|number: &f32| number.is_finite())?,
            );
        }
        let word = parts.next()?;
        if self.dim == 0 || row.len() != self.dim {
            return None;
        }
        if !self.places.contains_key(word) {
            self.places.insert(word.to_owned(), self.places.len());
            self.numbers.extend(row.iter().rev());
        }
        Some(())
    }

    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no words, which no file gives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many numbers a word has.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The numbers of a word, if it is known.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        let start = self.places.get(word)? * self.dim;
        self.numbers.get(start..start + self.dim)
    }

    /// A row for each word of a vocabulary, `f32` (words, numbers); zeros for those that are not
    /// known.
    ///
    /// # Errors
    /// When no word is known, or there is not enough memory.
    pub fn table<S: AsRef<str>>(&self, vocabulary: &[S]) -> Result<Tensor> {
        let mut numbers = Vec::with_capacity(vocabulary.len().saturating_mul(self.dim));
        let mut known = 0_usize;
        for word in vocabulary {
            match self.get(word.as_ref()) {
                Some(row) => {
                    known += 1;
                    numbers.extend_from_slice(row);
                }
                None => numbers.extend(std::iter::repeat_n(0.0, self.dim)),
            }
        }
        if known == 0 {
            return Err(TextError::argument(
                "vocabulary",
                "words of which some have vectors",
                format!("{} words, none of which does", vocabulary.len()),
                "is the file of another language, or are the words capitals?",
            ));
        }
        let size = [vocabulary.len() as i64, self.dim as i64];
        Ok(Tensor::f_from_slice(&numbers)?.f_reshape(size)?)
    }
}

/// Whether a first line tells how many words and numbers there are.
fn is_head(line: &str) -> bool {
    let mut parts = line.split(' ');
    let mut number = || parts.next().is_some_and(|part| part.parse::<u64>().is_ok());
    number() && number() && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<WordVectors> {
        let name = format!("{:?}-{}", std::thread::current().id(), std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let vectors = WordVectors::read(&path);
        std::fs::remove_file(path).unwrap();
        vectors
    }

    #[test]
    fn files_of_both_kinds_are_read() -> Result<()> {
        let glove = read(b"gold 0.5 1\n. . . -1 2e0\ngold 7 7\n\xff\xfe 3 4\n")?;
        assert_eq!((glove.len(), glove.dim()), (3, 2));
        assert_eq!(glove.get("gold"), Some(&[0.5, 1.0][..]));
        assert_eq!(glove.get(". . ."), Some(&[-1.0, 2.0][..]));
        let word2vec = read(b"2 3\ngold 1 2 3 \r\noil 4 5 6\n")?;
        assert_eq!((word2vec.len(), word2vec.dim()), (2, 3));
        let table = word2vec.table(&["", "[UNK]", "oil", "gold"])?;
        let rows: Vec<f32> = Vec::try_from(table.reshape([-1])).unwrap();
        assert_eq!(
            rows,
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0]
        );
        Ok(())
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        let told = |text: &[u8]| read(text).unwrap_err().to_string();
        assert!(told(b"gold 1 2\noil 1\n").contains("2 finite numbers in line 2"));
        assert!(told(b"gold 1 2\noil x 1\n").contains("line 2, received \"oil x 1\""));
        assert!(told(b"gold 1 inf\n").contains("line 1"));
        assert!(told(b"gold\n").contains("at least 1"));
        assert!(told(b"").contains("found none"));
        assert!(WordVectors::read("/nowhere/at/all").is_err());
        let folder = WordVectors::read(std::env::temp_dir()).unwrap_err();
        assert!(folder.to_string().contains("expected a file"), "{folder}");
        let none = read(b"gold 1 2\n").unwrap().table(&["GOLD"]);
        assert!(none.unwrap_err().to_string().contains("capitals"));
    }
}
