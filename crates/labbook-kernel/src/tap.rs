//! A program between evcxr_jupyter and the process that runs the cells.
//!
//! evcxr learns from lines on standard output that a cell panicked, that its `?` met an error,
//! what it shows, and when it ends; it keeps most of that to itself. The tap reads the same lines,
//! passes them on, and puts marks between them that the relay understands.
//!
//! evcxr starts "its own program once more" for the cells and hands on what follows `--` on its
//! command line. Started through the dynamic loader, its program is the loader; so that what it
//! starts is the loader with our program.

mod cells;
mod loader;
mod panic;
mod sorter;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Signal, getpid, kill_process, set_parent_process_death_signal};

use crate::mark::END_OF_FILE;
use cells::Cells;
use sorter::Sorter;

/// Names the secret shared with the relay; the cells' process does not get it.
pub(crate) const SECRET: &str = "LABBOOK_RELAY_SECRET";
/// Tells the cells that there are relay and tap.
const RELAY: &str = "LABBOOK_RELAY";

/// First word of the command line of a tap; our program, evcxr's and its connection file follow.
pub const TAP: &str = "--tap";
/// First word for [`run_bound`]; the program and its arguments follow.
pub const BOUND: &str = "--bound";

/// How often to look whether a cell waits for standard input.
const ASK: Duration = Duration::from_millis(50);
/// The same while there is something for it to read.
const GIVE: Duration = Duration::from_millis(2);
/// How often to look whether a cell has ended that printed so.
const DOUBT: Duration = Duration::from_millis(1);
/// At most this much is read at once.
const PIECE: usize = 1 << 16;

/// The words that start evcxr_jupyter.
pub(crate) fn evcxr(evcxr: &Path, connection_file: &Path) -> Vec<OsString> {
    vec![
        evcxr.into(),
        "--control_file".into(),
        connection_file.into(),
    ]
}

/// The words that start it with a tap; `None` where its program names no loader.
pub(crate) fn evcxr_with_tap(
    own: &Path,
    program: &Path,
    connection_file: &Path,
) -> Option<Vec<OsString>> {
    let mut words = vec![loader::of(program)?.into_os_string()];
    words.extend(evcxr(program, connection_file));
    words.extend(["--".into(), own.into(), TAP.into()]);
    words.extend([own, program, connection_file].map(OsString::from));
    Some(words)
}

/// Becomes another program that ends when the one that started it ends. Returns only on failure.
pub fn run_bound(program: &str, arguments: &[String]) -> io::Error {
    match set_parent_process_death_signal(Some(Signal::KILL)) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// Runs the process of the cells, passing on what it prints, until it ends; then ends as it did.
///
/// evcxr runs a line of its own before it listens, and waits for its output to be read by whom it
/// has not started yet. So there are no marks while `connection_file` exists: the relay removes it
/// at evcxr's first message.
///
/// # Errors
/// When the process cannot be started, or evcxr no longer reads.
pub fn tap(own: &Path, evcxr: &Path, connection_file: &Path) -> io::Result<ExitStatus> {
    let secret = std::env::var(SECRET).unwrap_or_default();
    let mut cells = Cells::start(own, evcxr)?;
    let (mut output, mut errors) = cells.streams()?;
    let (mut output_open, mut errors_open) = (true, true);
    let stdin = io::stdin();
    let mut tap = Tap {
        cells,
        sorter: Sorter::new(&secret),
        commands: Vec::new(),
        answer: None,
        asked: false,
        looked: Instant::now(),
    };
    while output_open || errors_open {
        let mut waiting = vec![PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        output_open.then(|| waiting.push(PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)));
        errors_open.then(|| waiting.push(PollFd::from_borrowed_fd(errors.as_fd(), PollFlags::IN)));
        let patience = tap
            .patience()
            .and_then(|patience| Timespec::try_from(patience).ok());
        retry_on_intr(|| poll(&mut waiting, patience.as_ref()))?;
        let commanded = !waiting[0].revents().is_empty();
        drop(waiting);
        // What was printed first to errors must be there when the output tells why.
        let printed = read(&mut output, &mut output_open)?;
        let errors = read(&mut errors, &mut errors_open)?;
        if !tap.sorter.is_heard() && !connection_file.exists() {
            tap.sorter.begin();
        }
        let now = Instant::now();
        tap.sorter.read(&printed, &errors, now);
        tap.attend(now)?;
        if commanded {
            let mut piece = [0; PIECE];
            match retry_on_intr(|| rustix::io::read(stdin.as_fd(), &mut piece))? {
                0 => {
                    // Without evcxr nobody waits for the cell's end.
                    tap.cells.kill()?;
                    break;
                }
                count => tap.command(&piece[..count], now)?,
            }
        }
        pass_on(&mut tap.sorter)?;
    }
    tap.sorter.end();
    pass_on(&mut tap.sorter)?;
    let status = tap.cells.wait()?;
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        // Rust's own handler of memory faults takes the first one and goes.
        for _ in 0..2 {
            kill_process(getpid(), signal)?;
        }
    }
    Ok(status)
}

