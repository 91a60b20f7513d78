use labbook_charts::{Figure, LabelledScatter, panels};
use labbook_notebook::numbers::{deviation, percent};
use labbook_notebook::{NotebookError, Table, shown_as};

use crate::{Beyond, RepeatedRun};

shown_as!(Beyond => table);

/// A row for each experiment that is none of the paper's.
fn table(beyond: &Beyond) -> Table {
    let headings = [
        "experiment",
        "seeds",
        "mean",
        "std",
        "lowest",
        "highest",
        "longest training",
        "made for",
    ];
    let mut table = Table::new(&headings).numeric().header_column();
    for run in beyond.runs().iter().filter(|run| run.is_beyond()) {
        let seeds: Vec<String> = run.seeds().iter().map(u64::to_string).collect();
        let aim = run
            .aim()
            .map(|(accuracy, minutes)| format!("{:.1} % in {minutes:.0} min", 100.0 * accuracy));
        table.push(&[
            format!("{}: {}", run.experiment, run.title),
            seeds.join(", "),
            percent(Some(run.test_accuracy.mean)),
            deviation(&run.test_accuracy),
            percent(Some(run.test_accuracy.lowest)),
            percent(Some(run.test_accuracy.highest)),
            format!("{:.1} min", run.training_seconds.highest / 60.0),
            aim.unwrap_or_default(),
        ]);
    }
    table
}

/// Test accuracy against seconds of training, and against floating-point operations: the paper's
/// experiments as far as they are on record, and those beyond them; means over seeds.
///
/// # Errors
/// [`NotebookError::Chart`] when there is no record, or the figure cannot be drawn.
pub fn plot_efficiency(beyond: &Beyond) -> Result<Figure, NotebookError> {
    let chart = |title: &str, label: &str, x: fn(&RepeatedRun) -> f64| {
        let mut chart = LabelledScatter::new(title)
            .x_label(label)
            .y_label("Test accuracy (%)")
            .log_x()
            .size(620, 440);
        let groups = [("the paper's experiments", false), ("beyond", true)];
        for (name, is_beyond) in groups {
            let runs = beyond.runs().iter();
            let runs: Vec<_> = runs.filter(|run| run.is_beyond() == is_beyond).collect();
            if runs.is_empty() {
                continue;
            }
            let across: Vec<f64> = runs.iter().map(|run| x(run)).collect();
            let up: Vec<f64> = runs.iter().map(|r| 100.0 * r.test_accuracy.mean).collect();
            let labels: Vec<String> = runs.iter().map(|r| r.experiment.to_string()).collect();
            chart = chart.series(name, &across, &up, &labels);
        }
        chart.figure()
    };
    let time = chart("Accuracy against time", "Seconds of training", |run| {
        run.training_seconds.mean
    })?;
    let work = chart("Accuracy against work", "TFLOP of training", |run| {
        run.training_flops() / 1e12
    })?;
    Ok(panels(&[&time, &work], 2)?)
}
