use labbook_notebook::numbers::{figure, percent, points};
use labbook_notebook::{Table, shown_as};

use crate::{ExperimentRecord, Published, published};

shown_as!(ExperimentRecord => table);

/// The run's last figures, above the paper's where it has some.
fn table(record: &ExperimentRecord) -> Table {
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

fn loss(loss: Option<f64>) -> String {
    loss.map_or_else(String::new, figure)
}
