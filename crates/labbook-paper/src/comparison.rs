use crate::words::{experiments, percent, points};
use crate::{Diagnosis, Experiment, ExperimentRecord, Published, Verdict, published};

/// Test accuracies no further apart than this count as equally good.
const CLOSE: f64 = 0.01;

/// ExperimentRuns beside the paper's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    runs: Vec<ComparedRun>,
}

/// One run beside the paper's figures for the same experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRun {
    /// Our run.
    pub record: ExperimentRecord,
    /// The paper's row, for Experiments 1 to 16.
    pub published: Option<&'static Published>,
    /// How our run went.
    pub diagnosis: Diagnosis,
}

/// Which network to use, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The experiment's number.
    pub experiment: u32,
    /// The reasons, with the figures.
    pub sentence: String,
}

impl ComparedRun {
    fn new(record: &ExperimentRecord) -> Self {
        Self {
            record: record.clone(),
            published: published(record.experiment),
            diagnosis: Diagnosis::of(record),
        }
    }

    /// Our accuracy on the test images less the paper's, as a fraction.
    #[must_use]
    pub fn test_difference(&self) -> Option<f64> {
        Some(self.record.test_accuracy - self.published?.test_accuracy)
    }

    /// Our accuracy on the training images less the paper's, as a fraction.
    #[must_use]
    pub fn train_difference(&self) -> Option<f64> {
        Some(self.record.train_accuracy()? - self.published?.train_accuracy)
    }

    /// Our accuracy on the validation images less the paper's, as a fraction.
    #[must_use]
    pub fn val_difference(&self) -> Option<f64> {
        Some(self.record.val_accuracy()? - self.published?.val_accuracy)
    }

    /// How far our accuracy of training lies above that of the test, as a fraction.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        self.record.gap()
    }

    pub(crate) fn number(&self) -> u32 {
        self.record.experiment
    }

    pub(crate) fn learned(&self) -> bool {
        self.diagnosis.verdict != Verdict::DidNotLearn
    }

    /// The size of the gap, for ranking: without one a run comes last.
    fn gap_size(&self) -> f64 {
        self.gap().map_or(f64::INFINITY, f64::abs)
    }

    /// `Experiment 16 (three convolutions with dropout)`.
    fn title(&self) -> String {
        let title = Experiment::numbered(self.number()).map(Experiment::title);
        let title = title.unwrap_or(&self.record.name);
        format!("Experiment {} ({title})", self.number())
    }
}

impl Comparison {
    /// Compares records, of each experiment the one that began last.
    #[must_use]
    pub fn of(records: &[ExperimentRecord]) -> Self {
        let mut records: Vec<&ExperimentRecord> = records.iter().collect();
        records.sort_by_key(|record| (record.experiment, &record.started));
        let newest = records
            .chunk_by(|a, b| a.experiment == b.experiment)
            .filter_map(|runs| runs.last());
        Self {
            runs: newest.map(|record| ComparedRun::new(record)).collect(),
        }
    }

    /// The runs by experiment.
    #[must_use]
    pub fn runs(&self) -> &[ComparedRun] {
        &self.runs
    }

    /// One run by its experiment.
    #[must_use]
    pub fn run(&self, experiment: u32) -> Option<&ComparedRun> {
        self.runs.iter().find(|run| run.number() == experiment)
    }

    /// The experiments' numbers, the highest test accuracy first.
    #[must_use]
    pub fn by_test_accuracy(&self) -> Vec<u32> {
        let mut runs: Vec<&ComparedRun> = self.runs.iter().collect();
        runs.sort_by(|a, b| b.record.test_accuracy.total_cmp(&a.record.test_accuracy));
        runs.into_iter().map(ComparedRun::number).collect()
    }

