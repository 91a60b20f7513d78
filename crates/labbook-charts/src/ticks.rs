//! Round tick values and how they are written.

/// Round values inside `low..=high`, about `count` of them, and their labels.
///
/// Steps are 1, 2 or 5 times a power of ten. `low < high`, both finite.
pub(crate) fn round_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / count.max(1) as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    // The factor nearest by ratio; the bounds are geometric means of neighbours.
    let factor = match rough / magnitude {
        ratio if ratio < 2_f64.sqrt() => 1.0,
        ratio if ratio < 10_f64.sqrt() => 2.0,
        ratio if ratio < 50_f64.sqrt() => 5.0,
        _ => 10.0,
    };
    let step = factor * magnitude;
    let first = (low / step - 1e-6).ceil();
    let last = (high / step + 1e-6).floor();
    if !(first.is_finite() && last.is_finite() && last >= first) {
        return Vec::new();
    }
    let notation = Notation::of(step, low.abs().max(high.abs()));
    // Beyond 2^53 neighbouring steps coincide; the cap keeps such a range from looping on.
    (0..=((last - first) as usize).min(50))
        .map(|i| {
            let value = (first + i as f64) * step;
            (value, notation.write(value))
        })
        .collect()
}

/// 1, 2 and 5 times powers of ten inside `low..=high`, both above 0 and finite: all of them, or 1
/// and 3 times, or the powers alone, or every 2nd, 5th, 10th power and so on, whichever comes
/// closest to `count` from above without crowding.
pub(crate) fn log_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    // The doubles end here; what a logarithm gives for others would never be counted through.
    let power = |value: f64| value.log10().floor().clamp(-324.0, 309.0) as i32;
    let (first, last) = (power(low), power(high) + 1);
    let candidates = |(factors, step): (&[u8], i32)| -> Vec<f64> {
        (first..=last)
            .filter(|power| power % step == 0)
            .flat_map(|power| {
                factors
                    .iter()
                    .map(move |factor| format!("{factor}e{power}"))
            })
            // Read as it is written, it is the nearest double; a product would be beside it.
            .filter_map(|tick| tick.parse().ok())
            .filter(|tick| (low..=high).contains(tick))
            .collect()
    };
    let sets: [(&[u8], i32); 9] = [
        (&[1, 2, 5], 1),
        (&[1, 3], 1),
        (&[1], 1),
        (&[1], 2),
        (&[1], 5),
        (&[1], 10),
        (&[1], 20),
        (&[1], 50),
        (&[1], 100),
    ];
    let ticks = sets
        .into_iter()
        .map(candidates)
        .find(|ticks| ticks.len() <= count + 2);
    // Less than a factor of two or so has no such tick: it looks linear anyway.
    match ticks {
        Some(ticks) if ticks.len() < 2 => round_ticks(low, high, count),
        Some(ticks) => ticks
            .into_iter()
            .map(|tick| (tick, plain_number(tick)))
            .collect(),
        None => Vec::new(),
    }
}

/// Without exponent where that is short.
fn plain_number(value: f64) -> String {
    if (1e-4..1e6).contains(&value) {
        format!("{value}")
    } else {
        format!("{value:e}").replace('-', "−")
    }
}

/// Whole numbers from `first` to `last`: every one if they have at least `least_gap` pixels
/// each along `length` pixels, else every 5th, 10th, 20th, 50th and so on; `first` is always
/// among them.
pub(crate) fn whole_ticks(first: i64, last: i64, length: f64, least_gap: f64) -> Vec<i64> {
    let gaps = last.saturating_sub(first).max(1) as f64;
    let step = (0..18)
        .flat_map(|power| [1_i64, 2, 5].map(|factor| factor * 10_i64.pow(power)))
        .filter(|&step| step != 2)
        .find(|&step| length * step as f64 / gaps >= least_gap)
        .unwrap_or(i64::MAX);
    if step == 1 {
        return (first..=last).collect();
    }
    // 1, 5, 10, 15: multiples of the step read better than 1, 6, 11, 16.
    let multiples = (first / step..=last / step)
        .map(|i| i * step)
        .filter(|&tick| tick > first && tick <= last && 2 * (tick - first) > step);
    std::iter::once(first).chain(multiples).collect()
}

