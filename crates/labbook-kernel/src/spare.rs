//! A kernel that waits for the next notebook of a folder, above all for the restart of this one.
//!
//! What takes seconds at a kernel's start is the same every time: evcxr_jupyter begins, rust-analyzer reads
//! the facade, the first cell loads it. So once a notebook in JupyterLab rests, its kernel starts a spare
//! one, which does all that and then waits at a socket in the kernel's own folder of the cache. The next
//! launcher that Jupyter starts asks it. If folder and environment are the same and no source has changed
//! since, the spare one opens Jupyter's ports, and the launcher merely stands before it: it hands signals on,
//! and they end together. Nothing of the first notebook is in it but the line by which it names the facade; a
//! person's cell that runs before one names it again finds the kernel as a new one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use labbook_kernel_files::{SESSION, SPARE, STAMP};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::time::{sleep, timeout};

use crate::Settings;
use crate::interrupt::Jupyter;
use crate::launch::{Started, secret};
use crate::relay::{Connection, Events, Relay};

/// Set to `0`, it leaves spare kernels out.
const SWITCH: &str = "LABBOOK_SPARE_KERNEL";

/// How long a notebook rests before its kernel starts a spare one.
const REST: Duration = Duration::from_secs(2);
/// How long a spare kernel waits; then the half gigabyte it takes is better used.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long it outlives the kernel that started it: between the two parts of a restart. And how long that one
/// waits before it looks again, where another waits already.
const RESTART: Duration = Duration::from_secs(10);
/// How long it may take to become ready.
const WARMING: Duration = Duration::from_secs(300);
/// How often to look at that.
const LOOK: Duration = Duration::from_secs(1);
/// How long a question to it may take.
const QUESTION: Duration = Duration::from_secs(5);
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
    /// How long to wait before that is done again.
    pause: Duration,
    /// When this kernel began.
    begun: SystemTime,
}

impl Spares {
    pub(crate) fn new(settings: &Settings, settings_file: &Path) -> Spares {
        Spares {
            settings: settings.clone(),
            settings_file: settings_file.to_owned(),
            wanted: wanted(),
            seen: 0,
            pause: REST,
            begun: SystemTime::now(),
        }
    }

    /// Returns when it is time for one: `cells` have run, and the notebook rests.
    pub(crate) async fn after(&self, cells: u64) {
        match self.wanted && cells > self.seen {
            true => sleep(self.pause).await,
            false => std::future::pending().await,
        }
    }

    /// Starts one, unless one waits: then later. `dependency` is the line by which a cell named the facade.
    /// Where sources have changed there is none: it would compile them beside what the person runs.
    pub(crate) fn start(&mut self, cells: u64, dependency: Option<&str>) {
        if self.one_waits() {
            self.pause = RESTART;
            return;
        }
        (self.seen, self.pause) = (cells, REST);
        let dependency = dependency.unwrap_or_default();
        let mut sources = sources(&self.settings, &self.settings_file).into_iter();
        if !is_own(dependency, &self.settings.facade)
            || sources.any(|source| is_newer(&source, self.begun))
        {
            return;
        }
        let Ok(own) = std::env::current_exe() else {
            return;
        };
        let mut command = Command::new(own);
        let starter = std::process::id().to_string();
        command.arg(&self.settings_file);
        command.args([SPARE, &starter, dependency]);
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

/// Memory that is free on the machine or, where there is less, in the container, in kB.
fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    });
    [machine, left_of_limit(Path::new("/sys/fs/cgroup"))]
        .into_iter()
        .flatten()
        .min()
}

/// What is left of a control group's memory, in kB; `None` where it has no limit. A container sees its own as
/// the root of all.
fn left_of_limit(group: &Path) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(group.join(name)).ok()?;
        text.trim().parse().ok()
    };
    let left = |most: &str, used: &str| Some(number(most)?.saturating_sub(number(used)?) / 1024);
    let old = || {
        left(
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
        )
    };
    left("memory.max", "memory.current").or_else(old)
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
/// where one waits already, memory is short or no socket can be made. `starter` is the process that it is not
/// to outlive but for a moment.
///
/// # Errors
/// When the settings cannot be read, no slot can be had or evcxr_jupyter does not start.
pub fn keep(settings_file: &Path, starter: u32, dependency: &str) -> io::Result<ExitStatus> {
    let begun = SystemTime::now();
    let jupyter = Jupyter::heed_apart()?;
    let settings = Settings::read(settings_file).map_err(io::Error::other)?;
    let lock = File::create(lock(&settings))?;
    let short = available().is_some_and(|memory| memory < MEMORY);
    if !wanted() || short || lock.try_lock().is_err() {
        return Ok(ExitStatus::default());
    }
    let Ok(place) = Place::take(&settings) else {
        return Ok(ExitStatus::default());
    };
    let started = Started::new(&settings, settings_file, &secret()?, jupyter)?;
    let spares = Spares::new(&settings, settings_file);
    let starter = Starter::new(starter);
    // The launcher ends when this does: after Jupyter's ports are free again.
    let mut held = None;
    let status = started.hold(async |back, kernel| {
        let mut relay = Relay::connect(back, kernel, Events::new()).await?;
        let ready = async {
            relay.run_unseen(&warming(dependency)).await;
            true
        };
        let is_ready = tokio::select! {
            ready = timeout(WARMING, ready) => ready.unwrap_or(false),
            () = starter.gone() => false,
        };
        if !is_ready {
            return Ok(());
        }
        let sources = sources(&settings, settings_file);
        let asked = place.wait(&starter, |like| {
            Ok(like == &Like::own()? && !sources.iter().any(|source| is_newer(source, begun)))
        });
        let Some(mut asked) = asked.await? else {
            return Ok(());
        };
        // Where this fails, the launcher gets no answer and starts a kernel of its own.
        relay.listen(&Connection::read(&asked.connection)?).await?;
        asked.answer(Some(std::process::id())).await?;
        drop(lock);
        held = Some(asked.launcher.as_fd().try_clone_to_owned()?);
        let mut nothing = [0];
        tokio::select! {
            () = relay.until_the_end(spares) => {}
            // The launcher has gone without a word.
            _ = asked.launcher.read(&mut nothing) => {}
        }
        Ok(())
    });
    drop(held);
    status
}

