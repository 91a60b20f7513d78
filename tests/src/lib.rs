//! Runs a notebook as a person would, with `cargo xtask report`, and reads what came of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The clone under test.
#[must_use]
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap_or(root)
}

/// Runs `cargo xtask` with these words, on the drawn data whatever the machine has. Records of runs
/// go to `runs`.
///
/// # Errors
/// When cargo cannot be started.
pub fn xtask(words: &[&str], runs: &Path) -> std::io::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "xtask", "--"])
        .args(words)
        .current_dir(root())
        .env_remove("LABBOOK_SCALE")
        .env("LABBOOK_DATA", "drawn")
        .env("LABBOOK_RUNS", runs)
        .output()
}

/// Writes a notebook of these code cells, after one that depends on the facade, into `folder`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_notebook(folder: &Path, name: &str, cells: &[&str]) -> std::io::Result<PathBuf> {
    let first = first_cell();
    let code = |(number, source): (usize, &str)| {
        json!({
            "cell_type": "code", "id": format!("cell-{number}"), "metadata": {},
            "execution_count": null, "outputs": [], "source": source,
        })
    };
    let sources = std::iter::once(first.as_str()).chain(cells.iter().copied());
    let notebook = json!({
        "cells": sources.enumerate().map(code).collect::<Vec<_>>(),
        "metadata": { "kernelspec": { "name": "labbook", "display_name": "Rust", "language": "rust" } },
        "nbformat": 4, "nbformat_minor": 5,
    });
    let path = folder.join(format!("{name}.ipynb"));
    std::fs::write(&path, notebook.to_string())?;
    Ok(path)
}

