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
use crate::report_target::Target;
use crate::setup::{self, KERNEL_NAME, Ready, minutes};

/// The script that runs a notebook.
const EXECUTE: &str = "execute.py";
/// A script of the report by its name.
macro_rules! script {
    ($name:literal) => {
        ($name, include_str!(concat!("../scripts/report/", $name)))
    };
}
/// What runs a notebook, and what renders an executed one: `render.py`.
const SCRIPTS: [(&str, &str); 15] = [
    script!("execute.py"),
    script!("render.py"),
    script!("document.py"),
    script!("file_names.py"),
    script!("files.py"),
    script!("html_cleaning.py"),
    script!("scatter_data.py"),
    script!("html_report.py"),
    script!("html_tokens.py"),
    script!("limits.py"),
    script!("markdown_report.py"),
    script!("markdown_text.py"),
    script!("notebook_file.py"),
    script!("pdf.py"),
    script!("pictures.py"),
];
const TEMPLATES: [(&str, &str); 5] = [
    ("report.html.j2", include_str!("../template/report.html.j2")),
    ("blocks.html.j2", include_str!("../template/blocks.html.j2")),
    ("report.css", include_str!("../template/report.css")),
    ("paper.js", include_str!("../template/paper.js")),
    ("scatter.js", include_str!("../template/scatter.js")),
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

    pub(crate) fn suffix(self) -> &'static str {
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
    /// The folder that the report goes to.
    pub(crate) output: Option<PathBuf>,
}

/// Executes a notebook headless, unless its own outputs are wanted, and writes its report in the formats
/// asked for: of the project's notebooks to `reports/`, of another one beside it. Returns the notebook with the
/// outputs that are shown.
pub(crate) fn run(places: &Places, notebook: &str, wishes: &Wishes) -> Result<PathBuf> {
    let source = notebook_path(places, notebook)?;
    if wishes.no_run && !wishes.variables.is_empty() {
        return Err(Failure::new(
            "--scale and --set say how a notebook is run, --no-run that it is not; give one of \
             them",
        ));
    }
    let target = Target::of(places, &source, wishes.output.as_deref())?;
    let ready = setup::all(places)?;
    // Only now: the set-up may just have installed it.
    let browser = env::chromium();
    let formats = formats(wishes.formats.as_deref(), browser.is_some())?;
    for format in &formats {
        target.claim(*format)?;
    }
    let work = places.reports().join("work");
    fs::create_dir_all(&work).at("create", &work)?;
    let name = &target.work;
    let session = work.join(format!("{name}.session"));
    let _ = fs::remove_file(&session);
    let scripts = write_scripts(places)?;
    let (executed, run) = if wishes.no_run {
        (source.clone(), Value::Null)
    } else {
        let executed = work.join(format!("{name}.ipynb"));
        println!("Running {}.", shown(places, &source));
        let start = Instant::now();
        let script = scripts.join(EXECUTE);
        execute(
            places,
            &ready,
            &script,
            [&source, &executed],
            &wishes.variables,
            &session,
        )?;
        println!("The executed notebook is {}.", shown(places, &executed));
        let time = minutes(start.elapsed().as_secs());
        let run = json!({ "Project": project(places), "Run time": time });
        (executed, run)
    };

    let mut settings = json!({
        "templates": write_templates(places)?,
        "fonts": fonts(places),
        "browser": browser,
        "run": run,
        "session": session,
        "folder": source.parent(),
    });
    for format in &formats {
        settings[format.suffix()] = json!(target.file(*format));
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
        println!("Wrote {}", shown(places, &target.file(format)));
    }
    Ok(executed)
}

fn write_scripts(places: &Places) -> Result<PathBuf> {
    let folder = places.clone_folder().join("scripts/report");
    for (name, text) in SCRIPTS {
        crate::places::write(&folder.join(name), text)?;
    }
    Ok(folder)
}

fn write_templates(places: &Places) -> Result<PathBuf> {
    let folder = places.clone_folder().join("templates/report");
    for (name, text) in TEMPLATES {
        crate::places::write(&folder.join(name), text)?;
    }
    Ok(folder)
}

/// The fonts' files by weight.
fn fonts(places: &Places) -> Map<String, Value> {
    let folder = places.root.join("crates/labbook-charts/fonts");
    FONTS
        .iter()
        .map(|(weight, file)| ((*weight).to_owned(), json!(folder.join(file))))
        .collect()
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
    script: &Path,
    from_and_to: [&Path; 2],
    variables: &[(String, String)],
    session: &Path,
) -> Result<()> {
    process::run(
        jupyter(places, ready, "python")
            .arg(script)
            .args(from_and_to)
            .arg(KERNEL_NAME)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("LABBOOK_SESSION", session)
            .current_dir(places.notebooks()),
        "the notebook did not run to its end (the cell and its message are above)",
    )
}

/// A path as it is told: within the project as seen from there, without what a terminal would obey.
fn shown(places: &Places, path: &Path) -> String {
    let path = path.strip_prefix(&places.root).unwrap_or(path);
    path.display()
        .to_string()
        .replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_and_template_goes_along() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let kept = |list: &[(&'static str, &str)]| {
            let mut names: Vec<String> = list.iter().map(|(name, _)| (*name).to_owned()).collect();
            names.sort_unstable();
            names
        };
        for (folder, list) in [
            ("scripts/report", &SCRIPTS[..]),
            ("template", &TEMPLATES[..]),
        ] {
            let mut found: Vec<String> = fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_file())
                .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
                .collect();
            found.sort_unstable();
            assert_eq!(found, kept(list), "{folder}");
        }
    }

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
