use std::fs;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::lab;
use crate::places::Places;
use crate::process;
use crate::report::{self, Format, Wishes};
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/browser.py");

/// Drives the browser that Debian has; brings none of its own.
const PLAYWRIGHT: [&str; 1] = ["playwright==1.65.2"];

/// Uses a small notebook in JupyterLab as a person does, then makes a report of what was saved.
/// Screenshots of each step go to `target/browser`.
pub(crate) fn run(places: &Places) -> Result<()> {
    let chromium = env::chromium().ok_or_else(|| {
        Failure::new("chromium is missing; `cargo xtask doctor` says how to add it")
    })?;
    let ready = setup::all(places)?;
    let python = scratch::python(
        places,
        "browser",
        &PLAYWRIGHT,
        "Installing playwright (45 MB)",
    )?;
    let folder = places.root.join("target/browser");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("clear", &folder)?;
    }
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = places.clone_folder().join("scripts/browser.py");
    crate::places::write(&script, SCRIPT)?;

    let lab = lab::server(places, &ready);
    let mut command = Command::new(python);
    command
        .arg(&script)
        .arg(&folder)
        .arg(places.root.join("crates/labbook"))
        .arg(chromium)
        .arg(lab.get_program())
        .args(lab.get_args())
        .current_dir(&folder);
    for (name, value) in lab.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    process::run(
        &mut command,
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
