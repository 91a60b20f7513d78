//! Every kind of figure, decoded and looked at pixel by pixel.

#![expect(
    clippy::unwrap_used,
    reason = "a figure that fails to draw fails the test"
)]

mod common;

use std::sync::OnceLock;

use common::statistical::{animals, extreme_statistical_figures, statistical_figures};
use common::{Image, Pixel, WHITE, falling, loss_and_accuracy, pictures, predictions_grid};
use common::{activation, map_of, newer_figures, ten_classes, three_classes};
use labbook_charts::plotters::prelude::*;
use labbook_charts::plotters::style::RGBColor;
use labbook_charts::{
    BarChart, BoxPlot, ChartError, ColorMap, ColumnScatter, Columns, CountPlot, FONT, FeatureMaps,
    Figure, Histogram, ImageGrid, LabelledScatter, LineChart, MatrixPlot, ModelPlot, Palette,
    ParallelCoordinates, SERIES_COLORS, ScatterPlot, ThumbnailMap, draw, panels, px, side_by_side,
};
use ndarray::{Array4, arr2};

fn pixel(color: RGBColor) -> Pixel {
    [color.0, color.1, color.2]
}

/// One figure of each kind, in ordinary and in extreme sizes.
fn all_figures() -> &'static [(&'static str, Figure)] {
    static FIGURES: OnceLock<Vec<(&str, Figure)>> = OnceLock::new();
    FIGURES.get_or_init(draw_all)
}

fn draw_all() -> Vec<(&'static str, Figure)> {
    let figure = |chart: LineChart| chart.x_label("Epoch").figure().unwrap();
    let seven = (0..7).fold(LineChart::new("Seven"), |chart, i| {
        chart.series(
            format!("Experiment {i}"),
            &falling(12, 2.0, 0.1 * f64::from(i)),
        )
    });
    let matrix = |plot: MatrixPlot| plot.figure().unwrap();
    let mut figures = vec![
        (
            "20 epochs",
            side_by_side(&loss_and_accuracy(20), 1120, 300).unwrap(),
        ),
        (
            "1 epoch",
            side_by_side(&loss_and_accuracy(1), 1120, 300).unwrap(),
        ),
        (
            "500 epochs",
            side_by_side(&loss_and_accuracy(500), 1120, 300).unwrap(),
        ),
        (
            "constant",
            figure(LineChart::new("").series("constant", &[2.0; 5])),
        ),
        (
            "no values",
            figure(LineChart::new("None").series("loss", &[])),
        ),
        (
            "huge",
            figure(LineChart::new("").series("a", &[1e300, -1e300, f64::MAX])),
        ),
        (
            "tiny",
            figure(LineChart::new("").series("a", &[1e-300, 2e-300])),
        ),
        (
            "long name",
            figure(LineChart::new("t".repeat(200)).series("n".repeat(200), &[1.0])),
        ),
        ("seven series", figure(seven)),
        (
            "ten classes",
            matrix(MatrixPlot::new(&ten_classes()).title("Test set")),
        ),
        (
            "by row",
            matrix(MatrixPlot::new(&ten_classes()).normalize_rows()),
        ),
        (
            "small cells",
            matrix(MatrixPlot::new(&ten_classes()).cell_size(1)),
        ),
        ("three classes", matrix(MatrixPlot::new(&three_classes()))),
        (
            "no numbers",
            matrix(MatrixPlot::new(&three_classes()).without_numbers()),
        ),
        (
            "long title",
            matrix(MatrixPlot::new(&three_classes()).title("t".repeat(150))),
        ),
        ("predictions", predictions_grid().figure().unwrap()),
        (
            "images only",
            ImageGrid::new(&pictures(7)).columns(3).figure().unwrap(),
        ),
        (
            "long captions",
            ImageGrid::new(&pictures(2))
                .captions(&["c".repeat(90), "x".to_owned()])
                .figure()
                .unwrap(),
        ),
        (
            "bars",
            BarChart::new("Bars")
                .bars(&["automobile", "b"], &[12.5, 0.0])
                .figure()
                .unwrap(),
        ),
        (
            "one point",
            ScatterPlot::new(&arr2(&[[3.0, -1e9]])).figure().unwrap(),
        ),
        ("small map", map_of(50).size(320, 240).figure().unwrap()),
        (
            "long axis names",
            map_of(50)
                .title("t".repeat(200))
                .x_label("x".repeat(200))
                .y_label("y".repeat(200))
                .figure()
                .unwrap(),
        ),
        (
            "many long classes",
            ScatterPlot::new(&arr2(&[[0.0, 0.0], [1.0, 1.0]]))
                .classes(&[0, 39], &vec!["n".repeat(60); 40])
                .figure()
                .unwrap(),
        ),
        (
            "one channel",
            FeatureMaps::new(&activation(30, 30, 1))
                .title("t".repeat(200))
                .figure()
                .unwrap(),
        ),
        (
            "two layers",
            ModelPlot::new()
                .title("t".repeat(60))
                .layer("a", "B", "(None, 1)", "(None, 1)")
                .layer("c".repeat(60), "D", "(None, 1)", "(None, 1)")
                .figure()
                .unwrap(),
        ),
        (
            "names only",
            ModelPlot::new()
                .show_shapes(false)
                .layer("dense_with_a_long_name", "Dense", "", "")
                .figure()
                .unwrap(),
        ),
        (
            "panels",
            panels(
                &[
                    &predictions_grid().figure().unwrap(),
                    &BarChart::new("Bars").bar("a", 1.0).figure().unwrap(),
                    &figure(LineChart::new("").series("a", &[1.0, 2.0])),
                ],
                2,
            )
            .unwrap(),
        ),
    ];
    figures.extend(extreme_trials());
    figures.extend(newer_figures());
    figures.extend(statistical_figures());
    figures.extend(extreme_statistical_figures());
    figures
}

