use std::fmt;

use crate::DataError;

/// A data set at a glance: sizes, classes and their balance, ranges, gaps, repeats.
///
/// [`data_card`] makes it. It prints as text, and a notebook shows it as tables.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DataCard {
    /// Single facts: what, and how much.
    pub facts: Vec<(String, String)>,
    /// A line for each class or column.
    pub tables: Vec<CardTable>,
    /// What a person should look at before training.
    pub warnings: Vec<String>,
}

/// A table of a [`DataCard`].
///
/// ```
/// use labbook_data::{TextSet, data_card};
///
/// let set = TextSet::new(vec!["good", "bad", "fine"], vec![1, 0, 1], &["neg", "pos"])?;
/// let card = data_card(&set)?;
/// assert_eq!(card.tables[0].title, "classes");
/// assert_eq!(card.tables[0].rows[1], ["pos", "2", "66.7 %"]);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTable {
    /// What the rows are.
    pub title: String,
    /// The columns' names.
    pub header: Vec<String>,
    /// As many cells as columns in each row.
    pub rows: Vec<Vec<String>>,
}

/// What has a card: image sets, text sets, frames, and a training with a test frame as a pair.
///
/// ```
/// use labbook_data::HasCard;
/// use polars::df;
///
/// let frame = df!("mass" => [Some(3.0), None])?;
/// assert_eq!(frame.card()?.facts[0], ("rows".to_owned(), "2".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait HasCard {
    /// The card; see [`data_card`].
    ///
    /// # Errors
    /// When polars refuses.
    fn card(&self) -> Result<DataCard, DataError>;
}

/// The card of a data set.
///
/// For image and text sets it has the classes with their shares, for frames the columns with their
/// gaps and ranges. Rows, texts and images that come again are counted, also those that are both among
/// the training and the test data; of these and of other things that spoil a training it warns.
///
/// ```
/// use labbook_data::data_card;
/// use polars::df;
///
/// let train = df!("mass" => [Some(3.0), None, Some(4.0)], "sex" => ["f", "m", "f"])?;
/// let test = df!("mass" => [3.0], "sex" => ["f"])?;
/// let card = data_card(&(train, test))?;
/// assert!(card.warnings[0].contains("1 of the 1 test rows"));
/// println!("{card}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When polars refuses.
pub fn data_card<D: HasCard + ?Sized>(data: &D) -> Result<DataCard, DataError> {
    data.card()
}

impl<D: HasCard + ?Sized> HasCard for &D {
    fn card(&self) -> Result<DataCard, DataError> {
        (**self).card()
    }
}

impl DataCard {
    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// Counts of classes of one or two parts, with their shares, and warnings of what is uneven.
    pub(super) fn add_classes(&mut self, names: &[String], parts: &[(&str, Vec<u32>)]) {
        /// A class that has so many times fewer examples than another.
        const UNEVEN: f64 = 10.0;
        let mut header = vec!["class".to_owned()];
        for (part, _) in parts {
            header.extend([(*part).to_owned(), "share".to_owned()]);
        }
        let totals: Vec<u32> = parts
            .iter()
            .map(|(_, counts)| counts.iter().sum())
            .collect();
        let rows = names.iter().enumerate().map(|(class, name)| {
            let mut row = vec![name.clone()];
            for ((_, counts), &total) in parts.iter().zip(&totals) {
                let count = counts.get(class).copied().unwrap_or_default();
                row.extend([count.to_string(), share(count.into(), total.into())]);
            }
            row
        });
        self.tables.push(CardTable {
            title: "classes".to_owned(),
            header,
            rows: rows.collect(),
        });
        for (part, counts) in parts {
            let named = names.iter().zip(counts);
            let missing: Vec<&str> = named
                .filter(|(_, count)| **count == 0)
                .map(|(name, _)| name.as_str())
                .collect();
            if !missing.is_empty() {
                let few = some_of(&missing);
                self.warnings.push(format!("no {part} example of {few}"));
            }
            let known = || counts.iter().copied().filter(|&count| count > 0);
            if let (Some(least), Some(most)) = (known().min(), known().max()) {
                let times = f64::from(most) / f64::from(least);
                if times >= UNEVEN {
                    let text = format!(
                        "the largest {part} class has {times:.0} times as many examples as the smallest"
                    );
                    self.warnings.push(text);
                }
            }
        }
    }
}

/// `12.3 %`.
pub(super) fn share(count: u64, total: u64) -> String {
    match total {
        0 => String::new(),
        _ => format!("{:.1} %", 100.0 * count as f64 / total as f64),
    }
}

/// The first few names.
pub(super) fn some_of<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len() > SHOWN {
        true => format!("{} and {} more", shown.join(", "), names.len() - SHOWN),
        false => shown.join(", "),
    }
}

/// A number with four digits that tell.
pub(super) fn number(value: f64) -> String {
    if value == value.round() && value.abs() < 1e9 {
        return format!("{value}");
    }
    match value.abs() {
        1e-3..1e6 => {
            let before = value.abs().log10().floor().max(0.0) as usize;
            format!("{value:.*}", 3_usize.saturating_sub(before))
        }
        _ => format!("{value:.3e}"),
    }
}

impl fmt::Display for DataCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blocks = Vec::new();
        let facts = self
            .facts
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        blocks.push(facts.collect::<Vec<String>>().join("\n"));
        blocks.extend(self.tables.iter().map(CardTable::to_string));
        let warnings = self
            .warnings
            .iter()
            .map(|warning| format!("Note: {warning}."));
        blocks.push(warnings.collect::<Vec<String>>().join("\n"));
        blocks.retain(|block| !block.is_empty());
        f.write_str(&blocks.join("\n\n"))
    }
}

impl fmt::Display for CardTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let mut widths = vec![0; self.header.len()];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let written = lines().map(|line| {
            let cells = line.iter().zip(&widths).enumerate();
            let cells = cells.map(|(place, (cell, width))| match place {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells
                .collect::<Vec<String>>()
                .join("  ")
                .trim_end()
                .to_owned()
        });
        f.write_str(&written.collect::<Vec<String>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let told = [
            0.0, 3.0, 12.3456, 1234.56, 0.012_345, 1.5e-7, 2e12, -7.14159,
        ]
        .map(number);
        assert_eq!(
            told,
            [
                "0", "3", "12.35", "1235", "0.012", "1.500e-7", "2.000e12", "-7.142"
            ]
        );
    }

    #[test]
    fn uneven_and_missing_classes_are_told() {
        let mut card = DataCard::default();
        let names = ["a", "b", "c"].map(str::to_owned);
        card.add_classes(
            &names,
            &[("train", vec![50, 5, 0]), ("test", vec![1, 1, 1])],
        );
        assert_eq!(card.warnings.len(), 2);
        assert_eq!(card.warnings[0], "no train example of c");
        assert!(card.warnings[1].contains("10 times as many"));
        let text = card.to_string();
        assert!(
            text.contains("class  train   share  test   share"),
            "{text}"
        );
        assert!(text.ends_with("as the smallest."), "{text}");
    }
}
