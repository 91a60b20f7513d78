use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A word.
    Text(String),
}

/// The settings of a case by their names.
pub type Settings = BTreeMap<String, SettingValue>;

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            // Four figures tell values apart that were drawn, and are short enough for tables.
            Self::Float(value) if *value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => {
                write!(f, "{value:.3e}")
            }
            Self::Float(value) => {
                let digits = 4_i32.saturating_sub(value.abs().log10().floor().max(-3.0) as i32 + 1);
                let text = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
                match text.contains('.') {
                    true => f.write_str(text.trim_end_matches('0').trim_end_matches('.')),
                    false => f.write_str(&text),
                }
            }
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// How a range is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Every part of the range is as likely as any other of its length.
    Linear,
    /// Every factor is as likely as any other: as many draws from 0.001 to 0.01 as from 0.01 to 0.1.
    Log,
    /// As [`Log`](Self::Log) seen from the upper end, for values that crowd there, such as a momentum.
    ReverseLog,
}

/// The numbers from `min` to `max`, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The distance of neighbours, with [`Sampling::Log`] their ratio.
    pub(crate) step: Option<f64>,
    pub(crate) sampling: Sampling,
    /// Whole numbers only.
    pub(crate) whole: bool,
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// One of these, without an order.
    Values(Vec<SettingValue>),
    /// A number of a range.
    Range(Range),
}

impl Range {
    /// How it is drawn from.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// How many values there are, if they can be counted.
    pub(crate) fn count(&self) -> Option<usize> {
        let step = self.step?;
        let steps = match self.sampling {
            Sampling::Log => (self.max / self.min).ln() / step.ln(),
            _ => (self.max - self.min) / step,
        };
        // Thirty steps of 0.1 shall be thirty.
        Some((steps + 1e-9).floor() as usize + 1)
    }

    fn nth(&self, index: usize) -> SettingValue {
        let (index, step) = (index as f64, self.step.unwrap_or(1.0));
        self.value(match self.sampling {
            Sampling::Log => self.min * step.powf(index),
            _ => self.min + step * index,
        })
    }

    /// The value at a place from 0 to 1 of a range that cannot be counted.
    fn at(&self, unit: f64) -> SettingValue {
        let (low, high) = self.ends();
        self.value(match self.sampling {
            Sampling::Linear => low + unit * (high - low),
            Sampling::Log => low * (high / low).powf(unit),
            Sampling::ReverseLog => low + high - low * (high / low).powf(1.0 - unit),
        })
    }

    fn value(&self, number: f64) -> SettingValue {
        let number = number.clamp(self.min, self.max);
        match self.whole {
            true => SettingValue::Int(number.round() as i64),
            // Twelve digits: three steps of 0.1 are 0.3.
            false => SettingValue::Float(format!("{number:.11e}").parse().unwrap_or(number)),
        }
    }

    /// The ends of what is rounded to whole numbers, else the range itself.
    fn ends(&self) -> (f64, f64) {
        match self.whole {
            true => (self.min - 0.5, self.max + 0.5),
            false => (self.min, self.max),
        }
    }
}

impl Domain {
    /// How many values there are, if they can be counted.
    pub(crate) fn count(&self) -> Option<usize> {
        match self {
            Self::Values(values) => Some(values.len()),
            Self::Range(range) => range.count(),
        }
    }

    /// The value of this number, of those that can be counted.
    pub(crate) fn nth(&self, index: usize) -> SettingValue {
        match self {
            Self::Values(values) => values[index.min(values.len() - 1)].clone(),
            Self::Range(range) => range.nth(index),
        }
    }

    /// The value at a place from 0 to 1, at which values are equally likely.
    pub(crate) fn at(&self, unit: f64) -> SettingValue {
        match (self, self.count()) {
            (Self::Range(range), None) => range.at(unit),
            (_, count) => {
                let count = count.unwrap_or(1);
                self.nth(((unit * count as f64) as usize).min(count - 1))
            }
        }
    }

