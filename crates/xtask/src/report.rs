use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::lab::jupyter;
use crate::places::Places;
use crate::process;
use crate::setup::{self, KERNEL_NAME, Ready, minutes};

const EXECUTE: &str = include_str!("../scripts/execute.py");
/// What renders an executed notebook; `render.py` is the program.
const RENDER: [(&str, &str); 5] = [
    ("render.py", include_str!("../scripts/report/render.py")),
    ("document.py", include_str!("../scripts/report/document.py")),
    (
        "html_report.py",
        include_str!("../scripts/report/html_report.py"),
    ),
    (
        "markdown_report.py",
        include_str!("../scripts/report/markdown_report.py"),
    ),
    ("pdf.py", include_str!("../scripts/report/pdf.py")),
];
const TEMPLATES: [(&str, &str); 4] = [
    ("report.html.j2", include_str!("../template/report.html.j2")),
    ("blocks.html.j2", include_str!("../template/blocks.html.j2")),
    ("report.css", include_str!("../template/report.css")),
    ("paper.js", include_str!("../template/paper.js")),
];
/// By weight, what the PDF is set in, so that it looks the same wherever it is made.
const FONTS: [(&str, &str); 2] = [
    ("400", "OpenSans-Regular.ttf"),
    ("600", "OpenSans-Semibold.ttf"),
];

/// A form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Html,
    Pdf,
    Markdown,
}

impl Format {
    /// Reads a list such as `html,pdf,md`.
    pub(crate) fn parse(list: &str) -> Result<Vec<Format>> {
        let one = |word: &str| match word.trim() {
            "html" => Ok(Format::Html),
            "pdf" => Ok(Format::Pdf),
            "md" => Ok(Format::Markdown),
            other => Err(Failure::new(format!(
                "--format takes html, pdf and md, separated by commas; received \"{other}\""
            ))),
        };
        list.split(',').map(one).collect()
    }

    fn suffix(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Pdf => "pdf",
            Format::Markdown => "md",
        }
    }
}

/// What a report is asked to be; what is left open is decided by what there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    /// Environment variables for the notebook, by name.
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) formats: Option<Vec<Format>>,
    /// Take the outputs that the notebook has, and run nothing.
    pub(crate) no_run: bool,
}

