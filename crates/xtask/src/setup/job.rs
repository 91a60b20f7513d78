//! Runs the set-up's tools: what they say goes to the log, how far they are to the screen.

use std::collections::VecDeque;
use std::io::{self, BufReader, PipeReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::step::Step;
use crate::failure::{Failure, Result};
use crate::process::{judge, not_started};

/// What takes longer is shown.
const PATIENCE: Duration = Duration::from_secs(2);
const PACE: Duration = Duration::from_millis(20);

/// As many of a failed tool's last lines are shown.
const LAST: usize = 20;

/// A line of a tool that never ends is cut here.
const LONGEST: usize = 4096;

/// Finds out how far a tool is from a line of its output.
pub(super) type Reader = fn(&str) -> Option<String>;

/// For tools that do not say how far they are.
pub(super) fn silent(_: &str) -> Option<String> {
    None
}

/// Lets cargo draw its bar, which says how far it is, though no terminal is there.
pub(super) fn with_bar(command: &mut Command) -> &mut Command {
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .env("CARGO_TERM_COLOR", "never")
}

/// Runs a command to its end; `otherwise` says what its failure means. A step that was not shown yet is
/// when the command does not end at once.
pub(super) fn run(step: &Step, command: &mut Command, far: Reader, otherwise: &str) -> Result<()> {
    let (mut child, output) = spawn(command).map_err(|e| not_started(command, &e))?;
    let last = Mutex::new(VecDeque::new());
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            lines(output, |line| match far(line) {
                Some(text) => step.far(text),
                None => keep(step, &last, line),
            });
        });
        watch(step, &mut child)
    });
    let status = status.map_err(|e| not_started(command, &e))?;
    let Some(status) = status else {
        return Err(Failure::new("called off, since another step failed"));
    };
    judge(command, status, otherwise).map_err(|failure| {
        let last = last.into_inner().unwrap_or_default();
        explain(step, &failure, last)
    })
}

/// Starts a command both of whose outputs are one, in the order in which it writes.
fn spawn(command: &mut Command) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    let child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn();
    // Else the command itself would hold the pipe's other end, and reading would not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, reader))
}

/// Waits for the end. None: the command was ended, because another step failed.
fn watch(step: &Step, child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if step.is_called_off() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        if begin.elapsed() >= PATIENCE {
            step.show();
        }
        sleep(PACE);
    }
}

fn keep(step: &Step, last: &Mutex<VecDeque<String>>, line: &str) {
    let line = line.trim_start_matches("\x1b[K").trim_end();
    if line.is_empty() {
        return;
    }
    step.log(line);
    if let Ok(mut last) = last.lock() {
        if last.len() == LAST {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }
}

/// The tool's last lines, what its failure means and where all lines are.
fn explain(step: &Step, failure: &Failure, last: VecDeque<String>) -> Failure {
    let mut text = String::new();
    for line in last {
        text.push_str("\n  | ");
        // Not what a terminal would obey.
        text.extend(line.chars().filter(|letter| !letter.is_control()));
    }
    Failure::new(format!(
        "{failure}{text}\n\nAll that was said is in {}",
        step.log_path().display()
    ))
}

/// Calls `with` for each line, one that is drawn over (it ends with a carriage return) included.
fn lines(output: impl Read, mut with: impl FnMut(&str)) {
    let mut line = Vec::new();
    for byte in BufReader::new(output).bytes().map_while(|byte| byte.ok()) {
        match byte {
            b'\n' | b'\r' => {
                with(&String::from_utf8_lossy(&line));
                line.clear();
            }
            _ if line.len() < LONGEST => line.push(byte),
            _ => {}
        }
    }
    if !line.is_empty() {
        with(&String::from_utf8_lossy(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::super::far::of_cargo;
    use super::super::screen::Screen;
    use super::*;

    #[test]
    fn a_tools_lines_go_to_the_log_and_its_last_ones_into_the_failure() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let screen = Screen::new(path.clone());
        let step = screen.quiet_step(5, "Workspace", "");
        let script = "for i in $(seq 30); do echo line $i; done; printf ' Building [=> ] 1/9: a\\r' >&2; \
                      printf 'no \\033[31mluck' >&2; exit 3";
        let failed = run(
            &step,
            Command::new("sh").args(["-c", script]),
            of_cargo,
            "it did not work",
        );
        let text = failed.expect_err("the script fails").to_string();
        assert!(text.starts_with("it did not work (sh: "), "{text}");
        assert!(
            text.contains("\n  | line 30") && !text.contains("| line 2\n"),
            "{text}"
        );
        assert!(
            text.contains("| no [31mluck") && text.contains(&path.display().to_string()),
            "{text}"
        );
        let log = std::fs::read_to_string(&path).expect("a log");
        assert!(
            log.contains("[5] line 1\n") && !log.contains("Building"),
            "{log}"
        );
    }

    #[test]
    fn what_is_called_off_ends_at_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let screen = Screen::new(dir.path().join("log"));
        let step = screen.quiet_step(4, "Rust kernel", "");
        screen.heed::<()>(Err(Failure::new("no network")));
        let begin = Instant::now();
        let ended = run(&step, Command::new("sleep").arg("60"), silent, "");
        assert!(ended.is_err() && begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn lines_end_with_either_sign_and_are_cut() {
        let mut seen = Vec::new();
        let long = "x".repeat(LONGEST + 10);
        lines(format!("a\rb\n{long}\nend").as_bytes(), |line| {
            seen.push(line.len())
        });
        assert_eq!(seen, [1, 1, LONGEST, 3]);
    }
}
