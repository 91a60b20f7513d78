//! Studies: tables and frames of what is on record, curves, comparisons.

use std::collections::BTreeSet;

use labbook_charts::{Figure, LineChart};
use labbook_records::{Spread, is_share};
use labbook_study::{
    Case, FinishedCase, PairedComparison, SettingValue, Settings, Study, StudyResults, TrialResult,
};
use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};

use crate::error::NotebookError;
use crate::html::Line;
use crate::numbers::{deviation, figure, metric};
use crate::render::shown_as;
use crate::table::{Align, Table};

/// What is on record of a study as a polars frame.
pub trait StudyFrame {
    /// One row per case on record: `case`, `trial`, `seed`, the settings that vary, the study's figure, `epochs` and
    /// `seconds`.
    ///
    /// # Errors
    /// When polars cannot build the frame, as for a setting that is called like another column.
    fn to_frame(&self) -> Result<DataFrame, NotebookError>;
}

impl StudyFrame for StudyResults {
    fn to_frame(&self) -> Result<DataFrame, NotebookError> {
        let cases = self.cases();
        let whole = |name: &str, of: fn(&FinishedCase) -> u64| -> Column {
            let values: Vec<u64> = cases.iter().map(of).collect();
            Series::new(name.into(), values).into_column()
        };
        let number = |name: &str, of: fn(&FinishedCase) -> f64| -> Column {
            let values: Vec<f64> = cases.iter().map(of).collect();
            Series::new(name.into(), values).into_column()
        };
        let mut columns = vec![
            whole("case", |finished| finished.case.number() as u64),
            whole("trial", |finished| finished.case.trial() as u64),
            whole("seed", |finished| finished.case.seed()),
        ];
        columns.extend(
            self.study()
                .varied()
                .iter()
                .map(|name| setting(name, cases)),
        );
        columns.push(number(self.study().metric(), |finished| finished.value));
        columns.push(whole("epochs", |finished| {
            finished.record.epochs_run as u64
        }));
        columns.push(number("seconds", |finished| finished.record.seconds));
        Ok(DataFrame::new(cases.len(), columns)?)
    }
}

/// A setting of all cases: whole numbers, numbers, true and false, or words.
fn setting(name: &str, cases: &[FinishedCase]) -> Column {
    let values: Vec<Option<&SettingValue>> = cases
        .iter()
        .map(|finished| finished.case.settings().get(name))
        .collect();
    let as_whole = |value: &Option<&SettingValue>| match value {
        Some(SettingValue::Int(value)) => Some(*value),
        _ => None,
    };
    let as_number = |value: &Option<&SettingValue>| match value {
        Some(SettingValue::Int(value)) => Some(*value as f64),
        Some(SettingValue::Float(value)) => Some(*value),
        _ => None,
    };
    let as_boolean = |value: &Option<&SettingValue>| match value {
        Some(SettingValue::Boolean(value)) => Some(*value),
        _ => None,
    };
    let as_words = |value: &Option<&SettingValue>| value.map(ToString::to_string);
    let whole: Option<Vec<i64>> = values.iter().map(as_whole).collect();
    let numbers: Option<Vec<f64>> = values.iter().map(as_number).collect();
    let booleans: Option<Vec<bool>> = values.iter().map(as_boolean).collect();
    let series = match (whole, numbers, booleans) {
        (Some(values), _, _) => Series::new(name.into(), values),
        (_, Some(values), _) => Series::new(name.into(), values),
        (_, _, Some(values)) => Series::new(name.into(), values),
        _ => Series::new(name.into(), values.iter().map(as_words).collect::<Vec<_>>()),
    };
    series.into_column()
}

/// Trials shown at most: colours of more could not be told apart.
const MOST_CURVES: usize = 8;

