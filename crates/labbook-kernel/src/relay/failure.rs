use serde_json::{Value, json};

use crate::mark::Failure;

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

    /// What evcxr_jupyter found wrong: mostly, what the compiler said.
    pub(super) fn of_evcxr(content: &Value) -> Report {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Report {
            name: text(&content["ename"]),
            message: text(&content["evalue"]),
            lines: content["traceback"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
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
