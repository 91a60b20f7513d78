//! Cases in processes of their own: killed, stopped, taken twice, failing; and whole studies in queues.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use labbook_records::RunRecord;
use labbook_study::{Queue, QueueEnd, QueueEvent, Study};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_labbook-study-example");

/// A study in a folder of its own.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(study: &str) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        place.set(study);
        place
    }

    fn set(&self, study: &str) {
        let head =
            "name = \"sums\"\nprogram = \"example\"\nmetric = \"val_loss\"\ndirection = \"min\"\n";
        fs::write(self.path("STUDY.toml"), format!("{head}{study}")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn study(&self) -> Study {
        Study::open(self.path("STUDY.toml")).unwrap()
    }

    fn record(&self, case: usize) -> PathBuf {
        self.study().record_path(case)
    }

    fn command(&self, case: usize) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("run")
            .arg(self.path("STUDY.toml"))
            .args(["--case", &case.to_string(), "--record"])
            .arg(self.record(case))
            .env("OMP_NUM_THREADS", "1")
            .env("STUDY_BEGINNINGS", self.path("beginnings"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, case: usize) -> (Option<i32>, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(case).output().unwrap();
        (
            status.code(),
            String::from_utf8([stdout, stderr].concat()).unwrap(),
        )
    }

    fn start(&self, case: usize) -> Child {
        let mut command = self.command(case);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// What the program says that a case's process takes at most.
    fn memory(&self, case: usize) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAM);
        command.arg("memory").arg(self.path("STUDY.toml"));
        let output = command
            .args(["--case", &case.to_string()])
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text.trim().to_owned())
    }

    /// Waits until a case's state has been written.
    fn await_state(&self, case: usize) {
        let state = self.path(&format!("runs/sums/.case-{case:05}.safetensors"));
        let start = Instant::now();
        while !state.exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "no state");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The beginnings of trainings so far, by case.
    fn beginnings(&self) -> Vec<usize> {
        let text = fs::read_to_string(self.path("beginnings")).unwrap_or_default();
        let mut cases: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        cases.sort_unstable();
        cases
    }

    /// A program of a few lines of shell; `$REAL` is the example.
    fn script(&self, lines: &str) -> PathBuf {
        let path = self.path("program.sh");
        let beginnings = self.path("beginnings");
        let text = format!(
            "#!/bin/sh\nREAL={PROGRAM}\nexport STUDY_BEGINNINGS={}\ncd {}\n{lines}\n",
            beginnings.display(),
            self.dir.path().display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn queue(&self, program: impl Into<PathBuf>) -> QueueEnd {
        Queue::new(self.study(), program)
            .jobs(2)
            .run(|_| {})
            .unwrap()
    }
}

/// A record without its times.
fn timeless(path: &Path) -> Value {
    let mut record = json!(RunRecord::read(path).unwrap());
    for name in ["started", "seconds"] {
        record.as_object_mut().unwrap().remove(name);
    }
    let history = record["history"].as_object_mut().unwrap();
    for name in [
        "seconds",
        "training_seconds",
        "epoch_seconds",
        "epoch_training_seconds",
    ] {
        history.remove(name);
    }
    record
}

const SLOW: &str = "[settings]\nunits = 8\nlearning_rate = 0.01\nepochs = 12\npause = 60\n";

/// What a run without disturbance gives.
fn quiet(study: &str) -> Value {
    let place = Place::new(study);
    let (code, text) = place.run(0);
    assert_eq!(code, Some(0), "{text}");
    timeless(&place.record(0))
}

#[test]
fn a_killed_run_goes_on_and_ends_as_if_nothing_had_happened() {
    let place = Place::new(SLOW);
    let mut child = place.start(0);
    place.await_state(0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.record(0).exists());
    let (code, text) = place.run(0);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Resuming after epoch"), "{text}");
    assert_eq!(timeless(&place.record(0)), quiet(SLOW));
    // Nothing is left but the record, and the same command finds it.
    assert_eq!(fs::read_dir(place.path("runs/sums")).unwrap().count(), 1);
    let (code, text) = place.run(0);
    assert!(
        code == Some(0) && text.contains("is on record: val_loss 0."),
        "{text}"
    );
}

#[test]
fn sigterm_ends_it_in_time_with_a_code_of_its_own_and_the_same_command_goes_on() {
    let place = Place::new(SLOW);
    let mut child = place.start(0);
    place.await_state(0);
    let asked = Instant::now();
    let process = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert_eq!(status.code(), Some(143));
    assert!(!place.record(0).exists());
    assert_eq!(place.run(0).0, Some(0));
    assert_eq!(timeless(&place.record(0)), quiet(SLOW));
}

#[test]
fn the_memory_that_is_told_before_is_near_what_the_run_takes() {
    let place =
        Place::new("[settings]\nunits = 1000000\nlearning_rate = 0.01\nepochs = 2\npause = 400\n");
    let (code, text) = place.memory(0);
    assert_eq!(code, Some(0), "{text}");
    let told: f64 = text.lines().next_back().unwrap().parse().unwrap();
    assert!(!place.path("runs").exists(), "it runs nothing");
    let mut child = place.start(0);
    let mut most = 0.0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        most = kibibytes.map_or(most, |kibibytes| kibibytes * 1024.0 / 1e6);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(place.record(0).exists());
    assert!(
        (0.75..1.25).contains(&(told / most)),
        "{told} MB told, {most} MB taken"
    );
    let (code, text) = place.memory(1);
    assert!(code == Some(1) && text.contains("from 0 to 0"), "{text}");
}

#[test]
fn a_case_that_another_process_runs_is_to_be_tried_again() {
    let place = Place::new(SLOW);
    let mut child = place.start(0);
    place.await_state(0);
    let (code, text) = place.run(0);
    assert_eq!(code, Some(75), "{text}");
    assert!(
        text.contains("case 0 is being run by another process"),
        "{text}"
    );
    assert!(child.wait().unwrap().success());
    assert_eq!(place.beginnings(), [0]);
}

#[test]
fn what_fails_for_good_is_told_from_what_may_pass() {
    for (fault, expected, part) in [
        (
            "setting",
            1,
            "setting no_such_setting: expected a whole number, received none of this name",
        ),
        ("panic", 1, "the training program panicked"),
        ("memory", 75, "can't allocate memory"),
    ] {
        let place = Place::new(&format!("{SLOW}fault = \"{fault}\"\n"));
        let (code, text) = place.run(0);
        assert_eq!(code, Some(expected), "{fault}: {text}");
        assert!(text.contains(part), "{fault}: {text}");
        assert!(!place.record(0).exists());
        assert_eq!(
            place.record(0).with_extension("failed").exists(),
            expected == 1
        );
    }
    let place = Place::new(&SLOW.replace("epochs = 12", "epochs = 1"));
    let text = fs::read_to_string(place.path("STUDY.toml")).unwrap();
    fs::write(
        place.path("STUDY.toml"),
        text.replace("val_loss", "val_accuracy"),
    )
    .unwrap();
    let (code, text) = place.run(0);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("expected one of") && text.contains("val_loss"),
        "{text}"
    );
    assert_eq!(
        place.run(1),
        (
            Some(1),
            "error: case: expected a number from 0 to 0, received 1\n".to_owned()
        )
    );
    assert_eq!(
        Command::new(PROGRAM)
            .arg("walk")
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}

const SIX: &str =
    "seeds = [3, 4]\n[settings]\nunits = [2, 4, 8]\nlearning_rate = 0.01\nepochs = 3\npause = 30\n";

#[test]
fn two_queues_at_once_run_nothing_twice() {
    let place = Place::new(SIX);
    let program = place.script("exec $REAL \"$@\"");
    let ends: Vec<QueueEnd> = thread::scope(|scope| {
        let queues: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| place.queue(&program)))
            .collect();
        queues
            .into_iter()
            .map(|queue| queue.join().unwrap())
            .collect()
    });
    for end in ends {
        assert_eq!((end.done, end.failed.len(), end.left), (6, 0, 0));
    }
    assert_eq!(place.beginnings(), [0, 1, 2, 3, 4, 5]);
    let results = place.study().results().unwrap();
    assert_eq!((results.cases().len(), results.trials().len()), (6, 3));
    let best = results.best().unwrap();
    assert_eq!(
        best.values
            .iter()
            .map(|(seed, _)| *seed)
            .collect::<Vec<_>>(),
        [3, 4]
    );
    assert!(
        results
            .trials()
            .iter()
            .all(|trial| trial.spread.mean >= best.spread.mean)
    );
    // Another queue finds nothing to do.
    assert_eq!(place.queue("/nowhere").done, 6);
    assert_eq!(fs::read_dir(place.path("runs/sums")).unwrap().count(), 6);
}

