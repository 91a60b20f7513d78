use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use labbook_kernel_files::link_tree;

use super::screen::Screen;
use super::{Ready, far, job};
use crate::environment as env;
use crate::failure::{At, Result};
use crate::places::{self, Places};

/// The same for the workspace and for cells, so that both link one set of compiled dependencies.
pub(super) const RUSTFLAGS: &str = "-Cprefer-dynamic";

/// Says in the target folder which clone it belongs to.
const OWNER: &str = "owner";

/// Tells cargo where things are on this machine and compiles the program that starts kernels.
///
/// The rest of the workspace is compiled when a command needs it; what a notebook needs of it, in the kernel's
/// own template.
pub(super) fn build(places: &Places, screen: &Screen, ready: &Ready) -> Result<()> {
    remove_orphans(places, screen)?;
    places::write(
        &places.root.join(".cargo/local.toml"),
        &cargo_config(places, ready)?,
    )?;
    places::write(
        &places.clone_folder().join(OWNER),
        &places.root.display().to_string(),
    )?;
    if !places.target().exists() {
        seed_from_another_clone(places)?;
    }
    let step = if super::kernel::program(places)?.is_file() {
        screen.quiet_step(5, "Launcher: compiling what changed", "")
    } else {
        screen.step(5, "Launcher: compiling what starts kernels", "30 s")
    };
    let mut build = Command::new(env::cargo());
    build.args(["build", "--locked", "--package", "labbook-kernel"]);
    job::run(
        &step,
        job::with_bar(build.current_dir(&places.root)),
        far::of_cargo,
        "the workspace did not compile (cargo's message is below); run the command again to go on",
    )?;
    step.done();
    Ok(())
}

/// Compiles the experiments' program, which the set-up leaves out.
pub(super) fn build_experiments(places: &Places, screen: &Screen) -> Result<()> {
    let step = screen.quiet_step(0, "Compiling the experiments' program", "");
    let mut build = Command::new(env::cargo());
    build.args(["build", "--locked", "--package", "labbook-cli"]);
    job::run(
        &step,
        job::with_bar(build.current_dir(&places.root)),
        far::of_cargo,
        "the experiments' program did not compile (cargo's message is below)",
    )?;
    step.done();
    Ok(())
}

/// Where the workspace's build finds libtorch, and where it puts its results.
fn cargo_config(places: &Places, ready: &Ready) -> Result<String> {
    let triple = env::host_triple()?;
    let libraries: Vec<String> = library_path(ready)
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    // cargo sets the variable itself for what it runs, so only a runner can add to it.
    let runner = format!(
        "LD_LIBRARY_PATH={}:$LD_LIBRARY_PATH exec \"$@\"",
        libraries.join(":")
    );
    Ok(format!(
        "# Written by `cargo xtask setup` for this machine.\n\
         [build]\n\
         target = \"{triple}\"\n\
         target-dir = {target:?}\n\
         rustflags = [\"{RUSTFLAGS}\"]\n\n\
         [target.{triple}]\n\
         runner = [\"sh\", \"-c\", {runner:?}, \"run\"]\n\n\
         # For the tests that talk to a kernel.\n\
         [env]\n\
         LABBOOK_PYTHON = {python:?}\n\
         LABBOOK_JUPYTER_PATH = {jupyter:?}\n\n\
         {libtch}",
        target = places.target(),
        python = ready.jupyter.program("python"),
        jupyter = places.jupyter_path(),
        libtch = libtch_config(ready, &triple),
    ))
}

/// Stands in for the output of torch-sys' build script: the shim exists already.
pub(super) fn libtch_config(ready: &Ready, triple: &str) -> String {
    let mut text = format!("[target.{triple}.tch]\nrustc-link-search = [");
    for folder in library_path(ready) {
        let _ = write!(text, "{:?}, ", format!("native={}", folder.display()));
    }
    let libraries = ready.libtorch.libraries();
    let _ = write!(
        text,
        "]\nrustc-link-lib = [\"tch\", \"torch_cpu\", \"c10\"]\nlibtorch_lib = {libraries:?}\n"
    );
    text
}

/// Folders that hold libtch and libtorch.
pub(crate) fn library_path(ready: &Ready) -> Vec<PathBuf> {
    vec![ready.shim.clone(), ready.libtorch.libraries()]
}

/// Takes over the compiled dependencies of another clone on this machine, if there is one.
///
/// cargo itself decides which of them fit (same compiler, versions and features). A clone's own
/// crates are left out: cargo tells those of two clones apart by file times only.
fn seed_from_another_clone(places: &Places) -> Result<()> {
    let clones = places.cache.join("clones");
    let newest = fs::read_dir(&clones)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("target"))
        .filter(|target| target.is_dir())
        .max_by_key(|target| fs::metadata(target).and_then(|m| m.modified()).ok());
    let Some(other) = newest else { return Ok(()) };
    seed(&other, &places.target())
}

/// Links the dependencies compiled in one target folder into another, as far as they lack there.
/// An interrupted copy does no harm: cargo compiles what is not whole.
pub(super) fn seed(from: &Path, to: &Path) -> Result<()> {
    link_tree(from, to, &is_dependency).at("copy compiled dependencies to", to)
}

fn is_dependency(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let own = ["labbook", "xtask", "notebook", "notebooks", "ctx"];
    !own.iter().any(|prefix| name.starts_with(prefix))
        && !matches!(name, "incremental" | "doc" | "tmp")
}

/// Removes what was built for clones that are gone.
fn remove_orphans(places: &Places, screen: &Screen) -> Result<()> {
    let clones = places.cache.join("clones");
    for entry in fs::read_dir(&clones).into_iter().flatten().flatten() {
        let folder = entry.path();
        let owner = fs::read_to_string(folder.join(OWNER)).unwrap_or_default();
        let gone = !owner.is_empty() && !Path::new(&owner).join("Cargo.toml").exists();
        // The last one stays: it keeps the next clone warm.
        let others = fs::read_dir(&clones).at("read", &clones)?.count();
        if gone && others > 1 && folder != places.clone_folder() {
            screen.say(&format!(
                "Removing what was built for {owner}, which is gone."
            ));
            fs::remove_dir_all(&folder).at("remove", &folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clones_own_crates_are_not_taken_over() {
        for own in [
            "deps/liblabbook_nn-1.rlib",
            ".fingerprint/xtask-1",
            "deps/libctx.so",
        ] {
            assert!(!is_dependency(Path::new(own)), "{own}");
        }
        for dependency in [
            "deps/libpolars-1.rlib",
            "deps/libtch-1.rmeta",
            ".fingerprint",
        ] {
            assert!(is_dependency(Path::new(dependency)), "{dependency}");
        }
    }
}
