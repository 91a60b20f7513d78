use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::monitor::remembered;
use crate::error::cannot;
use crate::{Callback, CallbackState, Control, Logs, Result};

/// Writes the figures of every epoch to a file of comma-separated values.
///
/// The first line names the columns: `epoch`, counted from 0, and the figures in alphabetical
/// order, as in Keras. Every line is on the disk when its epoch ends.
///
/// ```
/// use labbook_nn::{CsvLogger, Fit};
///
/// let options = Fit::new().callbacks(CsvLogger::new("log.csv").separator(';'));
/// ```
#[derive(Debug)]
pub struct CsvLogger {
    path: PathBuf,
    separator: char,
    append: bool,
    file: Option<File>,
    keys: Vec<String>,
    /// Bytes of the file after the last finished epoch.
    length: u64,
}

impl CsvLogger {
    /// Writes to a file, which is made anew by each training.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            separator: ',',
            append: false,
            file: None,
            keys: Vec::new(),
            length: 0,
        }
    }

    /// Sets the character between two values; the default is a comma.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Says whether to go on with a file that exists; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    fn open(&mut self, keep: bool) -> Result<()> {
        let opened = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!keep)
            .open(&self.path)
            .and_then(|mut file| {
                self.length = file.seek(SeekFrom::End(0))?;
                Ok(file)
            });
        self.keys.clear();
        self.file = Some(opened.map_err(|error| cannot("open", &self.path, &error))?);
        Ok(())
    }

    fn write(&mut self, epoch: usize, logs: &Logs) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let separator = self.separator.to_string();
        let mut text = String::new();
        if self.keys.is_empty() {
            self.keys = logs.entries().iter().map(|(key, _)| key.clone()).collect();
            self.keys.sort();
            if self.length == 0 {
                text = format!("epoch{separator}{}\n", self.keys.join(&separator));
            }
        }
        text.push_str(&epoch.to_string());
        for key in &self.keys {
            text.push_str(&separator);
            match logs.get(key) {
                Some(value) => text.push_str(&format!("{value:?}")),
                None => text.push_str("NA"),
            }
        }
        text.push('\n');
        let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
        written.map_err(|error| cannot("write", &self.path, &error))?;
        self.length += text.len() as u64;
        Ok(())
    }
}

impl Callback for CsvLogger {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        let keep = self.append || control.is_resuming();
        if let Err(error) = self.open(keep) {
            control.fail(format!("CsvLogger: {error}"));
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        if let Err(error) = self.write(epoch, logs) {
            control.fail(format!("CsvLogger: {error}"));
        }
    }

    fn on_train_end(&mut self, _control: &mut Control<'_>) {
        self.file = None;
    }

    fn state(&self) -> Result<CallbackState> {
        Ok(CallbackState {
            values: vec![("length".to_owned(), self.length as f64)],
            tensors: Vec::new(),
        })
    }

    /// Cuts off what was written after the state was taken.
    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let length = remembered(&state.values, "length")? as u64;
        if let Some(file) = &mut self.file
            && length < self.length
        {
            let cut = file
                .set_len(length)
                .and_then(|()| file.seek(SeekFrom::End(0)));
            cut.map_err(|error| cannot("shorten", &self.path, &error))?;
            self.length = length;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rehearsal::{model, rehearse};
    use super::*;

    #[test]
    fn every_epoch_is_a_line_and_appending_goes_on() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let read = || std::fs::read_to_string(&path).unwrap();
        let mut model = model()?;
        for _ in 0..2 {
            let mut logger = CsvLogger::new(&path);
            rehearse(&mut logger, &mut model, "loss", &[0.5, f64::NAN])?;
            assert_eq!(read(), "epoch,loss\n0,0.5\n1,NaN\n");
        }
        let mut logger = CsvLogger::new(&path).append(true);
        rehearse(&mut logger, &mut model, "loss", &[2.0])?;
        assert_eq!(read(), "epoch,loss\n0,0.5\n1,NaN\n0,2.0\n");
        let mut logger = CsvLogger::new(&path).separator(';');
        rehearse(&mut logger, &mut model, "loss", &[2.0])?;
        assert_eq!(read(), "epoch;loss\n0;2.0\n");
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_made_ends_the_training() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let mut logger = CsvLogger::new(folder.path().join("missing/log.csv"));
        let outcome = rehearse(&mut logger, &mut model()?, "loss", &[1.0])?;
        assert!(outcome.failure.unwrap().contains("cannot open"));
        Ok(())
    }
}
