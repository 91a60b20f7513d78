use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use labbook_paper::{ExperimentFacts, ExperimentRuns, RunOptions, SpeedRun};
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result, at};

/// The folder of an unfinished run: the state of its training and its checkpoints.
///
/// Its name follows from the experiment and the facts and sizes that decide how the training goes,
/// so that the same command finds it again. It is locked while a process works in it.
#[derive(Debug)]
pub(crate) struct Workplace {
    folder: PathBuf,
    lock: File,
    lock_path: PathBuf,
}

impl Workplace {
    /// Makes or finds the folder of a run.
    pub(crate) fn open(
        runs: &ExperimentRuns,
        experiment: u32,
        facts: &ExperimentFacts,
        speed_run: Option<&SpeedRun>,
    ) -> Result<Self> {
        let parent = runs.path().join("unfinished");
        fs::create_dir_all(&parent).map_err(|error| at("create", &parent, &error))?;
        let name = name(experiment, facts, speed_run);
        let lock_path = parent.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(|error| at("create", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(format!(
                    "another process is running experiment {experiment} with the same scale, \
                     seed and data; wait for it, or choose another folder with --runs"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(at("lock", &lock_path, &error)),
        }
        Ok(Self {
            folder: parent.join(name),
            lock,
            lock_path,
        })
    }

    /// The options of a training that is kept here, and what it does next: it goes on with the
    /// state that is here, if it is to resume, or begins.
    pub(crate) fn options(&self, resume: bool) -> (RunOptions, &'static str) {
        let options = RunOptions::new()
            .folder(&self.folder)
            .resume(resume)
            .verbose(1);
        let resumes = options.state().is_some_and(|state| state.exists());
        (options, if resumes { "goes on" } else { "begins" })
    }

    /// Puts the checkpoints beside the record that was saved, and removes the rest.
    pub(crate) fn finish(self, record: &Path, state: Option<&Path>) -> Result<()> {
        for path in state.into_iter().chain([self.lock_path.as_path()]) {
            remove(fs::remove_file(path)).map_err(|error| at("remove", path, &error))?;
        }
        // Gone if it is empty; what is left are checkpoints.
        if self.folder.exists() && fs::remove_dir(&self.folder).is_err() {
            let kept = record.with_extension("");
            fs::rename(&self.folder, &kept).map_err(|error| at("move to", &kept, &error))?;
        }
        drop(self.lock);
        if let Some(parent) = self.folder.parent() {
            // Other runs may be unfinished.
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }
}

fn remove(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Such as `e16-full-s0-1a2b3c4d`; the last part stands for all sizes and the data.
fn name(experiment: u32, facts: &ExperimentFacts, speed_run: Option<&SpeedRun>) -> String {
    let scale = serde_json::json!(facts.scale).to_string();
    let mut decisive = format!("{scale}\n{}\n{}", facts.data, facts.device);
    if let Some(run) = speed_run {
        decisive += &format!("\n{}", serde_json::json!(run));
    }
    let digest = Sha256::digest(decisive);
    let digest: String = digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "e{experiment:02}-{}-s{}-{digest}",
        facts.scale.name, facts.seed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use labbook_data::Provenance;
    use labbook_paper::Scale;
    use tch::Device;

    fn facts(scale: Scale, seed: u64) -> ExperimentFacts {
        ExperimentFacts::new(
            scale,
            seed,
            &Provenance::drawn(format!("seed {seed}")),
            Device::Cpu,
            "v",
        )
    }

    #[test]
    fn runs_that_differ_have_folders_that_differ() {
        let base = name(5, &facts(Scale::full(), 0), None);
        assert_eq!(base, name(5, &facts(Scale::full(), 0), None));
        assert!(base.starts_with("e05-full-s0-"), "{base}");
        let narrow = facts(Scale::smoke().with_images(8).with_epochs(2), 0);
        let wide = facts(Scale::full().with_images(8).with_epochs(2), 0);
        assert_ne!(name(5, &narrow, None), name(5, &wide, None));
        let mut run = SpeedRun::numbered(18).unwrap();
        let whole = name(18, &wide, Some(&run));
        run.epochs = 1;
        assert_ne!(whole, name(18, &wide, Some(&run)));
    }

    #[test]
    fn a_second_process_is_turned_away_and_checkpoints_end_beside_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let runs = ExperimentRuns::at(dir.path());
        let facts = facts(Scale::smoke(), 1);
        let open = || Workplace::open(&runs, 5, &facts, None);
        let place = open().unwrap();
        let second = open().unwrap_err().to_string();
        assert!(
            second.starts_with("another process is running experiment 5"),
            "{second}"
        );
        fs::create_dir(&place.folder).unwrap();
        let state = &place.folder.join("training.safetensors");
        fs::write(state, "state").unwrap();
        fs::write(place.folder.join("model_0.5.safetensors"), "best").unwrap();
        place
            .finish(&dir.path().join("e05-x.json"), Some(state))
            .unwrap();
        assert!(dir.path().join("e05-x/model_0.5.safetensors").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(open().is_ok());
    }
}
