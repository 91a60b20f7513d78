use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;

use labbook_data::ImageSets;
use labbook_data::datasets::cifar10;
use labbook_nn::{interrupt, set_default_reporter};
use labbook_paper::{Experiment, ExperimentFacts, ExperimentRecord, ExperimentRuns, Scale, Split};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tch::Device;

use crate::arguments::RunArguments;
use crate::failure::{Failure, Result, printed};
use crate::print_all;
use crate::progress::{EpochLines, duration};
use crate::workplace::Workplace;

/// The environment variable that chooses the scale.
const SCALE_VARIABLE: &str = "LABBOOK_SCALE";

/// ExperimentRuns experiments one after the other.
pub(crate) fn run(arguments: &RunArguments, runs: &ExperimentRuns) -> Result<()> {
    let data = load(arguments.data.as_deref())?;
    let scale = scale(arguments, &data)?;
    let device = Device::cuda_if_available();
    let facts = ExperimentFacts::new(scale, arguments.seed, &data.provenance, device, versions());
    tell(&format!(
        "data: {}\nscale: {}\nseed: {}\ndevice: {}\nrecords: {}\n",
        data.provenance,
        facts.scale,
        facts.seed,
        facts.device,
        runs.path().display()
    ))?;
    let split = Split::new(&data, &facts.scale)?;
    drop(data);
    let lines = EpochLines::new();
    set_default_reporter(lines.clone());
    listen()?;
    for experiment in &arguments.experiments {
        lines.next(experiment.number());
        run_one(experiment, arguments, &split, &facts, runs)?;
    }
    Ok(())
}

fn run_one(
    experiment: &Experiment,
    arguments: &RunArguments,
    split: &Split,
    facts: &ExperimentFacts,
    runs: &ExperimentRuns,
) -> Result<()> {
    let number = experiment.number();
    let recorded = runs.latest(number, facts)?.filter(is_whole);
    if let Some(record) = recorded.as_ref().filter(|_| !arguments.again) {
        return tell(&format!(
            "experiment {number} is on record, begun {}: {} (--again repeats it)\n",
            record.started,
            result(record)
        ));
    }
    let place = Workplace::open(runs, number, facts, None)?;
    let (options, verb) = place.options(!arguments.no_resume);
    tell(&format!(
        "experiment {number} {verb}: {}\n",
        experiment.title()
    ))?;
    let record = experiment.run(split, facts, &options)?.record;
    let path = save(&record, recorded.as_ref(), runs)?;
    place.finish(&path, options.state().as_deref())?;
    tell(&format!(
        "experiment {number}: {}; {}\n",
        result(&record),
        path.display()
    ))
}

/// Whether a record is of a training that reached its end and had the scale's own options.
fn is_whole(record: &ExperimentRecord) -> bool {
    !record.history.interrupted && record.has_sizes_of_scale()
}

/// Saves a record and tells its file, unless a process has that was killed between saving and
/// tidying and so left the state of a finished training.
pub(crate) fn save(
    record: &ExperimentRecord,
    recorded: Option<&ExperimentRecord>,
    runs: &ExperimentRuns,
) -> Result<PathBuf> {
    let same =
        |other: &&ExperimentRecord| other.history.epoch_seconds == record.history.epoch_seconds;
    Ok(match recorded.filter(same) {
        Some(saved) => runs.path().join(saved.file_stem() + ".json"),
        None => runs.save(record)?,
    })
}

/// What came of a run, in a few words.
fn result(record: &ExperimentRecord) -> String {
    format!(
        "test accuracy {:.2} %, test loss {:.4}, {} epochs in {}",
        100.0 * record.test_accuracy,
        record.test_loss,
        record.epochs_run,
        duration(record.seconds)
    )
}

/// The data of `--data`, else what the notebook would load.
pub(crate) fn load(folder: Option<&OsStr>) -> Result<ImageSets> {
    let Some(folder) = folder else {
        return Ok(cifar10::load_data()?);
    };
    if folder == cifar10::DRAWN {
        let (train, test) = cifar10::DRAWN_IMAGES;
        return Ok(cifar10::drawn(train, test, 0));
    }
    let folder = Path::new(folder);
    let inner = folder.join(cifar10::DIRECTORY);
    let folder = if inner.is_dir() { &inner } else { folder };
    Ok(cifar10::read(folder)?)
}

fn scale(arguments: &RunArguments, data: &ImageSets) -> Result<Scale> {
    let chosen = std::env::var(SCALE_VARIABLE).unwrap_or_default();
    let mut scale = match (arguments.scale, chosen.as_str()) {
        (Some(scale), _) => scale,
        (None, "") if data.provenance.is_drawn() => Scale::smoke(),
        (None, "") => Scale::laptop(),
        (None, name) => Scale::named(name)?,
    };
    if let Some(images) = arguments.images {
        scale = scale.with_images(images);
    }
    if let Some(epochs) = arguments.epochs {
        scale = scale.with_epochs(epochs);
    }
    Ok(scale)
}

/// The first Ctrl-C or SIGTERM ends the training after its batch, the second the process.
pub(crate) fn listen() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    thread::spawn(move || {
        let mut asked = false;
        for _ in signals.forever() {
            if asked {
                std::process::exit(130);
            }
            asked = true;
            eprintln!("stopping after this batch; once more to stop at once");
            interrupt::keep_requesting();
        }
    });
    Ok(())
}

/// The libraries in use; each tch release is made for one libtorch.
pub(crate) fn versions() -> String {
    let tch = env!("LABBOOK_TCH");
    let libtorch = match tch.rsplit_once('.').map(|(minor, _)| minor) {
        Some("0.24") => "2.11",
        Some("0.26") => "2.13",
        _ => "unknown",
    };
    format!(
        "Rust {}, libtorch {libtorch}, tch {tch}",
        env!("LABBOOK_RUSTC")
    )
}

pub(crate) fn tell(text: &str) -> Result<()> {
    printed(print_all(text))
}
