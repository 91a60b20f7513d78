use std::collections::HashSet;

use serde_json::{Value, json};

use super::advice::advice;
use super::place::{Place, drawn, of_carets};
use crate::mark::Failure;

/// evcxr's words for the end of the cells' process.
const ENDED: &str = "Subprocess terminated with status:";
/// What `labbook-notebook` ends the process with at a second interrupt.
const INTERRUPTED: &str = "exit status: 130";
const KILLED: &str = "signal: 9 (SIGKILL)";
/// The system's words for a full disk, as compiler and linker pass them on.
const FULL_DISK: &str = "No space left on device";

/// Stands in the report of a process that has ended.
pub(super) const LOST: &str = "All variables are lost";

/// What begins a change of colour, the end of all colours, and the grey of source text.
pub(super) const ESCAPE: &str = "\u{1b}[";
pub(super) const PLAIN: &str = "0";
const GREY: &str = "38;5;249";
/// Stands at the left of the source lines that evcxr_jupyter shows.
const FRAME: char = '\u{2502}';

/// What a person reads of a cell that failed.
#[derive(Clone, Debug)]
pub(super) struct Report {
    name: String,
    message: String,
    lines: Vec<String>,
}

impl Report {
    /// A panic or a failed `?` in a cell with this code.
    pub(super) fn of_failure(failure: &Failure, code: &str) -> Report {
        let name = if failure.panic { "Panic" } else { "Error" };
        let mut lines: Vec<String> = red(&format!("{name}: {}", failure.message));
        if let Some((number, line)) = place(failure, code) {
            lines.push(format!("line {number}: {line}"));
        }
        if code.contains("let ") {
            lines.push(
                "This cell's own variables are not kept; those of earlier cells are.".to_owned(),
            );
        }
        Report {
            name: name.to_owned(),
            message: failure.message.clone(),
            lines,
        }
    }

    /// What evcxr_jupyter found wrong in a cell with this code: mostly, what the compiler said. `name` is
    /// evcxr's name of the cell and ours, `interrupted` whether its process was ended on request.
    pub(super) fn of_evcxr(
        content: &Value,
        code: &str,
        name: &(String, String),
        interrupted: bool,
    ) -> Report {
        let text = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            // It names the first letter of every cell, whatever is wrong.
            let text = text.replace(&format!("{}:1:1", name.0), &name.1);
            text.replace(&name.0, &name.1)
        };
        let message = text(&content["evalue"]);
        if let Some((printed, status)) = message.split_once(ENDED) {
            return Report::of_end(printed, status.trim(), interrupted);
        }
        if message.contains(FULL_DISK) {
            return Report::of_full_disk();
        }
        let lines = content["traceback"].as_array().into_iter().flatten();
        let lines = lines.map(|line| legible(&text(line))).collect();
        Report {
            name: text(&content["ename"]),
            lines: placed(lines, code, &message, &name.1),
            message,
        }
    }

    /// The cell was interrupted before it ran.
    pub(super) fn of_interrupt() -> Report {
        let message = "Interrupted: the cell was still being compiled and did not run. All variables \
                       are kept.";
        Report {
            name: "Interrupted".to_owned(),
            message: message.to_owned(),
            lines: red(message),
        }
    }

    /// The compiler had no place for what it makes of the cell; its own words are pages of JSON.
    fn of_full_disk() -> Report {
        let message = "The disk is full: there was no place to compile the cell, which did not run. Free some \
                       space and run it again; all variables are kept.";
        Report {
            name: "FullDisk".to_owned(),
            message: message.to_owned(),
            lines: red(message),
        }
    }

    /// The cells' process has ended.
    fn of_end(printed: &str, status: &str, interrupted: bool) -> Report {
        let why = match status {
            _ if interrupted || status == INTERRUPTED => {
                "Interrupted: the cell was stopped at once".to_owned()
            }
            KILLED => {
                "The system stopped the cell, most likely because the memory was full".to_owned()
            }
            _ => format!("The process that ran the cell has ended ({status})"),
        };
        let message = format!("{why}. {LOST}; run the notebook's cells again from the first.");
        let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        lines.extend(red(&message));
        lines.push(format!("process terminated: {status}"));
        Report {
            name: "Terminated".to_owned(),
            message,
            lines,
        }
    }

    /// With a line that says what to do, where that is likely enough; `defined` are the types that the
    /// notebook's cells define.
    pub(super) fn advised(mut self, defined: &HashSet<String>) -> Report {
        if let Some(advice) = advice(&self.message, &self.lines, defined) {
            self.lines
                .push(format!("{ESCAPE}1mWhat helps:{ESCAPE}{PLAIN}m {advice}"));
        }
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn content(&self) -> Value {
        json!({"ename": self.name, "evalue": self.message, "traceback": self.lines})
    }

    /// Makes an error of a reply.
    pub(super) fn fill(&self, reply: &mut Value) {
        reply["status"] = "error".into();
        reply["ename"] = self.name.clone().into();
        reply["evalue"] = self.message.clone().into();
        reply["traceback"] = self.lines.clone().into();
    }
}

/// The lines, with the place in the cell that evcxr_jupyter left out, or marked without the line's number.
fn placed(mut lines: Vec<String>, code: &str, message: &str, cell: &str) -> Vec<String> {
    if lines.iter().any(|line| line.contains(FRAME)) {
        return lines;
    }
    if let Some((places, mut rest)) = of_carets(code, &lines) {
        // The message comes behind the places there.
        let last = rest.iter().rposition(|line| line == message);
        let message = last.map(|last| rest.remove(last));
        return message
            .into_iter()
            .chain(drawn(cell, code, &places))
            .chain(rest)
            .collect();
    }
    let variable = message.split('`').nth(1);
    if let Some(place) = variable.and_then(|name| Place::of_variable(code, name)) {
        lines.extend(drawn(cell, code, &[(place, String::new())]));
    }
    lines
}

