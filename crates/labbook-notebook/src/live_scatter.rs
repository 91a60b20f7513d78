//! Scatter plots that a person can zoom, hover over, and hide classes of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labbook_charts::{ChartError, ColumnScatter, LiveScatter, ScatterPlot, css_hex};
use serde_json::{Value, json};

use crate::html::escape;
use crate::render::Render;
use crate::values::image;

/// More points than this are shown as a picture only: their numbers, 7 to 10 characters for each,
/// would make a notebook larger than the picture does by far. More classes have no legend that a
/// person could use.
const MOST: usize = 50_000;
const MOST_CLASSES: usize = 1_000;
/// What makes such a plot of a picture and its numbers, where scripts run.
const SCRIPT: &str = include_str!("scatter.js");

/// A scatter plot as it is shown: its picture, and numbers from which [`SCRIPT`] draws the same.
struct Shown(Result<LiveScatter, ChartError>);

impl Render for Shown {
    fn to_html(&self) -> String {
        let plot = match &self.0 {
            Ok(plot) => plot,
            Err(error) => return Err::<(), _>(error).to_html(),
        };
        if plot.points.len() > MOST || plot.names.len() > MOST_CLASSES {
            return plot.figure.to_html();
        }
        let data = format!(
            " data-labbook-scatter=\"{}\"",
            escape(&data(plot).to_string())
        );
        format!(
            "{}<script>{}</script>",
            image(&plot.figure, &data),
            script()
        )
    }

    fn to_plain(&self) -> String {
        match &self.0 {
            Ok(plot) => plot.figure.to_plain(),
            Err(error) => format!("Error: {error}"),
        }
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        self.0.as_ref().ok()?.figure.to_png()
    }
}

crate::render::shown_as!(ScatterPlot => |plot| Shown(plot.live()));
crate::render::shown_as!(ColumnScatter => |plot| Shown(plot.plot().and_then(|plot| plot.live())));

