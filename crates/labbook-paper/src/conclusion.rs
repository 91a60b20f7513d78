use std::fmt;

use crate::comparison::ComparedRun;
use crate::diagnosis::CHANCE;
use crate::words::{
    direction, experiments, higher_or_lower, list, percent, points, range, seconds, signed_points,
};
use crate::{Comparison, Experiment, NetworkKind};

/// By how much convolutional networks have to be better for a wide margin.
const WIDE: f64 = 0.10;
/// Early stopping saves time if there were fewer epochs, and the seconds are at most this part of
/// those without it.
const SAVING: f64 = 0.95;
/// What early stopping may cost in test accuracy, on average.
const LITTLE: f64 = 0.01;
/// Differences in test accuracy below this may be chance: with 10,000 images the standard error
/// of a difference is over half a point.
const CHANCE_DIFFERENCE: f64 = 0.01;

/// Whether one of the paper's conclusions is true of our runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holding {
    /// It is.
    Holds,
    /// It is not.
    DoesNotHold,
    /// The runs that it needs are missing.
    NotEnoughRuns,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::NotEnoughRuns => "not enough runs",
        })
    }
}

impl From<bool> for Holding {
    fn from(holds: bool) -> Self {
        match holds {
            true => Self::Holds,
            false => Self::DoesNotHold,
        }
    }
}

/// One of the paper's conclusions checked against our runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The paper's conclusion, in our words.
    pub title: &'static str,
    /// Whether it is true of our runs.
    pub holding: Holding,
    /// The figures that decide.
    pub sentence: String,
}

impl Comparison {
    /// The paper's four conclusions, each checked against the runs that have the scale and data of
    /// the one that began last.
    ///
    /// - Convolutional networks beat dense ones by a wide margin: the weakest convolutional
    ///   network without penalties lies at least 10 points of test accuracy above the strongest
    ///   dense one.
    /// - Early stopping saves time at little cost: Experiments 5 to 8 together take fewer epochs and
    ///   at least 5 % less time than their counterparts 1 to 4, and lose at most 1 point of test accuracy on
    ///   average.
    /// - A penalty of 0.01/0.01 on all layers destroys dense networks: neither Experiment 9 nor 10
    ///   learns.
    /// - Dropout helps convolutional networks: Experiments 15 and 16 have a higher test accuracy
    ///   than 3 and 4.
    ///
    /// Pairs of which a run is missing do not count.
    #[must_use]
    pub fn conclusions(&self) -> Vec<Conclusion> {
        let runs = self.comparable();
        vec![
            convolutions(&runs),
            early_stopping(&runs),
            penalties(&runs),
            dropout(&runs),
        ]
    }
}

fn find<'a>(runs: &[&'a ComparedRun], number: u32) -> Option<&'a ComparedRun> {
    runs.iter().copied().find(|run| run.number() == number)
}

/// The pairs of which both runs are there.
fn pairs<'a>(
    runs: &[&'a ComparedRun],
    numbers: &[(u32, u32)],
) -> Vec<(&'a ComparedRun, &'a ComparedRun)> {
    let found = numbers.iter();
    found
        .filter_map(|&(a, b)| Some((find(runs, a)?, find(runs, b)?)))
        .collect()
}

fn missing(title: &'static str, needed: String) -> Conclusion {
    Conclusion {
        title,
        holding: Holding::NotEnoughRuns,
        sentence: format!("This needs {needed}, with the same scale and data."),
    }
}

