use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::screen::{Screen, Shown, place};

/// One piece of the set-up's work. When it is dropped unfinished, it is merely no longer shown.
pub(super) struct Step<'a> {
    screen: &'a Screen,
    number: u32,
    title: String,
    about: &'static str,
    start: Instant,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        screen: &'a Screen,
        number: u32,
        title: &str,
        about: &'static str,
    ) -> Step<'a> {
        Step {
            screen,
            number,
            title: title.to_owned(),
            about,
            start: Instant::now(),
        }
    }

    /// Lets the step be seen, if it is not yet.
    pub(super) fn show(&self) {
        let mut state = self.screen.shared.state();
        if state.steps.iter().any(|shown| shown.number == self.number) {
            return;
        }
        let about = match self.about {
            "" => String::new(),
            about => format!(" (about {about})"),
        };
        let announced = format!("{}{about}", self.title);
        state.log.line(self.number, &announced);
        state.steps.push(Shown {
            number: self.number,
            title: self.title.clone(),
            far: String::new(),
            about: self.about,
            start: self.start,
        });
        state.steps.sort_by_key(|shown| shown.number);
        if self.screen.shared.terminal {
            state.draw();
        } else {
            state.say(false, &format!("{}{announced}", place(self.number)));
        }
    }

    /// Says how far the work is.
    pub(super) fn far(&self, far: String) {
        let mut state = self.screen.shared.state();
        let mut steps = state.steps.iter_mut();
        if let Some(shown) = steps.find(|shown| shown.number == self.number) {
            shown.far = far;
        }
    }

    /// Adds a line of a tool's to the log.
    pub(super) fn log(&self, line: &str) {
        self.screen.shared.state().log.line(self.number, line);
    }

    /// Whether another step failed, so that this one's work would be for nothing.
    pub(super) fn is_called_off(&self) -> bool {
        self.screen.shared.failed.load(Ordering::Relaxed)
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.screen.log_path()
    }

    /// Tells that the work is done, if it was shown.
    pub(super) fn done(self) {
        let mut state = self.screen.shared.state();
        if state.steps.iter().all(|shown| shown.number != self.number) {
            return;
        }
        let text = format!(
            "{}{}: done in {}",
            place(self.number),
            self.title,
            super::minutes(self.start.elapsed().as_secs())
        );
        state.log.line(self.number, &text);
        state.say(self.screen.shared.terminal, &text);
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        let mut state = self.screen.shared.state();
        state.steps.retain(|shown| shown.number != self.number);
    }
}
