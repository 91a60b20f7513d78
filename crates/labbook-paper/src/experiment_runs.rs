use std::path::{Path, PathBuf};

use labbook_records::{RecordProblem, Runs};

use crate::{ExperimentFacts, ExperimentRecord, Result};

/// A folder of records, as far as they are of experiments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRuns {
    runs: Runs,
}

impl ExperimentRuns {
    /// The folder that [`Runs::locate`] finds.
    ///
    /// # Errors
    /// [`PaperError::Record`](crate::PaperError::Record) when there is no working directory.
    pub fn locate() -> Result<Self> {
        Ok(Self {
            runs: Runs::locate()?,
        })
    }

    /// This folder.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            runs: Runs::at(path),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.runs.path()
    }

    /// The folder with all its records, those of other things among them.
    #[must_use]
    pub fn all(&self) -> &Runs {
        &self.runs
    }

    /// Writes a record to a file of its own, such as `e16-laptop-s0-20261122T210155Z.json`, and
    /// tells its path; see [`Runs::save`].
    ///
    /// # Errors
    /// [`PaperError::Record`](crate::PaperError::Record) for a record that could not be read again,
    /// or when the folder or the file cannot be written.
    pub fn save(&self, record: &ExperimentRecord) -> Result<PathBuf> {
        Ok(self
            .runs
            .save_as(&record.to_record()?, &record.file_stem())?)
    }

    /// All records of experiments that can be read, by experiment and then by start.
    ///
    /// A folder that does not exist holds none. Files that are no records are left out; see
    /// [`problems`](Self::problems).
    ///
    /// # Errors
    /// [`PaperError::Record`](crate::PaperError::Record) when the folder cannot be listed.
    pub fn records(&self) -> Result<Vec<ExperimentRecord>> {
        let records = self.runs.records()?.into_iter();
        let records = records.filter_map(|record| ExperimentRecord::of(record)?.ok());
        let mut records: Vec<ExperimentRecord> = records.collect();
        // The sort keeps the order of starts.
        records.sort_by_key(|record| record.experiment);
        Ok(records)
    }

    /// The JSON files in the folder that are no records, or that say of an experiment what cannot
    /// be, and why.
    ///
    /// # Errors
    /// [`PaperError::Record`](crate::PaperError::Record) when the folder cannot be listed.
    pub fn problems(&self) -> Result<Vec<RecordProblem>> {
        let files = self.runs.read()?.into_iter();
        let mut problems: Vec<RecordProblem> = files
            .filter_map(|(path, record)| {
                let reason = match record {
                    Ok(record) => ExperimentRecord::of(record)?.err()?,
                    Err(reason) => reason,
                };
                Some(RecordProblem { path, reason })
            })
            .collect();
        problems.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(problems)
    }

    /// The newest record of an experiment with the same scale, seed and data.
    ///
    /// # Errors
    /// [`PaperError::Record`](crate::PaperError::Record) when the folder cannot be listed.
    pub fn latest(
        &self,
        experiment: u32,
        facts: &ExperimentFacts,
    ) -> Result<Option<ExperimentRecord>> {
        let mut records = self.records()?.into_iter();
        Ok(records.rfind(|record| record.experiment == experiment && record.belongs_to(facts)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::experiment_record::tests::{facts, record};
    use serde_json::json;

    #[test]
    fn the_latest_has_the_same_scale_seed_and_data() {
        let dir = tempfile::tempdir().unwrap();
        let runs = ExperimentRuns::at(dir.path());
        let at = |started: &str| {
            let mut record = record(3);
            record.started = started.to_owned();
            record
        };
        let wanted = at("2026-11-22T10:00:00Z");
        let older = at("2026-11-21T10:00:00Z");
        let newer = at("2026-11-23T10:00:00Z");
        let changed = |change: fn(&mut ExperimentRecord)| {
            let mut record = newer.clone();
            change(&mut record);
            record
        };
        let others = [
            changed(|record| record.seed = 8),
            changed(|record| record.data = "others".to_owned()),
            changed(|record| record.scale = record.scale.with_epochs(9)),
            changed(|record| record.experiment = 4),
        ];
        for record in [&wanted, &older].into_iter().chain(&others) {
            runs.save(record).unwrap();
        }
        let latest = runs.latest(3, &facts()).unwrap().unwrap();
        assert_eq!(latest.started, wanted.started);
        assert_eq!(runs.latest(5, &facts()).unwrap(), None);
        let numbers = runs.records().unwrap().into_iter();
        let numbers: Vec<u32> = numbers.map(|record| record.experiment).collect();
        assert_eq!(numbers, [3, 3, 3, 3, 3, 4]);
        let name = "e04-custom-s7-20261123T100000Z.json";
        assert!(dir.path().join(name).exists());
    }

    #[test]
    fn impossible_records_are_left_out_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let runs = ExperimentRuns::at(dir.path());
        let path = runs.save(&record(2)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let write = |name: &str, change: fn(&mut serde_json::Value)| {
            let mut json = serde_json::from_str(&text).unwrap();
            change(&mut json);
            fs::write(dir.path().join(name), json.to_string()).unwrap();
        };
        write("number.json", |json| {
            json["facts"]["experiment"] = json!(4_294_967_295_u32);
        });
        write("nan.json", |json| {
            json["metrics"]["test_accuracy"] = json!("NaN");
        });
        write("inf.json", |json| {
            json["metrics"]["test_accuracy"] = json!("inf");
        });
        write("long.json", |json| json["seconds"] = json!(1e300));
        write("other.json", |json| json["facts"] = json!({}));

        assert_eq!(runs.records().unwrap().len(), 1);
        assert_eq!(runs.all().records().unwrap().len(), 4);
        let problems = runs.problems().unwrap();
        let named: Vec<(&str, bool)> = problems
            .iter()
            .map(|problem| {
                let name = problem.path.file_stem().unwrap().to_str().unwrap();
                let part = match name {
                    "number" => "4294967295",
                    "long" => "seconds of 1e300",
                    _ => "test_accuracy of ",
                };
                (name, problem.reason.contains(part))
            })
            .collect();
        let expected = ["inf", "long", "nan", "number"].map(|name| (name, true));
        assert_eq!(named, expected, "{problems:?}");
    }

    #[test]
    fn the_committed_records_are_all_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notebooks/records");
        let runs = ExperimentRuns::at(folder);
        assert_eq!(runs.problems().unwrap(), []);
        let records = runs.records().unwrap();
        let files = fs::read_dir(runs.path()).unwrap().count();
        assert_eq!(
            (records.len(), runs.all().records().unwrap().len()),
            (files, files)
        );
        let first = &records[0];
        assert_eq!((first.experiment, first.test_accuracy), (1, 0.4656));
        assert_eq!(first.scale, crate::Scale::laptop());
        assert_eq!(first.file_stem(), "e01-laptop-s0-20261125T222903Z");
        let last = &records[files - 1];
        assert_eq!((last.experiment, last.speed_run.is_some()), (19, true));
    }
}
