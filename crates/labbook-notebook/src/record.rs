//! Records of runs.

use labbook_records::{Result, RunRecord, Runs, clean};

use crate::numbers::metric;
use crate::render::shown_as;
use crate::table::{Align, Table};

shown_as!(RunRecord => table);
shown_as!(Runs => records);

/// The figures of the last epoch and of evaluations: a row for each set of data, a column for each
/// figure.
fn table(record: &RunRecord) -> Table {
    let epochs = match record.epochs_run {
        1 => "1 epoch".to_owned(),
        epochs => format!("{epochs} epochs"),
    };
    let caption = format!("{}: {epochs}, {:.1} seconds", record.name, record.seconds);
    let (mut sets, mut names): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut figures = Vec::new();
    let mut add = |set: &str, name: &str, value: f64| {
        if sets.iter().all(|known| known != set) {
            sets.push(set.to_owned());
        }
        if names.iter().all(|known| known != name) {
            names.push(name.to_owned());
        }
        figures.push((set.to_owned(), name.to_owned(), value));
    };
    for (key, values) in record.history.columns() {
        let (set, name) = match key.strip_prefix("val_") {
            Some(name) => ("validation", name),
            None => ("training", key.as_str()),
        };
        if let Some(&last) = values.last() {
            add(set, name, last);
        }
    }
    for (key, &value) in &record.metrics {
        if let Some((set, name)) = key.split_once('_') {
            add(set, name, value);
        }
    }
    let headings: Vec<&str> = std::iter::once("")
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(&headings)
        .numeric()
        .header_column()
        .caption(caption);
    for set in &sets {
        let cell = |name: &String| {
            let found = figures.iter().find(|(s, n, _)| s == set && n == name);
            found.map_or_else(String::new, |&(_, _, value)| metric(name, value))
        };
        let row: Vec<String> = std::iter::once(set.clone())
            .chain(names.iter().map(cell))
            .collect();
        table.push(&row);
    }
    table
}

/// Characters of a text in a table at most.
const MOST: usize = 120;

fn records(runs: &Runs) -> Result<Table> {
    let records = runs.records()?;
    let folder = clean(&runs.path().display().to_string(), MOST);
    let mut table = Table::new(&["name", "started", "seed", "tags", "figures"])
        .align(2, Align::Right)
        .caption(format!("Records in {folder}"));
    for record in &records {
        let metrics = record.metrics.iter();
        let metrics: Vec<String> = metrics
            .map(|(name, &value)| format!("{name} {}", metric(name, value)))
            .collect();
        table.push(&[
            clean(&record.name, MOST),
            record.started.clone(),
            record.seed.to_string(),
            clean(&record.tags.join(", "), MOST),
            clean(&metrics.join(", "), MOST),
        ]);
    }
    Ok(table)
}
