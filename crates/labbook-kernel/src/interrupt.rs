//! What Jupyter's interrupt does to a kernel.
//!
//! It arrives as SIGINT in the whole process group. evcxr_jupyter and the compilers ignore it, so
//! that a running compilation is left alone. The process that runs the cells may handle it, as
//! `labbook-notebook` does to end a training in good order; if it does not, it is ended here, which
//! stops the cell at once and loses its variables: all that evcxr itself can do.

use std::fs;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Runs `kernel` until it ends, seeing to interrupts meanwhile.
///
/// # Errors
/// When the kernel cannot be started or waited for.
pub(crate) fn supervise(kernel: &mut Command) -> io::Result<ExitStatus> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let mut child: Child = kernel.spawn()?;
    let kernel = child.id();
    thread::spawn(move || {
        for signal in &mut signals {
            if signal == SIGTERM {
                end(kernel, Signal::TERM);
                continue;
            }
            for process in children(kernel) {
                if runs_cells(process, kernel) && !handles_interrupts(process) {
                    end(process, Signal::KILL);
                }
            }
        }
    });
    child.wait()
}

fn end(process: u32, signal: Signal) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    // A process that is gone already needs no signal.
    let _ = pid.map(|pid| kill_process(pid, signal));
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&process| field(process, "PPid:") == Some(parent.to_string()))
        .collect()
}

/// evcxr_jupyter runs the cells in a second process of its own program; its other children compile.
fn runs_cells(process: u32, kernel: u32) -> bool {
    let program = |process| fs::read_link(format!("/proc/{process}/exe"));
    matches!((program(process), program(kernel)), (Ok(a), Ok(b)) if a == b)
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
    use std::sync::Arc;

    #[test]
    fn a_handler_is_seen_and_its_absence_too() -> io::Result<()> {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn()?;
        assert!(!handles_interrupts(cat.id()));
        assert!(children(std::process::id()).contains(&cat.id()));
        signal_hook::flag::register(SIGINT, Arc::default())?;
        assert!(handles_interrupts(std::process::id()));
        end(cat.id(), Signal::KILL);
        assert!(!cat.wait()?.success());
        Ok(())
    }

    #[test]
    fn only_the_same_program_runs_cells() -> io::Result<()> {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
        let own = std::process::id();
        assert!(runs_cells(own, own) && !runs_cells(child.id(), own));
        end(child.id(), Signal::KILL);
        child.wait().map(|_| ())
    }
}