/// How all ticks of one axis are written.
enum Notation {
    /// With this many decimals.
    Decimal(usize),
    /// As mantissa and exponent, down to this power of ten.
    Exponent(i32),
}

impl Notation {
    fn of(step: f64, largest: f64) -> Self {
        let last_digit = (step * (1.0 + 1e-9)).log10().floor() as i32;
        if (1e-4..1e6).contains(&largest) {
            Self::Decimal(usize::try_from(-last_digit).unwrap_or(0))
        } else {
            Self::Exponent(last_digit)
        }
    }

    fn write(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        let text = match self {
            Self::Decimal(decimals) => format!("{value:.decimals$}"),
            Self::Exponent(last_digit) => {
                let first_digit = (value.abs() * (1.0 + 1e-9)).log10().floor() as i32;
                let digits = usize::try_from(first_digit - last_digit).unwrap_or(0);
                format!("{value:.digits$e}")
            }
        };
        text.replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, count: usize) -> Vec<String> {
        let ticks = round_ticks(low, high, count);
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_share_their_decimals() {
        assert_eq!(
            labels(0.0, 1.0, 4),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(0.72, 0.81, 5),
            ["0.72", "0.74", "0.76", "0.78", "0.80"]
        );
        assert_eq!(
            labels(0.0, 4321.0, 5),
            ["0", "1000", "2000", "3000", "4000"]
        );
    }

    #[test]
    fn negative_large_and_small_values_stay_short() {
        assert_eq!(labels(-1.0, 1.0, 2), ["−1", "0", "1"]);
        assert_eq!(labels(0.0, 2e9, 2), ["0", "1e9", "2e9"]);
        assert_eq!(labels(0.0, 2e-7, 2), ["0", "1e−7", "2e−7"]);
        assert_eq!(labels(1e6, 1.2e6, 2), ["1.0e6", "1.1e6", "1.2e6"]);
        assert_eq!(
            labels(0.91234, 0.91236, 2),
            ["0.91234", "0.91235", "0.91236"]
        );
    }

    #[test]
    fn logarithmic_ticks_are_round_at_every_scale() {
        let labels = |low, high| -> Vec<String> {
            let ticks = log_ticks(low, high, 6);
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(18.0, 400.0), ["20", "50", "100", "200"]);
        assert_eq!(
            labels(0.9, 1500.0),
            ["1", "3", "10", "30", "100", "300", "1000"]
        );
        assert_eq!(labels(1e-7, 1e-4).len(), 7);
        assert_eq!(labels(11.0, 14.0).first().unwrap(), "11.0");
        assert_eq!(
            labels(1e-300, 1e300),
            ["1e−300", "1e−200", "1e−100", "1", "1e100", "1e200", "1e300"]
        );
        assert_eq!(labels(1e-9, 1e12), ["1e−5", "1", "100000", "1e10"]);
    }

    #[test]
    fn epochs_are_whole_and_start_at_the_first() {
        assert_eq!(whole_ticks(1, 1, 300.0, 24.0), [1]);
        assert_eq!(whole_ticks(1, 4, 300.0, 24.0), [1, 2, 3, 4]);
        assert_eq!(whole_ticks(1, 20, 300.0, 24.0), [1, 5, 10, 15, 20]);
        assert_eq!(whole_ticks(1, 12, 300.0, 24.0).len(), 12);
        assert_eq!(whole_ticks(1, 20, 60.0, 24.0), [1, 10, 20]);
        assert_eq!(
            whole_ticks(1, 500, 150.0, 24.0),
            [1, 100, 200, 300, 400, 500]
        );
    }
}