/// evcxr_jupyter's source lines with plain text in the page's own colour instead of a light grey, and
/// a colour once instead of at every character.
fn legible(line: &str) -> String {
    let mut shown = String::new();
    let mut colour = "";
    let mut parts = line.split(ESCAPE);
    shown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (code, text) = part.split_once('m').unwrap_or(("", part));
        let wanted = if code == GREY || code == PLAIN {
            ""
        } else {
            code
        };
        if !text.is_empty() && wanted != colour {
            shown.push_str(&format!(
                "{ESCAPE}{}m",
                if wanted.is_empty() { PLAIN } else { wanted }
            ));
            colour = wanted;
        }
        shown.push_str(text);
    }
    if !colour.is_empty() {
        shown.push_str(&format!("{ESCAPE}{PLAIN}m"));
    }
    shown
}

/// The same text without changes of colour.
pub(super) fn without_colours(text: &str) -> String {
    let mut parts = text.split(ESCAPE);
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    std::iter::once(first.as_str()).chain(rest).collect()
}

fn red(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| format!("\u{1b}[31m{line}\u{1b}[0m"))
        .collect()
}

/// Number and text of the line that failed, if only one can have.
fn place(failure: &Failure, code: &str) -> Option<(usize, String)> {
    let is_it = |line: &str| match &failure.line {
        Some(known) => line == known.trim(),
        None => !failure.panic && line.contains('?') && !line.starts_with("//"),
    };
    let lines = code.lines().map(str::trim).zip(1..);
    let mut found = lines.filter(|(line, _)| is_it(line));
    match (found.next(), found.next()) {
        (Some((line, number)), None) => Some((number, line.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_named_where_only_one_can_be_meant() {
        let failure = Failure {
            panic: false,
            message: "no layer".to_owned(),
            line: None,
        };
        let text = |code: &str| Report::of_failure(&failure, code).lines.join("\n");
        assert_eq!(
            text("f();\ng()?"),
            "\u{1b}[31mError: no layer\u{1b}[0m\nline 2: g()?"
        );
        assert!(!text("f()?;\ng()?").contains("line"));
        let panic = Failure {
            panic: true,
            line: Some("let a = v[7];".to_owned()),
            ..failure
        };
        let report = Report::of_failure(&panic, "f()?;\n  let a = v[7];");
        assert!(
            report.lines[1].starts_with("line 2: let a") && report.lines[2].contains("not kept")
        );
        let mut reply = json!({"status": "ok", "execution_count": 3});
        report.fill(&mut reply);
        assert_eq!(
            (reply["status"].as_str(), reply["ename"].as_str()),
            (Some("error"), Some("Panic"))
        );
        assert_eq!(reply["execution_count"], 3);
    }

    #[test]
    fn a_full_disk_is_told_in_a_sentence() {
        let message = "Compilation failed, but no parsable errors were found. STDERR:\n{\"artifact\":\"ctx.d\"}\n\
                       rustc-LLVM ERROR: IO failure on output stream: No space left on device\n";
        let content = json!({"ename": "Error", "evalue": message, "traceback": [message]});
        let report = Report::of_evcxr(&content, "f();", &Default::default(), false);
        assert!(report.message.starts_with("The disk is full"), "{report:?}");
        assert!(!report.lines.concat().contains("artifact"), "{report:?}");
    }

    #[test]
    fn the_end_of_the_process_is_explained() {
        let ended = |status: &str| {
            let message = format!("half a line\nSubprocess terminated with status: {status}");
            let content = json!({"ename": "Error", "evalue": message, "traceback": [message]});
            Report::of_evcxr(&content, "", &Default::default(), false)
                .lines
                .join("\n")
        };
        let text = ended("exit status: 130");
        assert!(
            text.starts_with("half a line\n") && text.contains("Interrupted"),
            "{text}"
        );
        assert!(ended("signal: 9 (SIGKILL)").contains("memory"));
        assert!(ended("exit status: 3").contains("(exit status: 3)"));
    }

    #[test]
    fn what_helps_comes_last_and_colours_do_not_hide_the_mistake() {
        let line = format!("{ESCAPE}31m[E04{ESCAPE}0m{ESCAPE}31m25]{ESCAPE}0m Error");
        let content = json!({"evalue": "cannot find value `x` in this scope", "traceback": [line]});
        let report = Report::of_evcxr(&content, "", &Default::default(), false);
        let report = report.advised(&HashSet::new());
        assert_eq!(report.lines.len(), 2);
        let last = without_colours(&report.lines[1]);
        assert!(
            last.starts_with("What helps: no cell that ran defines `x`"),
            "{last}"
        );
    }

    #[test]
    fn the_compilers_words_stay_and_name_the_cell() {
        let line =
            "\u{1b}[31mE\u{1b}[0m\u{1b}[31mr\u{1b}[0m\u{1b}[38;5;249m x\u{1b}[0m command_3:1";
        let content = json!({"ename": "Error", "evalue": "wrong", "traceback": [line]});
        let name = ("command_3".to_owned(), "cell 2".to_owned());
        let report = Report::of_evcxr(&content, "", &name, false);
        assert_eq!(report.lines, ["\u{1b}[31mEr\u{1b}[0m x cell 2:1"]);
        assert_eq!(report.message, "wrong");
    }
}
