//! Charts of columns: ordinary ones, and such as few draw.

use labbook_charts::{
    BarPlot, BoxPlot, ColumnScatter, Columns, CountPlot, Figure, HeatMap, Histogram, PairPlot,
    ViolinPlot,
};
use ndarray::Array2;

use super::noise;

const SPECIES: [&str; 3] = ["Adelie", "Chinstrap", "Gentoo"];

/// Sums of a few numbers that look random: nearly normal, mean 0, deviation about 1.
fn bell(i: usize) -> f64 {
    (0..12).map(|k| noise(12 * i + k) - 0.5).sum()
}

/// Animals of three kinds with gaps, like those that everyone draws.
pub fn animals() -> Columns {
    let n = 330;
    let kind = |i: usize| (i * 7 / 5) % 3;
    let gap = |i: usize, value: f64| if i % 97 == 5 { f64::NAN } else { value };
    let length = |i: usize| 38.5 + [0.0, 10.0, 9.0][kind(i)] + 2.6 * bell(i);
    Columns::new()
        .with_texts("species", (0..n).map(|i| SPECIES[kind(i)]))
        .with_texts("sex", (0..n).map(|i| ["female", "male"][i % 2]))
        .with_numbers("bill length", (0..n).map(|i| gap(i, length(i))))
        .with_numbers(
            "bill depth",
            (0..n).map(|i| {
                let depth = 18.3 - [0.0, 0.0, 3.4][kind(i)] + 0.25 * (length(i) - 44.0);
                depth + 0.8 * bell(i + n)
            }),
        )
        .with_numbers(
            "body mass",
            (0..n).map(|i| {
                let mass = 3700.0 + [0.0, 40.0, 1370.0][kind(i)] + 300.0 * (i % 2) as f64;
                (mass + 380.0 * bell(i + 2 * n)).round()
            }),
        )
}

/// One figure of each kind.
pub fn statistical_figures() -> Vec<(&'static str, Figure)> {
    let figures = [
        (
            "histogram",
            Histogram::new(animals(), "body mass")
                .kde()
                .title("Body mass")
                .figure(),
        ),
        (
            "histogram_by_group",
            Histogram::new(animals(), "bill length")
                .hue("species")
                .stat("density")
                .kde()
                .figure(),
        ),
        (
            "stacked_histogram",
            Histogram::new(animals(), "bill length")
                .hue("species")
                .stacked()
                .binwidth(1.0)
                .figure(),
        ),
        (
            "box_plot",
            BoxPlot::new(animals(), "body mass")
                .x("species")
                .hue("sex")
                .title("Body mass")
                .figure(),
        ),
        (
            "violin_plot",
            ViolinPlot::new(animals(), "bill depth")
                .x("species")
                .hue("sex")
                .figure(),
        ),
        (
            "bar_plot",
            BarPlot::new(animals(), "body mass")
                .x("species")
                .hue("sex")
                .figure(),
        ),
        (
            "count_plot",
            CountPlot::new(animals(), "species")
                .title("Animals")
                .figure(),
        ),
        (
            "pair_plot",
            PairPlot::new(animals())
                .hue("species")
                .title("Three kinds")
                .figure(),
        ),
        (
            "correlation_map",
            HeatMap::correlations(animals())
                .title("Correlation")
                .figure(),
        ),
        (
            "scatter_by_value",
            ColumnScatter::new(animals(), "bill length", "bill depth")
                .hue("body mass")
                .figure(),
        ),
        (
            "scatter_by_group",
            ColumnScatter::new(animals(), "bill length", "bill depth")
                .hue("species")
                .figure(),
        ),
    ];
    figures
        .map(|(name, figure)| (name, figure.unwrap()))
        .to_vec()
}

/// Few values, equal ones, huge ones, long names, many groups.
pub fn extreme_statistical_figures() -> Vec<(&'static str, Figure)> {
    let long = || {
        Columns::new()
            .with_numbers("n".repeat(150), [1.0, 2.0, 4.0, 8.0])
            .with_texts(
                "kind",
                [
                    "k".repeat(90),
                    "короткое".into(),
                    "k".repeat(91),
                    "b".into(),
                ],
            )
    };
    let many = || {
        let n = 4000;
        Columns::new()
            .with_numbers("y", (0..n).map(bell))
            .with_texts("x", (0..n).map(|i| format!("group {}", i % 200)))
            .with_texts("hue", (0..n).map(|i| format!("a colour {}", i * 31 % 40)))
    };
    let huge = || Columns::new().with_numbers("x", [-1e300, 0.0, 1e300]);
    let name = "n".repeat(150);
    let figures = [
        ("one value", Histogram::of("x", &[3.0]).kde().figure()),
        ("equal values", Histogram::of("x", &[1e9; 50]).figure()),
        ("huge values", Histogram::new(huge(), "x").kde().figure()),
        ("huge box", BoxPlot::new(huge(), "x").figure()),
        ("huge violin", ViolinPlot::new(huge(), "x").figure()),
        ("huge bars", BarPlot::new(huge(), "x").figure()),
        (
            "tiny values",
            Histogram::of("x", &[1e-300, 2e-300, 5e-300]).figure(),
        ),
        (
            "two thousand bins",
            Histogram::of("x", &[0.0, 0.2, 0.9, 1.0])
                .bins(2000)
                .figure(),
        ),
        (
            "long histogram",
            Histogram::new(long(), &name)
                .hue("kind")
                .title("t".repeat(200))
                .figure(),
        ),
        (
            "long box",
            BoxPlot::new(long(), &name)
                .x("kind")
                .title("t".repeat(200))
                .figure(),
        ),
        (
            "long counts",
            CountPlot::new(long(), "kind").hue("kind").figure(),
        ),
        (
            "long pairs",
            PairPlot::new(long())
                .hue("kind")
                .title("t".repeat(200))
                .figure(),
        ),
        ("many boxes", BoxPlot::new(many(), "y").x("x").figure()),
        (
            "many colours",
            ViolinPlot::new(many(), "y").hue("hue").figure(),
        ),
        (
            "many histograms",
            Histogram::new(many(), "y").hue("hue").figure(),
        ),
        ("one box", BoxPlot::of("x", &[4.0]).figure()),
        ("one violin", ViolinPlot::of("x", &[4.0, 4.0]).figure()),
        (
            "negative bars",
            BarPlot::new(animals(), "body mass")
                .errorbar("none")
                .figure(),
        ),
        (
            "large map",
            HeatMap::new(
                &Array2::from_shape_fn((200, 200), |(i, j)| ((i + j) % 17) as f64),
                (0..200).map(|i| format!("row {i}")),
                (0..200).map(|i| format!("column {i}")),
            )
            .figure(),
        ),
        (
            "one cell",
            HeatMap::new(&Array2::from_elem((1, 1), f64::NAN), [&name], [&name])
                .title("t".repeat(120))
                .annot()
                .figure(),
        ),
    ];
    figures
        .map(|(name, figure)| (name, figure.unwrap()))
        .to_vec()
}
