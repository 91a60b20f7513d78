//! The program as a person calls it: runs, kills, repeated commands, wrong ones.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use labbook_paper::{ExperimentRecord, ExperimentRuns};

fn labbook(runs: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labbook-experiments"));
    command
        .args(words)
        .arg("--runs")
        .arg(runs)
        .env_remove("LABBOOK_DATA")
        .env_remove("LABBOOK_SCALE")
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::null());
    command
}

const TINY: [&str; 6] = ["--data", "drawn", "--scale", "smoke", "--images", "96"];

/// The words of a small run.
fn tiny<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["run"], &TINY[..], words].concat()
}

fn output(runs: &Path, words: &[&str]) -> (Output, String) {
    let output = labbook(runs, words).output().expect("a program to call");
    let text = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(text).expect("readable text"))
}

fn only_record(runs: &Path) -> ExperimentRecord {
    let mut records = ExperimentRuns::at(runs)
        .records()
        .expect("a folder of records");
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn start(runs: &Path, words: &[&str]) -> Child {
    let mut command = labbook(runs, words);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a program to call")
}

#[test]
fn a_run_is_recorded_listed_compared_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path();
    let words = tiny(&["--experiment", "1,5", "--epochs", "2", "--seed", "3"]);
    let (done, text) = output(runs, &words);
    assert!(done.status.success(), "{text}");
    assert!(text.contains("experiment 5: epoch 2/2, "), "{text}");
    let records = ExperimentRuns::at(runs).records().unwrap();
    let facts: Vec<_> = records
        .iter()
        .map(|r| (r.experiment, r.seed, r.epochs))
        .collect();
    assert_eq!(facts, [(1, 3, 2), (5, 3, 2)]);
    assert!(
        records[0].versions.contains("tch 0."),
        "{}",
        records[0].versions
    );
    // Checkpoints are beside the record, and nothing unfinished is left.
    let kept = runs.join(records[1].file_stem());
    assert!(fs::read_dir(kept).unwrap().count() > 0);
    assert!(!runs.join("unfinished").exists());

    let (_, again) = output(runs, &words);
    assert!(
        again.contains("experiment 1 is on record, begun "),
        "{again}"
    );
    assert_eq!(ExperimentRuns::at(runs).records().unwrap(), records);

    fs::write(runs.join("odd.json"), "{}").unwrap();
    let (_, list) = output(runs, &["list"]);
    assert!(list.contains("two dense layers, stopped early"), "{list}");
    assert!(
        list.contains("odd.json: expected a record of a run"),
        "{list}"
    );
    let (_, compare) = output(runs, &["compare"]);
    for part in [
        "46.98",
        "Diagnosis\n- Experiment 1 ",
        "The paper's conclusions\n- Convolutional",
        "Early stopping saves",
    ] {
        assert!(compare.contains(part), "{part}: {compare}");
    }
    let (_, one) = output(runs, &["compare", "5"]);
    assert!(
        one.contains("Experiment 5") && !one.contains("46.98"),
        "{one}"
    );
}

#[test]
fn a_run_that_was_killed_goes_on_and_ends_with_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let words = tiny(&["--experiment", "16", "--epochs", "12"]);
    assert!(output(&whole, &words).0.status.success());
    let expected = only_record(&whole);

    let mut resumed = 0;
    for delay in [0_u64, 30, 10, 20] {
        kill_once_it_has_state(&killed, &words, delay);
        if !ExperimentRuns::at(&killed).records().unwrap().is_empty() {
            break;
        }
        resumed += 1;
    }
    let (done, text) = output(&killed, &words);
    assert!(done.status.success(), "{text}");
    let found = only_record(&killed);
    assert!(
        resumed > 0 && (text.contains("goes on") || text.contains("on record")),
        "{text}"
    );
    assert_eq!(found.history.columns(), expected.history.columns());
    assert_eq!(found.test_loss.to_bits(), expected.test_loss.to_bits());
    assert_eq!(
        found.test_accuracy.to_bits(),
        expected.test_accuracy.to_bits()
    );
}

/// A kill before the first epoch has ended would prove nothing.
fn kill_once_it_has_state(runs: &Path, words: &[&str], delay: u64) {
    let mut child = start(runs, words);
    let deadline = Instant::now() + Duration::from_secs(120);
    while !has_state(runs) && child.try_wait().expect("a child to ask").is_none() {
        assert!(Instant::now() < deadline, "no epoch ended");
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(delay));
    child.kill().expect("a child to kill");
    child.wait().expect("a child to wait for");
}

fn has_state(runs: &Path) -> bool {
    let unfinished = fs::read_dir(runs.join("unfinished"));
    unfinished.is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join("training.safetensors").exists())
    })
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_in_good_order_and_it_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let words = tiny(&["--experiment", "3", "--epochs", "40"]);
    let mut child = labbook(dir.path(), &words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !has_state(dir.path()) && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let text = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{text}");
    assert!(
        text.contains("give the same command again to go on"),
        "{text}"
    );
    assert!(ExperimentRuns::at(dir.path()).records().unwrap().is_empty());
    assert!(has_state(dir.path()));
}

