//! A kernel that waits for the next notebook of a folder, above all for the restart of this one.
//!
//! What takes seconds at a kernel's start is the same every time: evcxr_jupyter begins, rust-analyzer reads
//! the facade, the first cell loads it. So once a notebook in JupyterLab rests, its kernel starts a spare
//! one, which does all that and then waits at a socket in the kernel's own folder of the cache. The next
//! launcher that Jupyter starts asks it. If folder and environment are the same and no source has changed
//! since, the spare one opens Jupyter's ports, and the launcher merely stands before it: it hands signals on,
//! and they end together. Nothing of the first notebook is in it but what every kernel gets.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use labbook_kernel_files::STAMP;
use rustix::process::{Pid, getppid};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::time::{Instant, sleep, timeout};

use crate::Settings;
use crate::interrupt::Jupyter;
use crate::launch::{Started, secret};
use crate::relay::{Connection, Events, Relay};

/// Second word of the command line of a spare kernel, behind the settings; the line by which notebooks name
/// the facade follows.
pub const SPARE: &str = "--spare";
/// Set to `0`, it leaves spare kernels out.
const SWITCH: &str = "LABBOOK_SPARE_KERNEL";
/// JupyterLab sets it for its notebooks' kernels. Who runs a notebook once has no use for a second kernel, and
/// must not be the reason that one ends.
const SESSION: &str = "JPY_SESSION_NAME";

/// How long a notebook rests before its kernel starts a spare one.
const REST: Duration = Duration::from_secs(2);
/// How long a spare kernel waits; then the half gigabyte it takes is better used.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long it outlives the kernel that started it: between the two parts of a restart.
const RESTART: Duration = Duration::from_secs(10);
/// How often to look at that.
const LOOK: Duration = Duration::from_secs(1);
/// How long a question to it may take.
const QUESTION: Duration = Duration::from_secs(2);
/// Memory that has to be free, in kB as /proc/meminfo counts.
const MEMORY: u64 = 4 << 20;
/// A question is an environment, mostly.
const LONGEST: u64 = 4 << 20;

/// What the shell that started Jupyter keeps there for itself, and Jupyter for each kernel.
const OF_NO_ACCOUNT: [&str; 4] = ["_", "OLDPWD", "PWD", "SHLVL"];
const JUPYTERS: [&str; 2] = ["JPY_", "JUPYTER_SERVER_"];

/// What a launcher asks a spare kernel for.
#[derive(Debug, Deserialize, Serialize)]
struct Question {
    /// Jupyter's connection file.
    connection: PathBuf,
    like: Like,
}

/// What has to be the same for both.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Like {
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

/// What a spare kernel answers: its process, if it is the one.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    process: Option<u32>,
}

impl Like {
    /// This process.
    fn own() -> io::Result<Like> {
        let all = std::env::vars_os();
        let text = |word: &OsStr| word.to_string_lossy().into_owned();
        let environment = all.map(|(name, value)| (text(&name), text(&value)));
        Ok(Like {
            folder: std::env::current_dir()?,
            environment: environment.filter(|(name, _)| counts(name)).collect(),
        })
    }
}

fn counts(variable: &str) -> bool {
    let jupyters = JUPYTERS.iter().any(|begin| variable.starts_with(begin));
    !jupyters && !OF_NO_ACCOUNT.contains(&variable)
}

/// Where a spare kernel listens.
fn socket(settings: &Settings) -> PathBuf {
    settings.folder.join("spare.socket")
}

/// Held by the one that waits.
fn lock(settings: &Settings) -> PathBuf {
    settings.folder.join("spare.lock")
}

fn wanted() -> bool {
    let off = std::env::var_os(SWITCH).is_some_and(|value| value == "0");
    !off && std::env::var_os(SESSION).is_some()
}

/// Sees to it that a kernel waits when a notebook rests.
pub(crate) struct Spares {
    settings: Settings,
    settings_file: PathBuf,
    wanted: bool,
    /// How many cells had run when one was last seen to.
    seen: u64,
}

