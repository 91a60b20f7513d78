use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use polars::frame::DataFrame;
use polars::prelude::{Column, DataType};

use super::data_card::{CardTable, DataCard, HasCard, number, share, some_of};
use super::repeats;
use crate::DataError;

impl HasCard for DataFrame {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = DataCard::default();
        card.fact("rows", self.height());
        card.fact("columns", self.width());
        add_columns(&mut card, self)?;
        repeats::add(&mut card, "rows", rows(self)?, None::<Vec<u64>>);
        Ok(card)
    }
}

/// Training rows and test rows.
impl HasCard for (DataFrame, DataFrame) {
    fn card(&self) -> Result<DataCard, DataError> {
        let (train, test) = self;
        let mut card = DataCard::default();
        card.fact("train rows", train.height());
        card.fact("test rows", test.height());
        card.fact("columns", train.width());
        add_columns(&mut card, train)?;
        for column in train.columns() {
            match test.column(column.name()) {
                Ok(other) => compare(&mut card, column, other)?,
                Err(_) => {
                    let text = format!("the test rows have no column {}", column.name());
                    card.warnings.push(text);
                }
            }
        }
        let same = train.get_column_names() == test.get_column_names();
        let test = if same { rows(test)? } else { Vec::new() };
        repeats::add(&mut card, "rows", rows(train)?, Some(test));
        Ok(card)
    }
}

fn is_number(column: &Column) -> bool {
    column.dtype().is_primitive_numeric()
}

/// Numbers without gaps; NaN is one.
fn numbers(column: &Column) -> Result<Vec<f64>, DataError> {
    let values = column.cast(&DataType::Float64)?;
    let values = values.f64()?.to_vec().into_iter().flatten();
    Ok(values.filter(|value| !value.is_nan()).collect())
}

/// Everything as text without gaps.
fn counted(column: &Column) -> Result<BTreeMap<String, u64>, DataError> {
    let texts = column.cast(&DataType::String)?;
    let mut counts = BTreeMap::new();
    for text in texts.str()?.iter().flatten() {
        *counts.entry(text.to_owned()).or_default() += 1;
    }
    Ok(counts)
}

/// A line for each column.
fn add_columns(card: &mut DataCard, frame: &DataFrame) -> Result<(), DataError> {
    let header = [
        "column",
        "kind",
        "gaps",
        "different",
        "least",
        "mean",
        "most",
        "most frequent",
    ];
    let mut lines = Vec::new();
    let height = frame.height() as u64;
    for column in frame.columns() {
        let name = column.name().to_string();
        let counts = counted(column)?;
        let mut line = vec![name.clone(), column.dtype().to_string()];
        let gaps = match is_number(column) {
            true => height - numbers(column)?.len() as u64,
            false => column.null_count() as u64,
        };
        line.push(match gaps {
            0 => "0".to_owned(),
            gaps => format!("{gaps} ({})", share(gaps, height)),
        });
        line.push(counts.len().to_string());
        if is_number(column) {
            let values = numbers(column)?;
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            match values.is_empty() {
                true => line.extend([const { String::new() }; 3]),
                false => line.extend([least, mean, most].map(number)),
            }
            line.push(String::new());
            let bounded = least.is_finite() && most.is_finite();
            if !bounded && !values.is_empty() {
                card.warnings.push(format!("{name} has infinite numbers"));
            }
        } else {
            line.extend([const { String::new() }; 3]);
            // The first by name of several.
            let top = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
            line.push(top.map_or_else(String::new, |(text, count)| {
                format!("{} ({count})", shortened(text))
            }));
        }
        if gaps == height && height > 0 {
            card.warnings.push(format!("{name} has gaps only"));
        } else if counts.len() == 1 && height > 1 {
            card.warnings.push(format!("{name} has one value only"));
        } else if !is_number(column) && counts.len() as u64 == height && height > 2 {
            card.warnings
                .push(format!("{name} is another one in each row, as a key is"));
        }
        lines.push(line);
    }
    card.tables.push(CardTable {
        title: "columns".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: lines,
    });
    Ok(())
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 24;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

/// What test rows have that no training row has.
fn compare(card: &mut DataCard, train: &Column, test: &Column) -> Result<(), DataError> {
    /// A column of more texts is no list of categories.
    const CATEGORIES: usize = 1000;
    if is_number(train) || is_number(test) {
        return Ok(());
    }
    let (train_texts, test_texts) = (counted(train)?, counted(test)?);
    if train_texts.len() > CATEGORIES {
        return Ok(());
    }
    let known: BTreeSet<&String> = train_texts.keys().collect();
    let new: Vec<&String> = test_texts
        .keys()
        .filter(|text| !known.contains(text))
        .collect();
    if !new.is_empty() {
        let (name, some) = (train.name(), some_of(&new));
        card.warnings.push(format!(
            "{name} has values in the test rows that no train row has: {some}"
        ));
    }
    Ok(())
}

/// A number for each row that rows of other values do not have, but for one chance in billions.
fn rows(frame: &DataFrame) -> Result<Vec<u64>, DataError> {
    let mut hashers = vec![DefaultHasher::new(); frame.height()];
    for column in frame.columns() {
        let texts = column.cast(&DataType::String)?;
        for (hasher, text) in hashers.iter_mut().zip(texts.str()?.iter()) {
            text.hash(hasher);
        }
    }
    Ok(hashers.into_iter().map(|hasher| hasher.finish()).collect())
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::super::data_card;

    #[test]
    fn columns_gaps_and_repeats_are_told() {
        let frame = df!(
            "mass" => [Some(3.0), None, Some(4.5), Some(3.0)],
            "kind" => ["a", "b", "a", "a"],
            "one" => [7_i64; 4],
            "key" => ["w", "x", "y", "z"],
            "none" => [None::<f64>; 4],
        )
        .unwrap();
        let card = data_card(&frame).unwrap();
        assert_eq!(
            card.tables[0].rows[0],
            ["mass", "f64", "1 (25.0 %)", "2", "3", "3.500", "4.500", ""]
        );
        assert_eq!(card.tables[0].rows[1][7], "a (3)");
        let told = [
            "one has one value only",
            "key is another one in each row, as a key is",
            "none has gaps only",
        ];
        assert_eq!(card.warnings, told);
        let without = frame.drop("key").unwrap();
        let text = data_card(&without).unwrap().to_string();
        assert!(
            text.contains("Note: 1 of the 4 rows (25.0 %) repeat an earlier one."),
            "{text}"
        );
    }

    #[test]
    fn test_rows_are_held_against_the_training_rows() {
        let train = df!("x" => [1.0, 2.0], "kind" => ["a", "b"]).unwrap();
        let test = df!("x" => [1.0, 9.0], "kind" => ["a", "c"]).unwrap();
        let card = data_card(&(train.clone(), test)).unwrap();
        assert!(
            card.warnings[0].starts_with("1 of the 2 test rows"),
            "{:?}",
            card.warnings
        );
        assert!(
            card.warnings[1].ends_with("no train row has: c"),
            "{:?}",
            card.warnings
        );
        let card = data_card(&(train, df!("x" => [1.0]).unwrap())).unwrap();
        assert!(
            card.warnings
                .contains(&"the test rows have no column kind".to_owned())
        );
    }
}
