//! What one column becomes, and what was learned for it.

use std::collections::BTreeMap;

use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};
use serde::{Deserialize, Serialize};

use crate::column::{numbers, texts};
use crate::date_parts::DateParts;
use crate::error::TableError;
use crate::preprocessor::Fill;
use crate::statistics::{deviation, mean, most_frequent, quantile, sorted};

/// How a column becomes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transform {
    Passthrough,
    Standard,
    Log,
    MinMax,
    Robust,
    OneHot,
    Ordinal,
    Date,
}

impl Transform {
    pub(crate) fn is_of_categories(self) -> bool {
        matches!(self, Self::OneHot | Self::Ordinal)
    }

    /// Whether the column is taken as text.
    pub(crate) fn is_of_texts(self) -> bool {
        self.is_of_categories() || self == Self::Date
    }
}

/// What was learned from the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fitted {
    Numbers {
        fill: f64,
        center: f64,
        scale: f64,
    },
    Categories {
        fill: Option<String>,
        names: Vec<String>,
    },
    Dates(DateParts),
}

impl Fitted {
    pub(crate) fn learn(
        frame: &DataFrame,
        column: &str,
        transform: Transform,
        fill: Fill,
    ) -> Result<Self, TableError> {
        if transform == Transform::Date {
            return DateParts::learn(&texts(frame, column)?, column).map(Self::Dates);
        }
        if transform.is_of_categories() {
            let texts = texts(frame, column)?;
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for text in texts.iter().flatten() {
                *counts.entry(text).or_default() += 1;
            }
            // The first in their order of those met most often.
            let most = counts.values().max().ok_or_else(|| nothing(column))?;
            let fill = counts.iter().find(|(_, count)| *count == most);
            return Ok(Self::Categories {
                fill: fill.map(|(name, _)| (*name).to_owned()),
                names: counts.keys().map(|name| (*name).to_owned()).collect(),
            });
        }
        let values = measured(frame, column, transform)?;
        let mut known: Vec<f64> = values.iter().copied().flatten().collect();
        if known.is_empty() {
            return Err(nothing(column));
        }
        let fill = match fill {
            Fill::Mean => mean(&known),
            Fill::Median => quantile(sorted(&mut known), 0.5),
            Fill::MostFrequent => most_frequent(sorted(&mut known)).unwrap_or_default(),
        };
        // As in a pipeline of imputer and scaler, the scaler sees what was filled in.
        let mut filled: Vec<f64> = values.iter().map(|value| value.unwrap_or(fill)).collect();
        let (center, scale) = match transform {
            Transform::Standard | Transform::Log => (mean(&filled), deviation(&filled)),
            Transform::MinMax => {
                let least = filled.iter().copied().fold(f64::INFINITY, f64::min);
                let most = filled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                (least, most - least)
            }
            Transform::Robust => {
                let sorted = sorted(&mut filled);
                let spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
                (quantile(sorted, 0.5), spread)
            }
            _ => (0.0, 1.0),
        };
        // A column of one value stays one; so does one whose deviation is rounding alone.
        let negligible = 10.0 * f64::EPSILON * center.abs();
        let scale = if scale > negligible { scale } else { 1.0 };
        Ok(Self::Numbers {
            fill,
            center,
            scale,
        })
    }

    /// The columns of numbers that this one becomes.
    pub(crate) fn apply(
        &self,
        frame: &DataFrame,
        column: &str,
        transform: Transform,
    ) -> Result<Vec<Vec<f64>>, TableError> {
        match self {
            Self::Dates(dates) => dates.apply(&texts(frame, column)?, column),
            Self::Numbers {
                fill,
                center,
                scale,
            } => {
                let values = measured(frame, column, transform)?.into_iter();
                let scaled = values.map(|value| (value.unwrap_or(*fill) - center) / scale);
                Ok(vec![scaled.collect()])
            }
            Self::Categories { fill, names } => {
                let texts = texts(frame, column)?;
                let places = texts.iter().map(|text| {
                    let text = text.or(fill.as_deref())?;
                    names.binary_search_by(|name| name.as_str().cmp(text)).ok()
                });
                if transform == Transform::Ordinal {
                    let places = places.map(|place| place.map_or(-1.0, |place| place as f64));
                    return Ok(vec![places.collect()]);
                }
                let mut columns = vec![vec![0.0; texts.len()]; names.len()];
                for (row, place) in places.enumerate() {
                    if let Some(place) = place {
                        columns[place][row] = 1.0;
                    }
                }
                Ok(columns)
            }
        }
    }

    /// What the columns of numbers are called.
    pub(crate) fn names(&self, column: &str, transform: Transform) -> Vec<String> {
        match self {
            Self::Categories { names, .. } if transform == Transform::OneHot => names
                .iter()
                .map(|name| format!("{column}_{name}"))
                .collect(),
            Self::Dates(dates) => {
                let parts = dates.names().iter();
                parts.map(|part| format!("{column}_{part}")).collect()
            }
            _ => vec![column.to_owned()],
        }
    }

    /// The column again, of the numbers that were made of it: one-hot numbers by the largest.
    pub(crate) fn inverse(
        &self,
        column: &str,
        transform: Transform,
        numbers: &[Vec<f64>],
    ) -> Column {
        let series = match self {
            Self::Dates(dates) => Series::new(column.into(), dates.inverse(numbers)),
            Self::Numbers { center, scale, .. } => {
                let values = numbers.iter().flatten().map(|value| value * scale + center);
                let values: Vec<f64> = match transform {
                    Transform::Log => values.map(f64::exp).collect(),
                    _ => values.collect(),
                };
                Series::new(column.into(), values)
            }
            Self::Categories { names, .. } => {
                let rows = numbers.first().map_or(0, Vec::len);
                let named = (0..rows).map(|row| {
                    let place = match numbers {
                        [places] => Some(places[row].round())
                            .filter(|p| *p >= 0.0)
                            .map(|p| p as usize),
                        _ => (0..numbers.len()).max_by(|&a, &b| {
                            numbers[a][row].total_cmp(&numbers[b][row]).then(b.cmp(&a))
                        }),
                    };
                    place.and_then(|place| names.get(place)).map(String::as_str)
                });
                Series::new(column.into(), named.collect::<Vec<Option<&str>>>())
            }
        };
        series.into_column()
    }
}

/// The numbers of a column, or their logarithms.
fn measured(
    frame: &DataFrame,
    column: &str,
    transform: Transform,
) -> Result<Vec<Option<f64>>, TableError> {
    let values = numbers(frame, column)?;
    if transform != Transform::Log {
        return Ok(values);
    }
    if let Some(value) = values.iter().flatten().find(|value| **value <= 0.0) {
        let advice = "leave such rows out, or take the column by standard(..)";
        return Err(TableError::column(
            column,
            "numbers above 0, which have a logarithm",
            value,
            advice,
        ));
    }
    Ok(values.into_iter().map(|value| value.map(f64::ln)).collect())
}

pub(crate) fn nothing(column: &str) -> TableError {
    TableError::column(
        column,
        "at least one value among the training rows",
        "gaps only",
        "leave the column out",
    )
}
