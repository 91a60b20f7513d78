//! What the compiler tells of a cell, as evcxr is to read it.
//!
//! evcxr learns from errors what a cell does to variables: one in a line of its own that keeps a variable
//! means that the cell gave it away. It reads two things wrong. Any place in a cell's last line that an
//! error mentions counts as a sign that the line's value can only be shown as debug text, even where the
//! error is that the line gave a variable away; and in a cell with an error, warnings count as errors.
//! Of a cell without one it reads no warnings; those that say of a value that nobody looks at it are kept
//! for the [relay](crate::relay).

use std::borrow::Cow;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// In the cell's folder: the values that nobody looks at.
const FILE: &str = "unused.json";
/// What the warnings of such a value are called: of a call's, and of a variable's.
const UNUSED: [&str; 2] = ["unused_must_use", "path_statements"];
/// How evcxr's line begins that keeps a variable.
const KEEPS: &str = "evcxr_variable_store.put_variable::<";
const MOVED: &str = "E0382";

/// A value that a cell makes and nobody looks at.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unused {
    /// The compiler's word for it.
    pub(crate) message: String,
    /// The line, and the columns in it, which count characters from nought.
    pub(crate) line: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The compiler's lines without warnings, and without what makes evcxr think that a value cannot be shown.
pub(crate) fn for_evcxr(told: &str) -> String {
    let lines = told.split_inclusive('\n');
    lines.filter_map(line_for_evcxr).collect()
}

fn line_for_evcxr(line: &str) -> Option<Cow<'_, str>> {
    let Some(mut value) = object(line) else {
        return Some(line.into());
    };
    let wrapped = value["message"].is_object();
    let told = if wrapped {
        &mut value["message"]
    } else {
        &mut value
    };
    if told["level"] == "warning" {
        return None;
    }
    let is_moved = told["code"]["code"] == MOVED;
    let spans = told.get_mut("spans").and_then(Value::as_array_mut);
    let Some(spans) = spans.filter(|spans| is_moved && spans.iter().any(is_keeping)) else {
        return Some(line.into());
    };
    spans.retain(is_keeping);
    told["children"] = Value::Array(Vec::new());
    Some(format!("{value}\n").into())
}

/// The compiler's message in a line, or what cargo puts around it.
fn object(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.is_object().then_some(value)
}

/// Whether what is wrong is wrong where evcxr keeps a variable.
fn is_keeping(span: &Value) -> bool {
    let line = span["text"][0]["text"].as_str().unwrap_or_default();
    span["is_primary"] == true && line.trim_start().starts_with(KEEPS)
}

/// Forgets what was written of another compilation.
pub(crate) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes down the values that nobody looks at.
pub(crate) fn remember(folder: &Path, told: &str) -> io::Result<()> {
    let unused: Vec<Unused> = told.lines().filter_map(unused_of).collect();
    match unused.is_empty() {
        true => Ok(()),
        false => fs::write(folder.join(FILE), serde_json::to_string(&unused)?),
    }
}

/// What was written of the cell that was compiled last.
pub(crate) fn unused(folder: &Path) -> Vec<Unused> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn unused_of(line: &str) -> Option<Unused> {
    let value = object(line)?;
    let told = match value["message"].is_object() {
        true => &value["message"],
        false => &value,
    };
    let name = told["code"]["code"].as_str()?;
    if told["level"] != "warning" || !UNUSED.contains(&name) {
        return None;
    }
    let spans = told["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    // What goes over several lines begins in the first.
    let (text, several) = (&span["text"][0], span["line_start"] != span["line_end"]);
    let line = text["text"].as_str()?.to_owned();
    let column = |name: &str| {
        let column = usize::try_from(text[name].as_u64()?).ok()?;
        column.checked_sub(1)
    };
    let (start, end) = (column("highlight_start")?, column("highlight_end")?);
    let end = if several { line.chars().count() } else { end };
    (start < end).then(|| Unused {
        message: told["message"].as_str().unwrap_or_default().to_owned(),
        line,
        start,
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn span(primary: bool, text: &str) -> Value {
        let end = text.chars().count() + 1;
        let text = json!([{"text": text, "highlight_start": 1, "highlight_end": end}]);
        json!({"is_primary": primary, "line_start": 3, "line_end": 3, "text": text})
    }

    fn told(level: &str, code: &str, spans: &[Value]) -> Value {
        let children =
            [json!({"level": "help", "message": "consider cloning", "spans": [spans[0]]})];
        json!({
            "level": level, "code": {"code": code}, "message": format!("{code} it is"), "spans": spans,
            "children": children,
        })
    }

    fn keeping() -> Value {
        span(
            true,
            "  evcxr_variable_store.put_variable::<Vec<f64>>(stringify!(v), v);",
        )
    }

    #[test]
    fn of_a_variable_given_away_only_the_line_that_keeps_it_is_told() {
        let spans = [span(false, "(f(v)).evcxr_display();"), keeping()];
        let own = told("error", MOVED, &spans);
        let wrapped = json!({"reason": "compiler-message", "message": own});
        for (line, place) in [(own.clone(), ""), (wrapped, "/message")] {
            let shown: Value = serde_json::from_str(&for_evcxr(&format!("{line}\n"))).unwrap();
            let shown = shown.pointer(place).unwrap();
            assert_eq!(shown["spans"], json!([keeping()]));
            assert_eq!(shown["children"], json!([]));
            assert_eq!(shown["message"], own["message"]);
        }
    }

    #[test]
    fn other_errors_stay_and_warnings_go() {
        let twice = told("error", MOVED, &[span(true, "g(v);"), span(false, "f(v);")]);
        let borrowed = told("error", "E0597", &[keeping()]);
        let warning = told("warning", "unused_variables", &[span(true, "let a = 1;")]);
        let lines = format!("{twice}\n{warning}\n   Compiling own v1\n{borrowed}\n5\n");
        let wanted = format!("{twice}\n   Compiling own v1\n{borrowed}\n5\n");
        assert_eq!(for_evcxr(&lines), wanted);
    }

    #[test]
    fn what_nobody_looks_at_is_kept_until_the_next_compilation() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut several = span(true, "f(");
        several["line_end"] = 4.into();
        several["text"][0]["highlight_start"] = 2.into();
        let lines = [
            told("warning", "unused_must_use", &[span(true, "1 + 1")]),
            told("warning", "unused_variables", &[span(true, "let a = 1;")]),
            json!({"message": told("warning", "path_statements", &[several])}),
            json!({"reason": "compiler-artifact"}),
        ];
        let lines = lines.map(|line| line.to_string()).join("\n");
        remember(dir.path(), &lines)?;
        let places: Vec<(String, usize, usize)> = unused(dir.path())
            .into_iter()
            .map(|unused| (unused.line, unused.start, unused.end))
            .collect();
        assert_eq!(
            places,
            [("1 + 1".to_owned(), 0, 5), ("f(".to_owned(), 1, 2)]
        );
        forget(dir.path())?;
        assert_eq!(unused(dir.path()), []);
        forget(dir.path())
    }
}
