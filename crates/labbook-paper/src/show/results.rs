use labbook_charts::{Figure, LabelledScatter};
use labbook_notebook::numbers::points;
use labbook_notebook::{Cell, NotebookError, Paragraph, Table, shown_as};

use crate::{ComparedRun, Comparison, Experiment, Holding, Verdict};

/// A shade is full at this gap or difference.
const FULL_SHADE: f64 = 0.5;
/// Text on a shade, which is always light.
const INK: &str = "#1b1f24";
const WARM: [f64; 3] = [240.0, 140.0, 60.0];
const GREEN: [f64; 3] = [90.0, 180.0, 110.0];

/// The records of a session's experiments, beside the paper's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Each run, with its diagnosis and the paper's row.
    pub comparison: Comparison,
}

impl Results {
    /// What was wrong with each run, if anything, and the figures that say so.
    #[must_use]
    pub fn diagnosis(&self) -> Table {
        let mut table = Table::new(&["experiment", "", "why"]).header_column();
        for run in self.comparison.runs() {
            let verdict = run.diagnosis.verdict;
            let cell = Cell::new(verdict.to_string());
            let cell = match verdict {
                Verdict::DidNotLearn => shaded(cell, WARM, 0.9),
                Verdict::Overfits => shaded(cell, WARM, 0.45),
                Verdict::Balanced => shaded(cell, GREEN, 0.45),
                _ => cell,
            };
            let sentence = Cell::new(&run.diagnosis.sentence);
            table.push_cells(vec![Cell::new(name(run)), cell, sentence]);
        }
        table
    }

    /// The paper's conclusions, each checked against these runs.
    #[must_use]
    pub fn conclusions(&self) -> Table {
        let mut table = Table::new(&["the paper says", "here it", "figures"]).header_column();
        for conclusion in self.comparison.conclusions() {
            let cell = Cell::new(conclusion.holding.to_string());
            let cell = match conclusion.holding {
                Holding::Holds => shaded(cell, GREEN, 0.45),
                Holding::DoesNotHold => shaded(cell, WARM, 0.45),
                Holding::NotEnoughRuns => cell,
            };
            let row = [conclusion.title.to_owned(), conclusion.sentence];
            let [title, sentence] = row.map(Cell::new);
            table.push_cells(vec![title, cell, sentence]);
        }
        table
    }

    /// Which network to use, and why, in a sentence or two.
    #[must_use]
    pub fn recommendation(&self) -> Paragraph {
        Paragraph(self.comparison.recommendation().map_or_else(
            || "There is no run to recommend yet: run an experiment first.".to_owned(),
            |recommendation| recommendation.sentence,
        ))
    }
}

/// Accuracy on the test images against seconds of training, ours and the paper's.
///
/// # Errors
/// [`NotebookError::Chart`] when there is no run, or the figure cannot be drawn.
pub fn plot_results(results: &Results) -> Result<Figure, NotebookError> {
    let runs = results.comparison.runs();
    let number = |run: &ComparedRun| run.record.experiment.to_string();
    let ours: Vec<[f64; 2]> = runs
        .iter()
        .map(|run| [run.record.seconds, 100.0 * run.record.test_accuracy])
        .collect();
    let labels: Vec<String> = runs.iter().map(number).collect();
    let published: Vec<_> = runs.iter().filter_map(|run| run.published).collect();
    let theirs: Vec<[f64; 2]> = published
        .iter()
        .map(|paper| [paper.seconds, 100.0 * paper.test_accuracy])
        .collect();
    let their_labels: Vec<String> = published
        .iter()
        .map(|paper| paper.experiment.to_string())
        .collect();
    let column = |points: &[[f64; 2]], axis: usize| -> Vec<f64> {
        points.iter().map(|point| point[axis]).collect()
    };
    let mut plot = LabelledScatter::new("Test accuracy against training time")
        .x_label("Seconds of training (logarithmic)")
        .y_label("Test accuracy (%)")
        .log_x()
        .series("these runs", &column(&ours, 0), &column(&ours, 1), &labels);
    if !theirs.is_empty() {
        let (x, y) = (column(&theirs, 0), column(&theirs, 1));
        plot = plot.series("paper (Colab GPU, full scale)", &x, &y, &their_labels);
    }
    Ok(plot.figure()?)
}

