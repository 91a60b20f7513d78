/// The values from small to large.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The value below which a share of the sorted values lies, with a straight line between
/// neighbours: numpy's `percentile` as it comes. NaN without values.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor();
    let (low, high) = (
        sorted[below as usize],
        sorted[(below as usize + 1).min(last)],
    );
    // From the nearer end, as numpy does, so that neither is overshot.
    match place - below {
        part if part < 0.5 => low + (high - low) * part,
        part => high - (high - low) * (1.0 - part),
    }
}
