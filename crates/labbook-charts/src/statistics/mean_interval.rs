use std::f64::consts::PI;

/// The mean; nothing without values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    // Shares first: a sum of huge values would overflow.
    (!values.is_empty()).then(|| values.iter().map(|value| value / n).sum())
}

/// The standard deviation over n - 1, as pandas has it; nothing for fewer than two values.
pub(crate) fn standard_deviation(values: &[f64]) -> Option<f64> {
    let largest = values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let mean = mean(values)? / unit;
    let squares: f64 = values.iter().map(|v| (v / unit - mean).powi(2)).sum();
    (values.len() > 1).then(|| unit * (squares / (values.len() - 1) as f64).sqrt())
}

/// The interval that holds the mean of the population with this probability, by Student's t
/// distribution; nothing for fewer than two values.
pub(crate) fn student_t_interval(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let (mean, deviation) = (mean(values)?, standard_deviation(values)?);
    let n = values.len() as f64;
    let half = student_t_quantile(0.5 + level / 2.0, n - 1.0) * deviation / n.sqrt();
    Some((mean - half, mean + half))
}

/// The value that Student's t with `freedom` degrees stays below with a probability of 0.5 or
/// more, by halving an interval.
fn student_t_quantile(probability: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_t_cdf(high, freedom) < probability && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        match student_t_cdf(middle, freedom) < probability {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.1, for t of 0 or more.
fn student_t_cdf(t: f64, freedom: f64) -> f64 {
    let x = freedom / (freedom + t * t);
    1.0 - 0.5 * incomplete_beta(x, freedom / 2.0, 0.5)
}

/// The regularized incomplete beta function by its continued fraction (26.5.8 there), evaluated
/// by Lentz's method.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let front = (a * x.ln() + b * (-x).ln_1p() - beta).exp() / a;
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut fraction, mut c, mut d) = (1.0, 1.0, 0.0);
    for i in 0..500 {
        let m = f64::from(i / 2);
        let numerator = match (i, i % 2) {
            (0, _) => 1.0,
            (_, 0) => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        };
        d = 1.0 / away(1.0 + numerator * d);
        c = away(1.0 + numerator / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * (fraction - 1.0)
}

/// The logarithm of the gamma function for values above 0: Stirling's series (6.1.41 there) from
/// 12 on, and its recurrence below.
fn ln_gamma(x: f64) -> f64 {
    let mut x = x;
    let mut below = 0.0;
    while x < 12.0 {
        below += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5))
        - 1.0 / (1680.0 * x.powi(7));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_a_mean_and_no_interval() {
        assert_eq!(mean(&[3.0]), Some(3.0));
        assert_eq!(student_t_interval(&[3.0], 0.95), None);
        assert_eq!(student_t_interval(&[3.0; 4], 0.95), Some((3.0, 3.0)));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn huge_values_do_not_overflow() {
        let values = [1e300, -1e300, 1e300];
        assert!(standard_deviation(&values).unwrap().is_finite());
        assert!(mean(&values).unwrap().is_finite());
    }
}
