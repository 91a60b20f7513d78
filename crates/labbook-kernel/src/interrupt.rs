//! What Jupyter's interrupt does to a kernel.
//!
//! It arrives as SIGINT in the whole process group; evcxr_jupyter and the compilers ignore it. What
//! happens is decided here:
//!
//! - No cell runs: nothing.
//! - A cell is being compiled: the compilers are ended. evcxr gives the cell up, and no variable is
//!   lost.
//! - A cell runs: its process may handle the signal, as `labbook-notebook` does to end a training in
//!   good order. If it does not, or at a second interrupt soon after, it is ended, which stops the
//!   cell at once and loses its variables: all that evcxr itself can do.
//!
//! For that the [tap](crate::tap) puts the cells' process into a group of its own. Without a tap it
//! has the signal already, and whether a cell runs can only be seen by what its process waits for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::Notify;

use crate::tap::TAP;

/// Jupyter sets it to its own process.
const PARENT: &str = "JPY_PARENT_PID";
/// Two interrupts of a cell within this time stop it at once; `labbook-notebook` says so.
const TWICE: Duration = Duration::from_secs(5);
/// How often to look whether a cell that is to be stopped is being compiled.
const LOOK_FOR_COMPILERS: Duration = Duration::from_millis(20);
/// How often to look whether the parent lives.
const LOOK: Duration = Duration::from_secs(1);

/// A running evcxr_jupyter and all that it started.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// Its process.
    process: u32,
    /// The program of the process that runs the cells.
    program: PathBuf,
    /// Whether there is a tap.
    tapped: bool,
    cell: Arc<Mutex<Cell>>,
    /// Told of each interrupt of a cell.
    told: Arc<Notify>,
}

/// What is known of the cell that may be running.
#[derive(Debug)]
struct Cell {
    /// Its number; without one, no cell runs, and an interrupt would only cost the variables.
    number: Option<u64>,
    /// When it was last interrupted.
    interrupted: Option<Instant>,
    stopped: Option<Stopped>,
}

/// What an interrupt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stopped {
    /// The cell's compilation.
    Compilation,
    /// The process that ran it.
    Process,
}

impl Kernel {
    /// Starts evcxr_jupyter, whose program is `program`, and sees to Jupyter's wishes from then on.
    pub(crate) fn start(
        command: &mut Command,
        program: &Path,
        tapped: bool,
        jupyter: Jupyter,
    ) -> io::Result<(Kernel, Child)> {
        let child = command.spawn()?;
        let kernel = Kernel {
            process: child.id(),
            program: fs::canonicalize(program)?,
            tapped,
            cell: Arc::new(Mutex::new(Cell::numbered(Some(0)))),
            told: Arc::default(),
        };
        kernel.attend(jupyter.signals, jupyter.apart);
        if let Some(parent) = jupyter.parent {
            kernel.end_with(parent);
        }
        Ok((kernel, child))
    }

    /// Sees to the signals that this process gets, from now on. `apart` says that it alone gets them.
    fn attend(&self, mut signals: Signals, apart: bool) {
        let kernel = self.clone();
        thread::spawn(move || {
            for signal in &mut signals {
                match signal {
                    SIGTERM => kernel.end(),
                    _ => kernel.stop(kernel.tapped || apart),
                }
            }
        });
    }

    /// Ends the kernel when the program that started this one has ended and could not do it.
    fn end_with(&self, parent: Pid) {
        let kernel = self.clone();
        thread::spawn(move || {
            wait_for_end(parent);
            kernel.end();
        });
    }

    /// Says which cell runs, if one does; until the first call, one may.
    pub(crate) fn set_cell(&self, number: Option<u64>) {
        let mut cell = self.cell();
        if cell.number != number {
            *cell = Cell::numbered(number);
        }
    }

