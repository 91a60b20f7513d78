use labbook_charts::{Figure, LabelledScatter, panels};
use labbook_experiments::{RunRecord, SpeedRun};

use crate::error::NotebookError;
use crate::record::percent;
use crate::render::Render;
use crate::table::Table;

/// The first experiment that is not the paper's.
const FIRST_BEYOND: u32 = 17;
const LAST: u32 = 20;

/// Records of one machine and data set, the paper's experiments and those beyond them.
#[derive(Clone, Debug, PartialEq)]
pub struct Beyond {
    records: Vec<RunRecord>,
}

impl Beyond {
    /// Keeps what compares: records of whole trainings.
    pub(crate) fn of(records: Vec<RunRecord>) -> Self {
        let whole = |record: &RunRecord| !record.history.interrupted;
        Self {
            records: records.into_iter().filter(whole).collect(),
        }
    }

    /// The newest record of each seed of an experiment.
    fn seeds(&self, experiment: u32) -> Vec<&RunRecord> {
        let mut newest: Vec<&RunRecord> = Vec::new();
        let matching = self.records.iter().rev();
        for record in matching.filter(|record| record.experiment == experiment) {
            let same_training = newest.first().is_none_or(|first| first.name == record.name);
            if same_training && newest.iter().all(|known| known.seed != record.seed) {
                newest.push(record);
            }
        }
        newest.sort_by_key(|record| record.seed);
        newest
    }

    fn table(&self) -> Table {
        let headings = [
            "experiment",
            "seeds",
            "mean",
            "lowest",
            "highest",
            "training",
            "made for",
        ];
        let mut table = Table::new(&headings).numeric().header_column();
        for experiment in FIRST_BEYOND..=LAST {
            let records = self.seeds(experiment);
            let Some(first) = records.first() else {
                continue;
            };
            let accuracies: Vec<f64> = records.iter().map(|r| r.test_accuracy).collect();
            let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
            let lowest = accuracies.iter().copied().reduce(f64::min);
            let highest = accuracies.iter().copied().reduce(f64::max);
            let longest = records
                .iter()
                .map(|r| r.training_seconds())
                .fold(0.0, f64::max);
            let seeds: Vec<String> = records.iter().map(|r| r.seed.to_string()).collect();
            let aim = SpeedRun::numbered(experiment).map(|run| run.aim());
            table.push(&[
                format!("{experiment}: {}", first.name),
                seeds.join(", "),
                percent(Some(mean)),
                percent(lowest),
                percent(highest),
                format!("{:.1} min", longest / 60.0),
                aim.map_or_else(
                    |_| String::new(),
                    |(accuracy, minutes)| format!("{:.1} % in {minutes:.0} min", 100.0 * accuracy),
                ),
            ]);
        }
        table
    }
}

impl Render for Beyond {
    fn to_html(&self) -> String {
        self.table().to_html()
    }

    fn to_plain(&self) -> String {
        self.table().to_plain()
    }
}

/// Test accuracy against seconds of training, and against floating-point operations: the paper's
/// experiments as far as they are on record, and those beyond them.
///
/// # Errors
/// [`NotebookError::Chart`] when there is no record, or the figure cannot be drawn.
pub fn plot_efficiency(beyond: &Beyond) -> Result<Figure, NotebookError> {
    let newest: Vec<&RunRecord> = (1..=LAST)
        .filter_map(|n| beyond.seeds(n).first().copied())
        .collect();
    let chart = |title: &str, label: &str, x: fn(&RunRecord) -> f64| {
        let mut chart = LabelledScatter::new(title)
            .x_label(label)
            .y_label("Test accuracy (%)")
            .log_x()
            .size(620, 440);
        let groups = [("the paper's experiments", false), ("beyond", true)];
        for (name, is_beyond) in groups {
            let records = newest.iter();
            let records: Vec<_> = records
                .filter(|r| (r.experiment >= FIRST_BEYOND) == is_beyond)
                .collect();
            if records.is_empty() {
                continue;
            }
            let across: Vec<f64> = records.iter().map(|r| x(r)).collect();
            let up: Vec<f64> = records.iter().map(|r| 100.0 * r.test_accuracy).collect();
            let labels: Vec<String> = records.iter().map(|r| r.experiment.to_string()).collect();
            chart = chart.series(name, &across, &up, &labels);
        }
        chart.figure()
    };
    let time = chart(
        "Accuracy against time",
        "Seconds of training",
        RunRecord::training_seconds,
    )?;
    let work = chart("Accuracy against work", "TFLOP of training", |record| {
        record.training_flops() / 1e12
    })?;
    Ok(panels(&[&time, &work], 2)?)
}
