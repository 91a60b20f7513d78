use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use labbook_nn::{FitParams, History, Progress, Reporter, Verbosity};

/// Tells a training's progress: a line per epoch and, on a terminal, a bar for the one that runs.
#[derive(Clone, Debug)]
pub(crate) struct EpochLines {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    experiment: u32,
    epoch: usize,
    epochs: usize,
    /// Durations of the epochs of this process, for an estimate of the rest.
    durations: Vec<f64>,
    began: Instant,
    /// There on a terminal while an epoch runs.
    bar: Option<ProgressBar>,
}

impl EpochLines {
    pub(crate) fn new() -> Self {
        let state = State {
            experiment: 0,
            epoch: 0,
            epochs: 0,
            durations: Vec::new(),
            began: Instant::now(),
            bar: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Names the experiment whose training comes next.
    pub(crate) fn next(&self, experiment: u32) {
        let mut state = self.state();
        state.experiment = experiment;
        state.durations.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Prints a line where the bar stands, which goes on below.
    fn print(&self, line: &str) {
        let print = || {
            // A closed standard output is no reason to stop a training.
            let _ = writeln!(std::io::stdout(), "{line}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Seconds of the epochs that are still to come.
    fn left(&self) -> Option<f64> {
        let mean = self.durations.iter().sum::<f64>() / self.durations.len() as f64;
        let epochs = self.epochs.saturating_sub(self.epoch + 1);
        (!self.durations.is_empty()).then_some(mean * epochs as f64)
    }

    fn line(&self, progress: &Progress) -> String {
        let mut line = format!(
            "experiment {}: epoch {}/{}, {}",
            self.experiment,
            self.epoch + 1,
            self.epochs,
            duration(progress.seconds)
        );
        for (name, value) in progress.logs.entries() {
            line += &format!(", {name} {value:.4}");
        }
        match self.left() {
            Some(left) if left > 0.0 => line + &format!(", about {} left", duration(left)),
            _ => line,
        }
    }
}

impl Reporter for EpochLines {
    fn epoch_begin(&self, epoch: usize, params: &FitParams) {
        let mut state = self.state();
        state.epoch = epoch;
        state.epochs = params.epochs;
        state.began = Instant::now();
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(params.steps.max(1).unsigned_abs());
            let style = ProgressStyle::with_template(
                "{prefix} [{bar:30}] {pos}/{len}, {eta} left in this epoch{msg}",
            );
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            bar.set_prefix(format!(
                "experiment {}: epoch {}/{}",
                state.experiment,
                epoch + 1,
                params.epochs
            ));
            if let Some(left) = state.left().filter(|left| *left > 0.0) {
                bar.set_message(format!(", {} for the others", duration(left)));
            }
            state.bar = Some(bar);
        }
    }

    fn step_end(&self, progress: &Progress) {
        if let Some(bar) = &self.state().bar {
            bar.set_position(progress.step.unsigned_abs());
        }
    }

    fn epoch_end(&self, progress: &Progress, _verbosity: Verbosity) {
        let mut state = self.state();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        let seconds = state.began.elapsed().as_secs_f64();
        state.durations.push(seconds);
        let line = state.line(progress);
        state.print(&line);
    }

    fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}

    fn message(&self, line: &str) {
        self.state().print(line);
    }

    fn train_end(&self, _history: &History) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A duration as a person says it: `12 s`, `3 min 5 s`, `2 h 4 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        let texts = [0.04, 9.96, 59.4, 59.6, 185.0, 7_440.0].map(duration);
        assert_eq!(
            texts,
            [
                "0.0 s",
                "10 s",
                "59 s",
                "1 min 0 s",
                "3 min 5 s",
                "2 h 4 min"
            ]
        );
    }

    #[test]
    fn the_rest_is_estimated_from_the_epochs_of_this_process() {
        let lines = EpochLines::new();
        lines.next(5);
        let mut state = lines.state();
        (state.epoch, state.epochs) = (2, 5);
        assert_eq!(state.left(), None);
        state.durations = vec![10.0, 14.0];
        assert_eq!(state.left(), Some(24.0));
        state.epoch = 4;
        assert_eq!(state.left(), Some(0.0));
    }
}
