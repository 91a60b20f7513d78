/// Pearson's correlation of the pairs in which neither value is NaN, as pandas' `corr` has it;
/// NaN with fewer than two pairs or where one side never changes.
pub(crate) fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let pairs = || {
        let pairs = a.iter().zip(b);
        pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan())
    };
    let n = pairs().count();
    if n < 2 {
        return f64::NAN;
    }
    // In units of the largest value: squares of huge ones would overflow.
    let largest = |of: fn((&f64, &f64)) -> f64| {
        let largest = pairs().map(of).fold(0.0, |a: f64, b| a.max(b.abs()));
        if largest > 0.0 { largest } else { 1.0 }
    };
    let (unit_a, unit_b) = (largest(|(a, _)| *a), largest(|(_, b)| *b));
    let (mut sum_a, mut sum_b) = (0.0, 0.0);
    for (a, b) in pairs() {
        sum_a += a / unit_a;
        sum_b += b / unit_b;
    }
    let (mean_a, mean_b) = (sum_a / n as f64, sum_b / n as f64);
    let (mut both, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (a, b) = (a / unit_a - mean_a, b / unit_b - mean_b);
        both += a * b;
        squares_a += a * a;
        squares_b += b * b;
    }
    // What rounding leaves of a constant is no change.
    let constant = |squares: f64| squares <= n as f64 * 1e-30;
    match constant(squares_a) || constant(squares_b) {
        true => f64::NAN,
        false => (both / (squares_a.sqrt() * squares_b.sqrt())).clamp(-1.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_single_pairs_have_no_correlation() {
        assert!(pearson(&[1.0, 2.0, 3.0], &[0.1; 3]).is_nan());
        assert!(pearson(&[1.0, f64::NAN], &[2.0, 3.0]).is_nan());
        assert!(pearson(&[], &[]).is_nan());
    }

    #[test]
    fn a_line_has_one_at_any_scale() {
        let a: Vec<f64> = (0..10).map(f64::from).collect();
        for unit in [1e-200, 1.0, 1e299] {
            let b: Vec<f64> = a.iter().map(|a| -unit * a).collect();
            assert!((pearson(&a, &b) + 1.0).abs() < 1e-12, "{unit}");
        }
    }
}
