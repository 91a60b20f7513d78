//! What charts of numbers over groups share: their columns and their frame.

use crate::axes::{Axes, AxisTexts, Span};
use crate::column_source::{ColumnSource, Source};
use crate::draw::render_reduced;
use crate::groups::Groups;
use crate::ink::Pen;
use crate::legend::{ROUND, reserve};
use crate::look::Look;
use crate::{ChartError, Figure};

/// Space between the plotted part and the legend, in CSS pixels.
const LEGEND_GAP: f64 = 14.0;
/// Width for each mark, and of the smallest and the largest figure that nobody gave a size.
const PER_MARK: f64 = 26.0;
const WIDTHS: (f64, f64) = (560.0, 1400.0);

/// A column of numbers, and the column whose values stand side by side.
#[derive(Debug, Clone)]
pub(crate) struct GroupAxis {
    source: Source,
    pub(crate) y: Option<String>,
    pub(crate) x: Option<String>,
    pub(crate) order: Vec<String>,
}

impl GroupAxis {
    pub(crate) fn new(
        source: impl ColumnSource + 'static,
        y: Option<String>,
        x: Option<String>,
    ) -> Self {
        Self {
            source: Source::new(source),
            y,
            x,
            order: Vec::new(),
        }
    }

    pub(crate) fn groups(&self, look: &Look) -> Result<Groups, ChartError> {
        let x = (self.x.as_deref(), self.order.as_slice());
        Groups::new(&self.source, self.y.as_deref(), x, look)
    }

    /// Draws marks over the names of the groups.
    pub(crate) fn figure(
        &self,
        look: &Look,
        groups: &Groups,
        (y, y_label): (Span, &str),
        what: &'static str,
        alt: String,
        draw: impl FnOnce(&Pen<'_, '_>, &Axes<'_>) -> Result<(), ChartError>,
    ) -> Result<Figure, ChartError> {
        let marks = (groups.names.len() * groups.hues.len()) as f64;
        let width = (120.0 + PER_MARK * marks).clamp(WIDTHS.0, WIDTHS.1) as u32;
        let (width, height) = look.size.unwrap_or((width, 400));
        let texts: AxisTexts = look.texts(self.x.as_deref().unwrap_or(""), y_label);
        let legend = look.legend(&groups.hues);
        let png = render_reduced(width, height, |canvas| {
            let pen = Pen::new(canvas);
            let size = pen.size();
            let reserved = reserve(&legend, size, LEGEND_GAP)?;
            let axes = Axes::over_names(size, &groups.names, y, &texts, reserved, what)?;
            axes.draw_y_grid(&pen)?;
            draw(&pen, &axes)?;
            axes.draw(&pen)?;
            legend.draw(&pen, (axes.right + LEGEND_GAP, axes.top), size.1 - ROUND)
        })?;
        Ok(Figure::new(png, width, height, look.title.clone(), alt))
    }
}

/// The methods of every chart over groups.
macro_rules! group_methods {
    ($($chart:ty),+ $(,)?) => {$(
        impl $chart {
            /// Puts the values of this column side by side, in the order in which they appear;
            /// numbers from small to large.
            #[must_use]
            pub fn x(mut self, column: impl Into<String>) -> Self {
                self.axis.x = Some(column.into());
                self
            }

            /// The order of the values side by side; rows with others are left out.
            #[must_use]
            pub fn order(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
                self.axis.order = $crate::names::owned(names);
                self
            }
        }
    )+};
}
pub(crate) use group_methods;