/// The script without what only its readers need.
fn script() -> String {
    let lines = SCRIPT.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The numbers as the script reads them; `report/scatter_data.py` says what each may be.
fn data(plot: &LiveScatter) -> Value {
    let along = |axis: usize| {
        let values = plot.points.iter().map(|point| point[axis]);
        steps(values, plot.ranges[axis])
    };
    let classes = plot
        .classes
        .as_ref()
        .map(|classes| match plot.names.len() > 256 {
            true => base64(
                classes
                    .iter()
                    .flat_map(|class| (*class as u16).to_le_bytes()),
            ),
            false => base64(classes.iter().map(|class| *class as u8)),
        });
    let wrong = plot.wrong.as_ref().map(|wrong| {
        let byte = |eight: &[bool]| {
            let bits = eight.iter().enumerate();
            bits.fold(0, |byte, (bit, wrong)| byte | u8::from(*wrong) << bit)
        };
        base64(wrong.chunks(8).map(byte))
    });
    let hex = |colors: &[_]| colors.iter().copied().map(css_hex).collect::<Vec<_>>();
    let values = plot.values.as_ref().map(|values| {
        json!({
            "name": values.name,
            "at": steps(values.values.iter().copied(), values.range),
            "range": values.range,
            "colors": hex(&values.colors),
        })
    });
    let thumbnails = plot.thumbnails.as_ref().map(|thumbnails| {
        json!({
            "picture": format!("data:image/png;base64,{}", STANDARD.encode(&thumbnails.png)),
            "width": thumbnails.size[0],
            "height": thumbnails.size[1],
            "columns": thumbnails.columns,
            "every": thumbnails.every,
        })
    });
    json!({
        "width": plot.figure.width(),
        "height": plot.figure.height(),
        "title": plot.figure.title(),
        "x_label": plot.labels[0],
        "y_label": plot.labels[1],
        "plot": plot.plot,
        "x_range": plot.ranges[0],
        "y_range": plot.ranges[1],
        "x": along(0),
        "y": along(1),
        "classes": classes,
        "names": plot.names,
        "colors": hex(&plot.colors),
        "wrong": wrong,
        "values": values,
        "radius": plot.dot[0],
        "alpha": plot.dot[1],
        "thumbnails": thumbnails,
    })
}

/// Values as 65,536 steps of a range, two bytes each: finer than any screen.
fn steps(values: impl Iterator<Item = f64>, [low, high]: [f64; 2]) -> String {
    let step = |value: f64| {
        let share = (value - low) / (high - low);
        ((share * 65535.0).round() as u16).to_le_bytes()
    };
    base64(values.flat_map(step))
}

fn base64(bytes: impl Iterator<Item = u8>) -> String {
    STANDARD.encode(bytes.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array4, arr2};

    use super::*;

    fn plot() -> ScatterPlot {
        ScatterPlot::new(&arr2(&[[0.0, 5.0], [1.0, 4.0], [2.0, 3.0]]))
            .classes(&[0, 1, 1], ["<cat>", "dog"])
            .errors(&[false, true, false])
    }

    #[test]
    fn a_plot_is_its_picture_with_its_numbers_and_one_script() {
        let html = plot().to_html();
        assert_eq!(html.matches("<img ").count(), 1);
        assert_eq!(html.matches("<script>").count(), 1);
        assert!(
            html.contains("data-labbook-scatter=\"{&quot;") && !html.contains("<cat>"),
            "{html}"
        );
        assert!(plot().to_png().is_some());
        let figure = plot().figure().unwrap();
        assert!(!figure.to_html().contains("<script>"));
    }

    #[test]
    fn numbers_are_two_bytes_a_coordinate_and_one_a_class() {
        let data = data(&plot().live().unwrap());
        let bytes = |name: &str| STANDARD.decode(data[name].as_str().unwrap()).unwrap();
        assert_eq!(
            (bytes("x").len(), bytes("classes"), bytes("wrong")),
            (6, vec![0, 1, 1], vec![2])
        );
        let [low, high] = [0, 1].map(|end| data["x_range"][end].as_f64().unwrap());
        let middle = f64::from(u16::from_le_bytes([bytes("x")[2], bytes("x")[3]]));
        assert!((low + middle / 65535.0 * (high - low) - 1.0).abs() < 1e-4);
        assert_eq!(data["values"], Value::Null);
    }

    #[test]
    fn a_scale_and_thumbnails_go_with_their_points() {
        let plot = plot()
            .values("depth", &[1.0, 2.0, 3.0])
            .thumbnails(&Array4::zeros((3, 4, 5, 1)));
        let data = data(&plot.live().unwrap());
        assert_eq!(data["values"]["colors"].as_array().unwrap().len(), 256);
        assert_eq!(
            (&data["classes"], &data["names"]),
            (&Value::Null, &json!([]))
        );
        assert_eq!(data["thumbnails"]["width"], 5);
        let few = self::plot().thumbnails(&Array4::zeros((2, 4, 5, 1)));
        assert!(
            few.to_plain().contains("expected one image per point (3)"),
            "{}",
            few.to_plain()
        );
    }

    #[test]
    fn very_many_points_are_a_picture_only() {
        let map = Array2::from_shape_fn((MOST + 1, 2), |(i, axis)| (i * (7 + axis) % 1013) as f64);
        let html = ScatterPlot::new(&map).to_html();
        assert!(html.contains("<img") && !html.contains("<script>"));
    }

    #[test]
    fn bytes_per_point_are_bounded() {
        let n = 20_000;
        let map = Array2::from_shape_fn((n, 2), |(i, axis)| (i * (7 + axis) % 1013) as f64);
        let classes: Vec<i64> = (0..n as i64).map(|i| i % 10).collect();
        let plot = ScatterPlot::new(&map).classes(&classes, (0..10).map(|i| format!("class {i}")));
        let html = plot.to_html().len() - plot.figure().unwrap().to_html().len();
        assert!(html < 7 * n + 20_000, "{html}");
    }

    #[test]
    fn the_script_reaches_out_for_nothing() {
        let script = script();
        for word in [
            "http",
            "fetch",
            "XMLHttp",
            "import",
            "eval",
            "innerHTML",
            "</script",
            "WebSocket",
        ] {
            assert!(!script.contains(word), "{word}");
        }
    }
}
