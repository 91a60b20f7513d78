//! What a record might not keep to.

use jiff::Timestamp;

use crate::{RunRecord, is_share};

/// More seconds than a training takes: a hundred years.
const MOST_SECONDS: f64 = 3.2e9;

/// What is wrong with a record, in words; `None` when all is well.
pub(crate) fn flaw(record: &RunRecord) -> Option<String> {
    lengths(record)
        .or_else(|| start(record))
        .or_else(|| seconds(record))
        .or_else(|| shares(record))
}

fn lengths(record: &RunRecord) -> Option<String> {
    let history = &record.history;
    let epochs = history.epoch.len();
    let columns = history.columns().iter();
    let mut lengths = columns
        .map(|(_, values)| values.len())
        .chain([history.epoch_seconds.len(), record.epochs_run]);
    let differ = lengths.any(|length| length != epochs);
    differ.then(|| "a history whose columns differ in length".to_owned())
}

fn start(record: &RunRecord) -> Option<String> {
    let started = &record.started;
    let is_time = started.parse::<Timestamp>().is_ok();
    (!is_time).then(|| format!("a time of start that is no RFC 3339 time: {started}"))
}

fn seconds(record: &RunRecord) -> Option<String> {
    let history = &record.history;
    let times = [
        ("seconds", record.seconds),
        ("seconds of the history", history.seconds),
        ("training_seconds", history.training_seconds),
    ];
    let epochs = [
        ("epoch_seconds", &history.epoch_seconds),
        ("epoch_training_seconds", &history.epoch_training_seconds),
    ];
    let epochs = epochs
        .iter()
        .flat_map(|&(name, values)| values.iter().map(move |&value| (name, value)));
    let mut times = times.into_iter().chain(epochs);
    let (name, value) = times.find(|(_, value)| !(0.0..=MOST_SECONDS).contains(value))?;
    Some(format!("{name} of {value:e}, which no training takes"))
}

/// A diverged model may have a metric of NaN; infinity and what lies outside of 0 to 1 it has not.
fn shares(record: &RunRecord) -> Option<String> {
    let columns = record.history.columns().iter();
    let columns = columns.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let mut shares = record.metrics.iter().chain(columns);
    let (name, value) = shares.find(|(name, value)| {
        let possible = value.is_nan() || (0.0..=1.0).contains(*value);
        is_share(name) && !possible
    })?;
    Some(format!(
        "{name} of {value:e}, where a share from 0 to 1 is possible"
    ))
}
