//! Kills at random moments, and what has to come of them: the same figures, nothing half-written, nothing
//! left running.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::setup;

/// A training has to end so long after it was asked to.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// How a process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// At once, as by the lack of memory.
    Kill,
    /// Asked to end, as by a machine that goes down.
    Terminate,
    /// Halted for a while, then killed: a machine that slept.
    Freeze,
}

const BLOWS: [Blow; 3] = [Blow::Kill, Blow::Terminate, Blow::Freeze];

/// Kills so many trainings, and compares what comes of them in the end with a quiet one.
pub(crate) fn run(places: &Places, kills: u32) -> Result<()> {
    setup::experiments(places)?;
    let folder = places.cache.join("torture");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("remove", &folder)?;
    }
    let torture = Torture {
        root: places.root.clone(),
        folder,
    };
    println!("A quiet training first");
    let begin = Instant::now();
    let mut child = torture.start("quiet")?;
    let status = child.wait().map_err(|error| told("wait", &error))?;
    process::judge(&torture.training("quiet"), status, "the training failed")?;
    let length = begin.elapsed();
    let quiet = torture.record("quiet")?;
    let mut random = Random(u64::from(kills));
    let mut dealt = [0_u32; BLOWS.len()];
    let (mut trainings, mut slowest) = (0, Duration::ZERO);
    while dealt.iter().sum::<u32>() < kills {
        let name = format!("training-{trainings}");
        // Until one lives to its end; each goes on from the last epoch that was whole.
        loop {
            let mut child = torture.start(&name)?;
            // Some are killed while they begin, some come to their end.
            let after = length.mul_f64(1.2 * random.fraction());
            if let Some(status) = wait(&mut child, after)? {
                process::judge(&torture.training(&name), status, "a training failed")?;
                break;
            }
            let which = random.below(BLOWS.len());
            dealt[which] += 1;
            let ended = deal(BLOWS[which], &mut child)?;
            slowest = slowest.max(ended);
        }
        let record = torture.record(&name)?;
        if record != quiet {
            return Err(Failure::new(format!(
                "a training that was killed and went on ended with other figures than the quiet one: \
                 compare {} with {}",
                torture.folder.join(&name).display(),
                torture.folder.join("quiet").display()
            )));
        }
        torture.require_tidy(&name)?;
        trainings += 1;
    }
    println!(
        "{} kills ({} at once, {} asked to end, {} halted before) of {trainings} trainings: all records \
         equal the quiet one's to the last digit; what was asked to end did within {:.1} s; nothing was \
         left behind",
        dealt.iter().sum::<u32>(),
        dealt[0],
        dealt[1],
        dealt[2],
        slowest.as_secs_f64()
    );
    fs::remove_dir_all(&torture.folder).at("remove", &torture.folder)
}

struct Torture {
    root: PathBuf,
    folder: PathBuf,
}

impl Torture {
    fn training(&self, name: &str) -> Command {
        let mut command = Command::new(env::cargo());
        command.args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "labbook-cli",
            "--",
        ]);
        command.args(["run", "--experiment", "2", "--scale", "smoke", "--runs"]);
        command.arg(self.folder.join(name));
        command.envs(setup::tuning()).current_dir(&self.root);
        command
    }

    /// Starts a training in a group of processes of its own, so that cargo ends with it.
    fn start(&self, name: &str) -> Result<Child> {
        let mut command = self.training(name);
        command.process_group(0).stdin(Stdio::null());
        command.stdout(Stdio::null());
        let child = command.spawn();
        child.map_err(|error| process::not_started(&command, &error))
    }

    /// The one record in a folder, without what a clock told.
    fn record(&self, name: &str) -> Result<Value> {
        let folder = self.folder.join(name);
        let records = files(&folder)?;
        let records = records
            .iter()
            .filter(|path| path.extension().is_some_and(|e| e == "json"));
        let records: Vec<&PathBuf> = records.collect();
        let [record] = records.as_slice() else {
            return Err(Failure::new(format!(
                "expected one record in {}, found {}",
                folder.display(),
                records.len()
            )));
        };
        let text = fs::read_to_string(record).at("read", record)?;
        let record: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("{} is no whole record: {error}", record.display()))
        })?;
        Ok(without_times(record))
    }

    /// Nothing but the record may be left.
    fn require_tidy(&self, name: &str) -> Result<()> {
        let folder = self.folder.join(name);
        let left = files(&folder)?;
        let left: Vec<String> = left
            .iter()
            .filter(|path| path.extension().is_none_or(|e| e != "json"))
            .map(|path| path.display().to_string())
            .collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(format!("left behind: {}", left.join(", ")))),
        }
    }
}

/// Waits for the end of a process, not longer than so.
fn wait(child: &mut Child, at_most: Duration) -> Result<Option<std::process::ExitStatus>> {
    let begin = Instant::now();
    loop {
        let status = child.try_wait().map_err(|error| told("wait", &error))?;
        if status.is_some() || begin.elapsed() >= at_most {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
}

/// Ends a process and tells how long that took.
fn deal(blow: Blow, child: &mut Child) -> Result<Duration> {
    let begin = Instant::now();
    match blow {
        Blow::Kill => signal(child, "KILL"),
        Blow::Terminate => signal(child, "TERM"),
        Blow::Freeze => {
            signal(child, "STOP");
            thread::sleep(Duration::from_millis(300));
            signal(child, "KILL");
        }
    }
    let _ = child.wait();
    // cargo may end before the training does.
    while alive(child) {
        if begin.elapsed() > PATIENCE {
            signal(child, "KILL");
            return Err(Failure::new(format!(
                "a training that was asked to end was there {} s later",
                PATIENCE.as_secs()
            )));
        }
        thread::sleep(LOOK);
    }
    Ok(match blow {
        Blow::Terminate => begin.elapsed(),
        _ => Duration::ZERO,
    })
}

/// To the whole group; one that is gone needs no signal.
fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{name}"), "--", &format!("-{}", child.id())]);
    let _ = kill.stderr(Stdio::null()).status();
}

fn alive(child: &Child) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-0", "--", &format!("-{}", child.id())]);
    kill.stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn told(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} for a training: {error}"))
}

/// All files in a folder and in those within it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).at("read", folder)?.flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// A record without the moments and durations in it.
fn without_times(record: Value) -> Value {
    match record {
        Value::Object(fields) => {
            let timeless = |name: &str| !name.contains("seconds") && name != "started";
            let fields = fields.into_iter().filter(|(name, _)| timeless(name));
            Value::Object(
                fields
                    .map(|(name, value)| (name, without_times(value)))
                    .collect(),
            )
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_times).collect()),
        other => other,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_clock_told_is_left_out_of_a_record() {
        let record = serde_json::json!({
            "started": "now", "seed": 3,
            "history": {"epoch_seconds": [1.0], "loss": [0.5], "all": [{"seconds": 2, "x": 1}]}
        });
        let expected = serde_json::json!({
            "seed": 3, "history": {"loss": [0.5], "all": [{"x": 1}]}
        });
        assert_eq!(without_times(record), expected);
    }

    #[test]
    fn a_process_that_is_frozen_and_killed_is_gone() {
        let mut sleeper = Command::new("sleep");
        let mut child = sleeper.arg("100").process_group(0).spawn().unwrap();
        assert!(wait(&mut child, Duration::ZERO).unwrap().is_none());
        deal(Blow::Freeze, &mut child).unwrap();
        assert!(!alive(&child));
    }
}