impl Spares {
    pub(crate) fn new(settings: &Settings, settings_file: &Path) -> Spares {
        Spares {
            settings: settings.clone(),
            settings_file: settings_file.to_owned(),
            wanted: wanted(),
            seen: 0,
        }
    }

    /// Returns when it is time for one: `cells` have run, and the notebook rests.
    pub(crate) async fn after(&self, cells: u64) {
        match self.wanted && cells > self.seen {
            true => sleep(REST).await,
            false => std::future::pending().await,
        }
    }

    /// Starts one, unless one waits. `dependency` is the line by which a cell named the facade.
    pub(crate) fn start(&mut self, cells: u64, dependency: Option<&str>) {
        self.seen = cells;
        let dependency = dependency.unwrap_or_default();
        if !is_own(dependency, &self.settings.facade) || self.one_waits() {
            return;
        }
        let Ok(own) = std::env::current_exe() else {
            return;
        };
        let mut command = Command::new(own);
        command.arg(&self.settings_file).args([SPARE, dependency]);
        // Jupyter ends the groups of its kernels.
        command.process_group(0).stdin(Stdio::null());
        if let Ok(mut child) = command.spawn() {
            thread::spawn(move || child.wait());
        }
    }

    fn one_waits(&self) -> bool {
        let lock = File::create(lock(&self.settings));
        lock.is_ok_and(|lock| lock.try_lock().is_err())
    }
}

/// Memory that is free, in kB.
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Whether a line that names the facade means the one of this kernel: only its sources are looked at.
fn is_own(dependency: &str, facade: &Path) -> bool {
    match dependency.contains("path").then(|| dependency.split('"')) {
        None => true,
        Some(mut parts) => {
            let named = parts.nth(1).map(fs::canonicalize);
            named.is_some_and(
                |named| matches!((named, facade.canonicalize()), (Ok(a), Ok(b)) if a == b),
            )
        }
    }
}

/// Our own cells in a spare kernel: what each kernel has to do before its first value. Names and values are
/// gone afterwards.
fn warming(dependency: &str) -> Vec<String> {
    let first = match dependency {
        "" => "let labbook_spare = vec![0.0];",
        _ => "let labbook_spare = labbook::prelude::tch::Tensor::from_slice(&[0.0]);",
    };
    let cells = [dependency, first, "drop(labbook_spare);"].into_iter();
    let cells = cells.filter(|cell| !cell.is_empty());
    cells.map(str::to_owned).collect()
}

/// Starts a kernel, makes it ready and waits until a launcher asks for it; then it is Jupyter's. Does nothing
/// where one waits already, or memory is short.
///
/// # Errors
/// When the settings cannot be read, no slot can be had or evcxr_jupyter does not start.
pub fn keep(settings_file: &Path, dependency: &str) -> io::Result<ExitStatus> {
    let begun = SystemTime::now();
    let parent = getppid();
    let jupyter = Jupyter::heed_signals()?;
    let settings = Settings::read(settings_file).map_err(io::Error::other)?;
    let lock = File::create(lock(&settings))?;
    let short = available().is_some_and(|memory| memory < MEMORY);
    if !wanted() || short || lock.try_lock().is_err() {
        return Ok(ExitStatus::default());
    }
    let started = Started::new(&settings, settings_file, &secret()?, jupyter)?;
    let spares = Spares::new(&settings, settings_file);
    started.hold(async |back, kernel| {
        let mut relay = Relay::connect(back, kernel, Events::new()).await?;
        relay.run_unseen(&warming(dependency)).await;
        let sources = sources(&settings, settings_file);
        let asked = wait(&settings, parent, |like| {
            Ok(like == &Like::own()? && !sources.iter().any(|source| is_newer(source, begun)))
        });
        let asked = asked.await?;
        drop(lock);
        let Some((front, mut launcher)) = asked else {
            return Ok(());
        };
        relay.listen(&front).await?;
        let mut nothing = [0];
        tokio::select! {
            () = relay.until_the_end(spares) => {}
            // The launcher has gone without a word.
            _ = launcher.read(&mut nothing) => {}
        }
        Ok(())
    })
}

