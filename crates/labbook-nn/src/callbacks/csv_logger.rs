use std::path::PathBuf;

use super::line_file::{LineFile, or_fail};
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
    file: LineFile,
    separator: char,
    keys: Vec<String>,
}

impl CsvLogger {
    /// Writes to a file, which is made anew by each training.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            file: LineFile::new(path.into()),
            separator: ',',
            keys: Vec::new(),
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
        self.file.append = append;
        self
    }

    fn write(&mut self, epoch: usize, logs: &Logs) -> Result<()> {
        let separator = self.separator.to_string();
        let mut text = String::new();
        if self.keys.is_empty() {
            self.keys = logs.entries().iter().map(|(key, _)| key.clone()).collect();
            self.keys.sort();
            if self.file.is_empty() {
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
        self.file.append(&text)
    }
}

impl Callback for CsvLogger {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        self.keys.clear();
        self.file.begin("CsvLogger", control);
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        let written = self.write(epoch, logs);
        or_fail(written, "CsvLogger", control);
    }

    fn on_train_end(&mut self, _control: &mut Control<'_>) {
        self.file.close();
    }

    fn state(&self) -> Result<CallbackState> {
        Ok(self.file.state())
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.file.set_state(state)
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
