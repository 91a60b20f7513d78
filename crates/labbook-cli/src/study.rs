//! Studies: their queue on this machine, their cases, their results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use labbook_study::{Case, FinishedCase, Queue, QueueEvent, Study, StudyResults, TrialResult};
use lexopt::{Arg, Parser};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Failure, Result, printed};
use crate::print_all;
use crate::run::tell;
use crate::text_table::table;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wishes {
    words: Vec<String>,
    program: Option<PathBuf>,
    jobs: Option<usize>,
    threads: Option<usize>,
    retries: Option<u32>,
    again: bool,
}

/// A command on a study.
pub(crate) fn study(parser: Parser) -> Result<()> {
    let wishes = Wishes::read(parser)?;
    let words: Vec<&str> = wishes.words.iter().map(String::as_str).collect();
    let of_queue = wishes.jobs.or(wishes.threads).is_some();
    let of_queue = of_queue || wishes.retries.is_some() || wishes.again;
    let given = of_queue || wishes.program.is_some();
    match words.as_slice() {
        ["run", file] => run(Study::open(file)?, &wishes),
        ["plan", _] if of_queue => {
            Err(Failure::usage("`labbook study plan` takes --program alone"))
        }
        ["plan", file] => plan(&Study::open(file)?, wishes.program.as_deref()),
        [command @ ("list" | "results" | "source"), _] if given => Err(Failure::usage(format!(
            "`labbook study {command}` takes no options"
        ))),
        ["list", file] => list(&Study::open(file)?),
        ["results", file] => results(&Study::open(file)?.results()?),
        ["source", file] => tell(&format!("{}\n", Study::open(file)?.program().display())),
        _ => Err(Failure::usage(
            "expected `labbook study run|list|results|plan|program STUDY.toml`",
        )),
    }
}

