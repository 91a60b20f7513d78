use std::time::{Duration, Instant};

use labbook_nn::{Callback, Control, Logs};

use crate::{plot_history, show_in_place};

/// Time between two drawings: a picture takes about a tenth of it.
const PAUSE: Duration = Duration::from_secs(1);

/// A callback that shows one figure while a training runs: its curves so far, drawn anew in place
/// after an epoch, at most once a second, and at the end.
///
/// The lines of text go on above it. In a run that nobody watches the figure is drawn only once, at
/// the end: set [`every_epoch`](Self::every_epoch) to `false`.
///
/// ```
/// use labbook_nn::{Dense, Fit, SGD, Sequential};
/// use labbook_notebook::LivePlot;
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
/// let mut model = Sequential::new();
/// model.add(Dense::new(1).input_shape(2));
/// model.compile(SGD::new(), "mse", [])?;
/// let y = Tensor::ones([4, 1], (Kind::Float, Device::Cpu));
/// model.fit(&x, &y, &Fit::new().verbose(0).callbacks(LivePlot::new()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LivePlot {
    every_epoch: bool,
    drawn: Option<Instant>,
    epochs: usize,
}

impl LivePlot {
    /// A figure that follows the epochs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether to draw while the training runs; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn every_epoch(mut self, every_epoch: bool) -> Self {
        self.every_epoch = every_epoch;
        self
    }

    fn draw(&mut self, control: &Control<'_>) {
        // Before the first epoch has ended there is nothing to draw.
        let figure = control.model().history().map(plot_history);
        if let Some(Ok(figure)) = figure {
            show_in_place(&format!("history of {}", control.model().name()), &figure);
        }
        self.drawn = Some(Instant::now());
        self.epochs = 0;
    }
}

impl Default for LivePlot {
    fn default() -> Self {
        Self {
            every_epoch: true,
            drawn: None,
            epochs: 0,
        }
    }
}

impl Callback for LivePlot {
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        self.epochs += 1;
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE);
        if self.every_epoch && due {
            self.draw(control);
        }
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        if self.epochs > 0 {
            self.draw(control);
        }
    }
}
