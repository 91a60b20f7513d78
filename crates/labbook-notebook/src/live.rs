use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use labbook_nn::{FitParams, Progress, Reporter, Verbosity};

use crate::output::has_relay;

/// Time between two states of the bar.
const PAUSE: Duration = Duration::from_millis(500);

/// Prints Keras's lines, and while an epoch runs its bar with the time left, in the place of the
/// line to come.
#[derive(Debug, Default)]
pub(crate) struct LiveReporter {
    bar: Mutex<Bar>,
}

/// What stands in the unfinished line.
#[derive(Debug, Default)]
struct Bar {
    drawn: Option<Instant>,
    width: usize,
}

impl LiveReporter {
    /// Makes it the default where lines can be overwritten.
    pub(crate) fn install() {
        if has_relay() {
            labbook_nn::set_default_reporter(Self::default());
        }
    }

    fn print(&self, draw: impl FnOnce(&mut Bar) -> Option<String>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = draw(&mut bar) {
            let mut output = std::io::stdout().lock();
            // A closed standard output is no reason to stop a training.
            let _ = output.write_all(text.as_bytes());
            let _ = output.flush();
        }
    }
}

impl Bar {
    /// The bar over its last state, unless that is young.
    fn step(&mut self, progress: &Progress, now: Instant) -> Option<String> {
        let last = *self.drawn.get_or_insert(now);
        if now - last < PAUSE || progress.step >= progress.steps {
            return None;
        }
        self.drawn = Some(now);
        Some(self.over(&progress.bar_line()))
    }

    /// A finished line in place of the bar.
    fn finish(&mut self, line: &str) -> String {
        let text = match self.width {
            0 => line.to_owned(),
            _ => self.over(line),
        };
        *self = Bar::default();
        text + "\n"
    }

    /// A line of its own; an unfinished bar stays above it.
    fn below(&mut self, line: &str) -> String {
        let end = if self.width > 0 { "\n" } else { "" };
        *self = Bar::default();
        format!("{end}{line}\n")
    }

    fn over(&mut self, line: &str) -> String {
        let old = std::mem::replace(&mut self.width, line.len());
        format!("\r{line:old$}")
    }
}

impl Reporter for LiveReporter {
    fn epoch_begin(&self, epoch: usize, params: &FitParams) {
        let line = format!("Epoch {}/{}", epoch + 1, params.epochs);
        // Keras does not number a single epoch.
        self.print(|bar| (params.epochs > 1).then(|| bar.below(&line)));
    }

    fn step_end(&self, progress: &Progress) {
        self.print(|bar| bar.step(progress, Instant::now()));
    }

    fn epoch_end(&self, progress: &Progress, verbosity: Verbosity) {
        let line = match verbosity {
            Verbosity::Silent => return,
            Verbosity::Bar => progress.bar_line(),
            Verbosity::Line => progress.short_line(),
        };
        self.print(|bar| Some(bar.finish(&line)));
    }

    fn evaluate_end(&self, progress: &Progress, verbosity: Verbosity) {
        self.epoch_end(progress, verbosity);
    }

    fn message(&self, line: &str) {
        self.print(|bar| Some(bar.below(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labbook_nn::Logs;

    fn progress(step: i64) -> Progress {
        Progress {
            step,
            steps: 100,
            seconds: 1.0,
            step_seconds: 1.0,
            logs: Logs::default(),
        }
    }

    #[test]
    fn a_bar_is_drawn_now_and_then_and_gives_way_to_its_line() {
        let (mut bar, start) = (Bar::default(), Instant::now());
        assert_eq!(bar.step(&progress(1), start), None);
        assert_eq!(bar.step(&progress(2), start + PAUSE / 2), None);
        let first = bar.step(&progress(3), start + PAUSE).unwrap_or_default();
        assert!(
            first.starts_with("\r  3/100 [") && first.ends_with("ETA: 1:37"),
            "{first}"
        );
        assert_eq!(bar.step(&progress(4), start + PAUSE), None);
        assert_eq!(bar.step(&progress(100), start + PAUSE * 9), None);
        let last = bar.finish("done");
        assert_eq!(last.trim_end(), "\rdone");
        assert_eq!(last.len(), first.len() + 1);
        assert_eq!(bar.finish("next"), "next\n");
    }

    #[test]
    fn a_message_leaves_the_bar_above_it() {
        let (mut bar, start) = (Bar::default(), Instant::now());
        assert_eq!(bar.below("alone"), "alone\n");
        bar.step(&progress(1), start);
        assert!(bar.step(&progress(2), start + PAUSE).is_some());
        assert_eq!(bar.below("Interrupted"), "\nInterrupted\n");
        assert_eq!(bar.below("again"), "again\n");
    }
}
