use labbook_charts::{Figure, XyChart};
use labbook_nn::LearningRateCurve;

use crate::Paragraph;
use crate::error::NotebookError;
use crate::render::Render;

/// The loss over the learning rates of a sweep, with the suggested one marked.
///
/// # Errors
/// [`NotebookError::Chart`] when the sweep has no steps.
pub fn plot_learning_rate(curve: &LearningRateCurve) -> Result<Figure, NotebookError> {
    let chart = XyChart::new("Loss at growing learning rates")
        .curve("loss", &curve.learning_rates, &curve.losses)
        .x_label("Learning rate")
        .y_label("Smoothed loss")
        .log_x();
    let chart = match curve.suggestion() {
        Ok(rate) => chart.mark(rate, format!("suggested: {rate:.1e}")),
        Err(_) => chart,
    };
    Ok(chart.figure()?)
}

/// A sweep is shown by its plot.
impl Render for LearningRateCurve {
    fn to_html(&self) -> String {
        match plot_learning_rate(self) {
            Ok(figure) => figure.to_html(),
            Err(_) => Paragraph(self.to_string()).to_html(),
        }
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        plot_learning_rate(self).ok()?.to_png()
    }
}
