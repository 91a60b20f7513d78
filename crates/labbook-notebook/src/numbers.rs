//! Figures as tables show them.

use labbook_records::{Spread, is_share};

/// A fraction as a percentage, empty where there is none.
///
/// ```
/// assert_eq!(labbook_notebook::numbers::percent(Some(0.713)), "71.30 %");
/// ```
#[must_use]
pub fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(String::new, |fraction| format!("{:.2} %", 100.0 * fraction))
}

/// A difference of fractions in percentage points; a difference proper shows its sign.
#[must_use]
pub fn points(fraction: f64, signed: bool) -> String {
    match signed {
        true => format!("{:+.1}", 100.0 * fraction).replace("-0.0", "+0.0"),
        false => format!("{:.1}", 100.0 * fraction),
    }
}

/// The standard deviation of fractions in percentage points, empty for a single one.
#[must_use]
pub fn deviation(spread: &Spread) -> String {
    let deviation = spread.deviation;
    deviation.map_or_else(String::new, |deviation| format!("{:.2}", 100.0 * deviation))
}

/// Beyond these sizes a figure is told by its power of ten.
const PLAIN: std::ops::Range<f64> = 1e-4..1e7;

/// A figure such as a loss with four decimals, in powers of ten where it is very large or small.
///
/// ```
/// use labbook_notebook::numbers::figure;
///
/// assert_eq!([0.25, 1e300, -2.5e-6, 0.0].map(figure), ["0.2500", "1.0000e300", "-2.5000e-6", "0.0000"]);
/// ```
#[must_use]
pub fn figure(value: f64) -> String {
    let size = value.abs();
    match value == 0.0 || !value.is_finite() || PLAIN.contains(&size) {
        true => format!("{value:.4}"),
        false => format!("{value:.4e}"),
    }
}

/// A metric as its kind is told: shares such as accuracy in percent, others as [`figure`]s.
///
/// ```
/// use labbook_notebook::numbers::metric;
///
/// assert_eq!(metric("val_accuracy", 0.5), "50.00 %");
/// assert_eq!(metric("mean_absolute_error", 0.5), "0.5000");
/// ```
#[must_use]
pub fn metric(name: &str, value: f64) -> String {
    match is_share(name) {
        true => percent(Some(value)),
        false => figure(value),
    }
}
