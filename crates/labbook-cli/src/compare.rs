use labbook_paper::{ComparedRun, Comparison, Experiment, ExperimentRecord, ExperimentRuns};

use crate::arguments::Selection;
use crate::failure::{Failure, Result, printed};
use crate::print_all;
use crate::text_table::table;

/// Sets the newest records beside the published figures.
pub(crate) fn compare(selection: &Selection, runs: &ExperimentRuns) -> Result<()> {
    let records = selected(selection, runs.records()?);
    let Some(first) = records.first() else {
        return Err(Failure::new(format!(
            "no such record in {}; `labbook list` shows what there is, `labbook run` makes one",
            runs.path().display()
        )));
    };
    let mut text = format!(
        "scale: {}\nseed: {}\ndata: {}\n\n",
        first.scale, first.seed, first.data
    );
    let comparison = Comparison::of(&records);
    text += &figures(&comparison);
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text += &format!("\n{title}\n");
            lines.iter().for_each(|line| text += &format!("- {line}\n"));
        }
    };
    let diagnoses = comparison
        .runs()
        .iter()
        .map(|run| run.diagnosis.sentence.clone());
    part("Diagnosis", diagnoses.collect());
    let conclusions = comparison.conclusions().into_iter();
    let conclusions = conclusions.map(|c| format!("{}: {}. {}", c.title, c.holding, c.sentence));
    part("The paper's conclusions", conclusions.collect());
    let recommendation = comparison.recommendation().into_iter();
    part(
        "Recommendation",
        recommendation.map(|r| r.sentence).collect(),
    );
    part("Remarks", comparison.remarks());
    printed(print_all(&text))
}

/// The records that compare with the newest of those asked for: of its scale, seed and data.
fn selected(selection: &Selection, mut records: Vec<ExperimentRecord>) -> Vec<ExperimentRecord> {
    records.retain(|record| {
        let numbers = &selection.numbers;
        (numbers.is_empty() || numbers.contains(&record.experiment))
            && selection.scale.is_none_or(|scale| scale == record.scale)
            && selection.seed.is_none_or(|seed| seed == record.seed)
    });
    let newest = records.iter().max_by_key(|record| &record.started).cloned();
    records.retain(|record| {
        newest.as_ref().is_some_and(|newest| {
            (record.scale, record.seed, &record.data) == (newest.scale, newest.seed, &newest.data)
        })
    });
    records
}

/// Ours, then the paper's, in percent, points and seconds.
fn figures(comparison: &Comparison) -> String {
    let head = [
        "no",
        "network",
        "train",
        "val",
        "test",
        "gap",
        "time",
        "paper: train",
        "val",
        "test",
        "gap",
        "time",
        "test: ours - paper",
    ];
    let rows: Vec<Vec<String>> = comparison.runs().iter().map(row).collect();
    table(&head, &rows)
}

fn row(run: &ComparedRun) -> Vec<String> {
    let record = &run.record;
    let percent = |fraction: Option<f64>| {
        fraction.map_or_else(
            || "-".to_owned(),
            |fraction| format!("{:.2}", 100.0 * fraction),
        )
    };
    let title = Experiment::numbered(record.experiment).map(Experiment::title);
    let mut cells = vec![
        record.experiment.to_string(),
        title.unwrap_or(&record.name).to_owned(),
        percent(record.train_accuracy()),
        percent(record.val_accuracy()),
        percent(Some(record.test_accuracy)),
        percent(run.gap()),
        format!("{:.1}", record.seconds),
    ];
    let paper = run.published;
    cells.extend([
        percent(paper.map(|row| row.train_accuracy)),
        percent(paper.map(|row| row.val_accuracy)),
        percent(paper.map(|row| row.test_accuracy)),
        percent(paper.map(|row| row.gap())),
        paper.map_or_else(|| "-".to_owned(), |row| format!("{:.1}", row.seconds)),
        run.test_difference().map_or_else(
            || "-".to_owned(),
            |points| format!("{:+.2}", 100.0 * points),
        ),
    ]);
    cells
}