    /// The numbers of the experiments that learned, the smallest gap between training and test
    /// first. (A network that only guesses has no gap either.)
    #[must_use]
    pub fn by_smallest_gap(&self) -> Vec<u32> {
        let mut runs: Vec<&ComparedRun> = self.runs.iter().filter(|run| run.learned()).collect();
        runs.sort_by(|a, b| a.gap_size().total_cmp(&b.gap_size()));
        runs.into_iter().map(ComparedRun::number).collect()
    }

    /// The network to use: of the runs within 1 point of the highest test accuracy, the one with
    /// the smallest gap between training and test. `None` if no run learned.
    #[must_use]
    pub fn recommendation(&self) -> Option<Recommendation> {
        let learned: Vec<&ComparedRun> = self.runs.iter().filter(|run| run.learned()).collect();
        let accuracy = |run: &ComparedRun| run.record.test_accuracy;
        let best = *learned
            .iter()
            .max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)))?;
        let close: Vec<&ComparedRun> = learned
            .iter()
            .copied()
            .filter(|run| accuracy(run) >= accuracy(best) - CLOSE)
            .collect();
        let chosen = *close
            .iter()
            .min_by(|a, b| a.gap_size().total_cmp(&b.gap_size()))?;
        let numbers: Vec<u32> = close.iter().map(|run| run.number()).collect();
        let gap = chosen.gap().map(gap_in_words);
        let reason = if learned.len() == 1 {
            let gap = gap.map(|gap| format!(", {gap}")).unwrap_or_default();
            format!(
                "it is the only one that learned, with a test accuracy of {}{gap}",
                percent(accuracy(chosen))
            )
        } else if close.len() == 1 {
            let gap = gap.map(|gap| format!("; {gap}")).unwrap_or_default();
            format!(
                "it has the highest test accuracy, {}, and no other comes within {} of it{gap}",
                percent(accuracy(chosen)),
                points(CLOSE)
            )
        } else {
            let place = if chosen.number() == best.number() {
                format!(
                    "it has the highest test accuracy, {}",
                    percent(accuracy(chosen))
                )
            } else {
                format!(
                    "its test accuracy, {}, is within {} of the highest ({} of Experiment {})",
                    percent(accuracy(chosen)),
                    points(CLOSE),
                    percent(accuracy(best)),
                    best.number()
                )
            };
            let gap = chosen
                .gap()
                .map_or_else(String::new, |gap| format!(", {}", points(gap)));
            format!(
                "{place}, and of the runs that are so close, {}, it has the smallest gap between \
                 training and test{gap}",
                experiments(&numbers)
            )
        };
        let mut sentence = format!("{} is the one to use: {reason}.", chosen.title());
        let smallest = learned
            .iter()
            .min_by(|a, b| a.gap_size().total_cmp(&b.gap_size()))?;
        if let Some(gap) = smallest.gap()
            && smallest.number() != chosen.number()
        {
            sentence += &format!(
                " The smallest gap of all is that of Experiment {}, {}, but its test accuracy is \
                 only {}.",
                smallest.number(),
                points(gap),
                percent(accuracy(smallest))
            );
        }
        sentence += match chosen.diagnosis.verdict {
            Verdict::Overfits => {
                " It still overfits: more images, augmentation or stronger dropout would be the \
                 next thing to try."
            }
            Verdict::Underfits => {
                " It still underfits: more epochs or a larger network would be the next thing to \
                 try."
            }
            _ => "",
        };
        Some(Recommendation {
            experiment: chosen.number(),
            sentence,
        })
    }

    /// What a reader has to know before comparing: runs that differ in scale, data or device, or
    /// were interrupted, and notes on the paper's figures.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let differ = |figure: fn(&ExperimentRecord) -> String| {
            let mut figures: Vec<String> = self.runs.iter().map(|r| figure(&r.record)).collect();
            figures.sort();
            figures.dedup();
            figures.len() > 1
        };
        if differ(|record| record.scale.to_string()) || differ(|record| record.data.clone()) {
            let comparable: Vec<u32> = self.comparable().iter().map(|run| run.number()).collect();
            remarks.push(format!(
                "The runs differ in scale or data, so not all of their figures compare; the \
                 conclusions rest on {}.",
                experiments(&comparable)
            ));
        }
        if differ(|record| record.device.clone()) {
            remarks.push(
                "The runs were made on different devices, so their times do not compare."
                    .to_owned(),
            );
        }
        let numbers = |test: fn(&ComparedRun) -> bool| -> Vec<u32> {
            let runs = self.runs.iter().filter(|run| test(run));
            runs.map(ComparedRun::number).collect()
        };
        let interrupted = numbers(|run| run.record.history.interrupted);
        if !interrupted.is_empty() {
            remarks.push(format!(
                "{} was stopped by hand before its end.",
                experiments(&interrupted)
            ));
        }
        for run in &self.runs {
            if let Some(note) = run.published.and_then(|row| row.note) {
                remarks.push(format!("The paper's Experiment {}: {note}.", run.number()));
            }
        }
        remarks
    }

    /// The runs with the scale and data of the one that began last.
    pub(crate) fn comparable(&self) -> Vec<&ComparedRun> {
        let newest = self.runs.iter().max_by_key(|run| &run.record.started);
        let fits = |run: &&ComparedRun| {
            newest.is_some_and(|newest| {
                run.record.scale == newest.record.scale && run.record.data == newest.record.data
            })
        };
        self.runs.iter().filter(fits).collect()
    }
}

