//! What scalers and fills learn, as scikit-learn computes it.

/// Mean of some numbers; 0 for none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    match values.len() {
        0 => 0.0,
        n => values.iter().sum::<f64>() / n as f64,
    }
}

/// Standard deviation, divided by N.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: Vec<f64> = values.iter().map(|x| (x - center).powi(2)).collect();
    mean(&squares).sqrt()
}

/// The same numbers in ascending order.
pub(crate) fn sorted(values: &mut [f64]) -> &[f64] {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The value below which this share of sorted ones lies, linear between neighbours; 0 for none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let low = place.floor() as usize;
    let at = |i: usize| sorted.get(i).or(sorted.last()).copied().unwrap_or_default();
    at(low) + (place - low as f64) * (at(low + 1) - at(low))
}

/// The value met most often, the smallest of several.
pub(crate) fn most_frequent(sorted: &[f64]) -> Option<f64> {
    let mut best: Option<(f64, usize)> = None;
    for run in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(_, count)| run.len() > count) {
            best = Some((run[0], run.len()));
        }
    }
    best.map(|(value, _)| value)
}
