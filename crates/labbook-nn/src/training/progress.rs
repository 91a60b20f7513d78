use std::fmt::Write;
use std::time::Instant;

use crate::Logs;

const BAR_WIDTH: usize = 30;

/// How much `fit` and `evaluate` tell, as Keras's numbers 0, 1 and 2.
///
/// ```
/// use labbook_nn::{Fit, Verbosity};
///
/// assert_eq!(Verbosity::default(), Verbosity::Bar);
/// let options = Fit::new().verbose(2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// 0: nothing but warnings.
    Silent,
    /// 1: the line with the bar.
    #[default]
    Bar,
    /// 2: one short line per epoch.
    Line,
}

impl Verbosity {
    pub(crate) fn from_number(number: u8) -> crate::Result<Self> {
        match number {
            0 => Ok(Self::Silent),
            1 => Ok(Self::Bar),
            2 => Ok(Self::Line),
            _ => Err(crate::Error::option(
                "verbose",
                "0 (silent), 1 (bar) or 2 (one line per epoch)",
                number,
                "use .verbose(1)",
            )),
        }
    }
}

/// How far an epoch or an evaluation has come.
///
/// ```
/// use labbook_nn::{Dense, Evaluate, SGD, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let (x, y) = (Tensor::ones([4, 2], (Kind::Float, Device::Cpu)), Tensor::ones([4, 1], (Kind::Float, Device::Cpu)));
/// let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
/// assert!(evaluation.progress.bar_line().starts_with("1/1 [=="));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Steps done; an epoch ends when it equals `steps`.
    pub step: i64,
    /// Steps there are: examples over batch size, rounded up; 0 where nobody knows yet.
    pub steps: i64,
    /// Seconds since the epoch began, validation included.
    pub seconds: f64,
    /// Seconds per step without the first one, as Keras counts them.
    pub step_seconds: f64,
    /// The figures; empty before the epoch has ended.
    pub logs: Logs,
}

impl Progress {
    /// Keras 2.4's line for verbosity 1, without line end.
    ///
    /// `79/79 [==============================] - 16s 207ms/step - loss: 1.5000 - accuracy: 0.5000`
    #[must_use]
    pub fn bar_line(&self) -> String {
        let mut line = self.count();
        if self.steps == 0 {
            let _ = write!(line, " - {:.0}s", self.seconds);
            return line + &per_step(self.step_seconds) + &self.figures();
        }
        let share = self.step as f64 / self.steps.max(1) as f64;
        let done = ((BAR_WIDTH as f64 * share) as usize).min(BAR_WIDTH);
        let finished = self.step >= self.steps;
        line.push_str(" [");
        if done > 0 {
            line.push_str(&"=".repeat(done - 1));
            line.push(if finished { '=' } else { '>' });
        }
        line.push_str(&".".repeat(BAR_WIDTH - done));
        line.push(']');
        if finished {
            let _ = write!(line, " - {:.0}s", self.seconds);
            line.push_str(&per_step(self.step_seconds));
        } else {
            let left = self.step_seconds * (self.steps - self.step) as f64;
            let _ = write!(line, " - ETA: {}", time_left(left as u64));
        }
        line + &self.figures()
    }

    /// Keras 2.4's line for verbosity 2: `79/79 - 16s - loss: 1.5000 - accuracy: 0.5000`.
    #[must_use]
    pub fn short_line(&self) -> String {
        format!("{} - {:.0}s{}", self.count(), self.seconds, self.figures())
    }

    /// The step, padded to the width of the number of steps.
    fn count(&self) -> String {
        let steps = match self.steps {
            0 => "Unknown".to_owned(),
            steps => steps.to_string(),
        };
        format!("{:>width$}/{steps}", self.step, width = steps.len())
    }

    fn figures(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.logs.entries() {
            let _ = write!(text, " - {name}: {}", figure(*value));
        }
        text
    }
}

