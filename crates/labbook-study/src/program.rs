use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::case::Case;
use crate::exit::{FAILED, USAGE};
use crate::run_case::{Failure, Order, memory_of, run_case};
use crate::stop;
use crate::training::Training;

/// The whole of a training program's `main`: runs the one case that its command line names.
///
/// `run STUDY.toml --case N [--record FILE] [--threads T]`; without `--record` the study's own folder has the
/// file. It appears whole or not at all. While the case is not done, its state is in a hidden file beside the
/// record, and one process at a time works on it. Ends with one of the codes in [`exit`](crate::exit).
///
/// `memory STUDY.toml --case N` makes model and data, trains nothing and prints how many megabytes the process of this
/// case takes at most, as [`Training::memory`] estimates them.
///
/// `versions` is a line such as `Rust 1.95.0, tch 0.26.0` for the record.
pub fn main<F, E>(train: F, versions: &str) -> ExitCode
where
    F: FnOnce(&Case) -> Result<Training, E>,
    E: Into<Failure>,
{
    let (task, order, threads) = match parse(Parser::from_env()) {
        Ok(parsed) => parsed,
        Err(sentence) => return end(USAGE, &format!("error: {sentence}")),
    };
    if let Err(error) = stop::listen() {
        return end(
            FAILED,
            &format!("error: cannot listen for signals: {error}"),
        );
    }
    if let Some(threads) = threads {
        tch::set_num_threads(threads);
    }
    let train = |case: &Case| train(case).map_err(Into::into);
    let ended = match task {
        Task::Run => run_case(&order, versions, train),
        Task::Memory => memory_of(&order, train),
    };
    match ended.code {
        0 => end(0, &ended.sentence),
        code => end(code, &format!("error: {}", ended.sentence)),
    }
}

/// The last line tells what came of the run; who reads it may have gone.
fn end(code: u8, sentence: &str) -> ExitCode {
    use std::io::Write;
    let _ = match code {
        0 => writeln!(std::io::stdout(), "{sentence}"),
        _ => writeln!(std::io::stderr(), "{sentence}"),
    };
    ExitCode::from(code)
}

/// What to do with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Run,
    Memory,
}

const EXPECTED: &str =
    "expected run STUDY.toml --case N --record FILE, or memory STUDY.toml --case N";

fn parse(mut parser: Parser) -> Result<(Task, Order, Option<i32>), String> {
    let mut words: Vec<PathBuf> = Vec::new();
    let (mut case, mut record, mut threads) = (None, None, None);
    let told = |error: lexopt::Error| format!("{error}; {EXPECTED}");
    while let Some(argument) = parser.next().map_err(told)? {
        match argument {
            Arg::Value(word) => words.push(word.into()),
            Arg::Long("case") => {
                case = Some(
                    parser
                        .value()
                        .and_then(|value| value.parse())
                        .map_err(told)?,
                )
            }
            Arg::Long("record") => record = Some(PathBuf::from(parser.value().map_err(told)?)),
            Arg::Long("threads") => {
                threads = Some(
                    parser
                        .value()
                        .and_then(|value| value.parse())
                        .map_err(told)?,
                );
            }
            other => return Err(told(other.unexpected())),
        }
    }
    if threads.is_some_and(|threads| threads < 1) {
        return Err("--threads: expected at least 1".to_owned());
    }
    let record = record.map(|path| env::current_dir().unwrap_or_default().join(path));
    let [task, study] = words.as_slice() else {
        return Err(EXPECTED.to_owned());
    };
    let task = match task.to_str() {
        Some("run") => Task::Run,
        Some("memory") => Task::Memory,
        _ => return Err(EXPECTED.to_owned()),
    };
    match case {
        Some(case) => Ok((
            task,
            Order {
                study: study.clone(),
                case,
                record,
            },
            threads,
        )),
        None => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_study_case_and_file() {
        let parse = |line: &str| parse(Parser::from_args(line.split_whitespace()));
        let (task, order, threads) =
            parse("run a/STUDY.toml --case 7 --record /r/case.json --threads 2").unwrap();
        assert_eq!((task, order.case, threads), (Task::Run, 7, Some(2)));
        assert_eq!(order.record, Some("/r/case.json".into()));
        let (task, order, _) = parse("memory s.toml --case 3").unwrap();
        assert_eq!((task, order.case), (Task::Memory, 3));
        assert_eq!(order.record, None);
        for line in [
            "",
            "run",
            "run s.toml",
            "run s.toml --case x",
            "go s.toml --case 1",
            "run s.toml --case 1 --threads 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
