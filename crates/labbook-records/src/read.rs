//! A record out of a file that anybody may have written.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::RunRecord;
use crate::clean::clean_all;
use crate::run_record::FORMAT;

/// A longer file is no record of a run.
const MAX_BYTES: u64 = 16 << 20;

/// The version before metrics had names and facts were free.
const FIRST_FORMAT: u64 = 1;

/// What the first version had at its top and still is there.
const KEPT: [&str; 17] = [
    "name",
    "started",
    "seed",
    "data",
    "device",
    "threads",
    "versions",
    "layers",
    "parameters",
    "optimizer",
    "loss",
    "callbacks",
    "epochs",
    "epochs_run",
    "batch_size",
    "history",
    "seconds",
];

/// The first version's metrics, and what they are called now.
const METRICS: [(&str, &str); 4] = [
    ("test_loss", "test_loss"),
    ("test_accuracy", "test_accuracy"),
    ("train_loss_after", "train_loss"),
    ("train_accuracy_after", "train_accuracy"),
];

/// Reads a record, or says why the file holds none.
pub(crate) fn read(path: &Path) -> Result<RunRecord, String> {
    let kind = fs::metadata(path).map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("expected a file, received something else".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!(
            "expected a record of at most {MAX_BYTES} bytes, received a longer file"
        ));
    }
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| format!("expected a record in JSON, received something else: {error}"))?;
    let value = match value.get("format").and_then(Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => value,
        Some(FIRST_FORMAT) => renewed(value),
        Some(format) => {
            return Err(format!(
                "expected a record of format {FORMAT} or before, received format {format}"
            ));
        }
        None => return Err("expected a record of a run, received other JSON".to_owned()),
    };
    let record: RunRecord = serde_json::from_value(clean_all(value))
        .map_err(|error| format!("expected a whole record, received one with a flaw: {error}"))?;
    match record.flaw() {
        Some(flaw) => Err(format!("expected a whole record, received {flaw}")),
        None => Ok(record),
    }
}

/// A record of the first version in today's form. What it had beside name, figures and the like are
/// facts now.
fn renewed(value: Value) -> Value {
    let Value::Object(entries) = value else {
        return value;
    };
    let (mut record, mut metrics, mut facts) = (Map::new(), Map::new(), Map::new());
    for (name, value) in entries {
        let metric = METRICS.iter().find(|(old, _)| *old == name);
        match metric {
            // Those of the test were always there; that one is missing is a flaw.
            Some((old, _)) if value.is_null() && old.starts_with("train") => {}
            Some((_, metric)) => _ = metrics.insert((*metric).to_owned(), value),
            None if KEPT.contains(&name.as_str()) => _ = record.insert(name, value),
            None if name == "format" || value.is_null() => {}
            None => _ = facts.insert(name, value),
        }
    }
    if metrics.contains_key("test_loss") && metrics.contains_key("test_accuracy") {
        record.insert("metrics".to_owned(), Value::Object(metrics));
    }
    record.insert("format".to_owned(), FORMAT.into());
    record.insert("facts".to_owned(), Value::Object(facts));
    Value::Object(record)
}
