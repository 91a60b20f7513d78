use std::fs;
use std::path::Path;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::lab::jupyter;
use crate::places::{self, Places};
use crate::process;
use crate::scratch;
use crate::setup::{self, KERNEL_NAME};

const SCRIPTS: [(&str, &str); 2] = [
    (
        "bench_kernel.py",
        include_str!("../scripts/bench_kernel.py"),
    ),
    (
        "bench_kernel_cells.py",
        include_str!("../scripts/bench_kernel_cells.py"),
    ),
];

/// The Python kernel to compare with; pip takes the newest of each.
const PEERS: [&str; 3] = ["ipykernel", "keras", "tensorflow-cpu"];

/// What of the clone is copied: enough for cargo to find every member of the workspace.
const COPIED: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates", "tests"];

/// What `cargo xtask bench kernel` was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    /// Starts of each kernel; 3 unless given.
    pub(crate) starts: Option<u32>,
    /// Whether the plain evcxr compiles its dependencies once more.
    pub(crate) cold: bool,
    /// Whether every cell's time is listed.
    pub(crate) cells: bool,
}

/// Times the kernel beside its peers: start to first tensor, fifty cells, a start after an edit.
///
/// The kernel that is timed belongs to a copy of the clone's crates, because the benchmark edits
/// them; everything it writes is in one folder of the cache.
pub(crate) fn run(places: &Places, wishes: &Wishes) -> Result<()> {
    let ready = setup::all(places)?;
    let python = scratch::python(
        places,
        "keras-kernel",
        &PEERS,
        "Installing Keras and TensorFlow for a Python kernel (a few minutes, 2 GB)",
    )?;
    let folder = places.clone_folder().join("bench_kernel");
    let copy = folder.join("copy");
    for name in COPIED {
        mirror(&places.root.join(name), &copy.join(name))?;
    }
    let settings = setup::of_copy(places, &ready, &copy, folder.join("kernel"))?;
    for (name, text) in SCRIPTS {
        places::write(&folder.join(name), text)?;
    }
    let own = labbook_kernel_files::Settings::read(&settings)
        .map_err(|error| Failure::new(error.to_string()))?;
    let spec = places.jupyter_path().join("kernels").join(KERNEL_NAME);

    let mut command = jupyter(places, &ready, "python");
    command.arg(folder.join("bench_kernel.py"));
    command.arg("--folder").arg(&folder);
    command.arg("--spec").arg(spec.join("kernel.json"));
    command.arg("--evcxr").arg(&own.evcxr);
    command.arg("--std").arg(env::standard_library()?);
    command.arg("--torch").arg(&ready.libtorch.home);
    command.arg("--python").arg(python);
    command.arg("--target").arg(env::host_triple()?);
    command.args(["--starts", &wishes.starts.unwrap_or(3).to_string()]);
    command.args(wishes.cold.then_some("--cold"));
    command.args(wishes.cells.then_some("--cells"));
    process::run(
        &mut command,
        "the kernels could not be timed, or did not do what they should (above)",
    )
}

/// Makes `to` equal to `from`; files that are equal already keep their times, by which cargo goes.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let wanted = fs::read(from).at("read", from)?;
        if fs::read(to).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        return fs::write(to, wanted).at("write", to);
    }
    for entry in fs::read_dir(to).into_iter().flatten().flatten() {
        let path = entry.path();
        if !from.join(entry.file_name()).exists() {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.at("remove", &path)?;
        }
    }
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        mirror(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_drops_what_is_gone_and_leaves_equal_files_alone() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for (file, text) in [
            ("from/src/same", "a"),
            ("from/new", "b"),
            ("to/src/same", "a"),
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, text)?;
        }
        fs::create_dir_all(to.join("gone"))?;
        let before = fs::metadata(to.join("src/same"))?.modified()?;
        mirror(&from, &to).map_err(|error| std::io::Error::other(error.to_string()))?;
        assert_eq!(fs::metadata(to.join("src/same"))?.modified()?, before);
        assert_eq!(fs::read_to_string(to.join("new"))?, "b");
        assert!(!to.join("gone").exists());
        Ok(())
    }
}