/// Where the accuracy of training lies, seen from that of the test.
fn gap_in_words(gap: f64) -> String {
    let where_ = if gap >= 0.0 { "above" } else { "below" };
    format!("its training accuracy lies {} {where_}", points(gap))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::experiment_record::tests::made;

    /// A run with the paper's figures.
    pub(crate) fn as_published(experiment: u32) -> ExperimentRecord {
        let row = published(experiment).unwrap();
        let columns: &[(&str, &[f64])] = &[
            ("loss", &[row.train_loss + 1.0, row.train_loss]),
            ("accuracy", &[0.1, row.train_accuracy]),
            ("val_loss", &[row.val_loss + 1.0, row.val_loss]),
            ("val_accuracy", &[0.1, row.val_accuracy]),
        ];
        let mut record = made(experiment, columns, row.test_accuracy, row.seconds);
        if (5..=8).contains(&experiment) {
            record.epochs_run = 1;
        }
        record
    }

    /// All of the paper's runs, as if they were ours.
    pub(crate) fn paper() -> Comparison {
        let records: Vec<ExperimentRecord> = (1..=16).map(as_published).collect();
        Comparison::of(&records)
    }

    #[test]
    fn the_papers_own_figures_do_not_differ_from_themselves() {
        for run in paper().runs() {
            assert_eq!(run.test_difference(), Some(0.0));
            assert_eq!(run.train_difference(), Some(0.0));
            assert_eq!(run.val_difference(), Some(0.0));
            assert_eq!(run.gap(), run.published.map(Published::gap));
        }
        let other = Comparison::of(&[made(17, &[("accuracy", &[0.5])], 0.4, 1.0)]);
        assert_eq!(other.run(17).unwrap().test_difference(), None);
    }

    #[test]
    fn the_papers_figures_are_diagnosed_as_the_paper_does() {
        let paper = paper();
        let numbers = |verdict: Verdict| -> Vec<u32> {
            let runs = paper.runs().iter();
            let runs = runs.filter(|run| run.diagnosis.verdict == verdict);
            runs.map(ComparedRun::number).collect()
        };
        assert_eq!(numbers(Verdict::DidNotLearn), [9, 10]);
        assert_eq!(numbers(Verdict::Underfits), [5, 6, 11, 12]);
        assert_eq!(
            numbers(Verdict::Overfits),
            [1, 2, 3, 4, 7, 8, 13, 14, 15, 16]
        );
    }

    #[test]
    fn rankings_and_the_recommendation_follow_from_the_figures() {
        let paper = paper();
        assert_eq!(paper.by_test_accuracy()[..4], [16, 8, 4, 15]);
        assert_eq!(paper.by_smallest_gap()[..4], [11, 12, 6, 5]);
        assert_eq!(paper.by_smallest_gap().len(), 14);
        let recommendation = paper.recommendation().unwrap();
        assert_eq!(recommendation.experiment, 16);
        assert_eq!(
            recommendation.sentence,
            "Experiment 16 (three convolutions with dropout) is the one to use: it has the highest \
             test accuracy, 75.4 %, and no other comes within 1.0 point of it; its training \
             accuracy lies 18.4 points above. The smallest gap of all is that of Experiment 11, \
             0.4 points, but its test accuracy is only 43.6 %. It still overfits: more images, \
             augmentation or stronger dropout would be the next thing to try."
        );
    }

    #[test]
    fn of_equally_good_runs_the_one_with_the_smallest_gap_is_recommended() {
        let run = |number, train: f64, test| {
            let columns: &[(&str, &[f64])] = &[("loss", &[0.5]), ("accuracy", &[train])];
            made(number, columns, test, 1.0)
        };
        let recommend = |records: &[ExperimentRecord]| {
            let recommendation = Comparison::of(records).recommendation();
            recommendation.map(|r| (r.experiment, r.sentence))
        };
        let (number, sentence) = recommend(&[run(3, 0.9, 0.705), run(4, 0.95, 0.71)]).unwrap();
        assert_eq!(number, 3);
        assert_eq!(
            sentence,
            "Experiment 3 (two convolutions) is the one to use: its test accuracy, 70.5 %, is \
             within 1.0 point of the highest (71.0 % of Experiment 4), and of the runs that are so \
             close, Experiments 3 and 4, it has the smallest gap between training and test, 19.5 \
             points. It still overfits: more images, augmentation or stronger dropout would be the \
             next thing to try."
        );
        let (number, sentence) = recommend(&[run(3, 0.97, 0.705), run(4, 0.72, 0.71)]).unwrap();
        assert_eq!(number, 4);
        assert!(
            sentence.contains("it has the highest test accuracy, 71.0 %, and of"),
            "{sentence}"
        );
        let (number, sentence) = recommend(&[run(9, 0.1, 0.1), run(5, 0.5, 0.52)]).unwrap();
        assert_eq!(number, 5);
        assert!(
            sentence.contains("the only one that learned, with a test accuracy of 52.0 %, its training accuracy lies 2.0 points below. It still underfits"),
            "{sentence}"
        );
        assert_eq!(recommend(&[run(9, 0.1, 0.1)]), None);
        assert_eq!(recommend(&[]), None);
    }

    #[test]
    fn of_several_runs_of_an_experiment_the_newest_counts() {
        let mut old = as_published(3);
        old.started = "2026-01-01T00:00:00Z".to_owned();
        let mut new = as_published(3);
        new.started = "2026-01-02T00:00:00Z".to_owned();
        new.test_accuracy = 0.5;
        let comparison = Comparison::of(&[new.clone(), old]);
        assert_eq!(comparison.runs().len(), 1);
        assert_eq!(comparison.run(3).unwrap().record, new);
    }

    #[test]
    fn remarks_tell_what_does_not_compare() {
        assert!(paper().remarks()[0].starts_with("The paper's Experiment 11: "));
        let mut other = as_published(1);
        other.started = "2020-01-01T00:00:00Z".to_owned();
        other.scale = other.scale.with_epochs(7);
        other.device = "another".to_owned();
        let remarks = Comparison::of(&[other, as_published(2)]).remarks();
        assert!(
            remarks[0].ends_with("the conclusions rest on Experiment 2."),
            "{remarks:?}"
        );
        assert!(remarks[1].contains("times do not compare"), "{remarks:?}");
    }
}