#[test]
fn mistakes_are_told_in_a_sentence_and_an_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone").display().to_string();
    for (words, code, part) in [
        (vec!["run"], 2, "received none"),
        (
            vec!["run", "--experiment", "17"],
            2,
            "from 1 to 16, received 17",
        ),
        (
            vec!["run", "--experiment", "1", "--data", &gone],
            1,
            "data_batch_1.bin is missing",
        ),
        (
            vec![
                "run",
                "--experiment",
                "1",
                "--data",
                "drawn",
                "--scale",
                "laptop",
            ],
            1,
            "expected 25000 to train and validate on",
        ),
        (vec!["compare"], 1, "no such record"),
    ] {
        let (output, text) = output(dir.path(), &words);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part) && text.contains("error: "), "{text}");
    }
    let (help, text) = output(dir.path(), &["--help"]);
    assert!(
        help.status.success() && text.starts_with("Usage: labbook"),
        "{text}"
    );
    let (empty, text) = output(dir.path(), &["list"]);
    assert!(
        empty.status.success() && text.starts_with("no records in"),
        "{text}"
    );
}

#[test]
fn short_trainings_are_summed_up_over_seeds_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path();
    let words = [
        "speed",
        "--data",
        "drawn",
        "--experiment",
        "18",
        "--seeds",
        "4,5",
        "--epochs",
        "1",
    ];
    let (done, text) = output(runs, &words);
    assert!(done.status.success(), "{text}");
    assert!(text.contains("experiment 18: mean "), "{text}");
    let records = ExperimentRuns::at(runs).records().unwrap();
    let seeds: Vec<u64> = records.iter().map(|record| record.seed).collect();
    assert_eq!(seeds, [4, 5]);
    let timed = |record: &ExperimentRecord| record.history.training_seconds > 0.0;
    assert!(records.iter().all(timed));
    let (_, text) = output(runs, &words);
    assert!(text.contains("seed 5 is on record"), "{text}");
    assert_eq!(ExperimentRuns::at(runs).records().unwrap().len(), 2);
}

#[test]
fn a_short_training_that_was_killed_goes_on_and_ends_with_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let words = "speed --data drawn --experiment 18 --seeds 4 --epochs 3";
    let words: Vec<&str> = words.split(' ').collect();
    let (done, text) = output(&whole, &words);
    assert!(done.status.success(), "{text}");
    assert!(text.contains("experiment 18: epoch 3/3, "), "{text}");
    kill_once_it_has_state(&killed, &words, 0);
    assert!(ExperimentRuns::at(&killed).records().unwrap().is_empty());
    let (done, text) = output(&killed, &words);
    assert!(done.status.success(), "{text}");
    assert!(
        text.contains("seed 4 goes on\nResuming after epoch"),
        "{text}"
    );
    let (found, expected) = (only_record(&killed), only_record(&whole));
    assert_eq!(found.history.columns(), expected.history.columns());
    assert_eq!(found.test_loss.to_bits(), expected.test_loss.to_bits());
    assert_eq!(found.speed_run, expected.speed_run);
    assert!(!killed.join("unfinished").exists());
}

#[test]
fn records_that_somebody_tampered_with_are_refused_or_shown_harmlessly() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notebooks/records");
    let text = fs::read_to_string(kept.join("e01-laptop-s0-20261125T222903Z.json")).unwrap();
    let write = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fs::write(runs.join(name), text.replacen(from, to, 1)).unwrap();
    };
    let accuracy = "\"test_accuracy\": 0.4656";
    for value in ["\"inf\"", "\"NaN\"", "-5", "1e300"] {
        let name = format!("accuracy{}.json", value.replace('"', ""));
        write(&name, accuracy, &format!("\"test_accuracy\": {value}"));
    }
    write(
        "number.json",
        "\"experiment\": 1,",
        "\"experiment\": 4294967295,",
    );
    write(
        "seconds.json",
        "\"seconds\": 24.330730162,\n  \"test",
        "\"seconds\": 1e300,\n  \"test",
    );
    let long = format!("\"name\": \"\\u001b[31mred\\n{}\"", "x".repeat(70_000));
    write("text.json", "\"name\": \"two dense layers\"", &long);

    let (done, list) = output(runs, &["list"]);
    assert!(done.status.success(), "{list}");
    assert_eq!(list.matches("not a record: ").count(), 6, "{list}");
    assert!(list.contains("\\u{1b}[31mred\\u{a}xxx") && !list.contains('\u{1b}'));
    let widest = list.lines().map(|line| line.chars().count()).max();
    assert!(widest < Some(500), "{widest:?}");
    let (_, compare) = output(runs, &["compare"]);
    assert!(
        compare.contains("46.56") && !compare.contains("500.00"),
        "{compare}"
    );
}
