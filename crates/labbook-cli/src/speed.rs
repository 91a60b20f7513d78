use labbook_data::ImageSet;
use labbook_nn::set_default_reporter;
use labbook_paper::{ExperimentFacts, ExperimentRecord, ExperimentRuns, Scale, SpeedRun};
use labbook_records::Spread;
use tch::{Device, Kind, Tensor};

use crate::arguments::SpeedArguments;
use crate::failure::Result;
use crate::progress::{EpochLines, duration};
use crate::run::{listen, load, save, tell, versions};
use crate::text_table::table;
use crate::workplace::Workplace;

/// Trains each network with each seed on all training images, tests it once, and tells how far it
/// got in which time.
pub(crate) fn speed(arguments: &SpeedArguments, runs: &ExperimentRuns) -> Result<()> {
    let data = load(arguments.data.as_deref())?;
    let scale = arguments.scale.unwrap_or(match data.provenance.is_drawn() {
        true => Scale::smoke(),
        false => Scale::full(),
    });
    let device = Device::cuda_if_available();
    let facts = |seed| ExperimentFacts::new(scale, seed, &data.provenance, device, versions());
    let (train, test) = match scale.name {
        "smoke" => (
            data.train.take(scale.train_images),
            data.test.take(scale.test_images),
        ),
        _ => (data.train.clone(), data.test.clone()),
    };
    tell(&format!(
        "data: {}, {} training images, {} test images\ndevice: {}\nrecords: {}\n",
        data.provenance,
        train.len(),
        test.len(),
        facts(0).device,
        runs.path().display()
    ))?;
    let (train, test) = (tensors(&train), tensors(&test));
    let lines = EpochLines::new();
    set_default_reporter(lines.clone());
    listen()?;
    let mut text = String::new();
    for training in &arguments.trainings {
        let mut training = training.clone().at(&scale);
        training.epochs = arguments.epochs.unwrap_or(training.epochs);
        tell(&format!(
            "experiment {}: {}\n",
            training.experiment,
            training.title()
        ))?;
        let mut records = Vec::new();
        for &seed in &arguments.seeds {
            lines.next(training.experiment);
            let facts = facts(seed);
            records.push(one(&training, &facts, (&train, &test), arguments, runs)?);
        }
        text += &summary(&training, &records);
    }
    tell(&text)
}

fn tensors(set: &ImageSet) -> (Tensor, Tensor) {
    let images = set.images_tensor().to_kind(Kind::Float) / 255.0;
    (images, set.labels_tensor())
}

fn one(
    training: &SpeedRun,
    facts: &ExperimentFacts,
    (train, test): (&(Tensor, Tensor), &(Tensor, Tensor)),
    arguments: &SpeedArguments,
    runs: &ExperimentRuns,
) -> Result<ExperimentRecord> {
    let seed = facts.seed;
    let recorded = runs.records()?.into_iter().rfind(|record| {
        let whole = !record.history.interrupted && training.is_of(record);
        whole && record.belongs_to(facts) && record.device == facts.device
    });
    if let Some(record) = recorded.as_ref().filter(|_| !arguments.again) {
        tell(&format!(
            "seed {seed} is on record, begun {}\n",
            record.started
        ))?;
        return Ok(record.clone());
    }
    let place = Workplace::open(runs, training.experiment, facts, Some(training))?;
    let (options, verb) = place.options(!arguments.no_resume);
    tell(&format!("seed {seed} {verb}\n"))?;
    let (train, test) = ((&train.0, &train.1), (&test.0, &test.1));
    let done = training.run_with(seed, train, test, &options)?;
    let record = ExperimentRecord::new(
        facts,
        training.experiment,
        &done.model,
        &done.history,
        &done.test,
    )?;
    let record = record.speed_run(training);
    let path = save(&record, recorded.as_ref(), runs)?;
    place.finish(&path, options.state().as_deref())?;
    tell(&format!(
        "seed {seed}: test accuracy {:.2} % after {} of training; {}\n",
        100.0 * record.test_accuracy,
        duration(record.training_seconds()),
        path.display()
    ))?;
    Ok(record)
}

/// A row for each seed, and how they compare with what the experiment is made for.
fn summary(training: &SpeedRun, records: &[ExperimentRecord]) -> String {
    let accuracies: Vec<f64> = records.iter().map(|r| 100.0 * r.test_accuracy).collect();
    let seconds: Vec<f64> = records.iter().map(|r| r.training_seconds()).collect();
    let (Some(accuracy), Some(time)) = (Spread::of(&accuracies), Spread::of(&seconds)) else {
        return String::new();
    };
    let rows: Vec<Vec<String>> = records
        .iter()
        .zip(accuracies.iter().zip(&seconds))
        .map(|(record, (accuracy, seconds))| {
            vec![
                record.experiment.to_string(),
                record.seed.to_string(),
                format!("{accuracy:.2}"),
                format!("{seconds:.1}"),
            ]
        })
        .collect();
    let (aim, minutes) = training.aim();
    format!(
        "\n{}experiment {}: mean {accuracy} %, at most {}; aim: {:.1} % in {minutes:.0} min\n",
        table(&["experiment", "seed", "test %", "training s"], &rows),
        training.experiment,
        duration(time.highest),
        100.0 * aim,
    )
}
