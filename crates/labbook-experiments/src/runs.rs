use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::run_record::FORMAT;
use crate::{ExperimentError, Result, RunFacts, RunRecord};

/// The environment variable that names the folder of records.
pub const RUNS_VARIABLE: &str = "LABBOOK_RUNS";

/// A longer file is no record of a run.
const MAX_BYTES: u64 = 16 << 20;

/// A folder of records, one JSON file per run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    path: PathBuf,
}

/// A file among the records that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordProblem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Runs {
    /// The folder that [`RUNS_VARIABLE`] names; else `runs` at the root of the project that the
    /// working directory belongs to (the folder with `.git` or a workspace's `Cargo.toml`); else
    /// `runs` in the working directory. It is made when the first record is saved.
    ///
    /// # Errors
    /// [`ExperimentError::Read`] when there is no working directory.
    pub fn locate() -> Result<Self> {
        let current = env::current_dir().map_err(|source| ExperimentError::Read {
            path: PathBuf::from("."),
            source,
        })?;
        Ok(Self::locate_from(
            env::var_os(RUNS_VARIABLE).as_deref(),
            &current,
        ))
    }

    fn locate_from(variable: Option<&OsStr>, current: &Path) -> Self {
        if let Some(value) = variable.filter(|value| !value.is_empty()) {
            return Self::at(current.join(value));
        }
        let root = current.ancestors().find(|dir| is_project_root(dir));
        Self::at(root.unwrap_or(current).join("runs"))
    }

    /// This folder.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a record to a file of its own, such as `e16-laptop-s0-20261122T210155Z.json`, and
    /// tells its path.
    ///
    /// It is written beside and renamed, so that a file of this name is always whole, and never
    /// overwrites another.
    ///
    /// # Errors
    /// [`ExperimentError::Write`] when the folder or the file cannot be written.
    pub fn save(&self, record: &RunRecord) -> Result<PathBuf> {
        let mut text = serde_json::to_vec_pretty(record)?;
        text.push(b'\n');
        fs::create_dir_all(&self.path).map_err(|source| cannot_write(&self.path, source))?;
        let stem = record.file_stem();
        let mut copy = 1_u32;
        loop {
            let name = match copy {
                1 => format!("{stem}.json"),
                _ => format!("{stem}-{copy}.json"),
            };
            let path = self.path.join(&name);
            let written = write_new(&self.path.join(format!(".{name}.part")), &path, &text);
            match written {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => copy += 1,
                Err(source) => return Err(cannot_write(&path, source)),
            }
        }
    }

    /// All records that can be read, by experiment and then by start.
    ///
    /// A folder that does not exist holds none. Files that are no records are left out; see
    /// [`problems`](Self::problems).
    ///
    /// # Errors
    /// [`ExperimentError::Read`] when the folder cannot be listed.
    pub fn records(&self) -> Result<Vec<RunRecord>> {
        let mut records: Vec<(PathBuf, RunRecord)> = Vec::new();
        for path in self.files()? {
            if let Ok(record) = read(&path) {
                records.push((path, record));
            }
        }
        records.sort_by(|(a_path, a), (b_path, b)| {
            let key = |record: &RunRecord| (record.experiment, record.started.clone());
            key(a).cmp(&key(b)).then_with(|| a_path.cmp(b_path))
        });
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// The JSON files in the folder that are no records of this version, and why.
    ///
    /// # Errors
    /// [`ExperimentError::Read`] when the folder cannot be listed.
    pub fn problems(&self) -> Result<Vec<RecordProblem>> {
        let files = self.files()?.into_iter();
        Ok(files
            .filter_map(|path| {
                let reason = read(&path).err()?;
                Some(RecordProblem { path, reason })
            })
            .collect())
    }

    /// The newest record of an experiment with the same scale, seed and data.
    ///
    /// # Errors
    /// [`ExperimentError::Read`] when the folder cannot be listed.
    pub fn latest(&self, experiment: u32, facts: &RunFacts) -> Result<Option<RunRecord>> {
        let mut records = self.records()?.into_iter();
        Ok(records.rfind(|record| record.experiment == experiment && record.belongs_to(facts)))
    }

    /// The paths of all files that might be records, sorted.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let cannot_read = |source| ExperimentError::Read {
            path: self.path.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(cannot_read)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(cannot_read)?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension() == Some(OsStr::new("json")) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Writes `path`, which must not exist, by way of `beside`.
///
/// Whoever made `beside` owns the name: nobody else makes `path` between the check and the
/// renaming. One that a killed process left behind makes the name count as taken.
fn write_new(beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(beside)?;
    let write = || {
        if path.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        file.write_all(bytes)?;
        // On the disk before its name, so that a power cut leaves a whole file or none.
        file.sync_all()?;
        fs::rename(beside, path)
    };
    let mut write = write;
    write().inspect_err(|_| {
        // The first error is the one to tell.
        let _ = fs::remove_file(beside);
    })
}

fn read(path: &Path) -> Result<RunRecord, String> {
    let kind = fs::metadata(path).map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("expected a file, received something else".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!(
            "expected a record of at most {MAX_BYTES} bytes, received a longer file"
        ));
    }
    let value: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| format!("expected a record in JSON, received something else: {error}"))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => {
            return Err(format!(
                "expected a record of format {FORMAT}, received format {format}"
            ));
        }
        None => return Err("expected a record of a run, received other JSON".to_owned()),
    }
    let record: RunRecord = serde_json::from_value(value)
        .map_err(|error| format!("expected a whole record, received one with a flaw: {error}"))?;
    match record.flaw() {
        Some(flaw) => Err(format!("expected a whole record, received {flaw}")),
        None => Ok(record),
    }
}

