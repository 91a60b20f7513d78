//! From a Jupyter connection file to a running evcxr_jupyter.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;

use labbook_kernel_files::SESSION;
use rustix::io::{FdFlags, fcntl_setfd};
use tokio::sync::mpsc::UnboundedSender;

use crate::interrupt::{Jupyter, Kernel};
use crate::relay::{self, Connection};
use crate::spare::{self, Spares};
use crate::{Settings, front, further, slot, tap};

/// Set to anything, it leaves the relay and the tap out: evcxr_jupyter as released.
const PLAIN: &str = "LABBOOK_PLAIN_KERNEL";

/// How cargo says that it compiles something.
pub(crate) const COMPILING: &str = "Compiling ";

/// Runs evcxr_jupyter in a slot of its own, with a relay before it, until it ends or Jupyter asks
/// for the end. Where a kernel [waits](crate::spare) that was started in the same way, it is that one.
///
/// # Errors
/// When the settings cannot be read, no slot can be had, Jupyter's ports are taken or evcxr_jupyter
/// does not start.
pub fn launch(settings_file: &Path, connection_file: &Path) -> io::Result<ExitStatus> {
    // To fill a slot takes a while.
    let jupyter = Jupyter::heed()?;
    let settings = Settings::read(settings_file).map_err(io::Error::other)?;
    if std::env::var_os(PLAIN).is_some() {
        let slot = slot::take(&settings)?;
        let mut command = prepare(&settings, &slot, settings_file)?;
        command.args(tap::evcxr(&settings.evcxr, connection_file));
        let (_, mut child) = Kernel::start(&mut command, &settings.evcxr, false, jupyter)?;
        drop(slot);
        return child.wait();
    }
    if let Some(spare) = spare::look_for(&settings, connection_file) {
        return spare.stand_before(jupyter);
    }
    let front = Connection::read(connection_file)?;
    let started = Started::new(&settings, settings_file, &front.key, jupyter)?;
    let spares = Spares::new(&settings, settings_file);
    started.hold(async |back, kernel| relay::run(&front, back, kernel, spares).await)
}

/// A running evcxr_jupyter, with whom nobody talks yet.
pub(crate) struct Started {
    kernel: Kernel,
    child: Child,
    back: relay::Back,
}

impl Started {
    /// Starts evcxr_jupyter in a slot of its own; `key` signs its messages.
    ///
    /// # Errors
    /// When no slot can be had or evcxr_jupyter does not start.
    pub(crate) fn new(
        settings: &Settings,
        settings_file: &Path,
        key: &str,
        jupyter: Jupyter,
    ) -> io::Result<Started> {
        let slot = slot::take(settings)?;
        let folder = slot.folder.clone();
        let mut command = prepare(settings, &slot, settings_file)?;
        let connection = Connection::private(key)?;
        let file = folder.with_extension("json");
        connection.write(&file)?;
        let secret = secret()?;
        let own = std::env::current_exe()?;
        let tapped = tap::evcxr_with_tap(&own, &settings.evcxr, &file);
        let secret = tapped.is_some().then_some(secret);
        command.args(tapped.unwrap_or_else(|| tap::evcxr(&settings.evcxr, &file)));
        command.envs(secret.as_ref().map(|secret| (tap::SECRET, secret)));
        command.stderr(Stdio::piped());
        let (kernel, mut child) =
            Kernel::start(&mut command, &settings.evcxr, secret.is_some(), jupyter)?;
        // evcxr_jupyter has the lock, and nothing else that this process starts may have it.
        drop(slot);
        let (told, compiling) = tokio::sync::mpsc::unbounded_channel();
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || pass_on(errors, &told));
        }
        Ok(Started {
            kernel,
            child,
            back: relay::Back {
                connection,
                file,
                folder,
                secret,
                compiling,
            },
        })
    }

    /// Holds a conversation until it ends, or evcxr_jupyter does.
    ///
    /// # Errors
    /// Those of the conversation.
    pub(crate) fn hold(
        self,
        conversation: impl AsyncFnOnce(relay::Back, &Kernel) -> io::Result<()>,
    ) -> io::Result<ExitStatus> {
        let Started {
            kernel,
            mut child,
            back,
        } = self;
        let (ended, end) = tokio::sync::oneshot::channel();
        let waiting = thread::spawn(move || {
            // Nobody listens any more once Jupyter has asked for the end.
            let _ = ended.send(child.wait());
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let status = runtime.block_on(async {
            tokio::select! {
                status = end => status.unwrap_or_else(|error| Err(io::Error::other(error))),
                held = conversation(back, &kernel) => {
                    kernel.end();
                    held.map(|()| ExitStatus::default())
                }
            }
        });
        drop(waiting.join());
        status
    }
}

/// Passes on what evcxr_jupyter writes where only Jupyter's terminal shows it, and tells of it what cargo
/// compiles: that may take minutes.
fn pass_on(errors: ChildStderr, told: &UnboundedSender<String>) {
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        eprintln!("{line}");
        let compiled = line.trim_start().strip_prefix(COMPILING);
        // An empty crate of ours that depends on the others.
        if compiled.is_some_and(|what| what.split(' ').next() != Some(further::NAME)) {
            // Nobody listens after the end.
            let _ = told.send(format!("{line}\n"));
        }
    }
}

/// Something that no cell can know.
pub(crate) fn secret() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A command that lacks the words that start evcxr_jupyter. What it starts has the slot's lock, too.
fn prepare(settings: &Settings, slot: &slot::Slot, settings_file: &Path) -> io::Result<Command> {
    // The lock must outlive this program: it passes to evcxr_jupyter and ends with it.
    fcntl_setfd(&slot.lock, FdFlags::empty())?;

    let stand_ins = settings.stand_ins();
    // An ignored signal stays ignored in the program that takes the shell's place.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
        .args([std::env::current_exe()?.into_os_string(), tap::BOUND.into()])
        .env(Settings::VARIABLE, settings_file)
        // What a cell starts is no kernel of JupyterLab's; and a spare one would tell another notebook's name.
        .env_remove(SESSION)
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