impl Wishes {
    fn read(mut parser: Parser) -> Result<Self> {
        let mut wishes = Self::default();
        while let Some(argument) = parser.next().map_err(Failure::usage)? {
            match argument {
                Arg::Value(word) => wishes.words.push(word.to_string_lossy().into_owned()),
                Arg::Long("program") => {
                    wishes.program = Some(parser.value().map_err(Failure::usage)?.into())
                }
                Arg::Long("jobs") => wishes.jobs = Some(number(&mut parser, "--jobs")?),
                Arg::Long("threads") => wishes.threads = Some(number(&mut parser, "--threads")?),
                Arg::Long("retries") => wishes.retries = Some(number(&mut parser, "--retries")?),
                Arg::Long("again") => wishes.again = true,
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        if wishes.jobs == Some(0) || wishes.threads == Some(0) {
            return Err(Failure::usage(
                "--jobs and --threads: expected at least 1, received 0",
            ));
        }
        Ok(wishes)
    }
}

fn number<T: std::str::FromStr>(parser: &mut Parser, option: &str) -> Result<T> {
    let value = parser.value().map_err(Failure::usage)?;
    let text = value.to_string_lossy();
    text.parse().map_err(|_| {
        Failure::usage(format!(
            "{option}: expected a whole number, received {text:?}"
        ))
    })
}

/// Runs what is left of a study.
fn run(study: Study, wishes: &Wishes) -> Result<()> {
    let program = wishes
        .program
        .clone()
        .unwrap_or_else(|| study.program().to_owned());
    let mut queue = Queue::new(study.clone(), program)
        .jobs(wishes.jobs.unwrap_or(1))
        .again(wishes.again);
    if let Some(threads) = wishes.threads {
        queue = queue.threads(threads);
    }
    if let Some(retries) = wishes.retries {
        queue = queue.retries(retries);
    }
    let signal = stop_at_signals(&queue)?;
    let end = queue.run(|event| {
        // A reader that has gone is no reason to stop.
        let _ = print_all(&line(&study, event));
    })?;
    let failed = end.failed.len();
    let sum = format!(
        "{} of {} cases on record, {failed} failed",
        end.done,
        study.cases()
    );
    match signal.load(Ordering::SeqCst) {
        0 if failed > 0 => Err(Failure::new(format!("{sum}; --again runs those once more"))),
        0 => tell(&format!("{sum}\n")),
        signal => Err(Failure::signalled(
            signal,
            format!(
                "stopped with {sum}, {} left; the same command goes on",
                end.left
            ),
        )),
    }
}

/// What happened, in a line.
fn line(study: &Study, event: &QueueEvent) -> String {
    match event {
        QueueEvent::Begun {
            cases,
            done,
            failed,
        } => format!(
            "{}: {cases} cases, {done} on record, {failed} failed; records in {}\n",
            study.name(),
            study.records().display()
        ),
        QueueEvent::Done { sentence, .. } => format!("{sentence}\n"),
        QueueEvent::Again {
            case,
            sentence,
            after,
        } => {
            format!("case {case}: {sentence}; again in {} s\n", after.as_secs())
        }
        QueueEvent::Failed { case, sentence } => format!("case {case} failed: {sentence}\n"),
        _ => String::new(),
    }
}

/// The first Ctrl-C or SIGTERM stops the queue, the second the process. Tells the first.
fn stop_at_signals(queue: &Queue) -> Result<Arc<AtomicI32>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    let (first, stopper) = (Arc::new(AtomicI32::new(0)), queue.stopper());
    let told = Arc::clone(&first);
    thread::spawn(move || {
        for signal in signals.forever() {
            if first.swap(signal, Ordering::SeqCst) != 0 {
                std::process::exit(128 + signal);
            }
            eprintln!("stopping: running cases keep their state; once more to stop at once");
            stopper.store(true, Ordering::SeqCst);
        }
    });
    Ok(told)
}

/// Every case: settings, seed and what came of it.
fn list(study: &Study) -> Result<()> {
    let results = study.results()?;
    let varied = study.varied();
    let finished = results.cases().iter();
    let finished: HashMap<usize, &FinishedCase> = finished
        .map(|finished| (finished.case.number(), finished))
        .collect();
    let failed = results.failed().iter();
    let failed: HashMap<usize, &str> = failed
        .map(|(number, reason)| (*number, reason.as_str()))
        .collect();
    let mut rows = Vec::new();
    for number in 0..study.cases() {
        let finished = finished.get(&number);
        let state = match (finished, failed.get(&number)) {
            (Some(finished), _) => format!("{:.4}", finished.value),
            (None, Some(reason)) => format!("failed: {reason}"),
            (None, None) => "-".to_owned(),
        };
        // Of a case that waits for others nothing is known.
        let case = finished
            .map(|finished| finished.case.clone())
            .or_else(|| study.case(number).ok());
        rows.push(row(number, case.as_ref(), &varied, state));
    }
    let seed_and_state = ["seed", study.metric()];
    let head: Vec<&str> = ["case", "trial"]
        .into_iter()
        .chain(varied)
        .chain(seed_and_state)
        .collect();
    printed(print_all(&(table(&head, &rows) + &problems(&results))))
}

fn row(number: usize, case: Option<&Case>, varied: &[&str], state: String) -> Vec<String> {
    let told = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    let mut row = vec![
        number.to_string(),
        told(case.map(|case| case.trial().to_string())),
    ];
    row.extend(
        varied
            .iter()
            .map(|name| told(case.and_then(|case| Some(case.settings().get(*name)?.to_string())))),
    );
    row.push(told(case.map(|case| case.seed().to_string())));
    row.push(state);
    row
}

/// What a workflow engine has to know, in JSON: each case, the cases whose records decide what it is, and, where a
/// program is there to ask, the megabytes that it takes.
fn plan(study: &Study, program: Option<&Path>) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let memory = match program {
        Some(program) => memory(study, program)?,
        None => vec![None; study.cases()],
    };
    let mut cases = Vec::new();
    // One for each case.
    for (case, megabytes) in memory.iter().enumerate() {
        let needs = study.waits_for(case)?;
        let mut told = json!({ "case": case, "needs": [needs.start, needs.end] });
        if let Some(megabytes) = megabytes {
            told["mem_mb"] = json!(megabytes);
        }
        cases.push(told);
    }
    tell(&format!(
        "{}\n",
        json!({
            "name": study.name(),
            "study": absolute(study.file()),
            "records": absolute(study.records()),
            "cases": cases,
        })
    ))
}

