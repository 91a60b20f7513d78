//! What is looked at before a release and needs the network, so that it is not among the checks of every day.

use std::process::Command;

use crate::failure::Result;
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::tools;

/// The release whose list of misspelled words `typos.toml` was written for.
const TYPOS: [&str; 1] = ["typos==1.52.0"];
/// The newest release of cargo-deny when this was written.
const DENY: &str = "0.20.2";

/// Looks for misspelled words in everything that a person wrote.
pub(crate) fn spelling(places: &Places) -> Result<()> {
    let announcement = "Installing typos, which knows misspelled words (12 MB)";
    let python = scratch::python(places, "spelling", &TYPOS, announcement)?;
    process::run(
        Command::new(python.with_file_name("typos")).current_dir(&places.root),
        "a word is misspelled (above); what is right and unknown to it belongs into typos.toml",
    )?;
    println!("No word is misspelled.");
    Ok(())
}

/// Looks at the dependencies' licences, sources and, where its list can be fetched, known faults.
pub(crate) fn deny(places: &Places, what: &[&str]) -> Result<()> {
    let program = tools::compiled(places, "cargo-deny", DENY, &[])?;
    process::run(
        Command::new(program)
            .arg("check")
            .args(what)
            .current_dir(&places.root),
        "cargo-deny has something to say (above)",
    )
}
