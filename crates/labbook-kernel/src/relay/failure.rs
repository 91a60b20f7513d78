use serde_json::{Value, json};

use crate::mark::Failure;

/// evcxr's words for the end of the cells' process.
const ENDED: &str = "Subprocess terminated with status:";
/// What `labbook-notebook` ends the process with at a second interrupt.
const INTERRUPTED: &str = "exit status: 130";
const KILLED: &str = "signal: 9 (SIGKILL)";

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

    /// What evcxr_jupyter found wrong: mostly, what the compiler said. `name` is evcxr's name of the
    /// cell and ours.
    pub(super) fn of_evcxr(content: &Value, name: &(String, String)) -> Report {
        let text = |value: &Value| value.as_str().unwrap_or_default().replace(&name.0, &name.1);
        let message = text(&content["evalue"]);
        if let Some((printed, status)) = message.split_once(ENDED) {
            return Report::of_end(printed, status.trim());
        }
        let lines = content["traceback"].as_array().into_iter().flatten();
        Report {
            name: text(&content["ename"]),
            message,
            lines: lines.map(text).collect(),
        }
    }

    /// The cells' process has ended.
    fn of_end(printed: &str, status: &str) -> Report {
        let why = match status {
            INTERRUPTED => "Interrupted: the cell was stopped at once".to_owned(),
            KILLED => {
                "The cell was stopped at once: interrupted, or the memory was full".to_owned()
            }
            _ => format!("The process that ran the cell has ended ({status})"),
        };
        let message = format!(
            "{why}. All variables are lost; run the notebook's cells again from the first."
        );
        let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        lines.extend(red(&message));
        lines.push(format!("process terminated: {status}"));
        Report {
            name: "Terminated".to_owned(),
            message,
            lines,
        }
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
