use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Result};
use crate::places::Places;
use crate::process;

/// A program that is published as a crate, in the cache; compiled there the first time. `options` are for
/// `cargo install`.
pub(crate) fn compiled(
    places: &Places,
    name: &str,
    version: &str,
    options: &[&str],
) -> Result<PathBuf> {
    let root = places.cache.join(format!("tools/{name}-{version}"));
    let program = root.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    println!("Compiling {name} {version} (once, a few minutes)");
    fs::create_dir_all(&root).at("create", &root)?;
    let target = root.join("build");
    process::run(
        Command::new(env::cargo())
            .args(["install", name, "--version", version, "--locked"])
            .args(options)
            .arg("--root")
            .arg(&root)
            .arg("--target-dir")
            .arg(&target)
            .current_dir(&places.cache)
            .env("RUSTFLAGS", ""),
        &format!(
            "{name} could not be compiled (cargo's message is above); is the network reachable?"
        ),
    )?;
    fs::remove_dir_all(&target).at("remove", &target)?;
    Ok(program)
}