    /// What an interrupt ended of the cell that runs.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.cell().stopped
    }

    /// evcxr_jupyter's process.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Waits until a cell is interrupted.
    pub(crate) async fn interrupted(&self) {
        self.told.notified().await;
    }

    fn cell(&self) -> MutexGuard<'_, Cell> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Interrupts the cell, as Jupyter does by a signal to all processes.
    pub(crate) fn interrupt(&self) {
        self.stop(true);
    }

    /// Ends every process of the kernel.
    pub(crate) fn end(&self) {
        let all = descendants(self.process);
        for process in [self.process].into_iter().chain(all) {
            send(process, Signal::KILL);
        }
    }

    /// Stops the cell that runs, if one does. `tell` says whether its process has yet to get the
    /// signal.
    fn stop(&self, tell: bool) {
        let mut cell = self.cell();
        if cell.number.is_none() {
            return;
        }
        self.told.notify_one();
        let last = cell.interrupted.replace(Instant::now());
        let twice = last.is_some_and(|last| last.elapsed() < TWICE);
        if self.stop_compiling(&mut cell) {
            return;
        }
        for process in self.cells() {
            if waits(process) && !(twice && self.tapped) {
                if let Some(number) = cell.number.filter(|_| self.tapped) {
                    self.stop_compiling_soon(number);
                }
            } else if handles_interrupts(process) && !twice {
                if tell {
                    self.send_to_cells(process, Signal::INT);
                }
            } else {
                cell.stopped = Some(Stopped::Process);
                self.send_to_cells(process, Signal::KILL);
            }
        }
    }

    /// The cell has been asked to stop, and its code does not run yet: it will be compiled.
    fn stop_compiling_soon(&self, number: u64) {
        let kernel = self.clone();
        thread::spawn(move || {
            let begun = Instant::now();
            while begun.elapsed() < TWICE {
                let mut cell = kernel.cell();
                if cell.number != Some(number) || kernel.stop_compiling(&mut cell) {
                    return;
                }
                drop(cell);
                thread::sleep(LOOK_FOR_COMPILERS);
            }
        });
    }

    /// Ends the compilers; says whether any ran.
    fn stop_compiling(&self, cell: &mut Cell) -> bool {
        let compilers = self.compilers();
        if !compilers.is_empty() {
            cell.stopped = Some(Stopped::Compilation);
        }
        for &process in &compilers {
            send(process, Signal::KILL);
        }
        !compilers.is_empty()
    }

    /// To their process and, where that leads a group, to all that they started.
    fn send_to_cells(&self, process: u32, signal: Signal) {
        match self.tapped {
            true => send_to_group(process, signal),
            false => send(process, signal),
        }
    }

    /// cargo and all that it started.
    fn compilers(&self) -> Vec<u32> {
        let families = children(self.process).into_iter().map(|child| {
            let mut family = descendants(child);
            family.insert(0, child);
            family
        });
        families
            .filter(|family| !family.iter().any(|&process| self.is_for_cells(process)))
            .flatten()
            .collect()
    }

    /// Whether a process runs the cells, or is the tap that is about to start it.
    fn is_for_cells(&self, process: u32) -> bool {
        runs(process, &self.program) || has_word(process, TAP)
    }

    /// The processes that run cells; the others compile, or pass text on.
    fn cells(&self) -> impl Iterator<Item = u32> {
        let all = descendants(self.process).into_iter();
        all.filter(|process| runs(*process, &self.program))
    }
}

impl Cell {
    fn numbered(number: Option<u64>) -> Cell {
        Cell {
            number,
            interrupted: None,
            stopped: None,
        }
    }
}

/// What Jupyter tells this process: signals, and its own end.
#[derive(Debug)]
pub(crate) struct Jupyter {
    signals: Signals,
    /// Its process, if it means to stay for as long as the kernel.
    parent: Option<Pid>,
    /// Whether signals come to this process alone, and not to its kernel.
    apart: bool,
}

impl Jupyter {
    /// From the call on its signals no longer end this process.
    pub(crate) fn heed() -> io::Result<Jupyter> {
        // Jupyter says so of its kernels; another may start a kernel and leave.
        let stays = std::env::var_os(PARENT).is_some();
        Ok(Jupyter {
            parent: getppid().filter(|_| stays),
            apart: false,
            ..Jupyter::heed_apart()?
        })
    }

    /// The same of a process in a group of its own, which outlives the one that started it.
    pub(crate) fn heed_apart() -> io::Result<Jupyter> {
        Ok(Jupyter {
            signals: Signals::new([SIGINT, SIGTERM])?,
            parent: None,
            apart: true,
        })
    }