fn convolutions(runs: &[&ComparedRun]) -> Conclusion {
    let title = "Convolutional networks beat dense ones by a wide margin";
    let all = |kind: NetworkKind| -> Vec<u32> {
        let fits = |e: &&Experiment| e.kind() == kind && !e.is_penalised();
        Experiment::all()
            .iter()
            .filter(fits)
            .map(Experiment::number)
            .collect()
    };
    // Numbers of the runs there are, and their test accuracies.
    let there = |kind: NetworkKind| -> (Vec<u32>, Vec<f64>) {
        let found = all(kind)
            .into_iter()
            .filter_map(|number| find(runs, number));
        found
            .map(|run| (run.number(), run.record.test_accuracy))
            .unzip()
    };
    let (convolutional, high) = there(NetworkKind::Convolutional);
    let (dense, low) = there(NetworkKind::Dense);
    if convolutional.is_empty() || dense.is_empty() {
        let needed = format!(
            "a run of a convolutional network ({}) and of a dense one ({})",
            list(&all(NetworkKind::Convolutional)),
            list(&all(NetworkKind::Dense))
        );
        return missing(title, needed);
    }
    let weakest = high.iter().copied().fold(f64::INFINITY, f64::min);
    let strongest = low.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = weakest - strongest;
    let lies = match direction(margin) {
        0 => "is as good as".to_owned(),
        1 if margin < WIDE => format!("lies only {} above", points(margin)),
        1 => format!("lies {} above", points(margin)),
        _ => format!("lies {} below", points(margin)),
    };
    Conclusion {
        title,
        holding: (margin >= WIDE).into(),
        sentence: format!(
            "Without penalties the test accuracy of convolutional networks is {} ({}), that of \
             dense ones {} ({}); the weakest convolutional network {lies} the strongest dense one.",
            range(&high),
            experiments(&convolutional),
            range(&low),
            experiments(&dense)
        ),
    }
}

fn early_stopping(runs: &[&ComparedRun]) -> Conclusion {
    let title = "Early stopping saves time at little cost";
    let mut pairs = pairs(runs, &[(5, 1), (6, 2), (7, 3), (8, 4)]);
    pairs.retain(|(stopped, whole)| stopped.record.device == whole.record.device);
    if pairs.is_empty() {
        let needed = "Experiments 5, 6, 7 or 8 and their counterparts 1, 2, 3 or 4 on one device";
        return missing(title, needed.to_owned());
    }
    let stopped: Vec<u32> = pairs.iter().map(|(stopped, _)| stopped.number()).collect();
    let whole: Vec<u32> = pairs.iter().map(|(_, whole)| whole.number()).collect();
    let epochs: Vec<usize> = pairs
        .iter()
        .map(|(stopped, _)| stopped.record.epochs_run)
        .collect();
    let of: Vec<usize> = pairs
        .iter()
        .map(|(_, whole)| whole.record.epochs_run)
        .collect();
    let short: f64 = pairs
        .iter()
        .map(|(stopped, _)| stopped.record.seconds)
        .sum();
    let long: f64 = pairs.iter().map(|(_, whole)| whole.record.seconds).sum();
    let change: f64 = pairs
        .iter()
        .map(|(stopped, whole)| stopped.record.test_accuracy - whole.record.test_accuracy)
        .sum::<f64>()
        / pairs.len() as f64;
    let fewer = epochs.iter().sum::<usize>() < of.iter().sum();
    let saved = 100.0 * (1.0 - short / long.max(f64::MIN_POSITIVE));
    let saved = match saved >= 0.0 {
        true => format!("{saved:.0} % less"),
        false => format!("{:.0} % more", -saved),
    };
    let (together, each, on_average) = match pairs.len() {
        1 => ("", "its", ""),
        _ => (" together", "their", " on average"),
    };
    Conclusion {
        title,
        holding: (fewer && short <= SAVING * long && change >= -LITTLE).into(),
        sentence: format!(
            "{} ended after {}, {} after {}; that took {}{together} against {} ({saved}), \
             and {each} test accuracy is {}{on_average}.",
            experiments(&stopped),
            count_of_epochs(&epochs),
            experiments(&whole),
            list(&of),
            seconds(short),
            seconds(long),
            higher_or_lower(change)
        ),
    }
}

/// `9 epochs`, `9, 8 and 12 epochs`.
fn count_of_epochs(epochs: &[usize]) -> String {
    match epochs {
        [1] => "1 epoch".to_owned(),
        _ => format!("{} epochs", list(epochs)),
    }
}