/// Who started a spare kernel.
struct Starter {
    process: PathBuf,
    /// How long it is outlived.
    moment: Duration,
}

impl Starter {
    fn new(process: u32) -> Starter {
        Starter {
            process: PathBuf::from(format!("/proc/{process}")),
            moment: RESTART,
        }
    }

    /// Returns a moment after it has ended: between the two parts of a restart nobody is there.
    async fn gone(&self) {
        while self.process.exists() {
            sleep(LOOK).await;
        }
        sleep(self.moment).await;
    }
}

/// The socket of a spare kernel, from before it is ready.
struct Place {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
    unready: PathBuf,
}

/// A launcher that asks, and may have the kernel.
struct Asked {
    connection: PathBuf,
    launcher: tokio::net::UnixStream,
}

impl Asked {
    async fn answer(&mut self, process: Option<u32>) -> io::Result<()> {
        let answer = serde_json::to_string(&Answer { process })?;
        self.launcher
            .write_all(format!("{answer}\n").as_bytes())
            .await
    }
}

impl Place {
    /// Takes the place, where nobody finds it yet.
    fn take(settings: &Settings) -> io::Result<Place> {
        let path = socket(settings);
        let unready = path.with_extension("unready");
        // They belong to whoever holds the lock, and those before are gone.
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(&unready);
        let listener = std::os::unix::net::UnixListener::bind(&unready)?;
        fs::set_permissions(&unready, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Place {
            listener,
            path,
            unready,
        })
    }

    /// Waits for a launcher that asks; `None` when `is_like` says that it is not the one, when nobody came in
    /// time, or when who started this has gone.
    async fn wait(
        self,
        starter: &Starter,
        is_like: impl Fn(&Like) -> io::Result<bool>,
    ) -> io::Result<Option<Asked>> {
        let listener = UnixListener::from_std(self.listener)?;
        fs::rename(&self.unready, &self.path)?;
        let asked = tokio::select! {
            asked = listener.accept() => Some(asked?.0),
            () = starter.gone() => None,
            () = sleep(PATIENCE) => None,
        };
        // Who finds no socket need not ask.
        let _ = fs::remove_file(&self.path);
        let Some(mut launcher) = asked else {
            return Ok(None);
        };
        let mut line = String::new();
        let mut reader = tokio::io::BufReader::new((&mut launcher).take(LONGEST));
        // What is not read in time is no question.
        let _ = timeout(QUESTION, reader.read_line(&mut line)).await;
        let (connection, like) = match serde_json::from_str(&line).ok() {
            Some(Question { connection, like }) => (connection, is_like(&like)?),
            None => (PathBuf::new(), false),
        };
        let mut asked = Asked {
            connection,
            launcher,
        };
        if !like {
            asked.answer(None).await?;
            return Ok(None);
        }
        Ok(Some(asked))
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
    kernel.set_write_timeout(Some(QUESTION)).ok()?;
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
            let starter = Starter::new(std::process::id());
            let asked = Place::take(&settings)?.wait(&starter, |asked| {
                assert_eq!(asked, &Like::own()?);
                Ok(like)
            });
            let mut asked = asked.await?;
            assert_eq!(asked.is_some(), like);
            assert!(!socket(&settings).exists());
            if let Some(asked) = &mut asked {
                assert!(asked.connection.is_absolute());
                asked.answer(Some(std::process::id())).await?;
            }
            let process = launcher.join().map_err(|_| io::Error::other("panicked"))?;
            assert_eq!(process, like.then(std::process::id));
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_kernel_whose_starter_has_gone_waits_for_a_moment_only() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = Settings {
            folder: dir.path().to_owned(),
            ..Settings::default()
        };
        let starter = Starter {
            moment: Duration::from_millis(10),
            // No process has this number.
            ..Starter::new(u32::MAX)
        };
        let asked = Place::take(&settings)?.wait(&starter, |_| Ok(true));
        assert!(asked.await?.is_none());
        assert!(!socket(&settings).exists());
        Ok(())
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_an_error_before_anything_starts() {
        let settings = Settings {
            folder: std::env::temp_dir().join("long".repeat(40)),
            ..Settings::default()
        };
        assert!(Place::take(&settings).is_err());
    }

    #[test]
    fn a_containers_limit_counts_if_it_has_one() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        assert_eq!(left_of_limit(dir.path()), None);
        fs::write(dir.path().join("memory.max"), "max\n")?;
        fs::write(dir.path().join("memory.current"), "1048576\n")?;
        assert_eq!(left_of_limit(dir.path()), None);
        fs::write(dir.path().join("memory.max"), "3145728\n")?;
        assert_eq!(left_of_limit(dir.path()), Some(2048));
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