/// Waits for a launcher that asks, and says whether this is its kernel; `None` when it is not, when nobody
/// came in time, or when who started this has gone.
async fn wait(
    settings: &Settings,
    parent: Option<Pid>,
    is_like: impl Fn(&Like) -> io::Result<bool>,
) -> io::Result<Option<(Connection, tokio::net::UnixStream)>> {
    let path = socket(settings);
    // It belongs to whoever holds the lock, and those before are gone.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let (begun, mut alone) = (Instant::now(), None);
    let asked = loop {
        match timeout(LOOK, listener.accept()).await {
            Ok(asked) => break Some(asked?.0),
            Err(_) if getppid() == parent => {}
            Err(_) => {
                alone.get_or_insert_with(Instant::now);
            }
        }
        if begun.elapsed() > PATIENCE || alone.is_some_and(|alone| alone.elapsed() > RESTART) {
            break None;
        }
    };
    // Who finds no socket need not ask.
    let _ = fs::remove_file(&path);
    let Some(mut launcher) = asked else {
        return Ok(None);
    };
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new((&mut launcher).take(LONGEST));
    let read = timeout(QUESTION, reader.read_line(&mut line)).await;
    let question = match read.is_ok() {
        true => serde_json::from_str(&line).ok(),
        false => None,
    };
    let question: Option<Question> = match question {
        Some(Question { like, .. }) if !is_like(&like)? => None,
        question => question,
    };
    let process = question.as_ref().map(|_| std::process::id());
    let answer = serde_json::to_string(&Answer { process })?;
    launcher.write_all(format!("{answer}\n").as_bytes()).await?;
    match question {
        Some(question) => Ok(Some((Connection::read(&question.connection)?, launcher))),
        None => Ok(None),
    }
}

/// What a kernel is made of, besides what the template's stamp tells.
fn sources(settings: &Settings, settings_file: &Path) -> Vec<PathBuf> {
    let crates = settings.facade.parent().unwrap_or(&settings.facade);
    let workspace = crates.parent().unwrap_or(crates);
    let own = std::env::current_exe().ok();
    let files = ["Cargo.toml", "Cargo.lock"].map(|name| workspace.join(name));
    [crates.to_owned(), settings_file.to_owned()]
        .into_iter()
        .chain(files)
        .chain([settings.template().join(STAMP)])
        .chain(own)
        .collect()
}

/// Whether a file, or one of a folder, has been changed since a moment, or is gone.
fn is_newer(path: &Path, than: SystemTime) -> bool {
    let Ok(about) = fs::metadata(path) else {
        return true;
    };
    let newer = about.modified().is_ok_and(|modified| modified > than);
    newer
        || about.is_dir() && {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.path())
                .any(|path| is_newer(&path, than))
        }
}

/// A spare kernel that has been asked for.
pub(crate) struct Spare {
    kernel: UnixStream,
    process: u32,
}

/// Asks the kernel that waits, if one does, to be that of `connection_file`; `None` when it is another's,
/// and then it ends: the person has gone on to other work.
pub(crate) fn look_for(settings: &Settings, connection_file: &Path) -> Option<Spare> {
    wanted().then(|| ask(settings, connection_file)).flatten()
}

fn ask(settings: &Settings, connection_file: &Path) -> Option<Spare> {
    let mut kernel = UnixStream::connect(socket(settings)).ok()?;
    kernel.set_read_timeout(Some(QUESTION)).ok()?;
    let question = Question {
        connection: std::path::absolute(connection_file).ok()?,
        like: Like::own().ok()?,
    };
    let question = serde_json::to_string(&question).ok()?;
    kernel.write_all(format!("{question}\n").as_bytes()).ok()?;
    let mut line = String::new();
    // It says nothing after this line, so that nothing of it is lost here.
    BufReader::new((&kernel).take(LONGEST))
        .read_line(&mut line)
        .ok()?;
    let process = serde_json::from_str::<Answer>(&line).ok()?.process?;
    Some(Spare { kernel, process })
}

