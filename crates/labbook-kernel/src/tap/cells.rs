use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};
use socket2::{Domain, Socket, Type};

use super::{BOUND, RELAY, SECRET};

/// How long the process may take until it waits for its first cell.
const BEGIN: Duration = Duration::from_secs(5);
/// How often to look whether it does.
const LOOK: Duration = Duration::from_millis(1);

/// The process that runs the cells: what it waits for, and what it reads.
///
/// Its standard input is a socket that keeps messages apart: a read gets one of them, and one without
/// bytes is the end of a file for that read alone. So a cell can read what was meant for it and no more.
#[derive(Debug)]
pub(super) struct Cells {
    child: Child,
    input: Socket,
    /// The process's own end, to see what it has not read yet.
    its_end: Socket,
    /// How its first thread waits for the next cell; `None` where the system does not tell.
    idle: Option<Wait>,
}

/// A thread that waits for standard input.
#[derive(Debug)]
struct Wait {
    /// Where the bytes are to go, which tells a cell that reads from evcxr that waits for the next cell.
    /// (The depth of the stack does not: it changes once there are threads.)
    place: String,
    /// How many bytes it takes.
    size: usize,
}

impl Cells {
    /// Starts it, a copy of the program `evcxr` bound to this process by `own`.
    pub(super) fn start(own: &Path, evcxr: &Path) -> io::Result<Cells> {
        let (input, its_end) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None)?;
        let child = Command::new(own)
            .arg(BOUND)
            .arg(evcxr)
            .env_remove(SECRET)
            .env(RELAY, "1")
            // evcxr asks for a backtrace with every panic: a page of its own functions.
            .env("RUST_BACKTRACE", "0")
            // Jupyter signals to the launcher's group; the launcher decides what reaches the cells.
            .process_group(0)
            .stdin(OwnedFd::from(its_end.try_clone()?))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Cells {
            child,
            input,
            its_end,
            idle: None,
        })
    }

    /// What it prints and where it prints errors, neither of which is waited for.
    pub(super) fn streams(&mut self) -> io::Result<(ChildStdout, ChildStderr)> {
        let (Some(output), Some(errors)) = (self.child.stdout.take(), self.child.stderr.take())
        else {
            return Err(io::Error::other("the cells' process has no output"));
        };
        ioctl_fionbio(&output, true)?;
        ioctl_fionbio(&errors, true)?;
        Ok((output, errors))
    }

    /// Passes on evcxr's command to run a cell.
    pub(super) fn run(&mut self, command: &str) -> io::Result<()> {
        let begun = Instant::now();
        while self.idle.is_none() && begun.elapsed() < BEGIN && knows(self.child.id()) {
            self.idle = wait(self.child.id(), self.child.id());
            if self.idle.is_none() {
                thread::sleep(LOOK);
            }
        }
        self.send(format!("{command}\n").as_bytes())
    }

    /// Whether it waits for the next cell. Where the system does not tell, it is believed to.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.as_ref().is_none_or(|idle| {
            let now = wait(self.child.id(), self.child.id());
            now.is_some_and(|now| now.place == idle.place)
        })
    }

    /// How many bytes of standard input the cell that runs is waiting for, if it is.
    pub(super) fn wanted(&self) -> Option<usize> {
        let idle = self.idle.as_ref()?;
        if !self.has_read() {
            return None;
        }
        let process = self.child.id();
        let waiting = all_that_read(
            process,
            &fs::read_link(format!("/proc/{process}/fd/0")).ok()?,
        );
        let mut cells = waiting.into_iter().filter(|wait| wait.place != idle.place);
        Some(cells.next()?.size)
    }

    /// Whether it has read all that was sent.
    fn has_read(&self) -> bool {
        let mut waiting = [PollFd::from_borrowed_fd(
            self.its_end.as_fd(),
            PollFlags::IN,
        )];
        poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|ready| ready == 0)
    }

    /// Sends what one read gets; nothing is the end of a file.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.input.send(bytes) {
            // It has ended, which its output tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent.map(|_| ()),
        }
    }

    /// Ends it and all that it started.
    pub(super) fn kill(&self) -> io::Result<()> {
        Ok(kill_process_group(
            Pid::from_child(&self.child),
            Signal::KILL,
        )?)
    }

    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

/// Threads of a process, and of those that it started, that wait for the standard input `input`.
fn all_that_read(process: u32, input: &Path) -> Vec<Wait> {
    let mut found = Vec::new();
    if !fs::read_link(format!("/proc/{process}/fd/0")).is_ok_and(|own| own == input) {
        return found;
    }
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        let number = task.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(number.and_then(|number| wait(process, number)));
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
        {
            found.extend(all_that_read(child, input));
        }
    }
    found
}

/// Whether the system tells what a process waits for.
fn knows(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/syscall")).is_ok()
}

/// How a thread waits for standard input, if it does; see proc(5).
fn wait(process: u32, thread: u32) -> Option<Wait> {
    let call = fs::read_to_string(format!("/proc/{process}/task/{thread}/syscall")).ok()?;
    read_wait(&call)
}

fn read_wait(call: &str) -> Option<Wait> {
    let read = if cfg!(target_arch = "x86_64") {
        "0"
    } else {
        "63"
    };
    let words: Vec<&str> = call.split_whitespace().collect();
    match words.as_slice() {
        [number, "0x0", buffer, size, ..] if *number == read => Some(Wait {
            place: (*buffer).to_owned(),
            size: usize::from_str_radix(size.strip_prefix("0x")?, 16).ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// A process that reads as told.
    fn cells(script: &str) -> Cells {
        let (input, its_end) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        let child = Command::new("sh")
            .args(["-c", script])
            .stdin(OwnedFd::from(its_end.try_clone().unwrap()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Cells {
            child,
            input,
            its_end,
            // Nobody waits there.
            idle: Some(Wait {
                place: Default::default(),
                size: 0,
            }),
        }
    }

    /// Gives each read as much of the text as it takes, then the end of the file.
    fn feed(mut cells: Cells, mut text: &[u8]) -> String {
        let mut output = cells.child.stdout.take().unwrap();
        let reading = thread::spawn(move || {
            let mut printed = String::new();
            output.read_to_string(&mut printed).map(|_| printed)
        });
        while !reading.is_finished() {
            if let Some(size) = cells.wanted() {
                let (now, later) = text.split_at(size.min(text.len()));
                cells.send(now).unwrap();
                text = later;
            }
            thread::sleep(LOOK);
        }
        cells.wait().unwrap();
        reading.join().unwrap().unwrap()
    }

    #[test]
    fn a_cell_reads_what_it_asks_for_and_the_end_of_the_file() {
        if !knows(std::process::id()) {
            return;
        }
        // The shell reads byte by byte, the program that it starts as much as it can.
        assert_eq!(
            feed(cells("read a; echo \"<$a>\"; cat"), b"one\ntwo\n"),
            "<one>\ntwo\n"
        );
        assert_eq!(feed(cells("read a || echo nothing"), b""), "nothing\n");
    }

    #[test]
    fn who_reads_something_else_is_not_asked() {
        let read = if cfg!(target_arch = "x86_64") {
            "0"
        } else {
            "63"
        };
        let call = |fd: &str| format!("{read} {fd} 0x7f01 0x2000 0x0 0x0 0x0 0x7ffe 0x7fff");
        let wait = read_wait(&call("0x0")).unwrap();
        assert_eq!((wait.size, wait.place.as_str()), (8192, "0x7f01"));
        assert!(read_wait(&call("0x3")).is_none());
        assert!(read_wait("running").is_none());
    }
}
