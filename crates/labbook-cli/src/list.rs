use labbook_experiments::Runs;

use crate::failure::{Result, printed};
use crate::print_all;
use crate::progress::duration;
use crate::text_table::table;

/// Lists all records of a folder, and the files in it that are none.
pub(crate) fn list(runs: &Runs) -> Result<()> {
    let records = runs.records()?;
    let mut text = String::new();
    if records.is_empty() {
        text += &format!("no records in {}\n", runs.path().display());
    } else {
        let rows: Vec<Vec<String>> = records
            .iter()
            .map(|record| {
                let epochs = format!("{}/{}", record.epochs_run, record.epochs);
                vec![
                    record.experiment.to_string(),
                    record.name.clone(),
                    record.started.clone(),
                    record.scale.name.to_owned(),
                    record.seed.to_string(),
                    epochs,
                    format!("{:.2}", 100.0 * record.test_accuracy),
                    duration(record.seconds),
                    record.data.clone(),
                ]
            })
            .collect();
        let head = [
            "no", "name", "started", "scale", "seed", "epochs", "test %", "time", "data",
        ];
        text += &table(&head, &rows);
    }
    for problem in runs.problems()? {
        text += &format!(
            "not a record: {}: {}\n",
            problem.path.display(),
            problem.reason
        );
    }
    printed(print_all(&text))
}
