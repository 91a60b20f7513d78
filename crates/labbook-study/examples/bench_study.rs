//! What the engine costs: a study of many cases whose program does nothing but put a record in place.
//!
//! `cargo xtask bench study` runs it. Prints figures in words, and at last as a line of JSON.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use labbook_nn::{Adam, Dense, Fit, Sequential};
use labbook_records::{RunFacts, RunRecord};
use labbook_study::{Queue, Study};
use serde_json::json;
use tch::{Device, Kind, Tensor};

/// Processes of the program alone, to know what the engine adds.
const ALONE: usize = 500;
const EPOCHS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let cases: usize = words.next().map_or(Ok(10_000), |word| word.parse())?;
    let jobs: usize = words.next().map_or(Ok(2), |word| word.parse())?;
    let folder = tempfile::tempdir()?;
    let study = study(folder.path(), "random", cases)?;
    let prepared = folder.path().join("prepared");
    prepare(&study, &prepared)?;
    let size = fs::metadata(prepared.join("case-00000.json"))?.len();
    let program = folder.path().join("program.sh");
    let text = format!("#!/bin/sh\nexec mv {}/${{6##*/}} $6\n", prepared.display());
    fs::write(&program, text)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;

    let alone = alone(&program, &study, &prepared)?;
    let before = peak();
    let (end, queued) = timed(|| Queue::new(study.clone(), &program).jobs(jobs).run(|_| {}))?;
    let (after, each) = (peak(), queued / cases as f64 * jobs as f64);
    println!(
        "{} cases of {cases}, {jobs} at a time: {queued:.1} s, {:.2} ms a case and process, of which the program itself \
         takes {:.2} ms; memory {before} MiB before, {after} MiB at most",
        end.done,
        1e3 * each,
        1e3 * alone
    );
    let (again, looked) = timed(|| Queue::new(study.clone(), &program).run(|_| {}))?;
    println!("a queue that finds {} records: {looked:.2} s", again.done);
    let (results, read) = timed(|| study.results())?;
    let held = peak();
    println!(
        "results of {} records of {size} bytes ({EPOCHS} epochs): {read:.2} s, {held} MiB at most",
        results.cases().len()
    );
    let (best, sorted) = timed(|| Ok::<_, Box<dyn Error>>(results.best()))?;
    println!(
        "best of {} trials: {sorted:.2} s",
        best.map_or(0, |_| results.trials().len())
    );
    drop(results);
    let figures = json!({
        "cases": cases, "jobs": jobs, "case_ms": 1e3 * each, "program_ms": 1e3 * alone, "look_s": looked,
        "results_s": read, "best_s": sorted, "record_bytes": size, "queue_mib": after, "results_mib": held,
    });
    println!("{figures}");
    Ok(())
}

fn study(folder: &Path, kind: &str, cases: usize) -> Result<Study, Box<dyn Error>> {
    let path = folder.join("STUDY.toml");
    let text = format!(
        "name = \"simulated\"\nprogram = \"program.sh\"\nmetric = \"val_loss\"\ndirection = \"min\"\nseeds = [0, 1]\n\
         [settings]\nunits = {{ min_value = 16, max_value = 256 }}\noptimizer = [\"sgd\", \"adam\", \"rmsprop\"]\n\
         learning_rate = {{ min_value = 1e-5, max_value = 0.1, sampling = \"log\" }}\n\
         [search]\nkind = \"{kind}\"\nmax_trials = {}\n",
        cases.div_ceil(2)
    );
    fs::write(&path, text)?;
    Ok(Study::open(path)?)
}

/// A real record, once for each case with its settings.
fn prepare(study: &Study, folder: &Path) -> Result<(), Box<dyn Error>> {
    let x = Tensor::arange(64, (Kind::Float, Device::Cpu)).reshape([32, 2]) / 64.0;
    let y = &x * 2.0;
    let mut model = Sequential::on(Device::Cpu).seeded(0);
    model.add(Dense::new(8).input_shape(2));
    model.add(Dense::new(2));
    model.compile(Adam::new(), "mse", [])?;
    let history = model.fit(
        &x,
        &y,
        &Fit::new().epochs(EPOCHS).validation_split(0.25).verbose(0),
    )?;
    let facts = RunFacts::new(0, Device::Cpu, "Rust, tch");
    let record = RunRecord::of_training(&facts, &model, &history)?;
    for number in 0..study.cases() {
        let case = study.case(number)?;
        let mut record = record.clone();
        record.seed = case.seed();
        let record = record
            .fact("study", study.name())?
            .fact("case", number)?
            .fact("trial", case.trial())?
            .fact("settings", case.settings())?;
        // Not by `write`, which waits for the disk each time.
        fs::create_dir_all(folder)?;
        let text = serde_json::to_vec_pretty(&record)?;
        fs::write(folder.join(format!("case-{number:05}.json")), text)?;
    }
    Ok(())
}

/// Seconds that the program takes when nothing but a loop starts it.
fn alone(program: &Path, study: &Study, prepared: &Path) -> Result<f64, Box<dyn Error>> {
    let aside = prepared.with_file_name("aside");
    fs::create_dir_all(&aside)?;
    let count = ALONE.min(study.cases());
    let begun = Instant::now();
    for number in 0..count {
        let number = number.to_string();
        let record = aside.join(format!("case-{number:0>5}.json"));
        let words = ["run", "STUDY.toml", "--case", &number, "--record"];
        Command::new(program).args(words).arg(record).status()?;
    }
    let seconds = begun.elapsed().as_secs_f64() / count as f64;
    for entry in fs::read_dir(&aside)? {
        let entry = entry?;
        fs::rename(entry.path(), prepared.join(entry.file_name()))?;
    }
    Ok(seconds)
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let begun = Instant::now();
    Ok((work()?, begun.elapsed().as_secs_f64()))
}

/// MiB that this process held at most so far.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
