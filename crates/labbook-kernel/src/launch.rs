//! From a Jupyter connection file to a running evcxr_jupyter.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::interrupt::{self, Kernel};
use crate::relay::{self, Connection};
use crate::{Settings, front, slot, tap};

/// Runs evcxr_jupyter in a slot of its own, with a relay before it, until one of them ends.
///
/// # Errors
/// When the settings cannot be read, no slot can be had, Jupyter's ports are taken or evcxr_jupyter
/// does not start.
pub fn launch(settings_file: &Path, connection_file: &Path) -> io::Result<ExitStatus> {
    let settings = Settings::read(settings_file).map_err(io::Error::other)?;
    let slot = slot::take(&settings)?;
    let front = Connection::read(connection_file)?;
    let back = front.behind()?;
    let back_file = slot.folder.with_extension("json");
    back.write(&back_file)?;
    let secret = secret();

    let signals = interrupt::signals()?;
    let mut command = prepare(&settings, slot, settings_file, &back_file)?;
    let mut child = command.env(tap::SECRET, &secret).spawn()?;
    let kernel = Kernel {
        process: child.id(),
        program: fs::canonicalize(&settings.evcxr)?,
    };
    kernel.attend(signals);
    kernel.end_with_parent();

    let (ended, end) = tokio::sync::oneshot::channel();
    let waiting = thread::spawn(move || {
        let status = child.wait();
        // Nobody listens any more once Jupyter has asked for the end.
        let _ = ended.send(());
        status
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let relayed = runtime.block_on(async {
        tokio::select! {
            _ = end => Ok(()),
            relayed = relay::run(&front, &back, &back_file, &secret, || kernel.interrupt()) => relayed,
        }
    });
    kernel.end();
    let status = waiting
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the wait for evcxr_jupyter broke off")));
    relayed.and(status)
}

/// Something that no text of a cell holds by chance.
fn secret() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), std::process::id())
}

fn prepare(
    settings: &Settings,
    slot: slot::Slot,
    settings_file: &Path,
    connection_file: &Path,
) -> io::Result<Command> {
    // The lock must outlive this program: it passes to evcxr_jupyter and ends with it.
    fcntl_setfd(&slot.lock, FdFlags::empty())?;
    std::mem::forget(slot.lock);

    let stand_ins = settings.stand_ins();
    // An ignored signal stays ignored in the program that takes the shell's place.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
        .args(tap::evcxr_with_tap(
            &std::env::current_exe()?,
            &settings.evcxr,
            connection_file,
        ))
        .env(Settings::VARIABLE, settings_file)
        .env("EVCXR_TMPDIR", &slot.folder)
        .env("EVCXR_CONFIG_DIR", settings.folder.join("config"))
        // evcxr_jupyter mends the kernelspec "rust" below this path; there is none here to touch.
        .env("JUPYTER_PATH", settings.folder.join("none"))
        // evcxr asks rustup for cargo; rust-analyzer looks into CARGO_HOME, then at the variables.
        .env(
            front::CARGO_HOME,
            std::env::var_os("CARGO_HOME").unwrap_or_default(),
        )
        .env("CARGO_HOME", settings.folder.join("none"))
        .env("CARGO", stand_ins.join("cargo"))
        .env("RUSTC", stand_ins.join("rustc"))
        .env("PATH", search_path(&[stand_ins], "PATH", |_| true))
        .env(
            "LD_LIBRARY_PATH",
            search_path(&settings.library_path, "LD_LIBRARY_PATH", no_facade),
        )
        .envs(&settings.env);
    Ok(command)
}

/// cargo puts the workspace's own build on the library path of what it runs. The facade there has
/// the name of the slot's and would be loaded in its place.
fn no_facade(folder: &Path) -> bool {
    !folder.join("liblabbook.so").exists()
}

/// `folders`, then what `variable` holds already, as far as `keep` lets it.
fn search_path(folders: &[PathBuf], variable: &str, keep: fn(&Path) -> bool) -> OsString {
    let old = std::env::var_os(variable).unwrap_or_default();
    let old = std::env::split_paths(&old).filter(|p| !p.as_os_str().is_empty() && keep(p));
    std::env::join_paths(folders.iter().cloned().chain(old)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_the_variable_held() {
        let path = search_path(&["/first".into()], "PATH", |_| true);
        let all: Vec<PathBuf> = std::env::split_paths(&path).collect();
        assert_eq!(all[0], Path::new("/first"));
        assert!(all.len() > 1);
    }

    #[test]
    fn a_folder_with_another_facade_is_left_out() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        assert!(no_facade(dir.path()));
        std::fs::write(dir.path().join("liblabbook.so"), "")?;
        assert!(!no_facade(dir.path()));
        Ok(())
    }
}
