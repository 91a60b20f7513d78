use tch::{Kind, Tensor};

use crate::{Result, TextError};

/// Windows of a series, each with the target of where it begins: what Keras's
/// `timeseries_dataset_from_array` gives.
///
/// ```
/// use labbook_text::TimeseriesWindows;
/// use tch::{Device, Kind, Tensor};
///
/// let series = Tensor::arange(10, (Kind::Float, Device::Cpu)).view([10, 1]);
/// // Three days, to tell the fourth.
/// let (x, y) = TimeseriesWindows::new(3).of(&series, &series.narrow(0, 3, 7))?;
/// assert_eq!((x.size(), y.size()), (vec![7, 3, 1], vec![7, 1]));
/// assert_eq!(y.double_value(&[0, 0]), 3.0);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeseriesWindows {
    sequence_length: i64,
    sequence_stride: i64,
    sampling_rate: i64,
}

impl TimeseriesWindows {
    /// Windows of so many steps, one from each step on.
    #[must_use]
    pub fn new(sequence_length: i64) -> Self {
        Self {
            sequence_length,
            sequence_stride: 1,
            sampling_rate: 1,
        }
    }

    /// Sets how many steps lie between the beginnings of two windows; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn sequence_stride(mut self, stride: i64) -> Self {
        self.sequence_stride = stride;
        self
    }

    /// Sets how many steps lie between two of a window; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn sampling_rate(mut self, rate: i64) -> Self {
        self.sampling_rate = rate;
        self
    }

    /// The windows of a series (steps, ..) without targets: (windows, sequence length, ..).
    ///
    /// # Errors
    /// When an option is below 1, or the series is shorter than a window.
    pub fn inputs(&self, series: &Tensor) -> Result<Tensor> {
        let starts = self.starts(series, None)?;
        self.windows(series, &starts)
    }

    /// The windows, and of the targets (steps, ..) that of each one's first step. Where there are
    /// fewer targets than windows, the last windows are left out.
    ///
    /// # Errors
    /// As [`inputs`](Self::inputs), and when there are no targets.
    pub fn of(&self, series: &Tensor, targets: &Tensor) -> Result<(Tensor, Tensor)> {
        let count = targets.size().first().copied().unwrap_or_default();
        let starts = self.starts(series, Some(count))?;
        Ok((
            self.windows(series, &starts)?,
            targets.f_index_select(0, &starts.f_to_device(targets.device())?)?,
        ))
    }

    fn starts(&self, series: &Tensor, targets: Option<i64>) -> Result<Tensor> {
        let numbers = [
            self.sequence_length,
            self.sequence_stride,
            self.sampling_rate,
        ];
        let advice = "use for instance TimeseriesWindows::new(24)";
        if numbers.iter().any(|&number| number < 1) {
            let name = "sequence_length, sequence_stride and sampling_rate";
            let received = format!("{numbers:?}");
            return Err(TextError::argument(name, "at least 1", received, advice));
        }
        let steps = series.size().first().copied().unwrap_or_default();
        let reach = (self.sequence_length - 1).saturating_mul(self.sampling_rate);
        let count = steps.saturating_sub(reach);
        let count = targets.map_or(count, |targets| targets.min(count));
        if count < 1 {
            return Err(TextError::argument(
                "series",
                format!("more than {reach} steps, and a target"),
                format!("{steps} steps and {targets:?} targets"),
                "take shorter windows",
            ));
        }
        let options = (Kind::Int64, series.device());
        Ok(Tensor::f_arange_start_step(
            0,
            count,
            self.sequence_stride,
            options,
        )?)
    }

    fn windows(&self, series: &Tensor, starts: &Tensor) -> Result<Tensor> {
        let options = (Kind::Int64, series.device());
        let within = Tensor::f_arange(self.sequence_length, options)?;
        let within = within.f_mul_scalar(self.sampling_rate)?;
        let index = starts.f_unsqueeze(1)?.f_add(&within)?;
        let flat = series.f_index_select(0, &index.f_flatten(0, -1)?)?;
        let size = [&index.size(), &series.size()[1..]].concat();
        Ok(flat.f_reshape(size)?)
    }
}
