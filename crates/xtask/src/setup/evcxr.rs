use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::screen::Screen;
use super::{far, job};
use crate::environment as env;
use crate::failure::{At, Result};
use crate::places::Places;
use crate::process::{ask, find_program};

/// The release that the kernel's stand-ins and the notebooks are tested with.
const VERSION: &str = "0.22.0";

/// Crates of rust-analyzer that are compiled without optimization: the fixes and faults that an editor offers, and
/// the doors to them. They are two fifths of its code, and evcxr calls none of it, or a thin layer above types and
/// completions, which are optimized.
const PLAIN: [&str; 4] = [
    "ra_ap_ide",
    "ra_ap_ide_assists",
    "ra_ap_ide_diagnostics",
    "ra_ap_ide_ssr",
];

/// Where evcxr_jupyter of the pinned version is or will be: in the cache, unless the person has it.
pub(super) fn place(places: &Places) -> PathBuf {
    let own = root(places).join("bin/evcxr_jupyter");
    let found = if own.is_file() {
        None
    } else {
        installed_by_cargo()
    };
    found.unwrap_or(own)
}

fn root(places: &Places) -> PathBuf {
    let folder = format!("evcxr_jupyter-{VERSION}");
    places.cache.join("tools").join(folder)
}

/// Compiles it into the cache where it is missing.
pub(super) fn install(places: &Places, screen: &Screen, place: &Path) -> Result<()> {
    if place.is_file() {
        return Ok(());
    }
    let step = screen.step(
        4,
        &format!("Rust kernel: compiling evcxr_jupyter {VERSION}"),
        "6 min",
    );
    super::need_space(places, 3.0, "compiling evcxr_jupyter")?;
    // A fixed target folder lets an interrupted compilation go on where it stopped.
    let target = places.cache.join("tools/build");
    let mut install = Command::new(env::cargo());
    install
        .args(["install", "evcxr_jupyter", "--version", VERSION, "--locked"])
        .arg("--root")
        .arg(root(places))
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&places.cache)
        .env_remove("RUSTFLAGS");
    for name in PLAIN {
        let plain = format!("profile.release.package.{name}.opt-level=0");
        install.args(["--config", &plain]);
    }
    job::run(
        &step,
        job::with_bar(&mut install),
        far::of_cargo,
        "evcxr_jupyter could not be compiled (cargo's message is below); is the network reachable \
         and Rust 1.95 or newer? Run the command again to go on",
    )?;
    fs::remove_dir_all(&target).at("remove", &target)?;
    step.done();
    Ok(())
}

/// The person's own installation, when it is the pinned version.
fn installed_by_cargo() -> Option<PathBuf> {
    let list = ask(Command::new(env::cargo()).args(["install", "--list"]))?;
    let pinned = format!("evcxr_jupyter v{VERSION}:");
    let there = list.lines().any(|line| line.starts_with(&pinned));
    there.then(|| find_program(&["evcxr_jupyter"])).flatten()
}