fn penalties(runs: &[&ComparedRun]) -> Conclusion {
    let title = "A penalty of 0.01/0.01 on every layer destroys dense networks";
    let (Some(nine), Some(ten)) = (find(runs, 9), find(runs, 10)) else {
        return missing(title, "Experiments 9 and 10".to_owned());
    };
    let end = match (nine.learned(), ten.learned()) {
        (false, false) => "neither learned",
        (true, true) => "both learned all the same",
        (true, false) => "Experiment 9 learned all the same, Experiment 10 did not",
        (false, true) => "Experiment 10 learned all the same, Experiment 9 did not",
    };
    Conclusion {
        title,
        holding: (!nine.learned() && !ten.learned()).into(),
        sentence: format!(
            "Experiments 9 and 10 have a test accuracy of {} and {}, where guessing would have \
             {:.0} %: {end}.",
            percent(nine.record.test_accuracy),
            percent(ten.record.test_accuracy),
            100.0 * CHANCE
        ),
    }
}

fn dropout(runs: &[&ComparedRun]) -> Conclusion {
    let title = "Dropout helps convolutional networks";
    let convolutional = pairs(runs, &[(15, 3), (16, 4)]);
    if convolutional.is_empty() {
        return missing(title, "Experiments 15 and 3, or 16 and 4".to_owned());
    }
    let changes: Vec<f64> = convolutional
        .iter()
        .map(|(with, without)| with.record.test_accuracy - without.record.test_accuracy)
        .collect();
    let clauses: Vec<String> = convolutional
        .iter()
        .zip(&changes)
        .map(|((with, without), &change)| dropout_clause(with, without, change))
        .collect();
    let mut sentence = capitalised(&clauses.join("; ")) + ".";
    if changes
        .iter()
        .any(|change| change.abs() < CHANCE_DIFFERENCE)
    {
        sentence += " Differences of less than a point may be chance.";
    }
    let dense = pairs(runs, &[(13, 1), (14, 2)]);
    if !dense.is_empty() {
        let (with, without): (Vec<&ComparedRun>, Vec<&ComparedRun>) = dense.into_iter().unzip();
        sentence += &format!(
            " Dense networks say little here, as the paper's differ in width too: {} with dropout, \
             {} without.",
            accuracies(&with),
            accuracies(&without)
        );
    }
    Conclusion {
        title,
        holding: changes.iter().all(|&change| direction(change) > 0).into(),
        sentence,
    }
}

fn dropout_clause(with: &ComparedRun, without: &ComparedRun, change: f64) -> String {
    let than = match direction(change) {
        0 => "the same as".to_owned(),
        _ => format!("{} than", higher_or_lower(change)),
    };
    let gaps = match (with.gap(), without.gap()) {
        (Some(with), Some(without)) => format!(
            ", and the gap between training and test is {} instead of {}",
            signed_points(with),
            signed_points(without)
        ),
        _ => String::new(),
    };
    format!(
        "with dropout the test accuracy of Experiment {} is {}, {than} that of Experiment {} \
         without it{gaps}",
        with.number(),
        percent(with.record.test_accuracy),
        without.number()
    )
}

