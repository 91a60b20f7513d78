use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use crate::case::Case;
use crate::exit::{FAILED, USAGE};
use crate::run_case::{Failure, Order, run_case};
use crate::stop;
use crate::training::Training;

/// The whole of a training program's `main`: runs the one case that its command line names.
///
/// `run STUDY.toml --case N [--record FILE] [--threads T]`; without `--record` the study's own folder has the
/// file. It appears whole or not at all. While the case is not done, its state is in a hidden file beside the
/// record, and one process at a time works on it. Ends with one of the codes in [`exit`](crate::exit).
///
/// `versions` is a line such as `Rust 1.95.0, tch 0.26.0` for the record.
pub fn main<F, E>(train: F, versions: &str) -> ExitCode
where
    F: FnOnce(&Case) -> Result<Training, E>,
    E: Into<Failure>,
{
    let (order, threads) = match parse(Parser::from_env()) {
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
    let ended = run_case(&order, versions, |case| train(case).map_err(Into::into));
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

fn parse(mut parser: Parser) -> Result<(Order, Option<i32>), String> {
    let mut words: Vec<PathBuf> = Vec::new();
    let (mut case, mut record, mut threads) = (None, None, None);
    let told =
        |error: lexopt::Error| format!("{error}; expected run STUDY.toml --case N --record FILE");
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
    match (words.as_slice(), case) {
        ([run, study], Some(case)) if run.as_os_str() == "run" => Ok((
            Order {
                study: study.clone(),
                case,
                record,
            },
            threads,
        )),
        _ => Err("expected run STUDY.toml --case N --record FILE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_study_case_and_file() {
        let parse = |line: &str| parse(Parser::from_args(line.split_whitespace()));
        let (order, threads) =
            parse("run a/STUDY.toml --case 7 --record /r/case.json --threads 2").unwrap();
        assert_eq!((order.case, threads), (7, Some(2)));
        assert_eq!(order.record, Some("/r/case.json".into()));
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
