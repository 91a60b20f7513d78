//! Dates as numbers from 0 to 1: their parts.

use jiff::civil::{DateTime, date};
use polars::prelude::StringChunked;
use serde::{Deserialize, Serialize};

use crate::error::TableError;
use crate::fitted::nothing;

/// What was learned of a column of dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateParts {
    first_year: i16,
    last_year: i16,
    /// Whether a training row has a time of the day.
    time: bool,
    /// What takes the place of a gap, written out.
    fill: String,
}

const NAMES: [&str; 6] = ["year", "month", "day", "weekday", "hour", "minute"];

/// What the parts but the year begin with, and how far they go.
const RANGES: [(f64, f64); 5] = [
    (1.0, 11.0),
    (1.0, 30.0),
    (0.0, 6.0),
    (0.0, 23.0),
    (0.0, 59.0),
];

impl DateParts {
    pub(crate) fn learn(texts: &StringChunked, column: &str) -> Result<Self, TableError> {
        let known = texts.iter().flatten().map(|text| read(text, column));
        let mut known: Vec<DateTime> = known.collect::<Result<_, _>>()?;
        known.sort_unstable();
        let middle = known.get(known.len() / 2);
        let (Some(first), Some(last), Some(middle)) = (known.first(), known.last(), middle) else {
            return Err(nothing(column));
        };
        let midnight = |known: &DateTime| known.hour() == 0 && known.minute() == 0;
        let time = !known.iter().all(midnight);
        Ok(Self {
            first_year: first.year(),
            last_year: last.year(),
            time,
            fill: written(*middle, time),
        })
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.first_year <= self.last_year && read(&self.fill, "").is_ok()
    }

    pub(crate) fn names(&self) -> &'static [&'static str] {
        &NAMES[..if self.time { 6 } else { 4 }]
    }

    fn years(&self) -> f64 {
        (f64::from(self.last_year) - f64::from(self.first_year)).max(1.0)
    }

    /// The parts of each row, one list for each part.
    pub(crate) fn apply(
        &self,
        texts: &StringChunked,
        column: &str,
    ) -> Result<Vec<Vec<f64>>, TableError> {
        let mut parts = vec![Vec::with_capacity(texts.len()); self.names().len()];
        for text in texts.iter() {
            let when = read(text.unwrap_or(&self.fill), column)?;
            let year = f64::from(i32::from(when.year()) - i32::from(self.first_year));
            let weekday = when.weekday().to_monday_zero_offset();
            let others = [
                when.month(),
                when.day(),
                weekday,
                when.hour(),
                when.minute(),
            ];
            let others = others.into_iter().zip(RANGES);
            let others = others.map(|(part, (least, range))| (f64::from(part) - least) / range);
            for (list, value) in parts
                .iter_mut()
                .zip([year / self.years()].into_iter().chain(others))
            {
                list.push(value);
            }
        }
        Ok(parts)
    }

    /// The dates again, written out; the nearest ones where numbers are between.
    pub(crate) fn inverse(&self, parts: &[Vec<f64>]) -> Vec<Option<String>> {
        let rows = parts.first().map_or(0, Vec::len);
        let at = |row: usize| {
            let part = |place: usize| parts.get(place).and_then(|part| part.get(row)).copied();
            let whole = |place: usize| {
                let (least, range) = RANGES[place - 1];
                let value = (part(place).unwrap_or_default() * range + least).round();
                value.clamp(least, least + range) as i8
            };
            let year = f64::from(self.first_year) + part(0)? * self.years();
            let year = year.round().clamp(-9999.0, 9999.0) as i16;
            let month = whole(1);
            let days = date(year, month, 1).days_in_month();
            let day = date(year, month, whole(2).min(days));
            Some(written(day.at(whole(4), whole(5), 0, 0), self.time))
        };
        (0..rows).map(at).collect()
    }
}

fn written(when: DateTime, time: bool) -> String {
    let day = when.date();
    match time {
        true => format!("{day} {:02}:{:02}", when.hour(), when.minute()),
        false => day.to_string(),
    }
}

fn read(text: &str, column: &str) -> Result<DateTime, TableError> {
    let trimmed = text.trim();
    let plain = trimmed.strip_suffix(['Z', 'z']).unwrap_or(trimmed);
    plain.parse().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        TableError::column(
            column,
            "dates such as 2024-02-29 or 2024-02-29 13:45",
            format!("{shown:?}"),
            "write dates so, or take the column as categories",
        )
    })
}
