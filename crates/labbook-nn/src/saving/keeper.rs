use std::fs;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use tch::Tensor;

use crate::error::cannot;
use crate::saving::checkpoint::{Checkpoint, settings};
use crate::saving::file_lock::FileLock;
use crate::saving::file_name::{EXTENSION, with_extension};
use crate::saving::run_folder::run_folder;
use crate::training::fit::Place;
use crate::{Error, Fit, FitParams, History, Model, Result};

/// Longer names might not fit into a file's name with what is added to them.
const MAX_NAME: usize = 100;

/// Where a training is kept after every epoch, and what makes it the same one.
#[derive(Debug)]
pub(crate) struct Keeper {
    path: PathBuf,
    settings: Value,
    run: Option<Run>,
}

/// A training that is known by a name, and kept until it has ended.
#[derive(Debug)]
struct Run {
    name: String,
    /// Keeps other trainings of this name out.
    lock: FileLock,
}

impl Keeper {
    /// The keeper that the options of a training ask for, if they do.
    pub(crate) fn of(
        model: &Model,
        params: &FitParams,
        options: &Fit,
        data: &[&Tensor],
        callbacks: usize,
    ) -> Result<Option<Self>> {
        let Some(place) = &options.place else {
            return Ok(None);
        };
        let mut other = json!({
            "drop_remainder": options.drop_remainder,
            "shuffle": options.shuffle,
            "callbacks": callbacks,
            "augmentation": options.augmentation,
        });
        // Told only where they are given, so that older files still fit.
        if !options.class_weight.is_empty() {
            other["class_weight"] = json!(options.class_weight);
        }
        if let Some(steps) = options.steps_per_epoch {
            other["steps_per_epoch"] = json!(steps);
        }
        if options.validation_freq != 1 {
            other["validation_freq"] = json!(options.validation_freq);
        }
        let settings = settings(model, params, other, data)?;
        let (path, run) = match place {
            Place::File(path) => (with_extension(path)?, None),
            Place::Run(name) => {
                let run = Run::begin(&run_folder(), name)?;
                (run.lock.path().with_file_name(file_name(name)), Some(run))
            }
        };
        Ok(Some(Self {
            path,
            settings,
            run,
        }))
    }

    /// Brings the model to where the kept training was, if there is one and `resume` says so;
    /// otherwise forgets it.
    pub(crate) fn restore(&self, model: &mut Model, resume: bool) -> Result<Option<Checkpoint>> {
        if !resume {
            return remove(&self.path).map(|()| None);
        }
        let restored = Checkpoint::restore(&self.path, &self.settings, model);
        restored.map_err(|error| match (&self.run, error) {
            (
                Some(run),
                Error::File {
                    expected, received, ..
                },
            ) => option(
                &run.name,
                expected,
                format!("{received}, kept {}", self.when()),
                "go on with what it was kept with, add .resume(false) to the options of fit to \
                 begin anew, or choose another name",
            ),
            (_, error) => error,
        })
    }

    /// What to tell of a training that goes on.
    pub(crate) fn resuming(&self, history: &History) -> Option<String> {
        let done = history.epoch.last()? + 1;
        Some(match &self.run {
            None => format!("Resuming after epoch {done}"),
            Some(Run { name, .. }) => format!(
                "Resuming the training \"{name}\", which stopped after epoch {done} of {} at {}. To \
                 begin anew instead, add .resume(false) to the options of fit.",
                history.params.epochs,
                self.when()
            ),
        })
    }

    /// What to tell of a training that was interrupted, besides its history.
    pub(crate) fn interrupted(&self, history: &History) -> Option<String> {
        let done = history.epoch.last()? + 1;
        let Run { name, .. } = self.run.as_ref()?;
        Some(format!(
            "the next fit with run_name(\"{name}\") goes on after epoch {done}"
        ))
    }

    /// Writes the training down.
    pub(crate) fn keep(&self, checkpoint: &Checkpoint, model: &Model) -> Result<()> {
        checkpoint.write(&self.path, &self.settings, model)
    }

    /// The training has ended: one with a name is not kept any longer.
    pub(crate) fn end(self) -> Result<()> {
        let Some(run) = self.run else {
            return Ok(());
        };
        remove(&self.path)?;
        run.lock.release()?;
        if let Some(folder) = self.path.parent() {
            // Other trainings may be kept there.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    /// The time of the last epoch that was kept, as in `2026-11-23 04:15 UTC`.
    fn when(&self) -> String {
        let modified = fs::metadata(&self.path).and_then(|file| file.modified());
        let time = modified
            .ok()
            .and_then(|time| Timestamp::try_from(time).ok());
        time.map_or_else(
            || "an unknown time".to_owned(),
            |time| {
                let time = time.to_zoned(TimeZone::UTC);
                time.strftime("%Y-%m-%d %H:%M UTC").to_string()
            },
        )
    }
}

impl Run {
    /// Takes the name, unless another training has it.
    fn begin(folder: &Path, name: &str) -> Result<Self> {
        let usable = !name.is_empty()
            && name.len() <= MAX_NAME
            && !name.starts_with('.')
            && !name.contains(['/', '\\', '\0']);
        if !usable {
            return Err(Error::option(
                "run_name",
                format!("1 to {MAX_NAME} characters that a file's name may have"),
                format!("{name:?}"),
                "use a name such as \"experiment 3\"",
            ));
        }
        fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        let lock_path = folder.join(format!("{name}.lock"));
        let lock = FileLock::take(&lock_path)?.ok_or_else(|| {
            option(
                name,
                "a name that no other training has at the moment".to_owned(),
                "that of one that runs".to_owned(),
                "wait for it or stop it, perhaps in another notebook, or choose another name",
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            lock,
        })
    }
}

fn option(name: &str, expected: String, received: String, advice: &str) -> Error {
    Error::option(&format!("run_name {name:?}"), expected, received, advice)
}

fn file_name(name: &str) -> String {
    format!("{name}{EXTENSION}")
}

/// Removes a file; one that does not exist is as good.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(cannot("remove", path, &error))
        }
        _ => Ok(()),
    }
}
