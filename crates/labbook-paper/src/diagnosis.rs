use std::fmt;

use crate::ExperimentRecord;
use crate::words::{direction, percent, points};

/// Accuracy of guessing among ten classes.
pub(crate) const CHANCE: f64 = 0.1;
/// A network that is no better than this above chance did not learn.
const CHANCE_MARGIN: f64 = 0.02;
/// Training accuracy further than this above validation accuracy is overfitting.
const OVERFIT_GAP: f64 = 0.10;
/// So is a validation loss that rose to more than this times its lowest.
const LOSS_RISE: f64 = 1.10;
/// A network with a lower training accuracy, and no gap, underfits.
const LOW_ACCURACY: f64 = 0.60;

/// How a training went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Not more than 2 points above guessing on the test images, or the loss is not finite.
    DidNotLearn,
    /// In the last epoch the training accuracy lies more than 10 points above the validation
    /// accuracy; or the validation loss has risen by more than 10 % from its lowest, while the
    /// training loss fell.
    Overfits,
    /// Neither of these, and less than 60 % of the training images right.
    Underfits,
    /// None of these.
    Balanced,
    /// The history has no accuracy of training.
    Unclear,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DidNotLearn => "did not learn",
            Self::Overfits => "overfits",
            Self::Underfits => "underfits",
            Self::Balanced => "is balanced",
            Self::Unclear => "is unclear",
        })
    }
}

/// A verdict on a run, and a sentence with the figures that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// How the training went, by the rules that stand with each verdict.
    pub verdict: Verdict,
    /// The verdict in words, with its figures.
    pub sentence: String,
}

impl Diagnosis {
    /// Judges a run by its figures. Where a run was not validated, its test takes the place of
    /// the validation.
    #[must_use]
    pub fn of(record: &ExperimentRecord) -> Self {
        let (verdict, reason) = judge(record);
        Self {
            verdict,
            sentence: format!("Experiment {} {verdict}: {reason}.", record.experiment),
        }
    }
}

/// The verdict, and the rest of the sentence after a colon.
fn judge(record: &ExperimentRecord) -> (Verdict, String) {
    let loss = record.train_loss().filter(|loss| !loss.is_finite());
    if let Some(loss) = loss {
        let reason = format!(
            "its training loss became {loss}, and {} of the test images are right",
            percent(record.test_accuracy)
        );
        return (Verdict::DidNotLearn, reason);
    }
    if record.test_accuracy <= CHANCE + CHANCE_MARGIN {
        let mut reason = format!(
            "{} of the test images are right, where guessing would have {:.0} %",
            percent(record.test_accuracy),
            100.0 * CHANCE
        );
        if let Some(train) = record.train_accuracy() {
            reason += &format!("; of the training images it had {}", percent(train));
        }
        return (Verdict::DidNotLearn, reason);
    }
    let Some(train) = record.train_accuracy() else {
        return (
            Verdict::Unclear,
            "its history has no training accuracy".to_owned(),
        );
    };
    let (held_out, name) = match record.val_accuracy() {
        Some(accuracy) => (accuracy, "validation"),
        None => (record.test_accuracy, "test"),
    };
    let gap = train - held_out;
    let rise = loss_rise(record);
    if gap > OVERFIT_GAP {
        let rise = rise.map(|rise| format!("; {rise}")).unwrap_or_default();
        let reason = format!(
            "in the last epoch {} of the training images were right and {} of the {name} images, \
             {} fewer{rise}",
            percent(train),
            percent(held_out),
            points(gap)
        );
        return (Verdict::Overfits, reason);
    }
    let accuracies = format!(
        "{} of the training images were right and {} of the {name} images",
        percent(train),
        percent(held_out)
    );
    if let Some(rise) = rise {
        return (
            Verdict::Overfits,
            format!("{rise}; in the last epoch {accuracies}"),
        );
    }
    if train < LOW_ACCURACY {
        let reason = format!("in the last epoch only {accuracies}, so much is left to learn");
        return (Verdict::Underfits, reason);
    }
    let apart = match direction(gap) {
        0 => "as many".to_owned(),
        1 => format!("{} fewer", points(gap)),
        _ => format!("{} more", points(gap)),
    };
    (
        Verdict::Balanced,
        format!("in the last epoch {accuracies}, {apart}"),
    )
}

