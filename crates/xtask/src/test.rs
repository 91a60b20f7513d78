use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::house;
use crate::lab::jupyter;
use crate::one_build;
use crate::places::Places;
use crate::process;
use crate::setup::{self, Ready, minutes};

/// What a first run of the checks adds to the disk, in gigabytes: 80 test programs and what the compiler
/// keeps to compile them anew, and the build folders of some kernels.
const GIGABYTES: f64 = 5.0;

/// Every check, in the order in which a mistake is cheapest to see.
pub(crate) fn run(places: &Places) -> Result<()> {
    let ready = setup::all(places)?;
    setup::need_space(places, GIGABYTES, "a run of all checks")?;
    let start = Instant::now();
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env::cargo());
        command.args(words).current_dir(&places.root);
        command
    };
    heading("Formatting");
    process::run(
        &mut cargo(&["fmt", "--all", "--check"]),
        "run `cargo fmt --all`",
    )?;
    heading("The house keeps its rules");
    house::check(&places.root)?;
    heading("A notebook links what the workspace built");
    one_build::check(places)?;
    heading("Notebooks agree with their scripts");
    for notebook in notebooks(places)? {
        check_pair(places, &ready, &notebook)?;
    }
    heading("Lints");
    process::run(
        &mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-Dwarnings",
        ]),
        "clippy has something to say (above)",
    )?;
    heading("Documentation");
    process::run(
        cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
        "the documentation has a broken link or another fault (above)",
    )?;
    heading("Tests");
    process::run(
        &mut cargo(&["test", "--workspace", "--locked"]),
        "a test failed (above)",
    )?;
    println!(
        "\nAll checks passed in {}.",
        minutes(start.elapsed().as_secs())
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// The notebooks that have a script.
fn notebooks(places: &Places) -> Result<Vec<PathBuf>> {
    let folder = places.notebooks();
    let mut found: Vec<PathBuf> = fs::read_dir(&folder)
        .at("read", &folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "ipynb"))
        .collect();
    found.sort();
    Ok(found)
}

/// Compares a notebook's cells with its script in the percent format.
fn check_pair(places: &Places, ready: &Ready, notebook: &std::path::Path) -> Result<()> {
    let script = notebook.with_extension("rs");
    let written = fs::read_to_string(&script).at("read", &script)?;
    let mut command = jupyter(places, ready, "jupytext");
    command
        .args(["--to", "rs:percent", "--output", "-"])
        .arg(notebook);
    let from_notebook = process::ask(&mut command)
        .ok_or_else(|| Failure::new(format!("jupytext could not read {}", notebook.display())))?;
    let body = |text: &str| {
        let cells = text.find("// %%").map_or(text, |start| &text[start..]);
        cells.trim().to_owned()
    };
    if body(&written) == body(&from_notebook) {
        return Ok(());
    }
    let differs = body(&written)
        .lines()
        .zip(body(&from_notebook).lines())
        .find(|(a, b)| a != b)
        .map(|(a, b)| format!("; first difference: script \"{a}\", notebook \"{b}\""))
        .unwrap_or_default();
    Err(Failure::new(format!(
        "{} and its script {} differ{differs}; edit the script and run `cargo xtask pair`, or \
         `jupytext --to rs:percent` after editing the notebook",
        notebook.display(),
        script.display()
    )))
}

/// Writes each notebook anew from its script; outputs of cells that did not change stay.
pub(crate) fn pair(places: &Places) -> Result<()> {
    let ready = setup::all(places)?;
    let folder = places.notebooks();
    for entry in fs::read_dir(&folder).at("read", &folder)?.flatten() {
        let script = entry.path();
        if script.extension().is_some_and(|e| e == "rs") {
            let notebook = script.with_extension("ipynb");
            let mut command = jupyter(places, &ready, "jupytext");
            command.args(["--to", "ipynb", "--output"]).arg(&notebook);
            if notebook.exists() {
                command.arg("--update");
            }
            process::run(command.arg(&script), "jupytext could not pair the notebook")?;
        }
    }
    Ok(())
}
