use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::lab;
use crate::places::Places;
use crate::process;
use crate::report::{self, Format, Wishes};
use crate::scratch;
use crate::setup::{self, Ready};

const SCRIPT: &str = include_str!("../scripts/browser.py");

/// Drives the browser that Debian has; brings none of its own.
const PLAYWRIGHT: [&str; 1] = ["playwright==1.65.2"];

/// Uses a small notebook in JupyterLab as a person does, then makes a report of what was saved.
/// Screenshots of each step go to `target/browser`.
pub(crate) fn run(places: &Places) -> Result<()> {
    let chromium = chromium()?;
    let ready = setup::all(places)?;
    let python = python(places)?;
    let folder = places.root.join("target/browser");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("clear", &folder)?;
    }
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = script(places)?;
    let mut command = Command::new(python);
    command
        .arg(&script)
        .arg(&folder)
        .arg(places.root.join("crates/labbook"))
        .arg(chromium)
        .current_dir(&folder);
    process::run(
        with_lab(&mut command, places, &ready),
        "the notebook did not behave in the browser (the message is above)",
    )?;
    let wishes = Wishes {
        formats: Some(vec![Format::Html, Format::Pdf]),
        no_run: true,
        ..Wishes::default()
    };
    let saved = folder.join("small.ipynb");
    report::run(places, &saved.display().to_string(), &wishes)?;
    println!("Screenshots are in target/browser.");
    Ok(())
}

/// The browser that is driven.
pub(crate) fn chromium() -> Result<PathBuf> {
    env::chromium()
        .ok_or_else(|| Failure::new("chromium is missing; `cargo xtask doctor` says how to add it"))
}

/// A Python that can drive it.
pub(crate) fn python(places: &Places) -> Result<PathBuf> {
    let announcement = "Installing playwright (45 MB)";
    scratch::python(places, "browser", &PLAYWRIGHT, announcement)
}

/// The script that starts JupyterLab in a browser, which others may import.
pub(crate) fn script(places: &Places) -> Result<PathBuf> {
    let script = places.clone_folder().join("scripts/browser.py");
    crate::places::write(&script, SCRIPT)?;
    Ok(script)
}

/// Adds the words and variables that start JupyterLab.
pub(crate) fn with_lab<'a>(
    command: &'a mut Command,
    places: &Places,
    ready: &Ready,
) -> &'a mut Command {
    let lab = lab::server(places, ready);
    let variables = lab.get_envs();
    command
        .arg(lab.get_program())
        .args(lab.get_args())
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
}