/// The learning curves of a study's trials in one chart: the mean over seeds of one figure of their histories, such
/// as `"val_loss"`, within a band from the lowest to the highest. Of many trials the best eight.
///
/// A case that runs has no curve yet.
///
/// # Errors
/// [`NotebookError::NoColumn`] when nothing on record has the figure, [`NotebookError::Chart`] when the chart cannot
/// be drawn.
pub fn plot_study(results: &StudyResults, key: &str) -> Result<Figure, NotebookError> {
    let study = results.study();
    let (trials, varied) = (results.trials(), study.varied());
    let mut chart = LineChart::new(format!("{}: {key}", study.name()))
        .x_label("Epoch")
        .y_label(key)
        .size(800, 360);
    let mut found = BTreeSet::new();
    let mut curves = 0;
    for trial in &trials {
        if curves == MOST_CURVES {
            break;
        }
        let of_trial = |finished: &&FinishedCase| *finished.case.settings() == trial.settings;
        let histories = results
            .cases()
            .iter()
            .filter(of_trial)
            .map(|finished| &finished.record.history);
        let histories: Vec<_> = histories.collect();
        found.extend(histories.iter().flat_map(|history| history.keys()));
        let values: Vec<Vec<f64>> = histories
            .iter()
            .filter_map(|history| history.get(key))
            .collect();
        let spreads = over_epochs(&values);
        if spreads.is_empty() {
            continue;
        }
        curves += 1;
        let each = |of: fn(&Spread) -> f64| -> Vec<f64> { spreads.iter().map(of).collect() };
        chart = chart.series(described(trial, &varied), &each(|spread| spread.mean));
        if values.len() > 1 {
            chart = chart.band(
                &each(|spread| spread.lowest),
                &each(|spread| spread.highest),
            );
        }
    }
    if curves == 0 {
        return Err(NotebookError::NoColumn {
            missing: key.to_owned(),
            found: match found.is_empty() {
                true => "no case on record yet".to_owned(),
                false => found.into_iter().collect::<Vec<_>>().join(", "),
            },
        });
    }
    Ok(chart.figure()?)
}

/// The spread over trainings at every epoch, as far as any goes.
fn over_epochs(curves: &[Vec<f64>]) -> Vec<Spread> {
    let longest = curves.iter().map(Vec::len).max().unwrap_or(0);
    let at = |epoch: usize| {
        let values: Vec<f64> = curves
            .iter()
            .filter_map(|curve| curve.get(epoch).copied())
            .collect();
        Spread::of(&values)
    };
    (0..longest).filter_map(at).collect()
}

/// Such as `trial 3: optimizer sgd, units 32`.
fn described(trial: &TrialResult, varied: &[&str]) -> String {
    let settings: Vec<String> = varied
        .iter()
        .filter_map(|name| Some(format!("{name} {}", trial.settings.get(*name)?)))
        .collect();
    match settings.is_empty() {
        true => format!("trial {}", trial.trial),
        false => format!("trial {}: {}", trial.trial, settings.join(", ")),
    }
}

shown_as!(StudyResults => table);
shown_as!(Study => cases);
shown_as!(Case => |case| settings(case.settings(), &format!("Case {}, seed {}", case.number(), case.seed())));
shown_as!(TrialResult => |trial| settings(&trial.settings, &format!("Trial {}: {:.4}", trial.trial, trial.spread)));
shown_as!(PairedComparison => |comparison| Line(comparison.to_string()));