/// Four digits after the point, or an exponent for what they cannot show.
fn figure(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.abs() > 1e-3 {
        return format!("{value:.4}");
    }
    // Rust writes 5.0000e-4 where C and Python write 5.0000e-04.
    let text = format!("{value:.4e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

fn per_step(seconds: f64) -> String {
    if seconds >= 1.0 || seconds == 0.0 {
        format!(" {seconds:.0}s/step")
    } else if seconds >= 1e-3 {
        format!(" {:.0}ms/step", seconds * 1e3)
    } else {
        format!(" {:.0}us/step", seconds * 1e6)
    }
}

fn time_left(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    if seconds > 3600 {
        format!("{hours}:{minutes:02}:{:02}", seconds % 60)
    } else if seconds > 60 {
        format!("{minutes}:{:02}", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

/// Measures an epoch as Keras's progress bar does.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    after_first_step: Option<Instant>,
    steps: i64,
    steps_done: i64,
}

impl Stopwatch {
    pub(crate) fn start(steps: i64) -> Self {
        Self {
            start: Instant::now(),
            after_first_step: None,
            steps,
            steps_done: 0,
        }
    }

    pub(crate) fn step_done(&mut self) {
        self.after_first_step.get_or_insert_with(Instant::now);
        self.steps_done += 1;
    }

    pub(crate) fn steps_done(&self) -> i64 {
        self.steps_done
    }

    /// Tells how many steps there are where that was unknown before.
    pub(crate) fn set_steps(&mut self, steps: i64) {
        self.steps = steps;
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub(crate) fn progress(&self, step: i64, logs: Logs) -> Progress {
        let step_seconds = match self.after_first_step {
            Some(first) if step > 1 => first.elapsed().as_secs_f64() / (step - 1) as f64,
            _ => self.seconds() / step.max(1) as f64,
        };
        Progress {
            step,
            steps: self.steps,
            seconds: self.seconds(),
            step_seconds,
            logs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(step: i64, steps: i64, times: (f64, f64), logs: &[(&str, f64)]) -> Progress {
        Progress {
            step,
            steps,
            seconds: times.0,
            step_seconds: times.1,
            logs: Logs::new(logs.iter().map(|&(k, v)| (k.to_owned(), v)).collect()),
        }
    }

    #[test]
    fn lines_equal_those_of_tensorflow_2_4() {
        assert_eq!(
            progress(2, 4, (0.6, 0.3), &[("loss", 1.5), ("accuracy", 0.2)]).bar_line(),
            "2/4 [==============>...............] - ETA: 0s - loss: 1.5000 - accuracy: 0.2000"
        );
        let logs = [
            ("loss", 1.0),
            ("accuracy", 0.4),
            ("val_loss", 1.1),
            ("val_accuracy", 5e-4),
        ];
        assert_eq!(
            progress(4, 4, (1.2, 0.3), &logs).bar_line(),
            "4/4 [==============================] - 1s 300ms/step - loss: 1.0000 - \
             accuracy: 0.4000 - val_loss: 1.1000 - val_accuracy: 5.0000e-04"
        );
        let end = progress(79, 79, (16.4, 0.2071), &[("loss", 1.5), ("accuracy", 0.5)]);
        assert_eq!(
            end.bar_line(),
            "79/79 [==============================] - 16s 207ms/step - loss: 1.5000 - \
             accuracy: 0.5000"
        );
        assert_eq!(
            end.short_line(),
            "79/79 - 16s - loss: 1.5000 - accuracy: 0.5000"
        );
    }

    #[test]
    fn the_step_is_padded_and_the_bar_grows() {
        assert_eq!(
            progress(3, 100, (1.0, 40.0), &[]).bar_line(),
            "  3/100 [..............................] - ETA: 1:04:40"
        );
        assert_eq!(
            progress(50, 100, (1.0, 1.5), &[]).bar_line(),
            " 50/100 [==============>...............] - ETA: 1:15"
        );
    }

    #[test]
    fn figures_and_times_have_the_form_that_python_gives() {
        for (value, text) in [
            (2.25, "2.2500"),
            (-2.25, "-2.2500"),
            (1e-3, "1.0000e-03"),
            (0.0, "0.0000e+00"),
            (1.5e-12, "1.5000e-12"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!(per_step(14.6), " 15s/step");
        assert_eq!(per_step(0.0), " 0s/step");
        assert_eq!(per_step(0.000_25), " 250us/step");
    }

    #[test]
    fn verbosity_is_0_1_or_2() {
        assert_eq!(Verbosity::from_number(2), Ok(Verbosity::Line));
        let error = Verbosity::from_number(3).unwrap_err().to_string();
        assert!(error.starts_with("verbose: expected 0 (silent)"), "{error}");
    }
}