#[test]
fn a_queue_tries_again_what_crashed_and_gives_up_what_fails() {
    let place = Place::new(SIX);
    // Case 0 crashes once, case 1 asks to be tried again once, case 2 fails for good, case 3 ends without a record.
    let program = place.script(
        "case $4 in\n\
         0) test -e crashed || { touch crashed; kill -9 $$; };;\n\
         1) test -e passed || { touch passed; echo 'error: not yet' >&2; exit 75; };;\n\
         2) echo 'error: as it is' >&2; exit 1;;\n\
         3) exit 0;;\n\
         esac\n\
         exec $REAL \"$@\"",
    );
    let events = Mutex::new(Vec::new());
    let queue = || Queue::new(place.study(), &program).jobs(2);
    let end = queue()
        .run(|event| events.lock().unwrap().push(event.clone()))
        .unwrap();
    assert_eq!((end.done, end.left), (4, 0));
    let failed: Vec<(usize, String)> = end.failed.clone();
    assert_eq!(failed[0], (2, "as it is".to_owned()));
    assert!(
        failed[1].0 == 3 && failed[1].1.contains("without a record"),
        "{failed:?}"
    );
    let again: Vec<(usize, String)> = events
        .into_inner()
        .unwrap()
        .into_iter()
        .filter_map(|event| match event {
            QueueEvent::Again { case, sentence, .. } => Some((case, sentence)),
            _ => None,
        })
        .collect();
    let again: BTreeSet<(usize, String)> = again.into_iter().collect();
    assert!(again.contains(&(1, "not yet".to_owned())), "{again:?}");
    assert!(
        again
            .iter()
            .any(|(case, why)| *case == 0 && why.contains("signal 9")),
        "{again:?}"
    );
    // What failed is left alone until it is asked for.
    assert_eq!(place.queue(PROGRAM).failed.len(), 2);
    let end = Queue::new(place.study(), PROGRAM)
        .again(true)
        .run(|_| {})
        .unwrap();
    assert_eq!((end.done, end.failed.len()), (6, 0));
}

