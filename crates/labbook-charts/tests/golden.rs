//! Figures look as they did when a person last looked at them.
//!
//! After a deliberate change of looks: `UPDATE_GOLDEN=1 cargo test -p labbook-charts --test
//! golden`, then look at the images in tests/golden before committing them.

#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

mod common;

use std::path::PathBuf;

use common::statistical::statistical_figures;
use common::{Image, loss_and_accuracy, newer_figures, predictions_grid, ten_classes};
use labbook_charts::{BarChart, Figure, MatrixPlot, side_by_side};

/// Rounding may differ between processors; more than this share of changed channels, each by
/// more than the noticeable, is a change of looks.
const SHARE_CHANGED: f64 = 0.0002;
const NOTICEABLE: u8 = 24;

fn compare(name: &str, figure: &Figure) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.png"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        figure.save(&path).unwrap();
        return;
    }
    let golden = Image::decode(&std::fs::read(&path).unwrap());
    let image = Image::of(figure);
    assert_eq!(
        (image.width, image.height),
        (golden.width, golden.height),
        "{name} changed its size"
    );
    let pairs = image.rgb().iter().zip(golden.rgb());
    let changed = pairs.filter(|(a, b)| a.abs_diff(**b) > NOTICEABLE).count();
    let share = changed as f64 / golden.rgb().len() as f64;
    assert!(
        share <= SHARE_CHANGED,
        "{name}: {:.2} % of the pixels changed; if that is meant, set UPDATE_GOLDEN=1 and look",
        100.0 * share
    );
}

#[test]
fn loss_and_accuracy_look_as_before() {
    let figure = side_by_side(&loss_and_accuracy(20), 1120, 300).unwrap();
    compare("loss_and_accuracy", &figure);
}

#[test]
fn the_confusion_matrix_looks_as_before() {
    let figure = MatrixPlot::new(&ten_classes())
        .title("Test set")
        .figure()
        .unwrap();
    compare("confusion_matrix", &figure);
}

#[test]
fn the_image_grid_looks_as_before() {
    compare("image_grid", &predictions_grid().figure().unwrap());
}

#[test]
fn the_bar_chart_looks_as_before() {
    let figure = BarChart::new("Training images per class")
        .bars(
            &common::CIFAR10,
            &[
                4960., 5010., 5000., 3870., 5030., 4990., 5000., 4400., 5000., 4980.,
            ],
        )
        .figure()
        .unwrap();
    compare("bar_chart", &figure);
}

#[test]
fn all_other_figures_look_as_before() {
    for (name, figure) in newer_figures() {
        compare(name, &figure);
    }
}

#[test]
fn charts_of_columns_look_as_before() {
    for (name, figure) in statistical_figures() {
        compare(name, &figure);
    }
}
