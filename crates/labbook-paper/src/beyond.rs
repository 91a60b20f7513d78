use labbook_nn::OptimizerConfig;
use labbook_records::Spread;
use serde::Deserialize;
use serde_json::Value;

use crate::{ExperimentFacts, ExperimentRecord, Scale, SpeedRun};

/// The paper's experiments and those beyond it, as far as they are on record with the same data
/// and device.
#[derive(Clone, Debug, PartialEq)]
pub struct Beyond {
    runs: Vec<RepeatedRun>,
}

/// The records of one experiment that differ in their seeds alone.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatedRun {
    /// 1 to 16 as in the paper, from 17 for what goes beyond.
    pub experiment: u32,
    /// The experiment in a few words.
    pub title: String,
    /// The newest record of each seed, by seed; at least one.
    pub records: Vec<ExperimentRecord>,
    /// Accuracies on the test images, as fractions.
    pub test_accuracy: Spread,
    /// Seconds of training, as in [`training_seconds`](labbook_records::RunRecord::training_seconds).
    pub training_seconds: Spread,
}

/// The paper's last experiment.
const LAST_OF_PAPER: u32 = 16;

impl Beyond {
    /// Chooses among records those that compare with a session's.
    ///
    /// They have its data and its device. Their scale is the session's; laptop and full scale
    /// compare with each other. They are of trainings that reached their end and are the experiment
    /// that their number says: 18 to 20 as [`SpeedRun::numbered`] has them, the others with their
    /// scale's epochs and batches. Of each experiment the newest such record counts, and those that
    /// repeat it with other seeds.
    #[must_use]
    pub fn of(mut records: Vec<ExperimentRecord>, facts: &ExperimentFacts) -> Self {
        records.retain(|record| {
            record.data == facts.data
                && record.device == facts.device
                && compare(&record.scale, &facts.scale)
                && !record.history.interrupted
                && is_as_numbered(record)
        });
        records.sort_by(|a, b| (a.experiment, &b.started).cmp(&(b.experiment, &a.started)));
        let runs = records
            .chunk_by(|a, b| a.experiment == b.experiment)
            .filter_map(RepeatedRun::of)
            .filter(|run| run.experiment > 0)
            .collect();
        Self { runs }
    }

    /// All experiments on record, by number.
    #[must_use]
    pub fn runs(&self) -> &[RepeatedRun] {
        &self.runs
    }
}

impl RepeatedRun {
    /// The newest of an experiment's records, which is the first, and those that repeat it.
    fn of(newest_first: &[ExperimentRecord]) -> Option<Self> {
        let newest = newest_first.first()?;
        let mut records: Vec<ExperimentRecord> = Vec::new();
        for record in newest_first.iter().filter(|record| repeats(record, newest)) {
            if records.iter().all(|known| known.seed != record.seed) {
                records.push(record.clone());
            }
        }
        records.sort_by_key(|record| record.seed);
        let spread = |figure: fn(&ExperimentRecord) -> f64| {
            let figures: Vec<f64> = records.iter().map(figure).collect();
            Spread::of(&figures)
        };
        Some(Self {
            experiment: newest.experiment,
            title: match as_numbered(newest) {
                Some(run) => run.title(),
                None => newest.name.clone(),
            },
            test_accuracy: spread(|record| record.test_accuracy)?,
            training_seconds: spread(|record| record.training_seconds())?,
            records,
        })
    }

    /// Whether the experiment is none of the paper's.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.experiment > LAST_OF_PAPER
    }

    /// The seeds, in their order.
    #[must_use]
    pub fn seeds(&self) -> Vec<u64> {
        self.records.iter().map(|record| record.seed).collect()
    }

    /// Floating-point operations of one training: the mean, for epochs may differ where training
    /// stopped early.
    #[must_use]
    pub fn training_flops(&self) -> f64 {
        let flops: f64 = self.records.iter().map(|run| run.training_flops()).sum();
        flops / self.records.len() as f64
    }

    /// What the experiment is made for, as [`SpeedRun::aim`] tells it; `None` for those that aim
    /// at nothing.
    #[must_use]
    pub fn aim(&self) -> Option<(f64, f64)> {
        let run = SpeedRun::numbered(self.experiment).ok()?;
        Some(run.aim())
    }
}

/// Whether figures of these scales stand beside each other: laptop and full scale test on the same
/// images.
fn compare(a: &Scale, b: &Scale) -> bool {
    let whole = |scale: &Scale| *scale == Scale::laptop() || *scale == Scale::full();
    a == b || (whole(a) && whole(b))
}

/// The training that a record's number stands for, if it is one of [`SpeedRun`].
fn as_numbered(record: &ExperimentRecord) -> Option<SpeedRun> {
    let run = SpeedRun::numbered(record.experiment).ok()?;
    Some(run.at(&record.scale))
}

fn is_as_numbered(record: &ExperimentRecord) -> bool {
    match as_numbered(record) {
        Some(run) => run.is_of(record),
        None => record.has_sizes_of_scale(),
    }
}

