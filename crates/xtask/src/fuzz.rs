use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::setup;

/// Each target of `fuzz/`, and a folder with files to begin with.
const TARGETS: [(&str, &str); 12] = [
    ("weights", "crates/labbook-nn/tests/fixtures"),
    ("model", "crates/labbook-nn/tests/fixtures"),
    ("image", "crates/labbook-nn/tests/fixtures/images"),
    ("record", "notebooks/records"),
    ("vocabulary", "crates/labbook-text/tests/fixtures"),
    ("tokenizer", "crates/labbook-text/tests/fixtures/tokenizers"),
    ("study", "studies/search"),
    ("npy", "crates/labbook-data/tests/fixtures/numpy"),
    ("npz", "crates/labbook-data/tests/fixtures/numpy"),
    ("idx", "crates/labbook-data/tests/fixtures"),
    ("csv", "crates/labbook-tables/tests/fixtures"),
    ("preprocessor", "crates/labbook-tables/tests/fixtures"),
];

/// Those whose crates need polars, which is compiled anew for them.
const WITH_TABLES: [&str; 5] = ["npy", "npz", "idx", "csv", "preprocessor"];

/// What tells libFuzzer which branches were taken, as `cargo fuzz` asks for it without a sanitizer;
/// stable Rust knows these.
const COVERAGE: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Ccodegen-units=1",
];

/// Files of more bytes teach little and take long.
const LONGEST: &str = "-max_len=65536";
/// A reader that takes longer or more memory for one of those has a fault.
const LIMITS: [&str; 2] = ["-timeout=20", "-rss_limit_mb=4096"];

/// Hostile bytes for every reader of files, so many minutes for each.
pub(crate) fn run(places: &Places, minutes: u32, names: Option<&str>) -> Result<()> {
    let chosen = chosen(names)?;
    setup::all(places)?;
    let fuzz = Fuzz {
        root: places.root.clone(),
        target: places.cache.join("fuzz/target"),
        corpus: places.cache.join("fuzz/corpus"),
        found: places.cache.join("fuzz/found"),
    };
    fs::create_dir_all(&fuzz.found).at("create", &fuzz.found)?;
    fuzz.build(&chosen)?;
    let mut faults = Vec::new();
    for (name, seeds) in chosen {
        let ended = fuzz.run(name, seeds, minutes)?;
        println!("{name:<13} {}", ended.told);
        if ended.fault {
            faults.push(name);
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{} ended badly; the files are in {}",
            faults.join(", "),
            fuzz.found.display()
        ))),
    }
}

type Target = (&'static str, &'static str);

/// The targets of these names, or those that need no polars.
fn chosen(names: Option<&str>) -> Result<Vec<Target>> {
    let Some(names) = names else {
        let plain = TARGETS.into_iter();
        return Ok(plain
            .filter(|(name, _)| !WITH_TABLES.contains(name))
            .collect());
    };
    if names == "all" {
        return Ok(TARGETS.to_vec());
    }
    let found = names.split(',').map(|name| {
        let target = TARGETS.into_iter().find(|(known, _)| *known == name);
        target.ok_or_else(|| {
            let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            Failure::new(format!(
                "there is no target {name:?}; expected all, or some of {}",
                known.join(",")
            ))
        })
    });
    found.collect()
}

struct Fuzz {
    root: PathBuf,
    target: PathBuf,
    corpus: PathBuf,
    found: PathBuf,
}

/// How a target's time ended.
struct Ended {
    told: String,
    fault: bool,
}

impl Fuzz {
    fn build(&self, chosen: &[Target]) -> Result<()> {
        println!("Compiling the readers so that they tell which branches are taken (minutes)");
        let mut command = self.cargo("build");
        if chosen.iter().any(|(name, _)| WITH_TABLES.contains(name)) {
            command.args(["--features", "tables"]);
        }
        for (name, _) in chosen {
            command.args(["--bin", name]);
        }
        process::run(
            &mut command,
            "the targets did not compile (the compiler's message is above)",
        )
    }

    fn cargo(&self, word: &str) -> Command {
        let flags = COVERAGE.map(|flag| format!("{flag:?}")).join(",");
        let mut command = Command::new(env::cargo());
        command.args([word, "--quiet", "--release", "--manifest-path"]);
        command.arg(self.root.join("fuzz/Cargo.toml"));
        command.arg("--target-dir").arg(&self.target);
        command.args(["--config", &format!("build.rustflags=[{flags}]")]);
        command.current_dir(&self.root);
        command
    }

    fn run(&self, name: &str, seeds: &str, minutes: u32) -> Result<Ended> {
        let corpus = self.corpus.join(name);
        fs::create_dir_all(&corpus).at("create", &corpus)?;
        let log = self.found.join(format!("{name}.log"));
        let written = fs::File::create(&log).at("create", &log)?;
        let mut command = self.cargo("run");
        if WITH_TABLES.contains(&name) {
            command.args(["--features", "tables"]);
        }
        command.args(["--bin", name, "--"]);
        // New files go into the first folder.
        command.arg(&corpus).arg(self.root.join(seeds));
        command.arg(format!("-max_total_time={}", 60 * minutes));
        command.arg(format!("-artifact_prefix={}/{name}-", self.found.display()));
        command
            .args(LIMITS)
            .args([LONGEST, "-print_final_stats=1", "-close_fd_mask=1"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(written);
        let status = command.status();
        let status = status.map_err(|error| process::not_started(&command, &error))?;
        Ok(Ended {
            told: told(&log, status.success()),
            fault: !status.success(),
        })
    }
}

/// The number of files that were read, and the last words where it ended badly.
fn told(log: &Path, well: bool) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let figure = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().last().map(str::to_owned)
    };
    let files = figure("stat::number_of_executed_units:").unwrap_or_else(|| "?".to_owned());
    let memory = figure("stat::peak_rss_mb:").unwrap_or_else(|| "?".to_owned());
    let end = match well {
        true => "nothing found".to_owned(),
        false => {
            let fault =
                |line: &&str| line.contains("panicked") || line.contains("ERROR: libFuzzer");
            text.lines().find(fault).unwrap_or("ended badly").to_owned()
        }
    };
    format!("{files} files, {memory} MB: {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_folder_is_run_and_begins_with_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files: Vec<String> = fs::read_dir(root.join("fuzz/fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort_unstable();
        let mut known = TARGETS.map(|(name, _)| name);
        known.sort_unstable();
        assert_eq!(files, known);
        for (name, seeds) in TARGETS {
            assert!(root.join(seeds).is_dir(), "{name}");
        }
    }

    #[test]
    fn targets_are_chosen_by_name() {
        assert_eq!(chosen(None).unwrap().len(), 7);
        assert_eq!(chosen(Some("all")).unwrap().len(), 12);
        assert_eq!(chosen(Some("csv,model")).unwrap()[0].0, "csv");
        let error = chosen(Some("csw")).unwrap_err().to_string();
        assert!(error.contains("no target \"csw\""), "{error}");
    }

    #[test]
    fn what_libfuzzer_printed_is_told_in_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(
            &log,
            "thread 'x' panicked at src/a.rs:1:\nstat::number_of_executed_units: 93\n\
             stat::peak_rss_mb:  310\n",
        )
        .unwrap();
        assert_eq!(told(&log, true), "93 files, 310 MB: nothing found");
        assert!(told(&log, false).ends_with("panicked at src/a.rs:1:"));
    }
}
