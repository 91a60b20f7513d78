use std::path::Path;

use crate::mark::Failure;

/// What Rust's own report of a panic says: `thread 'main' (7) panicked at src/lib.rs:1:2:`, then the
/// message, then perhaps a note.
#[derive(Debug, PartialEq)]
pub(super) struct Panic<'a> {
    /// What was printed before the report.
    pub(super) before: &'a str,
    pub(super) failure: Failure,
}

const START: &str = "thread '";
const PANICKED: &str = "panicked at ";
const NOTE: &str = "note: run with `RUST_BACKTRACE";
/// The cell itself, in evcxr's folder.
const CELL: &str = "src/lib.rs";
/// tch's functions without `f_` unwrap.
const UNWRAPPED: &str = "called `Result::unwrap()` on an `Err` value: Torch(\"";
/// Where libtorch's own stack begins.
const STACK: [&str; 2] = ["\\nException raised from", "\nException raised from"];

impl Panic<'_> {
    /// Whether there is a report, or the beginning of one.
    pub(super) fn is_in(errors: &str) -> bool {
        start(errors).is_some()
    }

    /// Reads the last report.
    pub(super) fn read(errors: &str) -> Panic<'_> {
        let (before, report) = errors.split_at(start(errors).unwrap_or_default());
        let (head, rest) = report.split_once('\n').unwrap_or((report, ""));
        let message = match head.split_once(PANICKED) {
            Some(_) => rest.split(NOTE).next().unwrap_or_default(),
            None => report,
        };
        let place = head.split_once(PANICKED).map(|(_, place)| place);
        Panic {
            before: before.trim_end_matches('\n'),
            failure: Failure {
                panic: true,
                message: tidy(message.trim()),
                line: place.and_then(line_of),
            },
        }
    }
}

/// Where the last report of this thread begins.
fn start(errors: &str) -> Option<usize> {
    let starts = errors.match_indices(START).map(|(start, _)| start);
    starts
        .filter(|&start| {
            let line = errors[start..].lines().next().unwrap_or_default();
            line.contains(PANICKED) && (start == 0 || errors[..start].ends_with('\n'))
        })
        .last()
}

/// The line of the cell's source, which evcxr leaves there until the next cell.
fn line_of(place: &str) -> Option<String> {
    let number = place
        .strip_prefix(CELL)?
        .strip_prefix(':')?
        .split(':')
        .next()?;
    let folder = std::env::var_os("EVCXR_TMPDIR")?;
    let source = std::fs::read_to_string(Path::new(&folder).join(CELL)).ok()?;
    let number: usize = number.parse().ok()?;
    Some(
        source
            .lines()
            .nth(number.checked_sub(1)?)?
            .trim()
            .to_owned(),
    )
}

/// Without libtorch's stack and Rust's quotation of it.
fn tidy(message: &str) -> String {
    let short = STACK.iter().fold(message, |text, stack| {
        text.split(stack).next().unwrap_or(text)
    });
    match short.strip_prefix(UNWRAPPED) {
        Some(torch) => format!(
            "libtorch: {}",
            torch.trim_end_matches("\")").replace("\\n", "\n")
        ),
        None => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_cut_to_its_message() {
        let errors = "a warning\n\nthread 'main' (71) panicked at src/lib.rs:9:1:\nout of luck\nnote: run \
                      with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert!(Panic::is_in(errors));
        let panic = Panic::read(errors);
        assert_eq!(
            (panic.before, panic.failure.message.as_str()),
            ("a warning", "out of luck")
        );
    }

    #[test]
    fn a_mention_is_no_report() {
        assert!(!Panic::is_in("the thread 'main' panicked at noon\n"));
        assert!(!Panic::is_in("panicked\n"));
        assert_eq!(Panic::read("no report").failure.message, "no report");
    }

    #[test]
    fn libtorch_says_what_is_wrong_without_its_stack() {
        let errors = "thread 'main' panicked at tensor.rs:1:2:\ncalled `Result::unwrap()` on an `Err` \
                      value: Torch(\"shapes cannot be multiplied (2x3 and 2x3)\\nException raised from \
                      meta at x.cpp:3\\nframe #0: c10\")\n";
        let failure = Panic::read(errors).failure;
        assert_eq!(
            failure.message,
            "libtorch: shapes cannot be multiplied (2x3 and 2x3)"
        );
        assert_eq!(failure.line, None);
    }
}
