use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::monitor::remembered;
use crate::error::cannot;
use crate::{CallbackState, Control, Result};

/// A file that gets a line for every epoch, on the disk when the epoch ends. A training that goes on after a kill
/// cuts off the lines of epochs that are repeated.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    file: Option<File>,
    /// Whether a new training goes on with a file that exists.
    pub(super) append: bool,
    /// Bytes of the file after the last finished epoch.
    length: u64,
}

impl LineFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            append: false,
            length: 0,
        }
    }

    /// Opens the file for a training; `callback` is whose it is.
    pub(super) fn begin(&mut self, callback: &str, control: &mut Control<'_>) {
        let keep = self.append || control.is_resuming();
        let opened = self.open(keep);
        or_fail(opened, callback, control);
    }

    pub(super) fn open(&mut self, keep: bool) -> Result<()> {
        let opened = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!keep)
            .open(&self.path)
            .and_then(|mut file| {
                self.length = file.seek(SeekFrom::End(0))?;
                Ok(file)
            });
        self.file = Some(opened.map_err(|error| cannot("open", &self.path, &error))?);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn append(&mut self, text: &str) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = file.write_all(text.as_bytes());
        written.map_err(|error| cannot("write", &self.path, &error))?;
        self.length += text.len() as u64;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    pub(super) fn state(&self) -> CallbackState {
        CallbackState {
            values: vec![("length".to_owned(), self.length as f64)],
            tensors: Vec::new(),
        }
    }

    /// Cuts off what was written after the state was taken.
    pub(super) fn set_state(&mut self, state: &CallbackState) -> Result<()> {
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

/// Ends the training where a callback could not do its work.
pub(super) fn or_fail(outcome: Result<()>, callback: &str, control: &mut Control<'_>) {
    if let Err(error) = outcome {
        control.fail(format!("{callback}: {error}"));
    }
}
