use plotters::style::RGBColor;

use crate::axes::AxisTexts;
use crate::legend::{Legend, Mark};
use crate::palette::{SERIES_COLORS, hls_palette};

/// What all charts of columns have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Look {
    pub(crate) title: String,
    pub(crate) x_label: Option<String>,
    pub(crate) y_label: Option<String>,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) hue: Option<String>,
    pub(crate) hue_order: Vec<String>,
}

impl Look {
    /// The texts round the plot, where a person gave none these.
    pub(crate) fn texts(&self, x: &str, y: &str) -> AxisTexts {
        let or = |label: &Option<String>, other: &str| match label {
            Some(label) => label.clone(),
            None => other.to_owned(),
        };
        AxisTexts {
            title: self.title.clone(),
            x_label: or(&self.x_label, x),
            y_label: or(&self.y_label, y),
        }
    }

    /// `kind “title”`.
    pub(crate) fn named(&self, kind: &str) -> String {
        match self.title.as_str() {
            "" => kind.to_owned(),
            title => format!("{kind} “{title}”"),
        }
    }

    /// One entry per group.
    pub(crate) fn legend(&self, hues: &[String]) -> Legend {
        let mut legend = Legend::default();
        if self.hue.is_some() {
            for (name, color) in hues.iter().zip(group_colors(hues.len())) {
                legend.push(Mark::Square(color), name);
            }
        }
        legend
    }
}

/// Colours that tell groups apart.
pub(crate) fn group_colors(n: usize) -> Vec<RGBColor> {
    match SERIES_COLORS.get(..n) {
        Some(colors) => colors.to_vec(),
        None => hls_palette(n),
    }
}

/// The methods of every chart that has a [`Look`].
macro_rules! look_methods {
    ($($chart:ty),+ $(,)?) => {$(
        impl $chart {
            /// Writes a title above the chart.
            #[must_use]
            pub fn title(mut self, title: impl Into<String>) -> Self {
                self.look.title = title.into();
                self
            }

            /// Width and height in CSS pixels, legend included.
            #[must_use]
            pub fn size(mut self, width: u32, height: u32) -> Self {
                self.look.size = Some((width, height));
                self
            }

            /// Tells the values of this column apart by colour.
            #[must_use]
            pub fn hue(mut self, column: impl Into<String>) -> Self {
                self.look.hue = Some(column.into());
                self
            }

            /// The order of the colours' values; rows with others are left out.
            #[must_use]
            pub fn hue_order(
                mut self,
                names: impl IntoIterator<Item = impl AsRef<str>>,
            ) -> Self {
                self.look.hue_order = $crate::names::owned(names);
                self
            }
        }
    )+};
}
pub(crate) use look_methods;

/// Those of charts with one pair of axes, besides.
macro_rules! label_methods {
    ($($chart:ty),+ $(,)?) => {$(
        impl $chart {
            /// Names the horizontal axis; by default it has the column's name.
            #[must_use]
            pub fn x_label(mut self, label: impl Into<String>) -> Self {
                self.look.x_label = Some(label.into());
                self
            }

            /// Names the vertical axis; the name stands above it.
            #[must_use]
            pub fn y_label(mut self, label: impl Into<String>) -> Self {
                self.look.y_label = Some(label.into());
                self
            }
        }
    )+};
}
pub(crate) use label_methods;
