use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Result};
use crate::places::Places;
use crate::process::{self, find_program};

/// The release of mdBook that is compiled where the machine has none.
const VERSION: &str = "0.5.4";

/// Builds the book of `docs/book` into `target/book`.
pub(crate) fn run(places: &Places) -> Result<()> {
    let mdbook = match find_program(&["mdbook"]) {
        Some(found) => found,
        None => installed(places)?,
    };
    process::run(
        Command::new(mdbook)
            .arg("build")
            .arg(places.root.join("docs/book"))
            .current_dir(&places.root),
        "mdBook could not build the book (its message is above)",
    )?;
    println!("Wrote target/book/index.html");
    Ok(())
}

/// mdBook in the cache, compiled there the first time.
fn installed(places: &Places) -> Result<PathBuf> {
    let root = places.cache.join(format!("tools/mdbook-{VERSION}"));
    let program = root.join("bin/mdbook");
    if program.is_file() {
        return Ok(program);
    }
    println!("Compiling mdBook {VERSION} (once, a few minutes)");
    fs::create_dir_all(&root).at("create", &root)?;
    let target = root.join("build");
    process::run(
        Command::new(env::cargo())
            .args(["install", "mdbook", "--version", VERSION, "--locked"])
            // Neither its server nor its search, which is a script.
            .arg("--no-default-features")
            .arg("--root")
            .arg(&root)
            .arg("--target-dir")
            .arg(&target)
            .current_dir(&places.cache)
            .env("RUSTFLAGS", ""),
        "mdBook could not be compiled (cargo's message is above); is the network reachable?",
    )?;
    fs::remove_dir_all(&target).at("remove", &target)?;
    Ok(program)
}
