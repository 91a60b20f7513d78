//! A program between evcxr_jupyter and the process that runs the cells.
//!
//! evcxr learns from lines on standard output that a cell panicked, that its `?` met an error,
//! what it shows, and when it ends; it keeps most of that to itself. The tap reads the same lines,
//! passes them on, and puts marks between them that the relay understands.
//!
//! evcxr starts "its own program once more" for the cells and hands on what follows `--` on its
//! command line. Started through the dynamic loader, its program is the loader; so that what it
//! starts is the loader with our program.

mod loader;
mod panic;
mod sorter;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{ioctl_fionbio, retry_on_intr};
use rustix::process::{
    Pid, Signal, getpid, kill_process, kill_process_group, set_parent_process_death_signal,
};

use sorter::Sorter;

/// Names the secret shared with the relay.
pub(crate) const SECRET: &str = "LABBOOK_RELAY";

/// First word of the command line of a tap; our program, evcxr's and its connection file follow.
pub const TAP: &str = "--tap";
/// First word for [`run_bound`]; the program and its arguments follow.
pub const BOUND: &str = "--bound";

/// Text without a line end, or a value, is passed on after this much silence.
const SILENCE: Duration = Duration::from_millis(30);

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
    let mut cells = Command::new(own)
        .arg(BOUND)
        .arg(evcxr)
        // evcxr asks for a backtrace with every panic: a page of its own functions.
        .env("RUST_BACKTRACE", "0")
        // Jupyter signals to the launcher's group; the launcher decides what reaches the cells.
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (Some(mut output), Some(mut errors)) = (cells.stdout.take(), cells.stderr.take()) else {
        return Err(io::Error::other("the cells' process has no output"));
    };
    ioctl_fionbio(&output, true)?;
    ioctl_fionbio(&errors, true)?;
    let stdin = io::stdin();
    let mut sorter = Sorter::new(&std::env::var(SECRET).unwrap_or_default());
    let (mut output_open, mut errors_open) = (true, true);
    while output_open || errors_open {
        let quiet = {
            // evcxr speaks to the cells on this pipe; only its end is waited for.
            let mut waiting = vec![PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
            output_open
                .then(|| waiting.push(PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)));
            errors_open
                .then(|| waiting.push(PollFd::from_borrowed_fd(errors.as_fd(), PollFlags::IN)));
            let patience = Timespec::try_from(SILENCE).ok();
            let patience = patience.as_ref().filter(|_| sorter.holds());
            let ready = retry_on_intr(|| poll(&mut waiting, patience))?;
            if waiting[0].revents().contains(PollFlags::HUP) {
                // Without evcxr nobody waits for the cell's end.
                kill_process_group(Pid::from_child(&cells), Signal::KILL)?;
                break;
            }
            ready == 0
        };
        if quiet {
            sorter.silence();
        } else {
            // What was printed first to errors must be there when the output tells why.
            let printed = read(&mut output, &mut output_open)?;
            sorter.errors(&read(&mut errors, &mut errors_open)?);
            if !sorter.is_heard() && !connection_file.exists() {
                sorter.begin();
            }
            sorter.output(&printed);
        }
        pass_on(&mut sorter)?;
    }
    sorter.end();
    pass_on(&mut sorter)?;
    let status = cells.wait()?;
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        // Rust's own handler of memory faults takes the first one and goes.
        for _ in 0..2 {
            kill_process(getpid(), signal)?;
        }
    }
    Ok(status)
}

/// What has come until now.
fn read(pipe: &mut impl Read, open: &mut bool) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 1 << 16];
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
