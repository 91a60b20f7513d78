//! Experiments, planned and finished.

use labbook_notebook::numbers::{figure, percent};
use labbook_notebook::{Align, Paragraph, Table, shown_as};

use crate::{
    Comparison, Conclusion, Diagnosis, Experiment, ExperimentRuns, FinishedRun, FinishedSpeedRun,
    Recommendation, Result, Results, Scale, SpeedRun, Trick,
};

shown_as!(Experiment => |experiment| {
    Paragraph(format!("Experiment {}: {}", experiment.number(), experiment.title()))
});
shown_as!(FinishedRun => |run| run.record.clone());
shown_as!(Comparison => |comparison| Results { comparison: comparison.clone() });
shown_as!(Conclusion => |conclusion| {
    Paragraph(format!("{}: {}. {}", conclusion.title, conclusion.holding, conclusion.sentence))
});
shown_as!(Diagnosis => |diagnosis| Paragraph(diagnosis.sentence.clone()));
shown_as!(Recommendation => |recommendation| Paragraph(recommendation.sentence.clone()));
shown_as!(Scale, Trick => |value| Paragraph(value.to_string()));
shown_as!(SpeedRun => plan);
shown_as!(FinishedSpeedRun => outcome);
shown_as!(ExperimentRuns => records);

/// What a training will do.
fn plan(run: &SpeedRun) -> Table {
    let mut table = Table::new(&["", ""]).header_column().caption(format!(
        "Experiment {}: {}",
        run.experiment,
        run.title()
    ));
    let pixels = |count: i64| format!("{count} pixels");
    let mut add = |name: &str, value: String| table.push(&[name, &value]);
    add(
        "filters",
        run.widths.map(|width| width.to_string()).join(", "),
    );
    add(
        "convolutions a block",
        if run.deep { "3" } else { "2" }.to_owned(),
    );
    add("epochs", run.epochs.to_string());
    add("training images", format!("at most {}", run.train_images));
    add("batch size", run.batch_size.to_string());
    add("images move by", format!("at most {}", pixels(run.shift)));
    if run.cutout > 0 {
        add("squares cut out", format!("{0} x {0} pixels", run.cutout));
    }
    let left_out: Vec<String> = run.left_out().iter().map(ToString::to_string).collect();
    if !left_out.is_empty() {
        add("without", left_out.join(", "));
    }
    let (accuracy, minutes) = run.aim();
    add(
        "made for",
        format!("{} in {minutes:.0} min", percent(Some(accuracy))),
    );
    table
}

fn outcome(run: &FinishedSpeedRun) -> Table {
    let mut table = Table::new(&[
        "test accuracy",
        "test loss",
        "epochs",
        "seconds of training",
    ]);
    for column in 0..4 {
        table = table.align(column, Align::Right);
    }
    table.push(&[
        percent(run.test.progress.logs.get("accuracy")),
        figure(run.test.loss),
        run.history.epoch.len().to_string(),
        format!("{:.1}", run.history.training_seconds),
    ]);
    table
}

fn records(runs: &ExperimentRuns) -> Result<Table> {
    let records = runs.records()?;
    let folder = runs.path().display();
    let mut table = Table::new(&["experiment", "started", "scale", "seed", "test accuracy"])
        .align(3, Align::Right)
        .align(4, Align::Right)
        .caption(format!("Records in {folder}"));
    for record in &records {
        table.push(&[
            format!("{}: {}", record.experiment, record.name),
            record.started.clone(),
            record.scale.name.to_owned(),
            record.seed.to_string(),
            percent(Some(record.test_accuracy)),
        ]);
    }
    Ok(table)
}
