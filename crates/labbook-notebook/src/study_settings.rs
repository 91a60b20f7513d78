//! Which settings of a study matter: the trials side by side, and shares of what differs.

use labbook_charts::{BarChart, Figure, ParallelCoordinates};
use labbook_study::{
    Direction, Domain, Sampling, SettingImportances, SettingValue, StudyResults, TrialResult,
};

use crate::error::NotebookError;
use crate::numbers::figure;
use crate::render::shown_as;
use crate::table::Table;

/// The trials of a study as lines through its settings to the study's figure, which colours them: the darker, the
/// better. Optuna's `plot_parallel_coordinate`.
///
/// A figure is the mean over the seeds on record. Lists of the study file have their values evenly spaced, ranges
/// with `sampling = "log"` a logarithmic axis; a trial that diverged is grey.
///
/// # Errors
/// [`NotebookError::NoColumn`] when nothing is on record, [`NotebookError::Chart`] when the chart cannot be drawn, as
/// for a study whose settings do not vary.
pub fn plot_parallel_coordinates(results: &StudyResults) -> Result<Figure, NotebookError> {
    let study = results.study();
    let mut trials = results.trials();
    // The best lie above the others.
    trials.reverse();
    if trials.is_empty() {
        return Err(NotebookError::NoColumn {
            missing: study.metric().to_owned(),
            found: "no case on record yet".to_owned(),
        });
    }
    let means: Vec<f64> = trials.iter().map(|trial| trial.spread.mean).collect();
    let varied = study.varied();
    let title = format!("{}: {} trials", study.name(), trials.len());
    let mut chart = ParallelCoordinates::new(study.metric(), &means)
        .title(title)
        .size(varied.len().clamp(5, 50) as u32 * 150 + 50, 360);
    if study.direction() == Direction::Min {
        chart = chart.lower_is_better();
    }
    for name in varied {
        let domain = study.settings().iter().find(|(known, _)| known == name);
        let numbers: Vec<f64> = trials.iter().map(|trial| number(trial, name)).collect();
        chart = match domain.map(|(_, domain)| domain) {
            Some(Domain::Values(values)) => {
                let place = |trial: &TrialResult| {
                    let found = |value| values.iter().position(|known| known == value);
                    trial.settings.get(name).and_then(found).unwrap_or(0)
                };
                let places: Vec<usize> = trials.iter().map(place).collect();
                chart.categories(name, values.iter().map(SettingValue::to_string), &places)
            }
            Some(Domain::Range(range)) if range.sampling() == Sampling::Log => {
                chart.log_axis(name, &numbers)
            }
            _ => chart.axis(name, &numbers),
        };
    }
    Ok(chart.figure()?)
}

fn number(trial: &TrialResult, name: &str) -> f64 {
    match trial.settings.get(name) {
        Some(SettingValue::Int(value)) => *value as f64,
        Some(SettingValue::Float(value)) => *value,
        _ => f64::NAN,
    }
}

/// How much of what differs between a study's trials each setting explains alone, as bars, and what they explain
/// only together: Optuna's `plot_param_importances`. The numbers are [`StudyResults::importances`].
///
/// # Errors
/// [`NotebookError::Study`] when too few trials are on record.
pub fn plot_setting_importances(results: &StudyResults) -> Result<Figure, NotebookError> {
    let importances = results.importances()?;
    let (names, shares): (Vec<&str>, Vec<f64>) = rows(&importances).into_iter().unzip();
    let title = format!(
        "What {} of {} trials depends on",
        importances.metric, importances.trials
    );
    let chart = BarChart::new(title).bars(&names, &shares).percent();
    Ok(chart.figure()?)
}

shown_as!(SettingImportances => table);

fn table(importances: &SettingImportances) -> Table {
    let mut table = Table::new(["setting", "importance"])
        .numeric()
        .caption(format!(
            "The share of what {} differs by between {} trials that each setting explains alone",
            importances.metric, importances.trials
        ));
    for (name, share) in rows(importances) {
        table.push([name, &figure(share)]);
    }
    table
}

fn rows(importances: &SettingImportances) -> Vec<(&str, f64)> {
    let settings = importances.settings.iter();
    let settings = settings.map(|(name, share)| (name.as_str(), *share));
    settings
        .chain([("(together)", importances.together)])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use labbook_nn::{Dense, Fit, SGD, Sequential};
    use labbook_records::{RunFacts, RunRecord};
    use labbook_study::Study;
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::render::Render;

    const TEXT: &str = "name = \"steps\"\nprogram = \"train.rs\"\nmetric = \"score\"\ndirection = \"max\"\n\
        [settings]\nkind = [\"a\", \"b\"]\nrate = { min_value = 1e-4, max_value = 1.0, sampling = \"log\" }\n\
        units = { min_value = 1, max_value = 8 }\n[search]\nkind = \"random\"\nmax_trials = 40\n";

    /// A study whose figure follows from the units alone.
    fn results(cases: usize) -> Result<StudyResults, NotebookError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("STUDY.toml");
        fs::write(&path, TEXT).unwrap();
        let study = Study::open(&path)?;
        let x = Tensor::ones([4, 1], (Kind::Float, Device::Cpu));
        let mut model = Sequential::on(Device::Cpu).seeded(0);
        model.add(Dense::new(1).input_shape(1));
        model.compile(SGD::new(), "mse", [])?;
        let history = model.fit(&x, &x, &Fit::new().verbose(0))?;
        let facts = RunFacts::new(0, Device::Cpu, "versions");
        let trained = RunRecord::of_training(&facts, &model, &history)?;
        for number in 0..cases {
            let case = study.case(number)?;
            let mut record = trained.clone();
            let units = case.int("units")? as f64;
            record.metrics.insert("score".to_owned(), units);
            record
                .fact("study", study.name())?
                .fact("case", number)?
                .fact("trial", case.trial())?
                .fact("settings", case.settings())?
                .write(study.record_path(number))?;
        }
        Ok(study.results()?)
    }

    #[test]
    fn what_decides_comes_first_and_the_best_trial_is_told() -> Result<(), NotebookError> {
        let results = results(40)?;
        let importances = results.importances()?;
        assert_eq!(importances.trials, 40);
        let (name, share) = &importances.settings[0];
        assert!(name == "units" && *share > 0.9, "{importances:?}");
        let sum: f64 = rows(&importances).iter().map(|(_, share)| share).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        let plain = importances.to_plain();
        assert!(
            plain.contains("score differs by between 40 trials"),
            "{plain}"
        );
        let bars = plot_setting_importances(&results)?;
        assert!(
            bars.alt()
                .contains("What score of 40 trials depends on”: units 9"),
            "{}",
            bars.alt()
        );
        let lines = plot_parallel_coordinates(&results)?;
        let alt = lines.alt();
        for part in [
            "“steps: 40 trials” of 40 lines: kind (a, b), rate from ",
            "units from 1 to 8, score from 1 to 8; best score 8: kind ",
            "units 8",
        ] {
            assert!(alt.contains(part), "{part}: {alt}");
        }
        Ok(())
    }

    #[test]
    fn too_little_is_said_to_be_too_little() -> Result<(), NotebookError> {
        let none = results(0)?;
        let lines = plot_parallel_coordinates(&none).unwrap_err().to_string();
        assert!(lines.contains("no case on record yet"), "{lines}");
        let few = plot_setting_importances(&results(3)?)
            .unwrap_err()
            .to_string();
        assert!(
            few.contains("at least 4 trials with a finite score, received 3"),
            "{few}"
        );
        assert!(plot_parallel_coordinates(&results(1)?).is_ok());
        Ok(())
    }
}