/// Trials, the best first, with mean and spread over seeds.
fn table(results: &StudyResults) -> Table {
    let study = results.study();
    let varied = study.varied();
    let figures = [study.metric(), "std", "lowest", "highest", "seeds"];
    let headings = std::iter::once("trial")
        .chain(varied.iter().copied())
        .chain(figures);
    let failed = match results.failed().len() + results.problems().len() {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    let caption = format!(
        "{}: {} of {} cases on record{failed}",
        study.name(),
        results.cases().len(),
        study.cases()
    );
    let mut table = Table::new(headings).numeric().caption(caption);
    let value = |value: f64| metric(study.metric(), value);
    for trial in results.trials() {
        let settings = varied.iter().map(|name| {
            trial
                .settings
                .get(*name)
                .map_or_else(String::new, ToString::to_string)
        });
        let spread = &trial.spread;
        let figures = [
            value(spread.mean),
            match is_share(study.metric()) {
                true => deviation(spread),
                false => spread.deviation.map_or_else(String::new, figure),
            },
            value(spread.lowest),
            value(spread.highest),
            spread.count.to_string(),
        ];
        let row: Vec<String> = std::iter::once(trial.trial.to_string())
            .chain(settings)
            .chain(figures)
            .collect();
        table.push(&row);
    }
    table
}

/// What a study tries.
fn cases(study: &Study) -> Table {
    let seeds: Vec<String> = study.seeds().iter().map(ToString::to_string).collect();
    let mut table = Table::new(&["setting", "values"])
        .header_column()
        .caption(format!(
            "{}: {} cases, seeds {}, by {}",
            study.name(),
            study.cases(),
            seeds.join(", "),
            study.metric()
        ));
    for (name, domain) in study.settings() {
        table.push(&[name.clone(), domain.to_string()]);
    }
    table
}

fn settings(settings: &Settings, caption: &str) -> Table {
    let mut table = Table::new(&["setting", "value"])
        .header_column()
        .align(1, Align::Right)
        .caption(caption);
    for (name, value) in settings {
        table.push(&[name.clone(), value.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use labbook_nn::{Dense, Fit, SGD, Sequential};
    use labbook_records::{RunFacts, RunRecord};
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::render::Render;

    const TEXT: &str = "name = \"lines\"\nprogram = \"train.rs\"\nmetric = \"val_loss\"\ndirection = \"min\"\nseeds = [1, 2]\n\
        [settings]\nepochs = 3\nlearning_rate = [0.01, 0.1]\nmomentum = [false, true]\n";

    /// Runs a case as a training program does, and puts it on record.
    fn run(study: &Study, number: usize) -> Result<(), NotebookError> {
        let case = study.case(number)?;
        let x = Tensor::arange(8, (Kind::Float, Device::Cpu)).reshape([8, 1]) / 8.0;
        let y = &x * 2.0;
        let mut model = Sequential::on(Device::Cpu).seeded(case.seed());
        model.add(Dense::new(1).input_shape(1));
        let momentum = if case.boolean("momentum")? { 0.5 } else { 0.0 };
        let optimizer = SGD::new()
            .learning_rate(case.float("learning_rate")?)
            .momentum(momentum);
        model.compile(optimizer, "mse", [])?;
        let history = model.fit(
            &x,
            &y,
            &Fit::new().epochs(3).validation_split(0.25).verbose(0),
        )?;
        let facts = RunFacts::new(case.seed(), Device::Cpu, "versions");
        let record = RunRecord::of_training(&facts, &model, &history)?
            .fact("study", study.name())?
            .fact("case", number)?
            .fact("trial", case.trial())?
            .fact("settings", case.settings())?;
        Ok(record.write(study.record_path(number))?)
    }

    fn study(folder: &Path) -> Result<Study, NotebookError> {
        let path = folder.join("STUDY.toml");
        fs::write(&path, TEXT).unwrap();
        Ok(Study::open(path)?)
    }

    #[test]
    fn results_show_while_a_study_runs_and_after() -> Result<(), NotebookError> {
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path())?;
        assert!(
            study
                .to_plain()
                .contains("lines: 8 cases, seeds 1, 2, by val_loss")
        );
        let none = study.results()?;
        assert_eq!((none.to_frame()?.height(), none.best()), (0, None));
        assert!(
            plot_study(&none, "val_loss")
                .unwrap_err()
                .to_string()
                .contains("no case on record yet")
        );
        for number in 0..3 {
            run(&study, number)?;
        }
        let some = study.results()?;
        assert!(
            some.to_plain().contains("3 of 8 cases on record"),
            "{}",
            some.to_plain()
        );
        for number in 3..8 {
            run(&study, number)?;
        }
        let results = study.results()?;
        let frame = results.to_frame()?;
        let names = [
            "case",
            "trial",
            "seed",
            "learning_rate",
            "momentum",
            "val_loss",
            "epochs",
            "seconds",
        ];
        let found: Vec<&str> = frame
            .columns()
            .iter()
            .map(|column| column.name().as_str())
            .collect();
        assert_eq!(found, names);
        assert_eq!(frame.height(), 8);
        // The larger rate with momentum learns fastest.
        let best = results.best().unwrap();
        assert_eq!(best.settings["learning_rate"], SettingValue::Float(0.1));
        assert_eq!(best.settings["momentum"], SettingValue::Boolean(true));
        assert!(best.to_plain().contains("Trial 3: ") && best.to_plain().contains(" ± "));
        let trials = results.trials();
        let comparison = results.compare(&best, &trials[3]).unwrap();
        assert!(comparison.spread.mean < 0.0 && comparison.p == 0.5);
        assert!(comparison.to_plain().contains("run more seeds"));
        let curves = plot_study(&results, "val_loss")?;
        assert!(
            curves
                .alt()
                .contains("trial 3: learning_rate 0.1, momentum true"),
            "{}",
            curves.alt()
        );
        let error = plot_study(&results, "auc").unwrap_err().to_string();
        assert!(
            error.contains("no \"auc\"") && error.contains("loss, val_loss"),
            "{error}"
        );
        Ok(())
    }
}
