use crate::ChartError;
use crate::axes::Span;
use crate::points::{plottable, short};

/// Share of the range left free at either end of an axis.
const PAD: f64 = 0.04;
/// About one tick per so many CSS pixels, and the least distance of names.
const TICK_PITCH: f64 = 40.0;
const NAME_PITCH: f64 = 14.0;

/// One of several axes side by side, with the value that each line has there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParallelAxis {
    pub(crate) name: String,
    /// NaN where a line has none.
    pub(crate) values: Vec<f64>,
    pub(crate) kind: AxisKind,
}

/// How values become places.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AxisKind {
    Linear,
    Log,
    /// Names, of which values are the numbers.
    Names(Vec<String>),
}

impl ParallelAxis {
    pub(crate) fn check(&self, lines: usize) -> Result<(), ChartError> {
        if self.values.len() != lines {
            return Err(ChartError::LengthMismatch {
                what: "value",
                per: "line",
                expected: lines,
                received: self.values.len(),
            });
        }
        let known = self.values.iter().enumerate();
        for (row, &value) in known.filter(|(_, value)| !value.is_nan()) {
            match &self.kind {
                _ if !plottable(value) => return Err(ChartError::Coordinate { row, value }),
                AxisKind::Log if value <= 0.0 => {
                    let name = self.name.clone();
                    return Err(ChartError::NotPositive { name, value });
                }
                AxisKind::Names(names) if value >= names.len() as f64 => {
                    return Err(ChartError::LabelOutOfRange {
                        position: row,
                        label: value as i64,
                        n_classes: names.len(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The values that lines have.
    fn known(&self) -> impl Iterator<Item = f64> {
        self.values.iter().copied().filter(|value| !value.is_nan())
    }

    pub(crate) fn span(&self) -> Span {
        match &self.kind {
            AxisKind::Names(names) => Span::new(-0.5, names.len().max(1) as f64 - 0.5),
            _ if self.known().next().is_none() => Span::new(0.0, 1.0),
            AxisKind::Linear => Span::around(self.known(), PAD),
            AxisKind::Log => Span::around_log(self.known(), PAD),
        }
    }

    /// Ticks along so many CSS pixels.
    pub(crate) fn ticks(&self, length: f64) -> Vec<(f64, String)> {
        match &self.kind {
            AxisKind::Names(names) => {
                let every = (NAME_PITCH * names.len() as f64 / length).ceil().max(1.0);
                let named = (0..).map(f64::from).zip(names.iter().cloned());
                named.step_by(every as usize).collect()
            }
            _ => self.span().ticks((length / TICK_PITCH).max(2.0) as usize),
        }
    }

    /// A value in words.
    pub(crate) fn told(&self, value: f64) -> String {
        match &self.kind {
            AxisKind::Names(names) => names.get(value as usize).cloned().unwrap_or_default(),
            _ => short(value),
        }
    }

    /// `units from 16 to 256`, `optimizer (sgd, adam)`.
    pub(crate) fn described(&self) -> String {
        if let AxisKind::Names(names) = &self.kind {
            return format!("{} ({})", self.name, names.join(", "));
        }
        let low = self.known().reduce(f64::min);
        match (low, self.known().reduce(f64::max)) {
            (Some(low), Some(high)) => {
                format!("{} from {} to {}", self.name, short(low), short(high))
            }
            _ => format!("{} without values", self.name),
        }
    }
}