/// `47.2 % and 44.6 % (Experiments 13 and 14)`.
fn accuracies(runs: &[&ComparedRun]) -> String {
    let numbers: Vec<u32> = runs.iter().map(|run| run.number()).collect();
    let figures: Vec<String> = runs
        .iter()
        .map(|run| percent(run.record.test_accuracy))
        .collect();
    format!("{} ({})", list(&figures), experiments(&numbers))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExperimentRecord;
    use crate::comparison::tests::{as_published, paper};

    fn conclusions(records: &[ExperimentRecord]) -> Vec<(Holding, String)> {
        let conclusions = Comparison::of(records).conclusions().into_iter();
        conclusions.map(|c| (c.holding, c.sentence)).collect()
    }

    #[test]
    fn the_papers_conclusions_hold_for_its_own_figures() {
        let conclusions = paper().conclusions();
        assert!(conclusions.iter().all(|c| c.holding == Holding::Holds));
        let sentences: Vec<&str> = conclusions.iter().map(|c| c.sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "Without penalties the test accuracy of convolutional networks is 71.3 % to 75.4 % \
                 (Experiments 3, 4, 7, 8, 15 and 16), that of dense ones 44.6 % to 49.3 % \
                 (Experiments 1, 2, 5, 6, 13 and 14); the weakest convolutional network lies 22.0 \
                 points above the strongest dense one.",
                "Experiments 5, 6, 7 and 8 ended after 1, 1, 1 and 1 epochs, Experiments 1, 2, 3 \
                 and 4 after 2, 2, 2 and 2; that took 534 seconds together against 722 seconds (26 \
                 % less), and their test accuracy is 1.4 points higher on average.",
                "Experiments 9 and 10 have a test accuracy of 10.0 % and 10.0 %, where guessing \
                 would have 10 %: neither learned.",
                "With dropout the test accuracy of Experiment 15 is 73.6 %, 2.3 points higher than \
                 that of Experiment 3 without it, and the gap between training and test is 22.8 \
                 points instead of 25.7 points; with dropout the test accuracy of Experiment 16 is \
                 75.4 %, 1.7 points higher than that of Experiment 4 without it, and the gap \
                 between training and test is 18.4 points instead of 23.4 points. Dense networks \
                 say little here, as the paper's differ in width too: 47.2 % and 44.6 % \
                 (Experiments 13 and 14) with dropout, 47.0 % and 46.0 % (Experiments 1 and 2) \
                 without.",
            ]
        );
    }

    #[test]
    fn other_figures_give_other_answers() {
        let mut records: Vec<ExperimentRecord> = (1..=16).map(as_published).collect();
        records[2].test_accuracy = 0.52; // 3
        records[4].seconds = 90.0; // 5
        records[6].test_accuracy = 0.3; // 7
        records[9].test_accuracy = 0.4; // 10
        records[14].test_accuracy = 0.52; // 15
        let found = conclusions(&records);
        assert!(
            found
                .iter()
                .all(|(holding, _)| *holding == Holding::DoesNotHold)
        );
        let says =
            |index: usize, part: &str| assert!(found[index].1.contains(part), "{}", found[index].1);
        says(0, "lies 19.3 points below the strongest dense one");
        says(1, "4.2 points lower on average");
        says(
            2,
            "Experiment 10 learned all the same, Experiment 9 did not",
        );
        says(3, "52.0 %, the same as that of Experiment 3");
        says(3, "may be chance");

        records[6].test_accuracy = 0.52;
        let only = &conclusions(&records)[0];
        assert_eq!(only.0, Holding::DoesNotHold);
        assert!(only.1.contains("lies only 2.7 points above"), "{}", only.1);
    }

    #[test]
    fn a_single_pair_is_told_in_the_singular() {
        let found = conclusions(&[1, 5, 4, 16].map(as_published));
        assert_eq!(
            found[1].1,
            "Experiment 5 ended after 1 epoch, Experiment 1 after 2; that took 21.5 seconds \
             against 52.2 seconds (59 % less), and its test accuracy is 1.5 points higher."
        );
        assert!(
            found[3]
                .1
                .starts_with("With dropout the test accuracy of Experiment 16")
        );
        assert_eq!(found[3].0, Holding::Holds);
    }

    #[test]
    fn without_the_runs_there_is_no_answer() {
        let none = conclusions(&[]);
        assert_eq!(none.len(), 4);
        assert!(
            none.iter()
                .all(|(holding, _)| *holding == Holding::NotEnoughRuns)
        );
        assert!(none[2].1.starts_with("This needs Experiments 9 and 10"));
        // ExperimentRuns of another scale do not count.
        let mut other = as_published(1);
        other.scale = other.scale.with_epochs(7);
        other.started = "2020-01-01T00:00:00Z".to_owned();
        assert_eq!(
            conclusions(&[other, as_published(3)])[0].0,
            Holding::NotEnoughRuns
        );
    }
}
