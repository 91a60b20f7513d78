use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// cargo needs less where nothing changed.
const PATIENCE: Duration = Duration::from_millis(400);
const PACE: Duration = Duration::from_millis(200);

/// Compiles the clone's commands where they changed, and returns their program.
pub(crate) fn compiled(root: &Path) -> Result<PathBuf, String> {
    let (done, end) = channel();
    let waiter = thread::spawn(move || {
        announce(|pace| match end.recv_timeout(pace) {
            Err(RecvTimeoutError::Timeout) => true,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => false,
        });
    });
    let answer = build(root, done);
    // It only writes to the terminal.
    drop(waiter.join());
    executable(&answer?).ok_or_else(|| "cargo does not say where the commands are".to_owned())
}

/// Says what is waited for, if it takes a while; `waits` says whether it still does after a time.
fn announce(waits: impl Fn(Duration) -> bool) {
    if !waits(PATIENCE) {
        return;
    }
    let text = "labbook: compiling its commands (about 10 s, once)";
    let mut out = io::stderr();
    if !out.is_terminal() {
        // Nobody is left to tell where these fail.
        let _ = writeln!(out, "{text}");
        while waits(PACE) {}
        return;
    }
    let start = Instant::now();
    loop {
        let _ = write!(out, "\r{text} {} s ", start.elapsed().as_secs());
        if !waits(PACE) {
            break;
        }
    }
    let _ = write!(out, "\r\x1b[K");
}

/// What cargo says of the build, in JSON. `done` is dropped at its end.
///
/// Target, flags and folder are the same before and after the set-up, which gives the workspace others: so
/// nothing is compiled twice.
fn build(root: &Path, done: Sender<()>) -> Result<String, String> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--profile",
            "commands",
            "--package",
            "xtask",
        ])
        .args([
            "--target",
            "host-tuple",
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--target-dir")
        .arg(root.join("target"))
        .current_dir(root)
        .env("RUSTFLAGS", "")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    drop(done);
    let output = output.map_err(|error| {
        format!("cannot start cargo: {error}; install Rust 1.95 or newer (https://rustup.rs)")
    })?;
    if !output.status.success() {
        return Err(
            "the commands did not compile (cargo's message is above); is the network reachable, and \
             Rust 1.95 or newer?"
                .to_owned(),
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program's path in cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    const KEY: &str = "\"executable\":\"";
    let mut lines = messages
        .lines()
        .filter(|line| line.contains("\"name\":\"xtask\""));
    let text = lines.find_map(|line| line.split_once(KEY))?.1;
    let mut path = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some(path.into()),
            // Of what JSON escapes, a path on a disk may hold a quote and a backslash.
            '\\' => path.push(letters.next()?),
            letter => path.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"lexopt\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"xtask\"},\"executable\":\"/a \\\"b\\\\/xtask\",\"fresh\":true}\n";
        assert_eq!(executable(messages), Some("/a \"b\\/xtask".into()));
        assert_eq!(executable("{\"name\":\"xtask\",\"executable\":null}"), None);
        assert_eq!(
            executable("{\"name\":\"xtask\",\"executable\":\"/cut"),
            None
        );
    }

    #[test]
    fn waiting_ends_with_the_build() {
        let asked = Cell::new(0);
        announce(|_| {
            asked.set(asked.get() + 1);
            asked.get() < 3
        });
        assert_eq!(asked.get(), 3);
    }
}