/// The state between two looks.
struct Tap {
    cells: Cells,
    sorter: Sorter,
    /// What came from evcxr of a line that has not ended.
    commands: Vec<u8>,
    /// A line for the cell to read, or what it left of one.
    answer: Option<Vec<u8>>,
    /// evcxr has been asked for a line.
    asked: bool,
    /// When it was last looked whether a cell wants one.
    looked: Instant,
}

impl Tap {
    /// How long to wait for something to happen.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let due = self
            .sorter
            .due()
            .map(|due| due.saturating_duration_since(now));
        let doubt = self.sorter.is_doubtful().then_some(DOUBT);
        let look = self
            .pause()
            .map(|pause| (self.looked + pause).saturating_duration_since(now));
        [due, doubt, look].into_iter().flatten().min()
    }

    /// How long to wait between two looks at what the cell reads.
    fn pause(&self) -> Option<Duration> {
        let pause = if self.answer.is_some() { GIVE } else { ASK };
        (self.sorter.is_running() && !self.asked).then_some(pause)
    }

    /// Sees whether the cell has ended, or wants to read something.
    fn attend(&mut self, now: Instant) -> io::Result<()> {
        if self.sorter.is_doubtful() {
            self.sorter.settle(self.cells.is_idle(), now);
        }
        self.asked |= self.sorter.has_asked();
        if !self.sorter.is_running() {
            self.answer = None;
            self.asked = false;
        }
        if self.pause().is_none_or(|pause| self.looked + pause > now) {
            return Ok(());
        }
        self.looked = now;
        let Some(size) = self.cells.wanted() else {
            return Ok(());
        };
        match self.answer.take() {
            Some(mut answer) => {
                let rest = answer.split_off(size.min(answer.len()));
                self.answer = Some(rest).filter(|rest| !rest.is_empty());
                self.cells.send(&answer)
            }
            None => {
                self.sorter.ask();
                self.asked = true;
                Ok(())
            }
        }
    }

    /// Takes what came from evcxr: a cell to run, or a line for the cell that runs.
    fn command(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        self.commands.extend(bytes);
        while let Some(end) = self.commands.iter().position(|&byte| byte == b'\n') {
            let rest = self.commands.split_off(end + 1);
            let line = std::mem::replace(&mut self.commands, rest);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\n');
            if !self.sorter.is_running() {
                self.sorter.start();
                self.looked = now;
                self.cells.run(line)?;
            } else if self.asked {
                self.asked = false;
                self.answer = Some(match line {
                    END_OF_FILE => Vec::new(),
                    line => format!("{line}\n").into_bytes(),
                });
            }
        }
        Ok(())
    }
}

/// What has come until now.
fn read(pipe: &mut impl Read, open: &mut bool) -> io::Result<Vec<u8>> {
    if !*open {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; PIECE];
    match pipe.read(&mut bytes) {
        Ok(count) => {
            *open = count > 0;
            bytes.truncate(count);
            Ok(bytes)
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn pass_on(sorter: &mut Sorter) -> io::Result<()> {
    let (output, errors) = sorter.take();
    let mut stdout = io::stdout().lock();
    stdout.write_all(output.as_bytes())?;
    stdout.flush()?;
    io::stderr().write_all(errors.as_bytes())
}
