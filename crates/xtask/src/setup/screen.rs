//! What a person sees of the set-up: a line that moves on a terminal, else a line where a step begins and
//! one where it ends. What the tools say goes to the log.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::STEPS;
use super::log::Log;
use super::step::Step;
use crate::failure::{Failure, Result};

/// How often the line moves.
const PACE: Duration = Duration::from_millis(200);

/// Leaves a line that is too long cut at the edge instead of broken, in which case it could not be drawn over.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const CLEAR: &str = "\r\x1b[K";

/// Shared by the steps that are at work side by side.
pub(super) struct Screen {
    pub(super) shared: Arc<Shared>,
    /// Draws the line until its other end is dropped.
    drawer: Option<(Sender<()>, JoinHandle<()>)>,
}

pub(super) struct Shared {
    pub(super) terminal: bool,
    /// The first failure; what is at work besides is to end.
    failure: Mutex<Option<Failure>>,
    pub(super) failed: AtomicBool,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) log: Log,
    begun: bool,
    pub(super) steps: Vec<Shown>,
    out: Box<dyn Write + Send>,
}

/// A step that is at work.
pub(super) struct Shown {
    pub(super) number: u32,
    pub(super) title: String,
    pub(super) far: String,
    pub(super) about: &'static str,
    pub(super) start: Instant,
}

impl Screen {
    pub(super) fn new(log: PathBuf) -> Screen {
        let out = io::stdout();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = out.is_terminal() && !dumb;
        Screen::on(Box::new(out), terminal, log)
    }