/// In words, that the validation loss rose while the training loss fell; `None` if it did not.
fn loss_rise(record: &ExperimentRecord) -> Option<String> {
    let val = record.history.get("val_loss")?;
    let train = record.history.get("loss")?;
    let finite = val.iter().enumerate().filter(|(_, loss)| loss.is_finite());
    let (lowest, low) = finite.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let last = *val.last()?;
    let fell = train.last()? < train.get(lowest)?;
    let rose = last > LOSS_RISE * low || last.is_nan();
    let epoch = record.history.epoch.get(lowest)? + 1;
    (rose && fell).then(|| {
        format!(
            "its validation loss rose from {low:.2} after epoch {epoch} to {last:.2} at the end, \
             while the training loss fell"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment_record::tests::made;

    fn of(columns: &[(&str, &[f64])], test_accuracy: f64) -> (Verdict, String) {
        let diagnosis = Diagnosis::of(&made(3, columns, test_accuracy, 10.0));
        (diagnosis.verdict, diagnosis.sentence)
    }

    #[test]
    fn a_network_near_chance_did_not_learn() {
        let columns: &[(&str, &[f64])] = &[("loss", &[3.9, 3.8]), ("accuracy", &[0.1, 0.102])];
        let (verdict, sentence) = of(columns, 0.12);
        assert_eq!(verdict, Verdict::DidNotLearn);
        assert_eq!(
            sentence,
            "Experiment 3 did not learn: 12.0 % of the test images are right, where guessing \
             would have 10 %; of the training images it had 10.2 %."
        );
        assert_eq!(of(columns, 0.121).0, Verdict::Underfits);
        let (verdict, sentence) = of(&[("loss", &[3.9, f64::NAN])], 0.5);
        assert_eq!(verdict, Verdict::DidNotLearn);
        assert!(sentence.contains("became NaN"), "{sentence}");
    }

    #[test]
    fn a_wide_gap_is_overfitting() {
        let (verdict, sentence) = of(
            &[
                ("loss", &[0.9, 0.5, 0.1]),
                ("accuracy", &[0.6, 0.8, 0.97]),
                ("val_loss", &[0.9, 0.85, 1.17]),
                ("val_accuracy", &[0.6, 0.7, 0.724]),
            ],
            0.713,
        );
        assert_eq!(verdict, Verdict::Overfits);
        assert_eq!(
            sentence,
            "Experiment 3 overfits: in the last epoch 97.0 % of the training images were right \
             and 72.4 % of the validation images, 24.6 points fewer; its validation loss rose from \
             0.85 after epoch 2 to 1.17 at the end, while the training loss fell."
        );
        let untested = of(&[("loss", &[0.1]), ("accuracy", &[0.97])], 0.713);
        assert!(
            untested.1.contains("71.3 % of the test images"),
            "{}",
            untested.1
        );
    }

    #[test]
    fn a_rising_validation_loss_is_overfitting_only_if_the_training_loss_falls() {
        let with = |train: &[f64], val: &[f64]| {
            let accuracies: &[f64] = &[0.62, 0.64, 0.66];
            of(
                &[
                    ("loss", train),
                    ("accuracy", accuracies),
                    ("val_loss", val),
                    ("val_accuracy", &[0.6, 0.6, 0.6]),
                ],
                0.6,
            )
        };
        let (verdict, sentence) = with(&[1.2, 1.1, 1.0], &[1.0, 1.05, 1.11]);
        assert_eq!(verdict, Verdict::Overfits);
        assert!(
            sentence.starts_with(
                "Experiment 3 overfits: its validation loss rose from 1.00 after epoch 1"
            ),
            "{sentence}"
        );
        assert_eq!(
            with(&[1.2, 1.1, 1.0], &[1.0, 1.05, 1.1]).0,
            Verdict::Balanced
        );
        assert_eq!(
            with(&[1.0, 1.1, 1.2], &[1.0, 1.05, 1.3]).0,
            Verdict::Balanced
        );
    }

    #[test]
    fn without_a_gap_the_training_accuracy_decides() {
        let with = |train: f64, val: f64| {
            let columns: &[(&str, &[f64])] = &[
                ("loss", &[1.0]),
                ("accuracy", &[train]),
                ("val_accuracy", &[val]),
            ];
            of(columns, 0.4)
        };
        let (verdict, sentence) = with(0.4396, 0.4383);
        assert_eq!(verdict, Verdict::Underfits);
        assert!(
            sentence.contains("only 44.0 % of the training images"),
            "{sentence}"
        );
        let (verdict, sentence) = with(0.70, 0.72);
        assert_eq!(verdict, Verdict::Balanced);
        assert!(sentence.ends_with("2.0 points more."), "{sentence}");
        assert!(with(0.7, 0.7).1.ends_with("as many."));
        assert_eq!(of(&[("loss", &[1.0])], 0.4).0, Verdict::Unclear);
    }
}