/// Executes a notebook headless, unless its own outputs are wanted, and writes
/// `reports/NOTEBOOK.html` and the other formats.
pub(crate) fn run(places: &Places, notebook: &str, wishes: &Wishes) -> Result<()> {
    let source = notebook_path(places, notebook)?;
    let name = source
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if wishes.no_run {
        if !wishes.variables.is_empty() {
            return Err(Failure::new(
                "--scale and --set say how a notebook is run, --no-run that it is not; give one of \
                 them",
            ));
        }
        need_outputs(&source)?;
    }
    let ready = setup::all(places)?;
    // Only now: the set-up may just have installed it.
    let browser = env::chromium();
    let formats = formats(wishes.formats.as_deref(), browser.is_some())?;
    let reports = places.reports();
    let work = reports.join("work");
    for folder in [&reports, &work] {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    let session = work.join(format!("{name}.session"));
    let _ = fs::remove_file(&session);
    let (executed, run) = if wishes.no_run {
        (source.clone(), Value::Null)
    } else {
        let executed = work.join(format!("{name}.ipynb"));
        println!("Running {}.", shown(places, &source));
        let start = Instant::now();
        execute(
            places,
            &ready,
            &source,
            &executed,
            &wishes.variables,
            &session,
        )?;
        let time = minutes(start.elapsed().as_secs());
        (
            executed,
            json!({ "Project": project(places), "Run time": time }),
        )
    };

    let scripts = places.clone_folder().join("scripts/report");
    let templates = places.clone_folder().join("templates/report");
    for (name, text) in RENDER {
        crate::places::write(&scripts.join(name), text)?;
    }
    for (name, text) in TEMPLATES {
        crate::places::write(&templates.join(name), text)?;
    }
    let fonts = places.root.join("crates/labbook-charts/fonts");
    let fonts: Map<String, Value> = FONTS
        .iter()
        .map(|(weight, file)| ((*weight).to_owned(), json!(fonts.join(file))))
        .collect();
    let mut settings = json!({
        "templates": templates,
        "fonts": fonts,
        "browser": browser,
        "run": run,
        "session": session,
        "folder": source.parent(),
    });
    let target = |format: Format| reports.join(format!("{name}.{}", format.suffix()));
    for format in &formats {
        settings[format.suffix()] = json!(target(*format));
    }
    let settings_file = work.join(format!("{name}.json"));
    crate::places::write(&settings_file, &settings.to_string())?;
    process::run(
        jupyter(places, &ready, "python")
            .arg(scripts.join("render.py"))
            .args([&executed, &settings_file]),
        "the report could not be written (the message is above)",
    )?;
    for format in formats {
        println!("Wrote {}", shown(places, &target(format)));
    }
    Ok(())
}

/// The formats asked for; else HTML, and PDF where a browser can print it.
fn formats(asked: Option<&[Format]>, can_print: bool) -> Result<Vec<Format>> {
    let missing = "chromium is missing; `cargo xtask doctor` says how to add it";
    match asked {
        Some(formats) if formats.contains(&Format::Pdf) && !can_print => {
            Err(Failure::new(format!("no PDF can be made: {missing}")))
        }
        Some(formats) => Ok(formats.to_vec()),
        None if can_print => Ok(vec![Format::Html, Format::Pdf]),
        None => {
            println!("No PDF: {missing}.");
            Ok(vec![Format::Html])
        }
    }
}

/// This project's version and commit, and whether files differ from it.
fn project(places: &Places) -> String {
    let git =
        |words: &[&str]| process::ask(Command::new("git").args(words).current_dir(&places.root));
    let version = concat!("labbook ", env!("CARGO_PKG_VERSION"));
    match git(&["rev-parse", "--short=10", "HEAD"]) {
        Some(commit) => {
            let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
            let changed = if changes.is_some_and(|list| list.is_empty()) {
                ""
            } else {
                ", with changes"
            };
            format!("{version}, commit {commit}{changed}")
        }
        None => version.to_owned(),
    }
}

/// Fails for a notebook that was never run.
fn need_outputs(notebook: &Path) -> Result<()> {
    let text = fs::read_to_string(notebook).at("read", notebook)?;
    let content: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is no notebook: {error}", notebook.display())))?;
    let cells = content["cells"].as_array().into_iter().flatten();
    let mut outputs = cells.filter_map(|cell| cell["outputs"].as_array());
    if outputs.any(|outputs| !outputs.is_empty()) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} has no outputs; run it in JupyterLab and save it, or leave --no-run away",
        notebook.display()
    )))
}

/// A notebook by its name or path.
fn notebook_path(places: &Places, notebook: &str) -> Result<PathBuf> {
    let by_name = places.notebooks().join(format!("{notebook}.ipynb"));
    let candidates = [PathBuf::from(notebook), by_name];
    let found = candidates
        .iter()
        .find(|p| p.is_file() && p.extension().is_some());
    let found = found.ok_or_else(|| {
        let known = fs::read_dir(places.notebooks())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| {
                e.file_name()
                    .to_str()?
                    .strip_suffix(".ipynb")
                    .map(str::to_owned)
            })
            .collect::<Vec<_>>();
        Failure::new(format!(
            "no notebook \"{notebook}\"; there is: {}",
            known.join(", ")
        ))
    })?;
    found.canonicalize().at("find", found)
}

/// Runs every cell; a cell that panics or fails ends the run and is named.
fn execute(
    places: &Places,
    ready: &Ready,
    source: &Path,
    executed: &Path,
    variables: &[(String, String)],
    session: &Path,
) -> Result<()> {
    let script = places.clone_folder().join("scripts/execute.py");
    crate::places::write(&script, EXECUTE)?;
    process::run(
        jupyter(places, ready, "python")
            .arg(script)
            .args([source, executed])
            .arg(KERNEL_NAME)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("LABBOOK_SESSION", session)
            .current_dir(places.notebooks()),
        "the notebook did not run to its end (the cell and its message are above)",
    )
}

fn shown(places: &Places, path: &Path) -> String {
    path.strip_prefix(&places.root)
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_a_list() {
        let list = Format::parse("md, html").ok();
        assert_eq!(list, Some(vec![Format::Markdown, Format::Html]));
        let message = Format::parse("html,docx").map_err(|e| e.to_string());
        assert!(message.is_err_and(|text| text.contains("docx")));
    }

    #[test]
    fn a_pdf_that_was_asked_for_needs_a_browser() {
        assert!(formats(Some(&[Format::Pdf]), false).is_err());
        assert_eq!(formats(None, false).ok(), Some(vec![Format::Html]));
        let both = formats(None, true).ok();
        assert_eq!(both, Some(vec![Format::Html, Format::Pdf]));
    }
}