    fn on(out: Box<dyn Write + Send>, terminal: bool, log: PathBuf) -> Screen {
        let shared = Arc::new(Shared {
            terminal,
            failure: Mutex::default(),
            failed: AtomicBool::new(false),
            state: Mutex::new(State {
                log: Log::new(log),
                begun: false,
                steps: Vec::new(),
                out,
            }),
        });
        let drawer = terminal.then(|| {
            let (stop, stopped) = channel();
            let shared = Arc::clone(&shared);
            let draw = move || {
                while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                    shared.state().draw();
                }
            };
            (stop, thread::spawn(draw))
        });
        Screen { shared, drawer }
    }

    /// Announces work that is about to be done.
    pub(super) fn step(&self, number: u32, title: &str, about: &'static str) -> Step<'_> {
        self.begin();
        let step = self.quiet_step(number, title, about);
        step.show();
        step
    }

    /// Work that mostly is next to nothing: it is shown when [`Step::show`] is called.
    pub(super) fn quiet_step(&self, number: u32, title: &str, about: &'static str) -> Step<'_> {
        Step::new(self, number, title, about)
    }

    /// Says once what there is to wait for.
    fn begin(&self) {
        let mut state = self.shared.state();
        if std::mem::replace(&mut state.begun, true) {
            return;
        }
        let log = state.log.path().display().to_string();
        let text = format!("Setting up what is missing. What the tools say goes to {log}");
        state.say(self.shared.terminal, &text);
    }

    /// Tells something in a line of its own.
    pub(super) fn say(&self, text: &str) {
        self.shared.state().say(self.shared.terminal, text);
    }

    /// Takes the result of work beside other work. When it failed, that other work is called off.
    pub(super) fn heed<T>(&self, result: Result<T>) -> Option<T> {
        let failure = match result {
            Ok(value) => return Some(value),
            Err(failure) => failure,
        };
        let mut first = self
            .shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
        self.shared.failed.store(true, Ordering::Relaxed);
        None
    }

    /// What failed first of the work side by side.
    pub(super) fn failure(&self) -> Failure {
        let mut first = self
            .shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first
            .take()
            .unwrap_or_else(|| Failure::new("a part of the set-up panicked (above)"))
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.shared.state().log.path().to_owned()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some((stop, drawer)) = self.drawer.take() {
            drop(stop);
            // It only writes to the terminal.
            drop(drawer.join());
            self.shared.state().clear();
        }
    }
}

impl Shared {
    /// What a thread that panicked left is still good to be drawn.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    // Nobody is left to tell where these writes fail.

    pub(super) fn say(&mut self, terminal: bool, text: &str) {
        if terminal {
            self.clear();
        }
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    fn clear(&mut self) {
        let _ = write!(self.out, "{CLEAR}");
        let _ = self.out.flush();
    }

    pub(super) fn draw(&mut self) {
        if self.steps.is_empty() {
            return;
        }
        let line: Vec<String> = self.steps.iter().map(Shown::line).collect();
        let line = line.join("  |  ");
        let _ = write!(self.out, "{CLEAR}{NO_WRAP}{line}{WRAP}");
        let _ = self.out.flush();
    }
}

impl Shown {
    fn line(&self) -> String {
        let far = match self.far.as_str() {
            "" => String::new(),
            far => format!(" {far},"),
        };
        let time = clock(self.start.elapsed());
        let about = match self.about {
            "" => String::new(),
            about => format!(" of about {about}"),
        };
        let (place, title) = (place(self.number), &self.title);
        format!("{place}{title}:{far} {time}{about}")
    }
}

/// Where a step is among all; 0 stands for work that is none of the set-up's.
pub(super) fn place(number: u32) -> String {
    match number {
        0 => String::new(),
        number => format!("[{number}/{STEPS}] "),
    }
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, as a terminal or a file would get it.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut paper = self.0.lock().expect("no other thread panicked");
            paper.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            let bytes = self.0.lock().expect("no other thread panicked");
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    fn screen(terminal: bool) -> (Screen, Paper, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let paper = Paper::default();
        let screen = Screen::on(Box::new(paper.clone()), terminal, dir.path().join("log"));
        (screen, paper, dir)
    }

    #[test]
    fn a_file_gets_a_line_at_a_steps_beginning_and_one_at_its_end() {
        let (screen, paper, dir) = screen(false);
        let step = screen.step(4, "Rust kernel", "6 min");
        step.far("84 of 301".to_owned());
        step.log("Compiling something v1.0.0");
        step.done();
        screen.quiet_step(5, "Workspace", "").done();
        drop(screen.step(6, "Kernel", ""));
        drop(screen);
        let text = paper.text();
        let (first, text) = text.split_once('\n').expect("lines");
        assert!(first.starts_with("Setting up"), "{first}");
        assert_eq!(
            text,
            "[4/6] Rust kernel (about 6 min)\n[4/6] Rust kernel: done in 0 min 00 s\n[6/6] Kernel\n"
        );
        let log = std::fs::read_to_string(dir.path().join("log")).expect("a log");
        assert!(log.contains("[4] Compiling something v1.0.0\n"), "{log}");
    }

    #[test]
    fn a_terminal_shows_all_that_is_at_work_in_one_line() {
        let (screen, paper, _dir) = screen(true);
        let kernel = screen.step(4, "Rust kernel", "6 min");
        let python = screen.step(2, "Python", "1 min");
        kernel.far("84 of 301".to_owned());
        let wanted = "[2/6] Python: 0:00 of about 1 min  |  [4/6] Rust kernel: 84 of 301, 0:00 of about 6 min";
        screen.shared.state().draw();
        let text = paper.text();
        assert!(
            text.contains(&format!("{CLEAR}{NO_WRAP}{wanted}{WRAP}")),
            "{text:?}"
        );
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        python.done();
        drop(kernel);
        drop(screen);
        let text = paper.text();
        let end = text.rsplit('\n').next().unwrap_or_default();
        assert!(
            text.contains(&format!("{CLEAR}[2/6] Python: done")) && end.ends_with(CLEAR),
            "{text:?}"
        );
    }

    #[test]
    fn a_failure_calls_off_the_others() {
        let (screen, _paper, _dir) = screen(false);
        let step = screen.step(1, "System", "");
        assert_eq!(screen.heed(Ok(1)), Some(1));
        assert!(!step.is_called_off());
        for what in ["no network", "called off"] {
            assert_eq!(screen.heed::<()>(Err(Failure::new(what))), None);
        }
        assert!(step.is_called_off());
        assert_eq!(screen.failure().to_string(), "no network");
    }
}