impl Spare {
    /// Lives as long as the kernel, and hands on what Jupyter tells this process.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) fn stand_before(mut self, jupyter: Jupyter) -> io::Result<ExitStatus> {
        jupyter.hand_on_to(self.process);
        self.kernel.set_read_timeout(None)?;
        self.kernel.read_to_end(&mut Vec::new())?;
        Ok(ExitStatus::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jupyter_and_the_shell_keep_for_themselves_does_not_count() {
        let counted = [
            "JPY_SESSION_NAME",
            "PWD",
            "PATH",
            "LABBOOK_DATA",
            "JUPYTER_SERVER_URL",
        ];
        let counted: Vec<&str> = counted.into_iter().filter(|name| counts(name)).collect();
        assert_eq!(counted, ["PATH", "LABBOOK_DATA"]);
    }

    #[test]
    fn a_line_that_names_another_facade_is_not_ours() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let facade = dir.path().join("labbook");
        fs::create_dir(&facade)?;
        let named = |path: &Path| format!(":dep labbook = {{ path = \"{}\" }}", path.display());
        for (line, own) in [
            (String::new(), true),
            (":dep labbook".to_owned(), true),
            (named(&facade), true),
            (named(&dir.path().join("./labbook")), true),
            (named(dir.path()), false),
            (named(&dir.path().join("absent")), false),
        ] {
            assert_eq!(is_own(&line, &facade), own, "{line}");
        }
        Ok(())
    }

    #[test]
    fn a_changed_source_is_seen_however_deep_and_so_is_one_that_is_gone() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep)?;
        fs::write(deep.join("lib.rs"), "")?;
        let later = SystemTime::now() + Duration::from_secs(10);
        assert!(!is_newer(dir.path(), later));
        let file = File::options().write(true).open(deep.join("lib.rs"))?;
        file.set_modified(later + Duration::from_secs(1))?;
        assert!(is_newer(dir.path(), later));
        assert!(is_newer(&dir.path().join("absent"), later));
        Ok(())
    }

    #[test]
    fn a_kernel_is_warmed_with_what_its_notebooks_name() {
        assert_eq!(warming("").len(), 2);
        let cells = warming(":dep labbook");
        assert_eq!(cells[0], ":dep labbook");
        // Nothing is left of it.
        assert_eq!(
            cells.last().map(String::as_str),
            Some("drop(labbook_spare);")
        );
    }

    #[tokio::test]
    async fn a_launcher_gets_an_answer_and_only_the_like_get_the_kernel() -> io::Result<()> {
        for like in [true, false] {
            let dir = tempfile::tempdir()?;
            let connection = Connection::private("key")?;
            let file = dir.path().join("connection.json");
            connection.write(&file)?;
            let settings = Settings {
                folder: dir.path().to_owned(),
                ..Settings::default()
            };
            let own = settings.clone();
            let launcher = thread::spawn(move || {
                while !socket(&own).exists() {
                    thread::sleep(Duration::from_millis(1));
                }
                ask(&own, &file).map(|spare| spare.process)
            });
            let asked = wait(&settings, getppid(), |asked| {
                assert_eq!(asked, &Like::own()?);
                Ok(like)
            });
            assert_eq!(asked.await?.is_some(), like);
            assert!(!socket(&settings).exists());
            let process = launcher.join().map_err(|_| io::Error::other("panicked"))?;
            assert_eq!(process, like.then(std::process::id));
        }
        Ok(())
    }

    #[test]
    fn nobody_is_asked_where_no_kernel_waits() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = Settings {
            folder: dir.path().to_owned(),
            ..Settings::default()
        };
        assert!(ask(&settings, Path::new("connection.json")).is_none());
        Ok(())
    }
}
