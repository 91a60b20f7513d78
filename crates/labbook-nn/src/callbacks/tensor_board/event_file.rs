use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::crc32c::masked;
use super::summary::Summary;
use crate::Result;
use crate::callbacks::seconds_since_1970;
use crate::error::cannot;
use crate::protobuf::Message;

/// The version that TensorFlow 2 writes.
const VERSION: &str = "brain.Event:2";

/// `SessionLog.START`: what was written of this step and later ones before does not count.
const START: i64 = 1;

/// A file of events as TensorFlow writes them: records with checksums, each a protobuf `Event`
/// (`tensorboard/compat/proto/event.proto`).
///
/// Nothing is buffered here: an event is with the system when its call returns.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    /// What tests write for the time.
    fixed_time: Option<f64>,
}

impl EventFile {
    /// A new file in a folder, beside those of earlier runs.
    pub(super) fn create(folder: &Path, fixed_time: Option<f64>) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => "localhost",
            host => host,
        };
        let begin = format!(
            "events.out.tfevents.{:010}.{host}.{}",
            fixed_time.unwrap_or_else(seconds_since_1970) as u64,
            std::process::id()
        );
        let mut number = 0;
        let (path, file) = loop {
            let path = folder.join(format!("{begin}.{number}.v2"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(cannot("create", &path, &error)),
            }
        };
        let mut events = Self {
            path,
            file,
            fixed_time,
        };
        let version = events.event(0).text(3, VERSION);
        events.write(version)?;
        Ok(events)
    }

    /// Says that steps from this one on are written anew.
    pub(super) fn start_at(&mut self, step: usize) -> Result<()> {
        let log = Message::new().int(1, START);
        let event = self.event(step).message(7, &log);
        self.write(event)
    }

    pub(super) fn add(&mut self, step: usize, summary: &Summary) -> Result<()> {
        let event = self.event(step).message(5, &summary.message());
        self.write(event)
    }

    fn event(&self, step: usize) -> Message {
        let event = Message::new().double(1, self.fixed_time.unwrap_or_else(seconds_since_1970));
        match step {
            0 => event,
            step => event.int(2, i64::try_from(step).unwrap_or(i64::MAX)),
        }
    }

    /// A record: length, its checksum, the bytes, theirs (`tensorflow/core/lib/io/record_writer.h`).
    fn write(&mut self, event: Message) -> Result<()> {
        let bytes = event.into_bytes();
        let length = (bytes.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(&bytes);
        record.extend(masked(&bytes).to_le_bytes());
        self.file
            .write_all(&record)
            .map_err(|error| cannot("write", &self.path, &error))
    }
}
