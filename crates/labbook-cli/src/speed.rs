use labbook_data::ImageSet;
use labbook_experiments::{RunFacts, RunRecord, Runs, Scale, SpeedRun};
use labbook_nn::set_default_reporter;
use tch::{Device, Kind, Tensor};

use crate::arguments::SpeedArguments;
use crate::failure::Result;
use crate::progress::{EpochLines, duration};
use crate::run::{listen, load, tell, versions};
use crate::text_table::table;
use crate::workplace::Workplace;

/// Trains each network with each seed on all training images, tests it once, and tells how far it
/// got in which time.
pub(crate) fn speed(arguments: &SpeedArguments, runs: &Runs) -> Result<()> {
    let data = load(arguments.data.as_deref())?;
    let scale = arguments.scale.unwrap_or(match data.provenance.is_drawn() {
        true => Scale::smoke(),
        false => Scale::full(),
    });
    let device = Device::cuda_if_available();
    let facts = |seed| RunFacts::new(scale, seed, &data.provenance, device, versions());
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
            records.push(one(
                &training,
                &facts(seed),
                (&train, &test),
                arguments.again,
                runs,
            )?);
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
    facts: &RunFacts,
    (train, test): (&(Tensor, Tensor), &(Tensor, Tensor)),
    again: bool,
    runs: &Runs,
) -> Result<RunRecord> {
    let recorded = runs.latest(training.experiment, facts)?;
    let same = |record: &RunRecord| {
        record.name == training.title() && record.device == facts.device && !again
    };
    if let Some(record) = recorded.filter(same) {
        tell(&format!(
            "seed {} is on record, begun {}\n",
            facts.seed, record.started
        ))?;
        return Ok(record);
    }
    let place = Workplace::open(runs, training.experiment, facts)?;
    let done = training.run(facts.seed, (&train.0, &train.1), (&test.0, &test.1), 1)?;
    let record = RunRecord::new(
        facts,
        training.experiment,
        &done.model,
        &done.history,
        &done.test,
    )?;
    let record = record.named(training.title());
    let path = runs.save(&record)?;
    place.finish(&path, None)?;
    tell(&format!(
        "seed {}: test accuracy {:.2} % after {} of training; {}\n",
        facts.seed,
        100.0 * record.test_accuracy,
        duration(record.history.training_seconds),
        path.display()
    ))?;
    Ok(record)
}

/// A row for each seed, and how the mean compares with what the experiment is made for.
fn summary(training: &SpeedRun, records: &[RunRecord]) -> String {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            vec![
                record.experiment.to_string(),
                record.seed.to_string(),
                format!("{:.2}", 100.0 * record.test_accuracy),
                format!("{:.1}", record.history.training_seconds),
            ]
        })
        .collect();
    let accuracies: Vec<f64> = records.iter().map(|r| 100.0 * r.test_accuracy).collect();
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let lowest = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = accuracies.iter().copied().fold(0.0, f64::max);
    let longest = records
        .iter()
        .map(|r| r.history.training_seconds)
        .fold(0.0, f64::max);
    let (accuracy, minutes) = training.aim();
    format!(
        "\n{}experiment {}: mean {mean:.2} % (from {lowest:.2} to {highest:.2}), at most {}; \
         aim: {:.1} % in {minutes:.0} min\n",
        table(&["experiment", "seed", "test %", "training s"], &rows),
        training.experiment,
        duration(longest),
        100.0 * accuracy,
    )
}