fn name(run: &ComparedRun) -> String {
    let number = run.record.experiment;
    match Experiment::numbered(number) {
        Ok(experiment) => format!("{number}: {}", experiment.title()),
        Err(_) => format!("{number}: {}", run.record.name),
    }
}

/// A background between white and a colour; none for no strength at all.
fn shaded(cell: Cell, color: [f64; 3], strength: f64) -> Cell {
    if strength <= 0.0 {
        return cell;
    }
    let [red, green, blue] =
        color.map(|channel| 255.0 - (255.0 - channel) * strength.clamp(0.0, 1.0));
    cell.shaded(&format!("rgb({red:.0},{green:.0},{blue:.0})"), INK)
}

shown_as!(Results => table);

fn table(results: &Results) -> Table {
    let headings = [
        "experiment",
        "train",
        "val",
        "test",
        "gap",
        "seconds",
        "paper: train",
        "val",
        "test",
        "gap",
        "seconds",
        "difference",
    ];
    let mut table = Table::new(&headings)
        .numeric()
        .header_column()
        .caption("Accuracies in %; gap and difference (of the test accuracies) in points.");
    let best = results.comparison.by_test_accuracy().first().copied();
    for run in results.comparison.runs() {
        let (record, paper) = (&run.record, run.published);
        let mut row = vec![
            Cell::new(name(run)),
            Cell::new(hundredths(record.train_accuracy())),
            Cell::new(hundredths(record.val_accuracy())),
            Cell::new(hundredths(Some(record.test_accuracy))),
            run.gap().map_or_else(|| Cell::new(""), gap),
            Cell::new(format!("{:.1}", record.seconds)),
        ];
        if best == Some(record.experiment) {
            row[3] = shaded(row[3].clone(), GREEN, 0.6);
        }
        if let Some(paper) = paper {
            row.extend([
                Cell::new(hundredths(Some(paper.train_accuracy))),
                Cell::new(hundredths(Some(paper.val_accuracy))),
                Cell::new(hundredths(Some(paper.test_accuracy))),
                gap(paper.gap()),
                Cell::new(format!("{:.1}", paper.seconds)),
            ]);
        }
        if let Some(difference) = run.test_difference() {
            let color = if difference < 0.0 { WARM } else { GREEN };
            let cell = Cell::new(points(difference, true));
            row.push(shaded(cell, color, difference.abs() / FULL_SHADE * 2.0));
        }
        table.push_cells(row);
    }
    table
}

/// A fraction in percent, empty where there is none.
fn hundredths(fraction: Option<f64>) -> String {
    fraction.map_or_else(String::new, |fraction| format!("{:.2}", 100.0 * fraction))
}

fn gap(gap: f64) -> Cell {
    shaded(Cell::new(points(gap, false)), WARM, gap / FULL_SHADE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use labbook_notebook::Render;

    #[test]
    fn without_runs_it_says_so() {
        let results = Results {
            comparison: Comparison::of(&[]),
        };
        assert!(results.recommendation().0.contains("run an experiment"));
        assert!(plot_results(&results).is_err());
        assert_eq!(results.diagnosis().len(), 0);
        assert!(results.to_html().contains("paper: train"));
    }

    #[test]
    fn a_shade_grows_with_its_strength_and_stops_at_the_colour() {
        let html = |strength| {
            let mut table = Table::new(&["a"]);
            table.push_cells(vec![shaded(Cell::new("x"), WARM, strength)]);
            table.to_html()
        };
        assert!(!html(0.0).contains("rgb(") && !html(-1.0).contains("rgb("));
        assert!(html(0.001).contains("rgb(255,255,255)"));
        assert!(html(5.0).contains("rgb(240,140,60)"));
    }
}