    /// Passes the signals on to another process, from now on. This one ends with Jupyter's.
    pub(crate) fn hand_on_to(mut self, process: u32) {
        thread::spawn(move || {
            for signal in &mut self.signals {
                let signal = if signal == SIGTERM {
                    Signal::TERM
                } else {
                    Signal::INT
                };
                send(process, signal);
            }
        });
        if let Some(parent) = self.parent {
            thread::spawn(move || {
                wait_for_end(parent);
                std::process::exit(1);
            });
        }
    }
}

/// Returns once the process that started this one has ended.
fn wait_for_end(parent: Pid) {
    while getppid() == Some(parent) {
        thread::sleep(LOOK);
    }
}

fn send(process: u32, signal: Signal) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    // A process that is gone already needs no signal.
    let _ = pid.map(|pid| kill_process(pid, signal));
}

/// The same for a process that leads a group, and those in it.
fn send_to_group(leader: u32, signal: Signal) {
    let pid = i32::try_from(leader).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| kill_process_group(pid, signal));
}

fn children(parent: u32) -> Vec<u32> {
    let all = descendants(parent).into_iter();
    let parent = parent.to_string();
    all.filter(|&process| field(process, "PPid:").as_ref() == Some(&parent))
        .collect()
}

/// Children, their children, and so on.
fn descendants(ancestor: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pairs: Vec<(u32, u32)> = processes
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            Some((process, field(process, "PPid:")?.parse().ok()?))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            pairs
                .iter()
                .filter(|pair| pair.1 == parent)
                .map(|pair| pair.0),
        );
        next += 1;
    }
    found.split_off(1)
}

fn runs(process: u32, program: &Path) -> bool {
    fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|found| found == program)
}

/// Whether a process was started with this word on its command line.
fn has_word(process: u32, word: &str) -> bool {
    let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    words
        .split(|&byte| byte == 0)
        .any(|found| found == word.as_bytes())
}

/// Whether a process reads its standard input: the cells' process gets its commands there. Where the
/// system does not tell, it is taken to be at work.
fn waits(process: u32) -> bool {
    let read = if cfg!(target_arch = "x86_64") { 0 } else { 63 };
    let call = fs::read_to_string(format!("/proc/{process}/syscall"));
    call.is_ok_and(|call| call.starts_with(&format!("{read} 0x0 ")))
}

fn handles_interrupts(process: u32) -> bool {
    let caught = field(process, "SigCgt:");
    let mask = caught.and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGINT - 1)) != 0)
}

/// A value of a process's status, as proc(5) describes it.
fn field(process: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn a_handler_and_waiting_for_input_are_seen() -> io::Result<()> {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn()?;
        assert!(!handles_interrupts(cat.id()));
        assert!(descendants(std::process::id()).contains(&cat.id()));
        while !waits(cat.id()) {
            thread::yield_now();
        }
        assert!(!waits(std::process::id()));
        signal_hook::flag::register(SIGINT, Arc::default())?;
        assert!(handles_interrupts(std::process::id()));
        send(cat.id(), Signal::KILL);
        assert!(!cat.wait()?.success());
        Ok(())
    }

    #[test]
    fn cells_are_known_by_their_program_and_end_with_the_kernel() -> io::Result<()> {
        let mut shell = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .spawn()?;
        let cat = loop {
            let cats = descendants(shell.id());
            match cats.first() {
                Some(&cat) if fs::read_link(format!("/proc/{cat}/exe"))?.ends_with("cat") => {
                    break cat;
                }
                _ => thread::yield_now(),
            }
        };
        let program = fs::read_link(format!("/proc/{cat}/exe"))?;
        let kernel = Kernel {
            process: shell.id(),
            program,
            tapped: false,
            cell: Arc::new(Mutex::new(Cell::numbered(Some(0)))),
            told: Arc::default(),
        };
        assert_eq!(kernel.cells().collect::<Vec<_>>(), [cat]);
        kernel.end();
        assert!(!shell.wait()?.success());
        while runs(cat, &kernel.program) {
            thread::yield_now();
        }
        Ok(())
    }
}