fn cannot_write(path: &Path, source: io::Error) -> ExperimentError {
    ExperimentError::Write {
        path: path.to_path_buf(),
        source,
    }
}

fn is_project_root(dir: &Path) -> bool {
    let is_workspace = || {
        fs::read_to_string(dir.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
    };
    dir.join(".git").exists() || is_workspace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_record::tests::{facts, record};
    use tempfile::TempDir;

    fn folder() -> (TempDir, Runs) {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::at(dir.path().join("runs"));
        (dir, runs)
    }

    #[test]
    fn records_come_back_sorted_and_never_overwrite_each_other() {
        let (_dir, runs) = folder();
        assert_eq!(runs.records().unwrap(), []);
        let mut late = record(&facts(), 1);
        late.started = "2026-11-22T21:01:55Z".to_owned();
        let mut early = late.clone();
        early.started = "2026-11-22T20:01:55Z".to_owned();
        let mut other = late.clone();
        other.experiment = 16;

        let paths = [&other, &late, &late, &early].map(|record| runs.save(record).unwrap());
        let names = paths.map(|path| path.file_name().unwrap().to_owned().into_string().unwrap());
        assert_eq!(
            names,
            [
                "e16-custom-s7-20261122T210155Z.json",
                "e01-custom-s7-20261122T210155Z.json",
                "e01-custom-s7-20261122T210155Z-2.json",
                "e01-custom-s7-20261122T200155Z.json",
            ]
        );
        let expected = [early, late.clone(), late, other];
        assert_eq!(runs.records().unwrap(), expected);
        assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 4);
    }

    #[test]
    fn the_latest_has_the_same_scale_seed_and_data() {
        let (_dir, runs) = folder();
        let mut wanted = record(&facts(), 3);
        wanted.started = "2026-11-22T10:00:00Z".to_owned();
        let mut older = wanted.clone();
        older.started = "2026-11-21T10:00:00Z".to_owned();
        let mut newer = wanted.clone();
        newer.started = "2026-11-23T10:00:00Z".to_owned();
        for record in [
            &wanted,
            &older,
            &RunRecord {
                seed: 8,
                ..newer.clone()
            },
            &RunRecord {
                data: "others".to_owned(),
                ..newer.clone()
            },
            &RunRecord {
                scale: newer.scale.with_epochs(9),
                ..newer.clone()
            },
            &RunRecord {
                experiment: 4,
                ..newer.clone()
            },
        ] {
            runs.save(record).unwrap();
        }
        assert_eq!(runs.latest(3, &facts()).unwrap(), Some(wanted));
        assert_eq!(runs.latest(5, &facts()).unwrap(), None);
    }

    #[test]
    fn damaged_and_foreign_files_are_left_out_and_named() {
        let (_dir, runs) = folder();
        let saved = record(&facts(), 2);
        let path = runs.save(&saved).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let replaced = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        };
        let cases = [
            ("cut.json", text[..text.len() / 2].to_owned()),
            ("empty.json", String::new()),
            ("foreign.json", "{\"cells\": []}".to_owned()),
            ("later.json", replaced("\"format\": 1", "\"format\": 2")),
            (
                "long.json",
                replaced("\"epochs_run\": 2", "\"epochs_run\": 3"),
            ),
            ("scale.json", replaced("\"custom\"", "\"huge\"")),
            ("when.json", replaced(&saved.started, "yesterday")),
            ("deep.json", "[".repeat(100_000)),
        ];
        for (name, text) in &cases {
            fs::write(runs.path().join(name), text).unwrap();
        }
        fs::create_dir(runs.path().join("folder.json")).unwrap();
        fs::write(runs.path().join("notes.txt"), "no record").unwrap();
        fs::write(runs.path().join(".e01.json.part"), "half").unwrap();

        assert_eq!(runs.records().unwrap(), [saved]);
        let problems = runs.problems().unwrap();
        let reason = |name: &str| {
            let path = runs.path().join(name);
            let problem = problems.iter().find(|problem| problem.path == path);
            problem.unwrap_or_else(|| panic!("{name}")).reason.clone()
        };
        assert_eq!(problems.len(), cases.len() + 1);
        assert!(reason("later.json").contains("received format 2"));
        assert!(reason("foreign.json").contains("other JSON"));
        assert!(reason("long.json").contains("differ in length"));
        assert!(reason("when.json").contains("yesterday"));
        assert!(reason("folder.json").contains("expected a file"));
    }

    #[test]
    fn a_name_that_a_killed_process_holds_counts_as_taken() {
        let (_dir, runs) = folder();
        let record = record(&facts(), 2);
        let first = runs.save(&record).unwrap();
        let name = first.file_name().unwrap().to_str().unwrap().to_owned();
        fs::rename(&first, runs.path().join(format!(".{name}.part"))).unwrap();
        assert!(
            runs.save(&record)
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("-2.json")
        );
        assert_eq!(runs.records().unwrap().len(), 1);
    }

    #[test]
    fn the_variable_comes_first_then_the_projects_root_then_here() {
        let outside = tempfile::tempdir().unwrap();
        let here = outside.path().join("project/notebooks");
        fs::create_dir_all(&here).unwrap();
        let at = |variable: Option<&str>| {
            Runs::locate_from(variable.map(OsStr::new), &here)
                .path()
                .to_path_buf()
        };
        fs::create_dir(here.join(".git")).unwrap();
        assert_eq!(at(None), here.join("runs"));
        fs::remove_dir(here.join(".git")).unwrap();
        let manifest = outside.path().join("project/Cargo.toml");
        fs::write(manifest, "[workspace]\nmembers = []\n").unwrap();
        assert_eq!(at(None), outside.path().join("project/runs"));
        assert_eq!(at(Some("")), outside.path().join("project/runs"));
        assert_eq!(at(Some("mine")), here.join("mine"));
        assert_eq!(at(Some("/srv/runs")), Path::new("/srv/runs"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_advice() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let runs = Runs::at(dir.path().join("file/runs"));
        let error = runs.save(&record(&facts(), 1)).unwrap_err().to_string();
        assert!(error.contains("LABBOOK_RUNS"), "{error}");
    }
}
