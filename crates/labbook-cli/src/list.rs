use labbook_paper::{ExperimentRecord, ExperimentRuns};
use labbook_records::{RunRecord, clean};

use crate::failure::{Result, printed};
use crate::print_all;
use crate::progress::duration;
use crate::text_table::{MOST, table};

/// Lists all records of a folder, those of experiments first, and the files in it that are none.
pub(crate) fn list(runs: &ExperimentRuns) -> Result<()> {
    let experiments = runs
        .records()?
        .into_iter()
        .map(|record| experiment(&record));
    let others = runs.all().records()?.into_iter();
    let others = others.filter(|record| ExperimentRecord::of(record.clone()).is_none());
    let rows: Vec<Vec<String>> = experiments.chain(others.map(|run| other(&run))).collect();
    let mut text = String::new();
    if rows.is_empty() {
        let folder = runs.path().display().to_string();
        text += &format!("no records in {}\n", clean(&folder, MOST));
    } else {
        let head = [
            "no", "name", "started", "scale", "seed", "epochs", "test %", "time", "data",
        ];
        text += &table(&head, &rows);
    }
    for problem in runs.problems()? {
        text += &format!(
            "not a record: {}: {}\n",
            clean(&problem.path.display().to_string(), MOST),
            clean(&problem.reason, MOST)
        );
    }
    printed(print_all(&text))
}

fn experiment(record: &ExperimentRecord) -> Vec<String> {
    let number = record.experiment.to_string();
    row(
        record,
        number,
        record.scale.name,
        Some(record.test_accuracy),
    )
}

/// What a session wrote that follows no paper.
fn other(record: &RunRecord) -> Vec<String> {
    row(record, "-".to_owned(), "-", record.metric("test_accuracy"))
}

fn row(record: &RunRecord, number: String, scale: &str, accuracy: Option<f64>) -> Vec<String> {
    vec![
        number,
        record.name.clone(),
        record.started.clone(),
        scale.to_owned(),
        record.seed.to_string(),
        format!("{}/{}", record.epochs_run, record.epochs),
        accuracy.map_or_else(|| "-".to_owned(), |share| format!("{:.2}", 100.0 * share)),
        duration(record.seconds),
        record.data.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}