#[test]
fn a_queue_that_is_stopped_leaves_states_and_the_next_one_goes_on() {
    let place = Place::new(SLOW);
    let queue = Queue::new(place.study(), PROGRAM);
    let stopper = queue.stopper();
    let end = thread::scope(|scope| {
        let running = scope.spawn(|| queue.run(|_| {}).unwrap());
        place.await_state(0);
        stopper.store(true, Ordering::SeqCst);
        running.join().unwrap()
    });
    assert_eq!((end.done, end.failed.len(), end.left), (0, 0, 1));
    assert_eq!(place.queue(PROGRAM).done, 1);
    let mut record = timeless(&place.record(0));
    let mut expected = quiet(SLOW);
    // The queue gives its processes more threads.
    for record in [&mut record, &mut expected] {
        for name in ["threads", "device"] {
            record.as_object_mut().unwrap().remove(name);
        }
    }
    assert_eq!(record["history"]["epoch"], expected["history"]["epoch"]);
    assert_eq!(record["facts"], expected["facts"]);
}

const TPE: &str = "[settings]\nunits = { min_value = 2, max_value = 16 }\n\
    learning_rate = { min_value = 1e-4, max_value = 0.1, sampling = \"log\" }\nepochs = 2\n\
    [search]\nkind = \"tpe\"\nmax_trials = 8\nstartup = 4\nbatch = 2\nseed = 5\n";