/// The code cells of a script in jupytext's percent format, without the one that depends on the facade, which
/// every kernel of these tests runs first.
///
/// # Errors
/// When the script cannot be read.
pub fn code_cells(script: &Path) -> std::io::Result<Vec<String>> {
    let text = std::fs::read_to_string(script)?;
    let mut cells: Vec<String> = Vec::new();
    let mut of_code = false;
    for line in text.lines() {
        if line.starts_with("// %%") {
            of_code = line == "// %%";
            if of_code {
                cells.push(String::new());
            }
        } else if let (true, Some(cell)) = (of_code, cells.last_mut()) {
            cell.push_str(line);
            cell.push('\n');
        }
    }
    cells.retain(|cell| !cell.starts_with("// :dep") && !cell.trim().is_empty());
    Ok(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

/// What a kernel answered to a cell.
#[derive(Debug)]
pub struct Answer {
    /// `ok`, `error`, `aborted`, `killed` or `restarted`.
    pub status: String,
    /// All that was printed, or shown as plain text.
    pub text: String,
    /// The kinds of messages in their order, as in `display_data`; printed text once.
    pub shown: Vec<String>,
    /// What the kernel answered to the cells [queued](Step::then) behind.
    pub queued: Vec<String>,
    /// The cell's number, if the kernel gave it one.
    pub count: Option<u64>,
}

/// One cell for [`converse`].
#[derive(Debug)]
pub struct Step(Value);

impl Step {
    /// A cell that runs to its end.
    #[must_use]
    pub fn new(code: &str) -> Step {
        Step(json!({ "code": code }))
    }

    /// Interrupts the kernel, `times` times a second apart, once the cell has printed `after`.
    #[must_use]
    pub fn interrupted(code: &str, after: &str, times: u32) -> Step {
        Step(json!({ "code": code, "interrupt": { "after": after, "times": times } }))
    }

    /// Another request than a cell; the answer's text is the reply, as JSON.
    #[must_use]
    pub fn asking(kind: &str, content: &Value) -> Step {
        Step(json!({ "ask": kind, "content": content }))
    }

    /// Kills the kernel outright once the cell has printed `after`; the steps that follow are for
    /// another kernel, beginning with [`first`](Self::first).
    #[must_use]
    pub fn killed(code: &str, after: &str) -> Step {
        Step(json!({ "code": code, "kill": after }))
    }

    /// Restarts the kernel once a spare one waits; the steps that follow are for another kernel, beginning
    /// with [`first`](Self::first). The answer's text is `spare` if it is that one, else `started`.
    #[must_use]
    pub fn restarted() -> Step {
        Step(json!({ "restart": true }))
    }

    /// The cell that depends on the facade, for a kernel after [`killed`](Self::killed).
    #[must_use]
    pub fn first() -> Step {
        Step::new(&first_cell())
    }

    /// Interrupts the idle kernel, `times` times a second apart, before the cell.
    #[must_use]
    pub fn after_idle_interrupts(code: &str, times: u32) -> Step {
        Step(json!({ "code": code, "idle": times }))
    }

    /// Gives this line when the cell reads its standard input.
    #[must_use]
    pub fn answering(mut self, line: &str) -> Step {
        self.0["answer"] = json!(line);
        self
    }

    /// Says that nobody can be asked for input, as programs do that run notebooks.
    #[must_use]
    pub fn alone(mut self) -> Step {
        self.0["alone"] = json!(true);
        self
    }

    /// Asks the kernel neither to count nor to show the cell.
    #[must_use]
    pub fn hidden(mut self) -> Step {
        self.0["hidden"] = json!(true);
        self
    }

    /// Sends bytes that are no messages, and messages that are malformed, to the kernel before the cell.
    #[must_use]
    pub fn attacked(mut self) -> Step {
        self.0["attacked"] = json!(true);
        self
    }

    /// Sends further cells without waiting, as "Run All" does.
    #[must_use]
    pub fn then(mut self, codes: &[&str]) -> Step {
        self.0["queued"] = json!(codes);
        self
    }
}

/// Starts a kernel as Jupyter does and sends it these cells, after one that depends on the facade.
/// The scale is smoke, the data are drawn, records go to `folder`.
///
/// # Errors
/// When the set-up did not say where Jupyter is, or the conversation breaks off.
pub fn converse(folder: &Path, steps: Vec<Step>) -> std::io::Result<Vec<Answer>> {
    converse_with(folder, steps, &[])
}

/// Like [`converse`], with these variables in the kernel's environment.
///
/// # Errors
/// As there.
pub fn converse_with(
    folder: &Path,
    steps: Vec<Step>,
    variables: &[(&str, &str)],
) -> std::io::Result<Vec<Answer>> {
    converse_after(&first_cell(), folder, steps, variables)
}

/// Like [`converse_with`], after another first cell.
///
/// # Errors
/// As there.
pub fn converse_after(
    first: &str,
    folder: &Path,
    steps: Vec<Step>,
    variables: &[(&str, &str)],
) -> std::io::Result<Vec<Answer>> {
    let mut python = jupyter(folder)?
        .arg(root().join("tests/converse.py"))
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut cells = vec![json!({ "code": first })];
    cells.extend(steps.into_iter().map(|step| step.0));
    if let Some(mut input) = python.stdin.take() {
        input.write_all(Value::Array(cells).to_string().as_bytes())?;
    }
    let output = python.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.lines().next_back().unwrap_or_default();
    let answers: Value = serde_json::from_str(last).map_err(std::io::Error::other)?;
    let answers = answers.as_array().into_iter().flatten().skip(1);
    let answer = |answer: &Value| Answer {
        status: text(&answer["status"]),
        text: text(&answer["text"]),
        shown: texts(&answer["shown"]),
        queued: texts(&answer["queued"]),
        count: answer["count"].as_u64(),
    };
    Ok(answers.map(answer).collect())
}

/// The set-up's Python, with Jupyter and the kernel, at work in `folder`. The scale is smoke, the data
/// are drawn, records go to `folder`.
///
/// # Errors
/// When the set-up did not say where Jupyter is.
pub fn jupyter(folder: &Path) -> std::io::Result<Command> {
    let variable = |name: &str| {
        std::env::var(name)
            .map_err(|_| std::io::Error::other(format!("no {name}; run `cargo xtask setup` first")))
    };
    let mut python = Command::new(variable("LABBOOK_PYTHON")?);
    python
        .current_dir(folder)
        .env("JUPYTER_PATH", variable("LABBOOK_JUPYTER_PATH")?)
        .env("LABBOOK_DATA", "drawn")
        .env("LABBOOK_SCALE", "smoke")
        .env("LABBOOK_RUNS", folder);
    Ok(python)
}

fn first_cell() -> String {
    let facade = root().join("crates/labbook");
    format!(":dep labbook = {{ path = {facade:?} }}\nuse labbook::prelude::*;")
}

/// An executed notebook.
#[derive(Debug)]
pub struct Notebook {
    cells: Vec<Value>,
}

impl Notebook {
    /// Reads a notebook file.
    ///
    /// # Errors
    /// When it cannot be read or is no notebook.
    pub fn read(path: &Path) -> std::io::Result<Notebook> {
        let text = std::fs::read_to_string(path)?;
        let value: Value = serde_json::from_str(&text).map_err(std::io::Error::other)?;
        let cells = value["cells"].as_array().cloned().unwrap_or_default();
        Ok(Notebook { cells })
    }

    /// The sources of the code cells below a heading, up to the next heading.
    #[must_use]
    pub fn section(&self, heading: &str) -> Vec<String> {
        let below = |cell: &&Value| text(&cell["source"]).lines().any(|line| line == heading);
        let start = self.cells.iter().position(|cell| below(&cell));
        let rest = start.map_or(&[][..], |start| &self.cells[start + 1..]);
        let is_heading = |cell: &Value| {
            cell["cell_type"] == "markdown" && text(&cell["source"]).starts_with('#')
        };
        let cells = rest.iter().take_while(|cell| !is_heading(cell));
        cells
            .filter(|cell| cell["cell_type"] == "code")
            .map(|cell| text(&cell["source"]))
            .collect()
    }

    /// The code cells' sources with their outputs.
    pub fn code(&self) -> impl Iterator<Item = (String, &[Value])> {
        self.cells
            .iter()
            .filter(|cell| cell["cell_type"] == "code")
            .map(|cell| {
                (
                    text(&cell["source"]),
                    cell["outputs"].as_array().map_or(&[][..], Vec::as_slice),
                )
            })
    }

    /// All that was printed or shown as plain text, by cells whose source contains `needle`.
    #[must_use]
    pub fn printed(&self, needle: &str) -> String {
        let outputs = self
            .code()
            .filter(|(source, _)| source.contains(needle))
            .flat_map(|(_, o)| o);
        outputs
            .map(|output| text(&output["text"]) + &text(&output["data"]["text/plain"]))
            .collect()
    }

    /// Every picture, with the source of its cell.
    #[must_use]
    pub fn pictures(&self) -> Vec<(String, Vec<u8>)> {
        let mut pictures = Vec::new();
        for (source, outputs) in self.code() {
            for output in outputs {
                let encoded = text(&output["data"]["image/png"]);
                if !encoded.is_empty() {
                    let png = STANDARD.decode(encoded.trim()).unwrap_or_default();
                    pictures.push((source.clone(), png));
                }
            }
        }
        pictures
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

/// A notebook's text is a string or a list of lines.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// Width, height and the number of different byte values of a picture.
///
/// # Errors
/// When the bytes are no PNG.
pub fn decode(png: &[u8]) -> std::io::Result<(u32, u32, usize)> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(std::io::Error::other)?;
    let size = reader.output_buffer_size().unwrap_or_default();
    let mut bytes = vec![0; size];
    let info = reader
        .next_frame(&mut bytes)
        .map_err(std::io::Error::other)?;
    let mut seen = [false; 256];
    bytes
        .iter()
        .for_each(|&byte| seen[usize::from(byte)] = true);
    Ok((info.width, info.height, seen.iter().filter(|&&s| s).count()))
}
