//! Figures and lists as sentences have them.

/// Of 10,000 images a share has two decimals, so halves are common; they are rounded up although
/// the nearest binary number may lie below.
const HALF_UP: f64 = 1e-9;

/// `71.3 %`.
pub(crate) fn percent(fraction: f64) -> String {
    let text = format!("{:.1} %", 100.0 * fraction + HALF_UP * fraction.signum());
    match text.as_str() {
        "-0.0 %" => "0.0 %".to_owned(),
        _ => text,
    }
}

/// `24.6 points`, `1.0 point`: how far apart two percentages are, whichever is larger.
pub(crate) fn points(fraction: f64) -> String {
    let text = format!("{:.1}", 100.0 * fraction.abs() + HALF_UP);
    match text.as_str() {
        "1.0" => "1.0 point".to_owned(),
        _ => format!("{text} points"),
    }
}

/// `18.3 points`, `-2.1 points`.
pub(crate) fn signed_points(fraction: f64) -> String {
    let sign = if direction(fraction) < 0 { "-" } else { "" };
    format!("{sign}{}", points(fraction))
}

/// `3.1 points higher`, `0.4 points lower` or `the same`.
pub(crate) fn higher_or_lower(difference: f64) -> String {
    match direction(difference) {
        0 => "the same".to_owned(),
        1 => format!("{} higher", points(difference)),
        _ => format!("{} lower", points(difference)),
    }
}

/// 1, 0 or -1, where what rounds to 0.0 points counts as 0.
pub(crate) fn direction(difference: f64) -> i32 {
    match difference {
        d if d >= 0.0005 => 1,
        d if d <= -0.0005 => -1,
        _ => 0,
    }
}

/// `21.5 seconds`, `534 seconds`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds < 99.95 {
        true => format!("{seconds:.1} seconds"),
        false => format!("{seconds:.0} seconds"),
    }
}

/// `4`, `4 and 8`, `4, 8 and 16`.
pub(crate) fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `Experiment 4`, `Experiments 4, 8 and 16`.
pub(crate) fn experiments(numbers: &[u32]) -> String {
    match numbers {
        [_] => format!("Experiment {}", list(numbers)),
        _ => format!("Experiments {}", list(numbers)),
    }
}

/// `44.6 %` of one, `44.6 % to 49.3 %` of several.
pub(crate) fn range(fractions: &[f64]) -> String {
    let low = fractions.iter().copied().fold(f64::INFINITY, f64::min);
    let high = fractions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match percent(low) == percent(high) {
        true => percent(low),
        false => format!("{} to {}", percent(low), percent(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(percent(0.712_96), "71.3 %");
        assert_eq!(percent(-0.0001), "0.0 %");
        assert_eq!(
            (percent(0.7535), percent(0.0005)),
            ("75.4 %".to_owned(), "0.1 %".to_owned())
        );
        assert_eq!(
            [0.01, -0.246, 0.0].map(points),
            ["1.0 point", "24.6 points", "0.0 points"]
        );
        assert_eq!(
            [0.183, -0.021].map(signed_points),
            ["18.3 points", "-2.1 points"]
        );
        assert_eq!(
            [0.031, -0.004, 0.0001].map(higher_or_lower),
            ["3.1 points higher", "0.4 points lower", "the same"]
        );
        assert_eq!([21.51, 534.3].map(seconds), ["21.5 seconds", "534 seconds"]);
    }

    #[test]
    fn lists_end_with_and() {
        assert_eq!(list(&[4]), "4");
        assert_eq!(experiments(&[4]), "Experiment 4");
        assert_eq!(experiments(&[4, 8, 16]), "Experiments 4, 8 and 16");
        assert_eq!(range(&[0.493, 0.446]), "44.6 % to 49.3 %");
        assert_eq!(range(&[0.493, 0.493_01]), "49.3 %");
    }
}
