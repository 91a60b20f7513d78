use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::line_file::{LineFile, or_fail};
use crate::{Callback, CallbackState, Control, Logs, Result};

/// Writes the figures of every epoch to a file of JSON lines, such as
/// `{"epoch":0,"learning_rate":0.001,"loss":0.5,"time":1764300000.0,"val_loss":0.6}`.
///
/// A figure that is not finite is `null`, which JSON has instead. `time` is in seconds since 1970. Every line is on
/// the disk when its epoch ends.
///
/// ```
/// use labbook_nn::{Fit, JsonLogger};
///
/// let options = Fit::new().callbacks(JsonLogger::new("log.jsonl"));
/// ```
#[derive(Debug)]
pub struct JsonLogger {
    file: LineFile,
}

impl JsonLogger {
    /// Writes to a file, which is made anew by each training.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            file: LineFile::new(path.into()),
        }
    }

    /// Says whether to go on with a file that exists; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn append(mut self, append: bool) -> Self {
        self.file.append = append;
        self
    }

    fn write(&mut self, epoch: usize, logs: &Logs, control: &Control<'_>) -> Result<()> {
        let mut line = Map::new();
        line.insert("epoch".to_owned(), json!(epoch));
        for (key, value) in logs.entries() {
            line.insert(key.clone(), json!(value));
        }
        let rate = control.model().learning_rate()?;
        line.insert("learning_rate".to_owned(), json!(rate));
        line.insert("time".to_owned(), json!(super::seconds_since_1970()));
        self.file.append(&format!("{}\n", Value::Object(line)))
    }
}

impl Callback for JsonLogger {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        self.file.begin("JsonLogger", control);
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        let written = self.write(epoch, logs, control);
        or_fail(written, "JsonLogger", control);
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
    fn every_epoch_is_an_object_of_a_line() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut logger = JsonLogger::new(&path);
        rehearse(&mut logger, &mut model()?, "loss", &[0.1 + 0.2, f64::NAN])?;
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (&lines[0]["epoch"], &lines[0]["loss"]),
            (&json!(0), &json!(0.1 + 0.2))
        );
        assert_eq!(
            (&lines[1]["loss"], &lines[1]["learning_rate"]),
            (&Value::Null, &json!(0.1))
        );
        assert!(lines[1]["time"].as_f64() >= lines[0]["time"].as_f64());
        Ok(())
    }

    #[test]
    fn a_training_that_goes_on_cuts_off_what_it_repeats() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut logger = JsonLogger::new(&path);
        logger.file.open(false)?;
        logger.file.append("{\"epoch\":0}\n")?;
        let state = logger.state()?;
        logger.file.append("{\"epoch\":1}\n")?;
        logger.file.close();
        let mut later = JsonLogger::new(&path);
        later.file.open(true)?;
        later.set_state(&state)?;
        later.file.append("{\"epoch\":1,\"again\":true}\n")?;
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"epoch\":0}\n{\"epoch\":1,\"again\":true}\n");
        Ok(())
    }
}
