use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What the tools said during a set-up: of use to whoever looks into a failure, and to nobody else.
///
/// The file is begun with its first line, so that a set-up that finds nothing to do leaves the last one's.
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    start: Instant,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Log {
        Log {
            path,
            file: None,
            start: Instant::now(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line of a step's, with the seconds since the set-up began.
    ///
    /// A log that cannot be written (a full disk) stops no set-up: what fails for the same reason says so.
    pub(super) fn line(&mut self, step: u32, text: &str) {
        let seconds = self.start.elapsed().as_secs();
        if self.file.is_none() {
            self.file = File::create(&self.path).ok();
        }
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "{seconds:>5} s [{step}] {text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_log_stays_until_there_is_something_to_say() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("setup.log");
        std::fs::write(&path, "of yesterday")?;
        let mut log = Log::new(path.clone());
        assert_eq!(std::fs::read_to_string(&path)?, "of yesterday");
        log.line(3, "cc: not found");
        log.line(4, "done");
        let text = std::fs::read_to_string(log.path())?;
        assert_eq!(text, "    0 s [3] cc: not found\n    0 s [4] done\n");
        Ok(())
    }
}