/// Parallel coordinates of few, many, equal, huge and missing values.
fn extreme_trials() -> Vec<(&'static str, Figure)> {
    let one = |value| ParallelCoordinates::new("loss", &[value]).axis("x", &[value]);
    let numbers: Vec<f64> = (0..3000).map(f64::from).collect();
    let names: Vec<String> = (0..500)
        .map(|i| format!("{i} {}", "n".repeat(90)))
        .collect();
    let kinds: Vec<usize> = (0..3000).map(|i| i * 7 % 500).collect();
    [
        ("one trial", one(3.0)),
        ("a trial without result", one(f64::NAN)),
        ("a huge trial", one(1e300).axis("y", &[-1e300])),
        ("a tiny trial", one(0.0).log_axis("y", &[1e-300])),
        (
            "many trials",
            ParallelCoordinates::new("l".repeat(90), &numbers)
                .title("t".repeat(200))
                .categories("k".repeat(90), &names, &kinds)
                .axis("x".repeat(90), &numbers)
                .categories("k", &names, &kinds)
                .size(440, 220),
        ),
    ]
    .map(|(name, chart)| (name, chart.figure().unwrap()))
    .to_vec()
}

#[test]
fn the_bitmap_has_two_pixels_per_css_pixel() {
    for (name, figure) in all_figures() {
        let image = Image::of(figure);
        let expected = (2 * figure.width() as usize, 2 * figure.height() as usize);
        assert_eq!((image.width, image.height), expected, "{name}");
    }
}

