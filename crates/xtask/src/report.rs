use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::data;
use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::lab::jupyter;
use crate::places::Places;
use crate::process;
use crate::setup::{self, KERNEL_NAME, Ready, minutes};

const EXECUTE: &str = include_str!("../scripts/execute.py");
const RENDER: &str = include_str!("../scripts/render.py");
const TEMPLATE: &str = include_str!("../template/index.html.j2");
const STYLE: &str = include_str!("../template/report.css");

/// How much of the original's work a run does; the notebook itself says what each changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    Smoke,
    Laptop,
    Full,
}

impl Scale {
    pub(crate) fn parse(text: &str) -> Result<Scale> {
        match text {
            "smoke" => Ok(Scale::Smoke),
            "laptop" => Ok(Scale::Laptop),
            "full" => Ok(Scale::Full),
            other => Err(Failure::new(format!(
                "the scale is smoke, laptop or full; received \"{other}\""
            ))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Scale::Smoke => "smoke",
            Scale::Laptop => "laptop",
            Scale::Full => "full",
        }
    }
}

/// Executes a notebook headless and writes `reports/NOTEBOOK.html` and `.pdf`.
pub(crate) fn run(places: &Places, notebook: &str, scale: Option<Scale>) -> Result<()> {
    let source = notebook_path(places, notebook)?;
    let name = source
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let scale = match (scale, std::env::var("LABBOOK_SCALE")) {
        (Some(scale), _) => scale,
        (None, Ok(text)) if !text.is_empty() => Scale::parse(&text)?,
        (None, _) if data::find(places).is_some() => Scale::Laptop,
        (None, _) => Scale::Smoke,
    };
    let ready = setup::all(places)?;
    let reports = places.reports();
    let work = reports.join("work");
    for folder in [&reports, &work] {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    let executed = work.join(format!("{name}.ipynb"));
    let session = work.join(format!("{name}.session"));
    println!("Running notebooks/{name}.ipynb at {} scale.", scale.name());
    let start = Instant::now();
    let _ = fs::remove_file(&session);
    execute(places, &ready, &source, &executed, scale, &session)?;

    let html = reports.join(format!("{name}.html"));
    let seconds = start.elapsed().as_secs();
    render(places, &ready, &executed, &session, &html, seconds)?;
    println!("Wrote {}", shown(places, &html));
    match env::chromium() {
        Some(browser) => {
            let pdf = reports.join(format!("{name}.pdf"));
            print_pdf(&browser, &html, &pdf, &work)?;
            println!("Wrote {}", shown(places, &pdf));
        }
        None => println!("No PDF: chromium is missing; `cargo xtask doctor` says how to add it."),
    }
    Ok(())
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
    scale: Scale,
    session: &Path,
) -> Result<()> {
    let script = write_script(places, "execute.py", EXECUTE)?;
    process::run(
        jupyter(places, ready, "python")
            .arg(script)
            .args([source, executed])
            .arg(KERNEL_NAME)
            .env("LABBOOK_SCALE", scale.name())
            .env("LABBOOK_SESSION", session)
            .current_dir(places.notebooks()),
        "the notebook did not run to its end (the cell and its message are above)",
    )
}

fn render(
    places: &Places,
    ready: &Ready,
    executed: &Path,
    session: &Path,
    html: &Path,
    seconds: u64,
) -> Result<()> {
    let template = places.clone_folder().join("templates/labbook");
    fs::create_dir_all(&template).at("create", &template)?;
    let conf = "{\"base_template\": \"basic\", \"mimetypes\": {\"text/html\": true}}";
    for (name, text) in [
        ("index.html.j2", TEMPLATE),
        ("report.css", STYLE),
        ("conf.json", conf),
    ] {
        let path = template.join(name);
        fs::write(&path, text).at("write", &path)?;
    }
    let script = write_script(places, "render.py", RENDER)?;
    process::run(
        jupyter(places, ready, "python")
            .arg(script)
            .args([executed, session, html])
            .arg(places.clone_folder().join("templates"))
            .arg(minutes(seconds)),
        "the report could not be written (nbconvert's message is above)",
    )
}

fn print_pdf(browser: &Path, html: &Path, pdf: &Path, work: &Path) -> Result<()> {
    let beside = pdf.with_extension("pdf.part");
    let profile = work.join("chromium");
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-pdf-header-footer",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
    ]);
    if env::is_root() {
        // chromium refuses to run as root otherwise; it only opens the file written above.
        command.arg("--no-sandbox");
    }
    command
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--print-to-pdf={}", beside.display()))
        .arg(format!("file://{}", html.display()));
    let printed = command.output().at("start", browser)?;
    if !printed.status.success() || !beside.is_file() {
        return Err(Failure::new(format!(
            "{} could not print the report to PDF:\n{}",
            browser.display(),
            String::from_utf8_lossy(&printed.stderr)
        )));
    }
    fs::rename(&beside, pdf).at("rename to", pdf)?;
    let _ = fs::remove_dir_all(&profile);
    Ok(())
}

fn write_script(places: &Places, name: &str, text: &str) -> Result<PathBuf> {
    let path = places.clone_folder().join("scripts").join(name);
    crate::places::write(&path, text)?;
    Ok(path)
}

fn shown(places: &Places, path: &Path) -> String {
    path.strip_prefix(&places.root)
        .unwrap_or(path)
        .display()
        .to_string()
}
