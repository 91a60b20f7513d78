use std::fs;
use std::process::Command;

use crate::browser;
use crate::environment as env;
use crate::failure::{At, Result};
use crate::new;
use crate::places::{self, Places};
use crate::process;
use crate::report::{self, Format, Wishes};
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/pictures.py");

/// The notebook that is shown, as `labbook new` writes it.
const NAME: &str = "digits";
const KIND: &str = "images";

/// What the README shows.
const PICTURES: [&str; 2] = ["notebook.png", "report.png"];

/// Runs a first notebook and takes pictures of it in JupyterLab and of its report, for the README.
pub(crate) fn run(places: &Places) -> Result<()> {
    let chromium = browser::chromium()?;
    let ready = setup::all(places)?;
    let python = browser::python(places)?;
    let folder = places.root.join("target/pictures");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("clear", &folder)?;
    }
    fs::create_dir_all(&folder).at("create", &folder)?;
    let notebook = folder.join(NAME).display().to_string();
    new::run(&notebook, Some(KIND))?;
    let wishes = Wishes {
        // The same pictures on whichever machine.
        variables: vec![("LABBOOK_DATA".to_owned(), "drawn".to_owned())],
        formats: Some(vec![Format::Html]),
        ..Wishes::default()
    };
    let executed = report::run(places, &format!("{notebook}.ipynb"), &wishes)?;
    let shown = folder.join(NAME).with_extension("ipynb");
    fs::copy(&executed, &shown).at("copy", &executed)?;

    let script = browser::script(places)?.with_file_name("pictures.py");
    places::write(&script, SCRIPT)?;
    let mut command = Command::new(python);
    command
        .arg(&script)
        .arg(&folder)
        .arg(&shown)
        .arg(folder.join(NAME).with_extension("html"))
        .arg(chromium)
        .current_dir(&folder);
    process::run(
        browser::with_lab(&mut command, places, &ready),
        "the pictures could not be taken (the message is above)",
    )?;
    let docs = places.root.join("docs");
    fs::create_dir_all(&docs).at("create", &docs)?;
    for picture in PICTURES {
        let (from, to) = (folder.join(picture), docs.join(picture));
        fs::copy(&from, &to).at("copy", &from)?;
        println!("Wrote docs/{picture}");
    }
    process::run(
        Command::new(env::cargo())
            .args(["run", "--quiet", "--package", "labbook", "--example"])
            .args(["gallery", "--"])
            .arg(&docs)
            .current_dir(&places.root),
        "the gallery could not be drawn (the message is above)",
    )?;
    println!("Wrote docs/gallery-columns.png and docs/gallery-pairs.png");
    Ok(())
}