/// Trials whose memory is asked for; each takes as long as reading the data does.
const MOST_ASKED: usize = 64;

/// The megabytes of each case, by its program: of up to 64 trials, and the most of these for the others, among them
/// those that a search has yet to choose. None where the program does not tell.
fn memory(study: &Study, program: &Path) -> Result<Vec<Option<u64>>> {
    let seeds = study.seeds().len();
    let mut first_cases = Vec::new();
    for case in (0..study.cases()).step_by(seeds) {
        if study.waits_for(case)?.is_empty() {
            first_cases.push(case);
        }
    }
    let every = first_cases.len().div_ceil(MOST_ASKED).max(1);
    let mut told = vec![None; study.cases()];
    for case in first_cases.into_iter().step_by(every) {
        let megabytes = asked(study, program, case);
        told[case..(case + seeds).min(study.cases())].fill(megabytes);
    }
    let most = told.iter().flatten().max().copied();
    Ok(told
        .into_iter()
        .map(|megabytes| megabytes.or(most))
        .collect())
}

/// The last line of what a program says about a case.
fn asked(study: &Study, program: &Path, case: usize) -> Option<u64> {
    let mut ask = Command::new(program);
    ask.arg("memory").arg(study.file());
    ask.args(["--case", &case.to_string()]);
    let output = ask
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text
        .lines()
        .next_back()
        .filter(|_| output.status.success())?;
    last.trim().parse().ok()
}

/// Every trial, the best first, with mean and spread over seeds.
fn results(results: &StudyResults) -> Result<()> {
    let study = results.study();
    let varied = study.varied();
    let trials = results.trials();
    let rows: Vec<Vec<String>> = trials
        .iter()
        .map(|trial| trial_row(trial, &varied))
        .collect();
    let figures = [study.metric(), "std", "lowest", "highest", "seeds"];
    let head: Vec<&str> = std::iter::once("trial")
        .chain(varied.iter().copied())
        .chain(figures)
        .collect();
    let mut text = table(&head, &rows);
    let (cases, all) = (results.cases().len(), study.cases());
    text += &format!(
        "{cases} of {all} cases on record, {} failed\n",
        results.failed().len()
    );
    if let Some(best) = results.best() {
        text += &format!("best: trial {}\n", best.trial);
        let next = trials.iter().find(|trial| trial.settings != best.settings);
        if let Some(comparison) = next.and_then(|next| results.compare(&best, next)) {
            text += &format!("to the next: {comparison}\n");
        }
    }
    printed(print_all(&(text + &problems(results))))
}

fn trial_row(trial: &TrialResult, varied: &[&str]) -> Vec<String> {
    let setting = |name: &&str| {
        trial
            .settings
            .get(*name)
            .map_or_else(String::new, ToString::to_string)
    };
    let figure = |value: f64| format!("{value:.4}");
    let spread = &trial.spread;
    let figures = [
        figure(spread.mean),
        spread.deviation.map_or_else(String::new, figure),
        figure(spread.lowest),
        figure(spread.highest),
        spread.count.to_string(),
    ];
    let number = std::iter::once(trial.trial.to_string());
    number
        .chain(varied.iter().map(setting))
        .chain(figures)
        .collect()
}

fn problems(results: &StudyResults) -> String {
    let lines = results.problems().iter();
    lines
        .map(|problem| {
            format!(
                "not counted: {}\n",
                labbook_records::clean(&problem.reason, 400)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_in_a_sentence() {
        for (line, part) in [
            ("", "run|list|results"),
            ("run", "run|list|results|plan"),
            ("list s.toml --jobs 2", "takes no options"),
            ("run s.toml --jobs 0", "at least 1"),
            ("run s.toml --jobs many", "--jobs"),
            ("run /nowhere/s.toml", "cannot read /nowhere/s.toml"),
        ] {
            let text = study(Parser::from_args(line.split_whitespace()))
                .unwrap_err()
                .to_string();
            assert!(text.contains(part), "{line}: {text}");
        }
    }
}
