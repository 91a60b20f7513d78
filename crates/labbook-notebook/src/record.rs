use labbook_experiments::{Published, RunRecord, Spread, published};

use crate::render::shown_as;
use crate::table::Table;

shown_as!(RunRecord => table);

/// The run's last figures, above the paper's where it has some.
fn table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "",
        "train",
        "validation",
        "test",
        "gap",
        "train loss",
        "val loss",
        "test loss",
        "seconds",
    ])
    .numeric()
    .header_column();
    let gap = record.gap().map(|gap| points(gap, false));
    table.push(&[
        "this run".to_owned(),
        percent(record.train_accuracy()),
        percent(record.val_accuracy()),
        percent(Some(record.test_accuracy)),
        gap.unwrap_or_default(),
        loss(record.train_loss()),
        loss(record.val_loss()),
        loss(Some(record.test_loss)),
        format!("{:.1}", record.seconds),
    ]);
    if let Some(paper) = published(record.experiment) {
        table.push(&paper_row(paper));
    }
    table
}

fn paper_row(paper: &Published) -> [String; 9] {
    [
        "paper".to_owned(),
        percent(Some(paper.train_accuracy)),
        percent(Some(paper.val_accuracy)),
        percent(Some(paper.test_accuracy)),
        points(paper.gap(), false),
        loss(Some(paper.train_loss)),
        loss(Some(paper.val_loss)),
        loss(Some(paper.test_loss)),
        format!("{:.1}", paper.seconds),
    ]
}

/// A fraction as a percentage, empty where there is none.
pub(crate) fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(String::new, |fraction| format!("{:.2} %", 100.0 * fraction))
}

/// A difference of fractions in percentage points; a difference proper shows its sign.
pub(crate) fn points(fraction: f64, signed: bool) -> String {
    match signed {
        true => format!("{:+.1}", 100.0 * fraction),
        false => format!("{:.1}", 100.0 * fraction),
    }
}

/// The standard deviation of fractions in percentage points, empty for a single one.
pub(crate) fn deviation(spread: &Spread) -> String {
    let deviation = spread.deviation;
    deviation.map_or_else(String::new, |deviation| format!("{:.2}", 100.0 * deviation))
}

fn loss(loss: Option<f64>) -> String {
    loss.map_or_else(String::new, |loss| format!("{loss:.4}"))
}
