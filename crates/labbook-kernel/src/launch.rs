//! From a Jupyter connection file to a running evcxr_jupyter.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::{Settings, slot};

/// Replaces this process by evcxr_jupyter in a slot of its own. Returns only on failure.
pub fn launch(settings_file: &Path, connection_file: &Path) -> io::Error {
    match prepare(settings_file, connection_file) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn prepare(settings_file: &Path, connection_file: &Path) -> io::Result<Command> {
    let settings = Settings::read(settings_file).map_err(io::Error::other)?;
    let slot = slot::take(&settings)?;
    // The lock must outlive this program: it passes to evcxr_jupyter and ends with it.
    fcntl_setfd(&slot.lock, FdFlags::empty())?;
    std::mem::forget(slot.lock);

    let stand_ins = settings.stand_ins();
    let mut command = Command::new(&settings.evcxr);
    command
        .arg("--control_file")
        .arg(connection_file)
        .env(Settings::VARIABLE, settings_file)
        .env("EVCXR_TMPDIR", &slot.folder)
        .env("EVCXR_CONFIG_DIR", settings.folder.join("config"))
        // evcxr_jupyter mends the kernelspec "rust" below this path; there is none here to touch.
        .env("JUPYTER_PATH", settings.folder.join("none"))
        // rust-analyzer asks this variable, evcxr asks rustup: both get the stand-in.
        .env("CARGO", stand_ins.join("cargo"))
        .env("PATH", prepend(&[stand_ins], "PATH"))
        .env(
            "LD_LIBRARY_PATH",
            prepend(&settings.library_path, "LD_LIBRARY_PATH"),
        )
        .envs(&settings.env);
    Ok(command)
}

fn prepend<P: AsRef<Path>>(folders: &[P], variable: &str) -> OsString {
    let old = std::env::var_os(variable).unwrap_or_default();
    let old = std::env::split_paths(&old).filter(|p| !p.as_os_str().is_empty());
    let all = folders.iter().map(|p| p.as_ref().to_owned()).chain(old);
    std::env::join_paths(all).unwrap_or_default()
}