#[test]
fn nothing_is_clipped_or_blank() {
    for (name, figure) in all_figures() {
        let image = Image::of(figure);
        assert!(image.has_white_border(10), "{name} reaches the edge");
        let whole = ((0, 0), (image.width, image.height));
        let inked = image.count(whole.0, whole.1, |pixel| pixel != WHITE);
        assert!(inked > 500, "{name} is nearly blank: {inked} pixels");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for ((name, first), (_, second)) in all_figures().iter().zip(&draw_all()) {
        assert_eq!(first.png(), second.png(), "{name}");
    }
}

#[test]
fn files_stay_small() {
    for (name, figure) in all_figures() {
        assert!(
            figure.png().len() < 120_000,
            "{name}: {} bytes",
            figure.png().len()
        );
    }
}

#[test]
fn every_figure_has_alternative_text() {
    for (name, figure) in all_figures() {
        assert!(
            figure.alt().split(' ').count() >= 5,
            "{name}: {}",
            figure.alt()
        );
    }
}

#[test]
fn each_series_has_its_own_colour() {
    let image = Image::of(&side_by_side(&loss_and_accuracy(20), 1120, 300).unwrap());
    let half = image.width / 2;
    for color in &SERIES_COLORS[..2] {
        for (left, right) in [(0, half), (half, image.width)] {
            let drawn = image.count((left, 0), (right, image.height), |p| p == pixel(*color));
            assert!(
                drawn > 1000,
                "{color:?} between {left} and {right}: {drawn}"
            );
        }
    }
    assert!(image.find(pixel(SERIES_COLORS[2])).is_none());
}

#[test]
fn a_single_epoch_is_a_dot_in_the_middle() {
    let chart = LineChart::new("").series("a", &[1.0]);
    let image = Image::of(&chart.figure().unwrap());
    let color = pixel(SERIES_COLORS[0]);
    // Left of the name, which is darker or equal but on the right.
    let dot = image.count((0, 0), (image.width * 4 / 5, image.height), |p| p == color);
    assert!((40..150).contains(&dot), "{dot} pixels");
}

#[test]
fn a_gap_interrupts_the_line() {
    let values = [1.0, 1.0, f64::NAN, 1.0, 1.0];
    let image = Image::of(&LineChart::new("").series("a", &values).figure().unwrap());
    let color = pixel(SERIES_COLORS[0]);
    let row = image.find(color).unwrap().1 + 5;
    let columns: Vec<usize> = (0..image.width * 4 / 5)
        .filter(|&x| image.at(x, row) == color)
        .collect();
    let gap = columns
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .max()
        .unwrap();
    assert!(gap > 200, "largest gap {gap} pixels");
}

#[test]
fn a_chart_without_values_says_so() {
    let with_text = Image::of(
        &LineChart::new("")
            .series("a", &[f64::NAN])
            .figure()
            .unwrap(),
    );
    let (w, h) = (with_text.width, with_text.height);
    let middle = with_text.count((w / 4, h / 3), (3 * w / 4, 2 * h / 3), |p| p != WHITE);
    assert!(middle > 300, "{middle} pixels of text");
}

#[test]
fn a_chart_without_series_is_an_error() {
    let error = LineChart::new("Loss").figure().unwrap_err();
    assert!(matches!(error, ChartError::Empty { what: "series" }));
    let error = side_by_side(&[], 100, 100).unwrap_err();
    assert!(matches!(error, ChartError::Empty { what: "chart" }));
}

#[test]
fn sizes_that_cannot_work_are_errors_that_name_a_size_that_does() {
    let chart = LineChart::new("Loss").series("a", &[1.0, 2.0]);
    let error = chart.clone().size(60, 40).figure().unwrap_err();
    let ChartError::TooSmall {
        min_width,
        min_height,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(chart.clone().size(min_width, min_height).figure().is_ok());
    for (width, height) in [(0, 100), (100, 0), (100_000, 10)] {
        let error = chart.clone().size(width, height).figure().unwrap_err();
        assert!(matches!(error, ChartError::Size { .. }), "{error}");
    }
}

#[test]
fn cells_have_the_colour_of_their_count() {
    let image = Image::of(
        &MatrixPlot::new(&three_classes())
            .without_numbers()
            .figure()
            .unwrap(),
    );
    // The fullest cell (48 of 48) and an empty one, found by colour; both are 84 CSS pixels.
    for (shade, cells) in [(1.0, 1), (0.0, 1), (41.0 / 48.0, 1)] {
        let color = pixel(ColorMap::Blues.color(shade));
        let whole = image.count((0, 0), (image.width, image.height), |p| p == color);
        let cell = (2 * 83) * (2 * 83);
        let bar = 28 * 40;
        assert!(
            whole >= cells * cell && whole < cells * cell + bar,
            "{shade}: {whole}"
        );
    }
}

#[test]
fn the_colour_bar_runs_from_dark_to_light() {
    let image = Image::of(
        &MatrixPlot::new(&three_classes())
            .without_numbers()
            .figure()
            .unwrap(),
    );
    let darkest = pixel(ColorMap::Blues.color(1.0));
    // The bar is the last thing of this colour on its row.
    let top = (0..image.height)
        .find(|&y| (image.width * 3 / 4..image.width).any(|x| image.at(x, y) == darkest))
        .unwrap();
    let x = (0..image.width)
        .rev()
        .find(|&x| image.at(x, top) == darkest)
        .unwrap()
        - 5;
    let brightness = |y: usize| image.at(x, y).iter().map(|&c| u32::from(c)).sum::<u32>();
    let samples: Vec<u32> = (0..8).map(|i| brightness(top + 2 + i * 60)).collect();
    assert!(
        samples.windows(2).all(|pair| pair[0] < pair[1]),
        "{samples:?}"
    );
}

#[test]
fn counts_are_white_on_dark_cells_and_dark_on_light_ones() {
    let plot = MatrixPlot::new(&three_classes());
    let with = Image::of(&plot.figure().unwrap());
    let without = Image::of(&plot.without_numbers().figure().unwrap());
    let dark_cell = pixel(ColorMap::Blues.color(1.0));
    let light_cell = pixel(ColorMap::Blues.color(0.0));
    let mut on_dark = Vec::new();
    let mut on_light = Vec::new();
    for y in 0..with.height {
        for x in 0..with.width {
            let (number, cell) = (with.at(x, y), without.at(x, y));
            if number != cell && cell == dark_cell {
                on_dark.push(number);
            } else if number != cell && cell == light_cell {
                on_light.push(number);
            }
        }
    }
    assert!(on_dark.contains(&WHITE), "48 is written in white");
    assert!(
        on_light.iter().any(|p| p[0] < 60),
        "0 is written in near-black"
    );
}

#[test]
fn shading_by_row_shows_rare_classes() {
    let counts = ndarray::arr2(&[[1000_u64, 0], [0, 2]]);
    let matrix = labbook_analysis::ConfusionMatrix::from_counts(counts.view()).unwrap();
    let plot = MatrixPlot::new(&matrix).without_numbers();
    let dark = |plot: MatrixPlot| {
        let image = Image::of(&plot.figure().unwrap());
        let color = pixel(ColorMap::Blues.color(1.0));
        image.count((0, 0), (image.width, image.height), |p| p == color)
    };
    let cell = 2 * 83 * 2 * 83;
    assert!(dark(plot.clone()) < 2 * cell);
    assert!(dark(plot.normalize_rows()) >= 2 * cell);
}

#[test]
fn images_are_enlarged_without_smoothing() {
    let mut images = Array4::<u8>::zeros((1, 2, 2, 3));
    images
        .slice_mut(ndarray::s![0, 0, 0, ..])
        .assign(&ndarray::arr1(&[255, 0, 0]));
    images
        .slice_mut(ndarray::s![0, 1, 1, ..])
        .assign(&ndarray::arr1(&[0, 0, 255]));
    let image = Image::of(
        &ImageGrid::new(images.view())
            .image_size(64)
            .figure()
            .unwrap(),
    );
    let whole = ((0, 0), (image.width, image.height));
    for color in [[255, 0, 0], [0, 0, 255]] {
        assert_eq!(image.count(whole.0, whole.1, |p| p == color), 64 * 64);
    }
    assert_eq!(
        image.count(whole.0, whole.1, |p| p == [0, 0, 0]),
        2 * 64 * 64
    );
}

#[test]
fn grey_images_are_accepted_and_other_channel_counts_refused() {
    let grey = Array4::<u8>::from_elem((2, 8, 8, 1), 77);
    let image = Image::of(&ImageGrid::new(&grey).figure().unwrap());
    assert!(image.find([77, 77, 77]).is_some());
    let error = ImageGrid::new(&Array4::<u8>::zeros((2, 8, 8, 4)))
        .figure()
        .unwrap_err();
    assert!(error.to_string().contains("[2, 8, 8, 4]"), "{error}");
    let error = ImageGrid::new(&Array4::<u8>::zeros((0, 8, 8, 3)))
        .figure()
        .unwrap_err();
    assert!(matches!(error, ChartError::Empty { what: "image" }));
}

#[test]
fn right_is_green_with_a_tick_and_wrong_is_red_with_a_cross() {
    let blank = Array4::<u8>::from_elem((1, 32, 32, 3), 200);
    let drawn = |predicted: i64| {
        let grid = ImageGrid::new(&blank).predictions(&[predicted], &[0], &["cat", "dog"]);
        let image = Image::of(&grid.figure().unwrap());
        let whole = ((0, 0), (image.width, image.height));
        let green = image.count(whole.0, whole.1, |p| p == [0, 122, 71]);
        let red = image.count(whole.0, whole.1, |p| p == [200, 30, 30]);
        (green, red)
    };
    let (green, red) = drawn(0);
    assert!(green > 200 && red == 0, "{green} green, {red} red");
    let (green, red) = drawn(1);
    assert!(green == 0 && red > 200, "{green} green, {red} red");
}

#[test]
fn captions_and_labels_must_pair_up_with_images() {
    let images = pictures(3);
    let error = ImageGrid::new(&images)
        .captions(&["a"])
        .figure()
        .unwrap_err();
    assert!(matches!(
        error,
        ChartError::LengthMismatch {
            expected: 3,
            received: 1,
            ..
        }
    ));
    let error = ImageGrid::new(&images)
        .predictions(&[0, 0, 5], &[0, 0, 0], &["a"])
        .figure()
        .unwrap_err();
    assert!(matches!(
        error,
        ChartError::LabelOutOfRange {
            position: 2,
            label: 5,
            ..
        }
    ));
}

#[test]
fn bars_are_as_long_as_their_values() {
    let chart = BarChart::new("")
        .bar("all", 100.0)
        .bar("half", 50.0)
        .bar("none", 0.0);
    let image = Image::of(&chart.figure().unwrap());
    let color = pixel(SERIES_COLORS[0]);
    let lengths: Vec<usize> = (0..3)
        .map(|bar| {
            let y = 2 * (12 + 26 * bar + 6);
            image.count((0, y), (image.width, y + 1), |p| p == color)
        })
        .collect();
    assert!(lengths[0].abs_diff(2 * lengths[1]) <= 1, "{lengths:?}");
    assert_eq!(lengths[2], 0);
}

#[test]
fn draw_runs_any_plotters_code() {
    let figure = draw(300, 200, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(px(8.0))
            .caption("Title", (FONT, px(16.0)))
            .set_left_and_bottom_label_area_size(px(30.0))
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        chart.configure_mesh().draw()?;
        chart.draw_series([Circle::new((0.5, 0.5), px(5.0), RED.filled())])?;
        Ok(())
    })
    .unwrap();
    let image = Image::of(&figure.with_alt("A dot"));
    assert_eq!((image.width, image.height), (600, 400));
    // A disc of radius 10.5 bitmap pixels, less its smoothed rim.
    let red = image.count((0, 0), (600, 400), |p| p == [255, 0, 0]);
    assert!((270..350).contains(&red), "{red}");
    let caption = image.count((200, 16), (400, 56), |p| p[0] < 100);
    assert!(caption > 100, "{caption} pixels of caption");
}

#[test]
fn text_comes_in_any_family_angle_and_weight() {
    let inked = |family: &'static str, style: FontStyle, turn: FontTransform| {
        let figure = draw(100, 100, |root| {
            let font = (family, 40, style).into_font().transform(turn);
            root.draw_text("Text", &font.color(&BLACK), (100, 100))?;
            Ok(())
        })
        .unwrap();
        let image = Image::of(&figure);
        let quarter = |x, y| image.count((x, y), (x + 100, y + 100), |p| p != WHITE);
        [
            quarter(0, 0),
            quarter(100, 0),
            quarter(0, 100),
            quarter(100, 100),
        ]
    };
    let normal = inked(FONT, FontStyle::Normal, FontTransform::None);
    assert!(
        normal[3] > 300 && normal[0] + normal[1] + normal[2] == 0,
        "{normal:?}"
    );
    assert_eq!(
        inked("Arial", FontStyle::Normal, FontTransform::None),
        normal
    );
    assert!(inked(FONT, FontStyle::Bold, FontTransform::None)[3] > normal[3]);
    let turned = inked(FONT, FontStyle::Normal, FontTransform::Rotate180);
    assert!(turned[0] > 300 && turned[3] < 20, "{turned:?}");
}

