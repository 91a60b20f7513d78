//! The numbers under the statistical charts. Values are finite.

mod bins;
mod box_summary;
mod correlation;
mod kde;
mod mean_interval;
#[cfg(test)]
mod parity;
mod quantile;

pub(crate) use bins::{Bins, MOST_BINS, bin_edges, counts};
pub(crate) use box_summary::BoxSummary;
pub(crate) use correlation::pearson;
pub(crate) use kde::Kde;
pub(crate) use mean_interval::{mean, standard_deviation, student_t_interval};