/// Whether two records of an experiment differ in nothing but their seeds.
fn repeats(a: &ExperimentRecord, b: &ExperimentRecord) -> bool {
    let same_scale = match (as_numbered(a), as_numbered(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.scale == b.scale,
    };
    same_scale
        && a.history.params.examples == b.history.params.examples
        && a.parameters == b.parameters
        && optimizer(a) == optimizer(b)
}

/// The optimizer's options as today's library reads them, so that a record from before an option
/// was added equals one with that option as it was.
fn optimizer(record: &ExperimentRecord) -> Option<Result<OptimizerConfig, &Value>> {
    let options = record.optimizer.as_ref()?;
    let known = OptimizerConfig::deserialize(options);
    Some(known.map_err(|_| options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trick;
    use crate::experiment_record::tests::{facts, made};
    use labbook_records::LayerRecord;

    fn full() -> ExperimentFacts {
        ExperimentFacts {
            scale: Scale::full(),
            ..facts()
        }
    }

    /// A record at full scale, of the training that its number stands for.
    fn speed(experiment: u32, seed: u64, accuracy: f64, minute: u32) -> ExperimentRecord {
        let run =
            SpeedRun::numbered(experiment).unwrap_or_else(|_| SpeedRun::numbered(18).unwrap());
        let mut record = made(experiment, &[("loss", &[1.0])], accuracy, 60.0).speed_run(&run);
        record.scale = Scale::full();
        record.seed = seed;
        record.started = format!("2026-11-22T10:{minute:02}:00Z");
        record
    }

    fn seeds_and_accuracies(records: Vec<ExperimentRecord>) -> Vec<(u64, f64)> {
        let beyond = Beyond::of(records, &full());
        let records = beyond.runs().iter().flat_map(|run| &run.records);
        records.map(|r| (r.seed, r.test_accuracy)).collect()
    }

    #[test]
    fn the_newest_record_of_each_seed_counts() {
        let mut laptop = speed(19, 1, 0.92, 3);
        laptop.scale = Scale::laptop();
        let records = vec![speed(19, 1, 0.5, 1), laptop, speed(19, 0, 0.90, 0)];
        let beyond = Beyond::of(records, &full());
        let [run] = beyond.runs() else {
            panic!("{beyond:?}")
        };
        assert_eq!((run.experiment, run.seeds()), (19, vec![0, 1]));
        assert!((run.test_accuracy.mean - 0.91).abs() < 1e-12);
        assert_eq!(
            (run.training_seconds.count, run.aim()),
            (2, Some((0.90, 12.0)))
        );
        assert_eq!(run.title, SpeedRun::numbered(19).unwrap().title());
    }

    #[test]
    fn trainings_that_are_not_the_experiment_stay_out() {
        let run = SpeedRun::numbered(18).unwrap();
        let mut longer = run.clone();
        longer.epochs = 50;
        let mut others: Vec<ExperimentRecord> =
            (1..=6).map(|n| speed(18, 0, 0.5, n as u32)).collect();
        others[0] = others[0].clone().speed_run(&longer);
        others[1] = others[1].clone().speed_run(&run.without(Trick::Muon));
        others[2].scale = Scale::full().with_images(100);
        others[3].data = "other images".to_owned();
        others[4].device = "another machine".to_owned();
        others[5].history.interrupted = true;
        others.push(speed(18, 2, 0.86, 0));
        assert_eq!(seeds_and_accuracies(others), [(2, 0.86)]);
    }

    #[test]
    fn a_record_of_an_earlier_version_is_judged_by_its_sizes() {
        let older = |epochs: usize, widths: [i64; 3], seed| {
            let mut record = speed(18, seed, 0.86, 0);
            record.speed_run = None;
            (record.epochs, record.batch_size) = (epochs, 2000);
            let layer = |width| LayerRecord {
                class_name: "Conv2D".to_owned(),
                output_shape: format!("(None, 15, 15, {width})"),
                ..record.layers[0].clone()
            };
            record.layers = widths.iter().flat_map(|w| [layer(w), layer(w)]).collect();
            record
        };
        let widths = [32, 128, 128];
        let records = vec![
            older(5, widths, 0),
            older(6, widths, 1),
            older(5, [32, 128, 64], 2),
            speed(18, 3, 0.87, 1),
        ];
        assert_eq!(seeds_and_accuracies(records), [(0, 0.86), (3, 0.87)]);
    }

    #[test]
    fn others_have_the_sizes_of_their_scale_and_repeat_the_newest() {
        let other = |epochs, batch_size, parameters, seed| {
            let mut record = speed(17, seed, 0.7, seed as u32);
            record.speed_run = None;
            (record.epochs, record.batch_size) = (epochs, batch_size);
            record.parameters = parameters;
            record
        };
        let records = vec![
            other(20, 512, 1000, 9),
            other(20, 512, 500, 8),
            other(20, 512, 1000, 7),
            other(3, 512, 1000, 11),
            other(20, 64, 1000, 12),
        ];
        assert_eq!(seeds_and_accuracies(records), [(7, 0.7), (9, 0.7)]);
    }
}