    /// The place from 0 to 1 of a value; of one that can be counted, the middle of its places.
    pub(crate) fn unit(&self, value: &SettingValue) -> Option<f64> {
        if let Some(count) = self.count() {
            let index = (0..count).find(|&index| self.nth(index) == *value)?;
            return Some((index as f64 + 0.5) / count as f64);
        }
        let Self::Range(range) = self else {
            return None;
        };
        let number = match value {
            SettingValue::Int(number) => *number as f64,
            SettingValue::Float(number) => *number,
            _ => return None,
        };
        let (low, high) = range.ends();
        let unit = match range.sampling {
            Sampling::Linear => (number - low) / (high - low),
            Sampling::Log => (number / low).ln() / (high / low).ln(),
            Sampling::ReverseLog => 1.0 - ((low + high - number) / low).ln() / (high / low).ln(),
        };
        Some(unit.clamp(0.0, 1.0))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = match self {
            Self::Values(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                return f.write_str(&values.join(", "));
            }
            Self::Range(range) => range,
        };
        write!(
            f,
            "{} to {}",
            range.value(range.min),
            range.value(range.max)
        )?;
        match (range.sampling, range.step) {
            (Sampling::Linear, None) => Ok(()),
            (Sampling::Linear, Some(1.0)) if range.whole => Ok(()),
            (Sampling::Linear, Some(step)) => write!(f, " in steps of {step}"),
            (Sampling::Log, None) => f.write_str(", logarithmic"),
            (Sampling::Log, Some(factor)) => write!(f, " by factors of {factor}"),
            (Sampling::ReverseLog, _) => f.write_str(", logarithmic from above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: f64, max: f64, step: Option<f64>, sampling: Sampling, whole: bool) -> Domain {
        Domain::Range(Range {
            min,
            max,
            step,
            sampling,
            whole,
        })
    }

    #[test]
    fn steps_are_counted_and_come_out_round() {
        let tenths = range(0.1, 0.5, Some(0.1), Sampling::Linear, false);
        let values: Vec<SettingValue> = (0..5).map(|index| tenths.nth(index)).collect();
        let expected = [0.1, 0.2, 0.3, 0.4, 0.5].map(SettingValue::Float);
        assert_eq!(
            (tenths.count(), values.as_slice()),
            (Some(5), &expected[..])
        );
        let doubles = range(16.0, 256.0, Some(2.0), Sampling::Log, true);
        assert_eq!(
            (doubles.count(), doubles.nth(4)),
            (Some(5), SettingValue::Int(256))
        );
    }

    #[test]
    fn places_and_values_are_each_others_inverse() {
        for sampling in [Sampling::Linear, Sampling::Log, Sampling::ReverseLog] {
            let domain = range(1e-3, 0.5, None, sampling, false);
            for place in [0.0, 0.2, 0.5, 0.9, 1.0] {
                let back = domain.unit(&domain.at(place)).unwrap();
                assert!((back - place).abs() < 1e-9, "{sampling:?} {place} {back}");
            }
        }
        let whole = range(1.0, 1000.0, None, Sampling::Log, true);
        for value in [1, 2, 31, 1000] {
            let value = SettingValue::Int(value);
            assert_eq!(whole.at(whole.unit(&value).unwrap()), value);
        }
    }

    #[test]
    fn the_middle_of_a_logarithmic_range_is_its_geometric_mean() {
        let log = range(1e-4, 1e-2, None, Sampling::Log, false);
        assert_eq!(log.at(0.5), SettingValue::Float(1e-3));
        // Seen from above, the middle of 0.9 to 0.99 lies nearer to the upper end.
        let reverse = range(0.9, 0.99, None, Sampling::ReverseLog, false);
        assert!(matches!(reverse.at(0.5), SettingValue::Float(value) if value > 0.945));
    }

    #[test]
    fn ranges_are_told_in_words() {
        let told = |domain: Domain| domain.to_string();
        assert_eq!(
            told(range(1.0, 8.0, Some(1.0), Sampling::Linear, true)),
            "1 to 8"
        );
        assert_eq!(
            told(range(1e-4, 0.1, None, Sampling::Log, false)),
            "1.000e-4 to 0.1, logarithmic"
        );
        assert_eq!(
            told(range(16.0, 64.0, Some(2.0), Sampling::Log, true)),
            "16 to 64 by factors of 2"
        );
    }

    #[test]
    fn values_are_shown_with_four_figures() {
        let shown =
            [0.1, 0.123_456, 3.0, 1234.56, 1.25e-5, 0.0, 0.001_234].map(SettingValue::Float);
        let shown = shown.map(|value| value.to_string());
        assert_eq!(
            shown,
            ["0.1", "0.1235", "3", "1235", "1.250e-5", "0", "0.001234"]
        );
    }
}