#[test]
fn shapes_larger_than_the_bitmap_are_cut_at_its_edge() {
    let figure = draw(50, 50, |root| {
        root.draw(&Circle::new((50, 50), 10_000, BLACK.filled()))?;
        root.draw(&Circle::new((100, 100), 20, RED.filled()))?;
        root.draw(&PathElement::new(
            vec![(0, 0), (0, 99)],
            BLUE.stroke_width(10),
        ))?;
        Ok(())
    })
    .unwrap();
    let image = Image::of(&figure);
    assert_eq!(image.count((10, 0), (70, 100), |p| p != [0, 0, 0]), 0);
    assert_eq!(image.at(99, 99), [255, 0, 0]);
    assert_eq!(image.at(2, 50), [0, 0, 255]);
}

#[test]
fn an_error_in_a_closure_comes_back() {
    let error = draw(10, 10, |_| Err("no data yet".into())).unwrap_err();
    assert!(error.to_string().contains("no data yet"), "{error}");
}

#[test]
fn points_have_the_colours_of_their_classes() {
    let points = arr2(&[[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]);
    for palette in [Palette::Hls, Palette::Muted] {
        let plot = ScatterPlot::new(&points)
            .classes(&[0, 1, 1], &["cat", "dog", "frog"])
            .palette(palette)
            .alpha(1.0)
            .marker_size(20.0);
        let image = Image::of(&plot.figure().unwrap());
        // The legend stands in the last tenth.
        let plotted = (image.width * 9 / 10, image.height);
        let colors = palette.colors(3);
        let drawn = [0, 1, 2].map(|class| {
            let color = pixel(colors[class]);
            let close = |p: Pixel| (0..3).all(|c| p[c].abs_diff(color[c]) <= 2);
            image.count((0, 0), plotted, close)
        });
        assert!((1000..1400).contains(&drawn[0]), "{drawn:?}");
        assert!(
            drawn[1].abs_diff(2 * drawn[0]) < 60 && drawn[2] == 0,
            "{drawn:?}"
        );
    }
}

#[test]
fn errors_are_marked_in_the_map_and_told() {
    let dark = |plot: ScatterPlot| {
        let image = Image::of(&plot.figure().unwrap());
        let plotted = (image.width * 4 / 5, image.height - 100);
        image.count((60, 100), plotted, |p| p.iter().all(|&c| c < 90))
    };
    let plain = dark(map_of(200));
    assert_eq!(plain, 0);
    let wrong: Vec<bool> = (0..200).map(|i| i < 50).collect();
    let plot = map_of(200).errors(&wrong);
    assert!(plot.figure().unwrap().alt().contains("50 marked as wrong"));
    assert!(dark(plot) > 50 * 15);
    let error = map_of(200).errors(&[true]).figure().unwrap_err();
    assert!(matches!(
        error,
        ChartError::LengthMismatch {
            expected: 200,
            received: 1,
            ..
        }
    ));
}

#[test]
fn coordinates_that_cannot_be_drawn_are_refused() {
    for value in [f64::NAN, f64::INFINITY, 1e308] {
        let error = ScatterPlot::new(&arr2(&[[0.0, 1.0], [value, 0.0]])).figure();
        assert!(matches!(
            error.unwrap_err(),
            ChartError::Coordinate { row: 1, .. }
        ));
    }
    let error = ScatterPlot::new(&arr2(&[[0.0], [1.0]]))
        .figure()
        .unwrap_err();
    assert!(matches!(error, ChartError::PointShape { columns: 1 }));
    let error = ScatterPlot::new(&ndarray::Array2::<f32>::zeros((0, 2))).figure();
    assert!(matches!(
        error.unwrap_err(),
        ChartError::Empty { what: "point" }
    ));
    let error = map_of(10).classes(&[0; 10], &["a"]).size(100, 90).figure();
    assert!(matches!(error.unwrap_err(), ChartError::TooSmall { .. }));
    let error = LabelledScatter::new("").figure().unwrap_err();
    assert!(matches!(error, ChartError::Empty { .. }));
}

#[test]
fn fifty_thousand_points_stay_small() {
    let figure = map_of(50_000).figure().unwrap();
    assert!(figure.png().len() < 600_000, "{} bytes", figure.png().len());
}

#[test]
fn thumbnails_show_the_image_at_its_place() {
    let mut images = Array4::<u8>::from_elem((3, 8, 8, 3), 10);
    images.index_axis_mut(ndarray::Axis(0), 1).fill(200);
    let places = arr2(&[[0.0, 0.0], [0.01, 0.0], [5.0, 5.0]]);
    let figure = ThumbnailMap::new(&images, &places).figure().unwrap();
    assert!(
        figure.alt().contains("2 of 3 images shown"),
        "{}",
        figure.alt()
    );
    let image = Image::of(&figure);
    assert_eq!(
        image.find([200; 3]),
        None,
        "the second lies under the first"
    );
    let upper = image.count((image.width / 2, 0), (image.width, image.height / 2), |p| {
        p == [10; 3]
    });
    assert_eq!(upper, 64 * 64);
}

#[test]
fn large_feature_maps_stay_small_and_keep_their_columns() {
    let activation = activation(30, 30, 512);
    let figure = FeatureMaps::new(&activation)
        .title("conv2d")
        .figure()
        .unwrap();
    assert!(figure.png().len() < 600_000, "{} bytes", figure.png().len());
    assert!(figure.alt().contains("8 per row"));
    let wide = FeatureMaps::new(&activation).columns(32).figure().unwrap();
    assert!(wide.width() > wide.height());
}

#[test]
fn a_constant_channel_is_one_colour() {
    let figure = FeatureMaps::new(&Array4::<f32>::from_elem((1, 10, 10, 1), 3.0))
        .figure()
        .unwrap();
    let image = Image::of(&figure);
    let middle = pixel(ColorMap::Viridis.color(64.0 / 127.0));
    let tile = image.count((0, 0), (image.width, image.height), |p| p == middle);
    assert_eq!(tile, 400 * 400);
}

#[test]
fn grouped_bars_are_as_long_as_their_values() {
    let chart = BarChart::new("")
        .names(&["a"])
        .series("one", &[0.8])
        .series("two", &[0.4]);
    let image = Image::of(&chart.figure().unwrap());
    let length = |color: RGBColor| {
        // Below the legend.
        let row =
            (70..image.height).find(|&y| (0..image.width).any(|x| image.at(x, y) == pixel(color)));
        let row = row.unwrap() + 4;
        image.count((0, row), (image.width, row + 1), |p| p == pixel(color))
    };
    let (one, two) = (length(SERIES_COLORS[0]), length(SERIES_COLORS[1]));
    assert!(one.abs_diff(2 * two) <= 1 && two > 100, "{one} and {two}");
    let error = chart.series("three", &[]).figure().unwrap_err();
    assert!(matches!(error, ChartError::LengthMismatch { .. }));
}

#[test]
fn pictures_beside_images_need_their_shape() {
    let error = ImageGrid::new(&pictures(2))
        .beside(&pictures(3))
        .figure()
        .unwrap_err();
    assert!(matches!(error, ChartError::ShapeMismatch { .. }), "{error}");
    let alone = ImageGrid::new(&pictures(2)).columns(1).figure().unwrap();
    let pair = ImageGrid::new(&pictures(2)).beside(&pictures(2)).columns(1);
    assert_eq!(pair.figure().unwrap().width(), alone.width() + 99);
}

#[test]
fn panels_copy_every_pixel() {
    let bars = BarChart::new("Bars").bar("a", 1.0).figure().unwrap();
    let image = Image::of(&bars);
    let both = Image::of(&panels(&[&bars, &bars], 1).unwrap());
    assert_eq!((both.width, both.height), (image.width, 2 * image.height));
    for y in (0..both.height).step_by(3) {
        for x in (0..both.width).step_by(3) {
            assert_eq!(both.at(x, y), image.at(x, y % image.height));
        }
    }
    assert!(matches!(
        panels(&[], 2).unwrap_err(),
        ChartError::Empty { .. }
    ));
}

/// Two confusion matrices that differ in a name look different, whatever fonts the machine has.
#[test]
fn names_in_every_script_are_told_apart_and_what_no_font_has_is_noted() {
    let figure = |name: &str| {
        let matrix = three_classes().with_class_names([name, "b", "c"]).unwrap();
        MatrixPlot::new(&matrix).figure().unwrap()
    };
    let names = [
        "猫",
        "狗",
        "बिल्ली",
        "कुत्ता",
        "חתול",
        "כלב",
        "قطة",
        "كلب",
        "🐱",
        "🐶",
        "→",
        "⇒",
    ];
    let figures: Vec<Figure> = names.iter().map(|name| figure(name)).collect();
    for (i, one) in figures.iter().enumerate() {
        for (j, other) in figures.iter().enumerate().skip(i + 1) {
            assert!(one.png() != other.png(), "{} and {}", names[i], names[j]);
        }
    }
    // For private use: no font has a glyph that means something.
    let private = figure("\u{10fff0}\u{10fff1}");
    assert!(private.note().contains("U+10FFF0"), "{}", private.note());
    assert!(
        private.note().contains("Install a font"),
        "{}",
        private.note()
    );
    assert_eq!(figure("Ж é – ẞ").note(), "");
    let both = panels(&[&private, &figure("b")], 2).unwrap();
    assert_eq!(both.note(), private.note());
}

#[test]
fn a_chain_named_layer_by_layer_is_the_chain_drawn_without_names() {
    let layer = |plot: ModelPlot, name: &str| plot.layer(name, "Dense", "(None, 1)", "(None, 1)");
    let plain = layer(layer(ModelPlot::new(), "a"), "b");
    let named = layer(layer(ModelPlot::new(), "a"), "b").connected_to(&["a"]);
    let (plain, named) = (plain.figure().unwrap(), named.figure().unwrap());
    assert_eq!(plain.png(), named.png());
    assert_eq!(plain.alt(), named.alt());
}

#[test]
fn a_connection_to_no_layer_is_an_error_that_names_both() {
    let plot = ModelPlot::new()
        .layer("a", "Dense", "", "")
        .connected_to(&["c"]);
    let error = plot.figure().unwrap_err().to_string();
    assert!(
        error.contains("\"a\"") && error.contains("\"c\""),
        "{error}"
    );
}

#[test]
fn models_too_large_for_a_picture_are_refused_at_once() {
    let plot = |count: usize| {
        (0..count).fold(ModelPlot::new(), |plot, i| {
            plot.layer(format!("l{i}"), "Dense", "(None, 1)", "(None, 1)")
        })
    };
    // Drawn smaller, as ResNet50 is.
    let figure = plot(180).figure().unwrap();
    assert_eq!(figure.height(), 8192);
    for count in [900, 100_000] {
        let error = plot(count).figure().unwrap_err();
        assert!(matches!(error, ChartError::ModelSize { layers, .. } if layers == count));
    }
    // Each layer takes from all before it.
    let mut dense = ModelPlot::new();
    let mut names: Vec<String> = Vec::new();
    for i in 0..400 {
        dense = dense
            .layer(format!("l{i}"), "Dense", "", "")
            .connected_to(&names);
        names.push(format!("l{i}"));
    }
    let error = dense.figure().unwrap_err();
    assert!(
        matches!(error, ChartError::ModelSize { layers: 400, .. }),
        "{error}"
    );
}

#[test]
fn a_layer_that_is_called_on_what_it_gave_has_an_arrow_to_itself() {
    let layer = |sources: &[&str]| {
        let plot = ModelPlot::new()
            .input("x", "(None, 1)")
            .layer("a", "Dense", "(None, 1)", "(None, 1)")
            .connected_to(sources);
        plot.figure().unwrap()
    };
    let (once, again) = (layer(&["x"]), layer(&["x", "a"]));
    assert!(again.width() > once.width());
    assert!(again.alt().ends_with("after x, a"), "{}", again.alt());
    assert!(Image::of(&again).has_white_border(10));
}

#[test]
fn counts_are_bars_as_high_as_they_say() {
    let kinds = ["a", "b", "b", "c", "c", "c", "c"];
    let columns = Columns::new()
        .with_texts("kind", kinds)
        .with_texts("hue", kinds);
    let figure = CountPlot::new(columns, "kind")
        .hue("hue")
        .size(600, 400)
        .figure()
        .unwrap();
    let image = Image::of(&figure);
    let area = |series: usize| {
        // Left of the legend.
        let right = image.width * 9 / 10;
        image.count((0, 0), (right, image.height), |p| {
            p == pixel(SERIES_COLORS[series])
        }) as f64
    };
    for (series, count) in [(1, 2.0), (2, 4.0)] {
        let ratio = area(series) / area(0);
        assert!((ratio / count - 1.0).abs() < 0.02, "{series}: {ratio}");
    }
}

#[test]
fn a_histogram_of_a_million_rows_stays_small_and_counts_all() {
    let values: Vec<f64> = (0..1_000_000).map(|i| f64::from(i % 1009).sqrt()).collect();
    let figure = Histogram::of("x", &values).kde().figure().unwrap();
    assert!(figure.alt().contains("of 1,000,000 values"), "{figure:?}");
    assert!(figure.png().len() < 60_000, "{figure:?}");
}

#[test]
fn points_coloured_by_a_number_have_the_scale_s_colours() {
    let columns = Columns::new()
        .with_numbers("x", [0.0, 1.0])
        .with_numbers("y", [0.0, 1.0])
        .with_numbers("depth", [5.0, 9.0]);
    let plot = ColumnScatter::new(columns, "x", "y")
        .hue("depth")
        .alpha(1.0)
        .marker_size(30.0);
    let image = Image::of(&plot.figure().unwrap());
    // The lower left and the upper right quarter of the plotted part.
    let (w, h) = (image.width * 92 / 100, image.height);
    let count = |from, to, t| image.count(from, to, |p| p == pixel(ColorMap::Viridis.color(t)));
    assert!(count((0, h / 2), (w / 2, h), 0.0) > 2000);
    assert!(count((w / 2, 0), (w, h / 2), 1.0) > 2000);
}

#[test]
fn boxes_keep_the_order_that_was_asked_for() {
    let plot = BoxPlot::new(animals(), "body mass")
        .x("species")
        .order(["Gentoo", "Adelie"]);
    let alt = plot.figure().unwrap().alt().to_owned();
    let (first, second) = (alt.find("Gentoo").unwrap(), alt.find("Adelie").unwrap());
    assert!(first < second && !alt.contains("Chinstrap"), "{alt}");
}
