use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::short_hash::short_hash;

/// A Python with these packages and nothing else, for one command only; installed at its first use.
///
/// A file `complete` in the environment says that pip has finished.
pub(crate) fn python(
    places: &Places,
    name: &str,
    packages: &[&str],
    announcement: &str,
) -> Result<PathBuf> {
    let hash = short_hash(packages.join(" ").as_bytes());
    let prefix = places.cache.join(format!("venv-{name}-{hash}"));
    let (python, complete) = (prefix.join("bin/python"), prefix.join("complete"));
    if complete.is_file() {
        return Ok(python);
    }
    println!("{announcement}");
    let system = env::python().ok_or_else(|| Failure::new("no Python 3.11 or newer"))?;
    process::run(
        Command::new(system)
            .args(["-m", "venv", "--clear"])
            .arg(&prefix),
        "the virtual environment could not be made; on Debian install python3-venv",
    )?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "--disable-pip-version-check"])
            .args(["install", "--quiet"])
            .args(packages),
        "pip could not install what this command needs (its message is above); is the network \
         reachable?",
    )?;
    fs::write(&complete, "").at("write", &complete)?;
    Ok(python)
}