#[test]
fn a_search_by_results_waits_for_them_and_repeats_whatever_the_order() {
    let place = Place::new(TPE);
    let (code, text) = place.run(5);
    assert_eq!(code, Some(75), "{text}");
    assert!(
        text.contains("chosen by the results of the cases 0 to 3, of which case 0 has none yet"),
        "{text}"
    );
    let settings = |jobs: usize| {
        let place = Place::new(TPE);
        let program = place.script("OMP_NUM_THREADS=1 exec $REAL \"$@\"");
        let end = Queue::new(place.study(), program)
            .jobs(jobs)
            .run(|_| {})
            .unwrap();
        assert_eq!(end.done, 8, "{end:?}");
        let results = place.study().results().unwrap();
        let cases = results.cases().iter().map(|finished| finished.case.clone());
        cases.collect::<Vec<_>>()
    };
    let one = settings(1);
    assert_eq!(one, settings(3));
    let distinct: BTreeSet<String> = one
        .iter()
        .map(|case| format!("{:?}", case.settings()))
        .collect();
    assert_eq!(distinct.len(), 8);
}

#[test]
fn halving_gives_more_to_the_best_of_each_rung() {
    let place = Place::new(
        "[settings]\nunits = 4\nlearning_rate = [1e-5, 3e-4, 1e-3, 0.01, 0.03, 1e-4, 1e-6]\n\
         [halving]\nsetting = \"epochs\"\nmin_value = 1\nmax_value = 5\nfactor = 2\n",
    );
    let study = place.study();
    // 7 with one epoch, 3 with two, 1 with four.
    assert_eq!(study.cases(), 11);
    assert_eq!(place.queue(PROGRAM).done, 11);
    let results = study.results().unwrap();
    let rung = |epochs: i64| {
        let cases = results.cases().iter();
        let of_rung = cases.filter(|finished| finished.case.int("epochs").unwrap() == epochs);
        of_rung
            .map(|finished| (finished.value, finished.case.trial()))
            .collect::<Vec<_>>()
    };
    let mut first = rung(1);
    first.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best: BTreeSet<usize> = first[..3].iter().map(|(_, trial)| *trial).collect();
    assert_eq!(
        rung(2)
            .iter()
            .map(|(_, trial)| *trial)
            .collect::<BTreeSet<_>>(),
        best
    );
    assert_eq!(rung(4).len(), 1);
    assert_eq!(results.best().unwrap().trial, rung(4)[0].1);
}

#[test]
fn records_of_another_study_are_refused_and_named() {
    let place = Place::new(SIX);
    assert_eq!(place.run(0).0, Some(0));
    place.set(&SIX.replace("[2, 4, 8]", "[3, 4, 8]"));
    let (code, text) = place.run(0);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("units 3") && text.contains("units 2") && text.contains("another name"),
        "{text}"
    );
    let results = place.study().results().unwrap();
    assert_eq!((results.cases().len(), results.problems().len()), (0, 1));
    assert!(Queue::new(place.study(), PROGRAM).run(|_| {}).is_err());
    fs::write(place.record(1), "{").unwrap();
    let (code, text) = place.run(1);
    assert!(
        code == Some(1) && text.contains("case-00001.json"),
        "{text}"
    );
}
