use std::process::Command;

use crate::environment as env;
use crate::failure::Result;
use crate::places::Places;
use crate::process;

/// Installs the program `labbook`, where cargo installs programs.
pub(crate) fn run(places: &Places) -> Result<()> {
    process::run(
        Command::new(env::cargo())
            .args(["install", "--quiet", "--locked", "--force", "--path"])
            .arg(places.root.join("crates/labbook-command"))
            .current_dir(&places.root)
            // The set-up's flags would have it look for Rust's library, which no other folder's programs find.
            .env("RUSTFLAGS", ""),
        "the program was not installed (cargo's message is above)",
    )?;
    println!("Installed `labbook`. From any folder: `labbook new NAME`, then `labbook lab`.");
    Ok(())
}
