//! Plain values and the lower crates' types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labbook_analysis::{
    Average, BootstrapInterval, ClassificationReport, ConfusedPair, Hdbscan, IncrementalPca,
    KMeans, KNeighborsClassifier, KNeighborsRegressor, KappaWeights, LinearRegression,
    LogisticRegression, McNemar, Normalize, Pacmap, Pca, RandomForestClassifier,
    RandomForestRegressor, Tsne, Umap,
};
use labbook_charts::{ColorMap, Figure, Palette};
use labbook_data::{ImageSet, ImageSets, KFold, Provenance, StratifiedKFold, TrainTestSplit};
use labbook_nn::{
    Activation, CsvLogger, DtypePolicy, EarlyStopping, Evaluate, Evaluation, Fit, JsonLogger,
    LearningRateScheduler, Lookahead, MlFlow, Model, ModelCheckpoint, MonitorMode, Padding,
    Predict, ReduceLROnPlateau, Sequential, Summary, TensorBoard, TestTimeAugmentation,
};
use labbook_tables::{Fill, ReadCsv, TablePreprocessor};

use crate::LivePlot;
use crate::html::{Line, Paragraph, Preformatted, escape};
use crate::render::{Render, shown_as};
use crate::table::Table;

// By their `Debug` text, as the kernel itself would show them, but without the second compilation
// that the kernel needs for it.
shown_as!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, bool, char, str,
    String,
    Average, ColorMap, CsvLogger, EarlyStopping, Evaluate, Fill, Fit, Hdbscan, JsonLogger, KFold,
    KMeans, KNeighborsClassifier, KNeighborsRegressor, KappaWeights, LearningRateScheduler,
    LinearRegression, LivePlot, LogisticRegression, Lookahead, MlFlow, ModelCheckpoint, MonitorMode,
    Normalize, Pacmap, Padding, Palette, Pca, Predict, RandomForestClassifier,
    RandomForestRegressor, ReadCsv, ReduceLROnPlateau, StratifiedKFold, TablePreprocessor,
    TensorBoard, TestTimeAugmentation, TrainTestSplit, Tsne, Umap
    => |value| Line(format!("{value:?}"))
);

shown_as!(IncrementalPca => |pca| Line(format!(
    "IncrementalPca that has seen {} samples; fitted() has its components",
    pca.n_samples_seen()
)));

/// The same for types that hold others.
macro_rules! by_debug {
    ($(($($generic:ident)*) $name:ty;)*) => {
        $(impl<$($generic: std::fmt::Debug),*> Render for $name {
            fn to_html(&self) -> String {
                Line(self.to_plain()).to_html()
            }

            fn to_plain(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}

by_debug! {
    (T) Vec<T>; (T) [T]; (T) Option<T>; (A B) (A, B); (A B C) (A, B, C); (A B C D) (A, B, C, D);
}

/// A cell that ends in a loop or a call without a result has nothing to show.
impl Render for () {
    fn to_html(&self) -> String {
        String::new()
    }

    fn to_plain(&self) -> String {
        String::new()
    }
}

impl<T: std::fmt::Debug, const N: usize> Render for [T; N] {
    fn to_html(&self) -> String {
        self[..].to_html()
    }

    fn to_plain(&self) -> String {
        self[..].to_plain()
    }
}

/// What turns a chart's light colours dark and keeps their hues, in JupyterLab and VS Code where they
/// are dark. Images keep their colours.
const DARK: &str = "<style>[data-jp-theme-light=false] .labbook-chart,.vscode-dark .labbook-chart\
                    {filter:invert(.9) hue-rotate(180deg)}</style>";

/// A figure as an image with its note; `more` are further attributes.
pub(crate) fn image(figure: &Figure, more: &str) -> String {
    let note = match figure.note() {
        "" => String::new(),
        note => format!("<p style=\"font-size:.92em\">{}</p>", escape(note)),
    };
    let (class, style) = match figure.has_photographs() {
        true => ("", ""),
        false => (" class=\"labbook-chart\"", DARK),
    };
    format!(
        "<img alt=\"{}\" width=\"{}\"{class} style=\"max-width:100%;height:auto;background:#fff\" \
         src=\"data:image/png;base64,{}\"{more}>{note}{style}",
        escape(figure.alt()),
        figure.width(),
        STANDARD.encode(figure.png())
    )
}

impl Render for Figure {
    fn to_html(&self) -> String {
        image(self, "")
    }

    fn to_plain(&self) -> String {
        match self.note() {
            "" => format!("[figure: {}]", self.alt()),
            note => format!("[figure: {}]\n{note}", self.alt()),
        }
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        Some(self.png().to_vec())
    }
}

shown_as!(BootstrapInterval => |value| Line(format!(
    "{:.4}, {} % interval {:.4} to {:.4}",
    value.estimate,
    100.0 * value.level,
    value.low,
    value.high
)));
shown_as!(McNemar => |value| Line(format!(
    "only the first is right: {}; only the second: {}; p = {:.4}",
    value.only_first_right, value.only_second_right, value.p_value
)));
shown_as!(Summary, Evaluation, ClassificationReport => |value| Preformatted(value.to_string()));
shown_as!(Sequential, Model => |model| model.summary());
shown_as!(Provenance => |value| Paragraph(value.to_string()));
shown_as!(Activation, ConfusedPair, DtypePolicy => |value| Line(value.to_string()));
shown_as!(ImageSets => |data| {
    parts(&[("train", &data.train), ("test", &data.test)]).caption(data.provenance.to_string())
});
shown_as!(ImageSet => |set| parts(&[("", set)]));

fn parts(parts: &[(&str, &ImageSet)]) -> Table {
    let mut table = Table::new(&["", "images", "labels", "classes"]);
    let shape = |shape: &[usize]| {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        format!("({})", sizes.join(", "))
    };
    for (name, part) in parts {
        let (images, labels) = (shape(part.images.shape()), shape(part.labels.shape()));
        let classes = part.class_names.len().to_string();
        table.push(&[*name, &images, &labels, &classes]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::some_images::some_images;

    #[test]
    fn plain_values_look_as_the_kernel_would_show_them() {
        assert_eq!(3.to_plain(), "3");
        assert_eq!(vec![1.5, 2.0].to_plain(), "[1.5, 2.0]");
        assert_eq!([1, 2].to_plain(), "[1, 2]");
        assert_eq!("a<b".to_plain(), "\"a<b\"");
        assert!("a<b".to_html().contains("a&lt;b"));
        assert_eq!((1, "x").to_plain(), "(1, \"x\")");
        assert_eq!(Some(1).to_plain(), "Some(1)");
    }

    #[test]
    fn a_chart_turns_dark_with_its_page_and_images_do_not() {
        let chart = labbook_charts::BarChart::new("a").bar("b", 1.0);
        let html = chart.figure().unwrap().to_html();
        assert!(
            html.contains("class=\"labbook-chart\"") && html.contains("invert"),
            "{html}"
        );
        let images = labbook_charts::ImageGrid::new(&some_images(2).images);
        let html = images.figure().unwrap().to_html();
        assert!(
            !html.contains("labbook-chart") && !html.contains("<style"),
            "{html}"
        );
    }

    #[test]
    fn a_data_set_shows_its_shapes_and_where_it_came_from() {
        let test = some_images(20);
        let data = ImageSets {
            train: test.take(12),
            class_names: test.class_names.clone(),
            test,
            provenance: Provenance::drawn("drawn for a test"),
        };
        let text = data.to_plain();
        assert!(text.contains("(12, 14, 12, 3)"), "{text}");
        assert!(text.contains("drawn for a test"), "{text}");
    }
}
