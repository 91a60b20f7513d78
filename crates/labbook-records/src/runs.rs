use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::read::read;
use crate::{RecordError, Result, RunRecord};

/// The environment variable that names the folder of records.
pub const RUNS_VARIABLE: &str = "LABBOOK_RUNS";

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
    /// [`RecordError::Read`] when there is no working directory.
    pub fn locate() -> Result<Self> {
        let current = env::current_dir().map_err(|source| RecordError::Read {
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

    /// Writes a record to a file of its own, named by [`RunRecord::file_stem`], and tells its path.
    ///
    /// It is written beside and renamed, so that a file of this name is always whole, and never
    /// overwrites another.
    ///
    /// # Errors
    /// [`RecordError::Flaw`] for a record that could not be read again, [`RecordError::Write`] when
    /// the folder or the file cannot be written.
    pub fn save(&self, record: &RunRecord) -> Result<PathBuf> {
        self.save_as(record, &record.file_stem())
    }

    /// [`save`](Self::save) to a file with another name, `.json` left out; what is no letter, digit,
    /// hyphen, underscore or dot in it becomes a hyphen.
    ///
    /// # Errors
    /// Those of [`save`](Self::save).
    pub fn save_as(&self, record: &RunRecord, stem: &str) -> Result<PathBuf> {
        let text = record.to_text()?;
        let stem = stem.replace(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)), "-");
        fs::create_dir_all(&self.path).map_err(|source| cannot_write(&self.path, source))?;
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

    /// All records that can be read, by start.
    ///
    /// Texts that are very long or that a terminal would obey are [cleaned](crate::clean).
    ///
    /// A folder that does not exist holds none. Files that are no records are left out; see
    /// [`problems`](Self::problems).
    ///
    /// # Errors
    /// [`RecordError::Read`] when the folder cannot be listed.
    pub fn records(&self) -> Result<Vec<RunRecord>> {
        let files = self.read()?.into_iter();
        Ok(files.filter_map(|(_, record)| record.ok()).collect())
    }

    /// Every file that might be a record, with what was read of it or the reason why it is none:
    /// records by start, those that began together and files without one by path.
    ///
    /// # Errors
    /// [`RecordError::Read`] when the folder cannot be listed.
    pub fn read(&self) -> Result<Vec<(PathBuf, Result<RunRecord, String>)>> {
        let files = self.files()?.into_iter();
        let mut read: Vec<_> = files
            .map(|path| {
                let record = read(&path);
                (path, record)
            })
            .collect();
        // The sort keeps the order of paths among equals.
        read.sort_by_cached_key(|(_, record)| record.as_ref().map(|r| r.started.clone()).ok());
        Ok(read)
    }

    /// The JSON files in the folder that are no records of this version, and why.
    ///
    /// # Errors
    /// [`RecordError::Read`] when the folder cannot be listed.
    pub fn problems(&self) -> Result<Vec<RecordProblem>> {
        let files = self.read()?.into_iter();
        Ok(files
            .filter_map(|(path, record)| {
                let reason = record.err()?;
                Some(RecordProblem { path, reason })
            })
            .collect())
    }

    /// The newest record of this name.
    ///
    /// # Errors
    /// [`RecordError::Read`] when the folder cannot be listed.
    pub fn latest(&self, name: &str) -> Result<Option<RunRecord>> {
        let mut records = self.records()?.into_iter();
        Ok(records.rfind(|record| record.name == name))
    }

    /// The paths of all files that might be records, sorted.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let cannot_read = |source| RecordError::Read {
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

fn cannot_write(path: &Path, source: io::Error) -> RecordError {
    RecordError::Write {
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
    use crate::run_record::tests::record;
    use serde_json::json;
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
        let mut late = record();
        late.started = "2026-11-22T21:01:55Z".to_owned();
        let mut early = late.clone();
        early.started = "2026-11-22T20:01:55Z".to_owned();
        let other = late.clone().named("other");

        let paths = [&other, &late, &late, &early].map(|record| runs.save(record).unwrap());
        let names = paths.map(|path| path.file_name().unwrap().to_owned().into_string().unwrap());
        assert_eq!(
            names,
            [
                "other-s7-20261122T210155Z.json",
                "a-net-s7-20261122T210155Z.json",
                "a-net-s7-20261122T210155Z-2.json",
                "a-net-s7-20261122T200155Z.json",
            ]
        );
        let expected = [early, late.clone(), late.clone(), other];
        assert_eq!(runs.records().unwrap(), expected);
        assert_eq!(runs.latest("a net").unwrap(), Some(late));
        assert_eq!(runs.latest("no such").unwrap(), None);
        assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 4);
        let stem = runs.save_as(&expected[0], "../e01 x").unwrap();
        assert_eq!(stem, runs.path().join("..-e01-x.json"));
    }

    /// As the first version wrote it, with facts of its own at the top.
    fn first_version(record: &RunRecord) -> serde_json::Value {
        let mut json = serde_json::to_value(record).unwrap();
        let entries = json.as_object_mut().unwrap();
        for name in ["metrics", "tags", "facts"] {
            entries.remove(name);
        }
        json["format"] = json!(1);
        json["test_loss"] = json!("inf");
        json["test_accuracy"] = json!(0.4656);
        json["train_loss_after"] = json!(null);
        json["train_accuracy_after"] = json!(0.5);
        json["color"] = json!({"name": "red"});
        json["nothing"] = json!(null);
        for layer in json["layers"].as_array_mut().unwrap() {
            layer.as_object_mut().unwrap().remove("flops").unwrap();
        }
        json
    }

    #[test]
    fn records_of_the_first_version_are_read() {
        let (_dir, runs) = folder();
        let mut wanted = record();
        fs::create_dir(runs.path()).unwrap();
        let json = first_version(&wanted);
        fs::write(runs.path().join("old.json"), json.to_string()).unwrap();

        wanted.metrics = [
            ("test_accuracy", 0.4656),
            ("test_loss", f64::INFINITY),
            ("train_accuracy", 0.5),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        wanted = wanted.fact("color", json!({"name": "red"})).unwrap();
        wanted
            .layers
            .iter_mut()
            .for_each(|layer| layer.flops = None);
        let records = runs.records().unwrap();
        assert_eq!(records, [wanted]);
        // Weights applied once each, the five biases with them.
        assert_eq!(records[0].training_flops(), 3.0 * 2.0 * 17.0 * 80.0);
        // It can be kept on.
        let again = runs.save(&records[0]).unwrap();
        assert_eq!(read(&again), Ok(records[0].clone()));
    }

    #[test]
    fn figures_that_cannot_be_are_refused_by_name() {
        let (_dir, runs) = folder();
        fs::create_dir(runs.path()).unwrap();
        let json = first_version(&record());
        let mut cases = Vec::new();
        for value in [json!("inf"), json!("-inf"), json!(-5.0), json!(1e300)] {
            cases.push((json!({"test_accuracy": value}), "test_accuracy of "));
        }
        for value in [json!(1e300), json!(-1.0)] {
            cases.push((json!({"seconds": value}), "seconds of "));
        }
        cases.push((json!({"test_accuracy": "high"}), "NaN, inf or -inf"));
        cases.push((json!({"test_accuracy": null}), "flaw"));
        for (number, (change, part)) in cases.iter().enumerate() {
            let mut json = json.clone();
            for (name, value) in change.as_object().unwrap() {
                json[name] = value.clone();
            }
            let path = runs.path().join(format!("{number}.json"));
            fs::write(&path, json.to_string()).unwrap();
            let reason = read(&path).unwrap_err();
            assert!(reason.contains(part), "{change}: {reason}");
        }
        for (column, value) in [("val_accuracy", json!(1e300)), ("accuracy", json!("inf"))] {
            let mut json = json.clone();
            json["history"]["columns"] = json!([[column, [value, 0.5]]]);
            let path = runs.path().join("column.json");
            fs::write(&path, json.to_string()).unwrap();
            let reason = read(&path).unwrap_err();
            assert!(reason.contains(&format!("{column} of ")), "{reason}");
        }
        let mut record = record();
        record.metrics.insert("test_accuracy".to_owned(), 93.0);
        let error = runs.save(&record).unwrap_err().to_string();
        assert!(error.contains("test_accuracy of 9.3e1"), "{error}");
    }

    #[test]
    fn texts_are_cut_and_written_out() {
        let (_dir, runs) = folder();
        let long = record().named("x".repeat(70_000));
        let odd = record().named("\u{1b}[31mred\nline");
        for (record, stem) in [(long, "a"), (odd, "b")] {
            runs.save_as(&record, stem).unwrap();
        }
        let names: Vec<String> = runs
            .records()
            .unwrap()
            .into_iter()
            .map(|r| r.name)
            .collect();
        let [long, odd] = names.as_slice() else {
            panic!("{names:?}")
        };
        assert!(long.ends_with("x…") && long.len() < 500, "{long}");
        assert_eq!(odd, "\\u{1b}[31mred\\u{a}line");
    }

    #[test]
    fn damaged_and_foreign_files_are_left_out_and_named() {
        let (_dir, runs) = folder();
        let saved = record();
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
            ("later.json", replaced("\"format\": 2", "\"format\": 3")),
            (
                "long.json",
                replaced("\"epochs_run\": 2", "\"epochs_run\": 3"),
            ),
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
        assert!(reason("later.json").contains("received format 3"));
        assert!(reason("foreign.json").contains("other JSON"));
        assert!(reason("long.json").contains("differ in length"));
        assert!(reason("when.json").contains("yesterday"));
        assert!(reason("folder.json").contains("expected a file"));
    }

    #[test]
    fn a_name_that_a_killed_process_holds_counts_as_taken() {
        let (_dir, runs) = folder();
        let record = record();
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
        let error = runs.save(&record()).unwrap_err().to_string();
        assert!(error.contains("LABBOOK_RUNS"), "{error}");
    }
}
