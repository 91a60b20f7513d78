use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A learning rate that changes from step to step, by Keras's formulas.
///
/// Steps are batches and count from 0. Given to an optimizer:
///
/// ```
/// use labbook_nn::{Adam, LearningRateSchedule};
///
/// let schedule = LearningRateSchedule::cosine_decay(0.001, 20 * 79);
/// let adam = Adam::new().schedule(schedule);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LearningRateSchedule(Kind);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
enum Kind {
    ExponentialDecay {
        initial: f64,
        decay_steps: i64,
        decay_rate: f64,
        staircase: bool,
    },
    CosineDecay {
        initial: f64,
        decay_steps: i64,
        alpha: f64,
    },
    PolynomialDecay {
        initial: f64,
        decay_steps: i64,
        end: f64,
        power: f64,
    },
    PiecewiseConstantDecay {
        boundaries: Vec<i64>,
        values: Vec<f64>,
    },
    OneCycle {
        highest: f64,
        steps: i64,
        warm_up: f64,
        lowest: f64,
    },
}

impl LearningRateSchedule {
    /// `initial · decay_rate ^ (step / decay_steps)`.
    #[must_use]
    pub fn exponential_decay(initial: f64, decay_steps: i64, decay_rate: f64) -> Self {
        Self(Kind::ExponentialDecay {
            initial,
            decay_steps,
            decay_rate,
            staircase: false,
        })
    }

    /// The same, falling only once in `decay_steps` steps.
    #[must_use]
    pub fn staircase_decay(initial: f64, decay_steps: i64, decay_rate: f64) -> Self {
        Self(Kind::ExponentialDecay {
            initial,
            decay_steps,
            decay_rate,
            staircase: true,
        })
    }

    /// Half a cosine wave from `initial` down to 0 in `decay_steps` steps, then 0.
    #[must_use]
    pub fn cosine_decay(initial: f64, decay_steps: i64) -> Self {
        Self::cosine_decay_to(initial, decay_steps, 0.0)
    }

    /// The same, down to the share `alpha` of `initial`.
    #[must_use]
    pub fn cosine_decay_to(initial: f64, decay_steps: i64, alpha: f64) -> Self {
        Self(Kind::CosineDecay {
            initial,
            decay_steps,
            alpha,
        })
    }

    /// From `initial` evenly down to 0 in `decay_steps` steps, then 0.
    #[must_use]
    pub fn polynomial_decay(initial: f64, decay_steps: i64) -> Self {
        Self::polynomial_decay_to(initial, decay_steps, 0.0, 1.0)
    }

    /// The same, down to `end` along a power of the share of steps left; Keras's defaults are
    /// 0.0001 and 1.
    #[must_use]
    pub fn polynomial_decay_to(initial: f64, decay_steps: i64, end: f64, power: f64) -> Self {
        Self(Kind::PolynomialDecay {
            initial,
            decay_steps,
            end,
            power,
        })
    }

    /// The first value up to and including the first boundary, and so on; one value more than
    /// boundaries.
    #[must_use]
    pub fn piecewise_constant(boundaries: &[i64], values: &[f64]) -> Self {
        Self(Kind::PiecewiseConstantDecay {
            boundaries: boundaries.to_vec(),
            values: values.to_vec(),
        })
    }

    /// One triangle: from 0 up to `highest` in the first half of `steps`, and down to 0.
    ///
    /// Not of Keras; Smith and Topin (2019) describe it.
    #[must_use]
    pub fn triangular(highest: f64, steps: i64) -> Self {
        Self::one_cycle(highest, steps, 0.5, 0.0)
    }

    /// The same with the share of steps that go up, above 0 and below 1, and the share of
    /// `highest` to begin and to end with.
    #[must_use]
    pub fn one_cycle(highest: f64, steps: i64, warm_up: f64, lowest: f64) -> Self {
        Self(Kind::OneCycle {
            highest,
            steps,
            warm_up,
            lowest,
        })
    }

    /// The learning rate of a step.
    #[must_use]
    pub fn at(&self, step: i64) -> f64 {
        let position = |steps: i64| step as f64 / steps as f64;
        match &self.0 {
            Kind::ExponentialDecay {
                initial,
                decay_steps,
                decay_rate,
                staircase,
            } => {
                let power = position(*decay_steps);
                initial * decay_rate.powf(if *staircase { power.floor() } else { power })
            }
            Kind::CosineDecay {
                initial,
                decay_steps,
                alpha,
            } => {
                let angle = std::f64::consts::PI * position(*decay_steps).min(1.0);
                initial * ((1.0 - alpha) * 0.5 * (1.0 + angle.cos()) + alpha)
            }
            Kind::PolynomialDecay {
                initial,
                decay_steps,
                end,
                power,
            } => {
                let left = 1.0 - position(*decay_steps).min(1.0);
                (initial - end) * left.powf(*power) + end
            }
            Kind::PiecewiseConstantDecay { boundaries, values } => {
                let passed = boundaries.iter().filter(|&&boundary| step > boundary);
                values.get(passed.count()).copied().unwrap_or_default()
            }
            Kind::OneCycle {
                highest,
                steps,
                warm_up,
                lowest,
            } => {
                let position = position(*steps).min(1.0);
                let height = match position < *warm_up {
                    true => position / warm_up,
                    false => (1.0 - position) / (1.0 - warm_up),
                };
                highest * (lowest + (1.0 - lowest) * height)
            }
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    pub fn check(&self) -> Result<()> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let rate = |value: f64| value.is_finite() && value >= 0.0;
        let fits = match &self.0 {
            Kind::ExponentialDecay {
                initial,
                decay_steps,
                decay_rate,
                ..
            } => rate(*initial) && *decay_steps > 0 && share(*decay_rate),
            Kind::CosineDecay {
                initial,
                decay_steps,
                alpha,
            } => rate(*initial) && *decay_steps > 0 && share(*alpha),
            Kind::PolynomialDecay {
                initial,
                decay_steps,
                end,
                power,
            } => rate(*initial) && *decay_steps > 0 && rate(*end) && rate(*power),
            Kind::PiecewiseConstantDecay { boundaries, values } => {
                values.len() == boundaries.len() + 1
                    && values.iter().all(|&value| rate(value))
                    && boundaries.is_sorted()
            }
            Kind::OneCycle {
                highest,
                steps,
                warm_up,
                lowest,
            } => {
                let inside = *warm_up > 0.0 && *warm_up < 1.0;
                rate(*highest) && *steps > 0 && inside && share(*lowest)
            }
        };
        if fits {
            return Ok(());
        }
        Err(Error::option(
            "learning rate schedule",
            "finite rates of at least 0, steps of at least 1, shares between 0 and 1, sorted \
             boundaries and one value more than those",
            format!("{:?}", self.0),
            "for instance LearningRateSchedule::cosine_decay(0.001, 1580)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: &LearningRateSchedule, rates: &[(i64, f64)]) -> Result<()> {
        schedule.check()?;
        for &(step, rate) in rates {
            let computed = schedule.at(step);
            assert!((computed - rate).abs() < 1e-12, "{step}: {computed}");
        }
        Ok(())
    }

    #[test]
    fn rates_follow_the_formulas() -> Result<()> {
        let new = LearningRateSchedule::exponential_decay;
        check(&new(0.1, 10, 0.25), &[(0, 0.1), (5, 0.05), (20, 0.00625)])?;
        let stairs = LearningRateSchedule::staircase_decay(0.1, 10, 0.25);
        check(&stairs, &[(9, 0.1), (10, 0.025), (19, 0.025)])?;
        let cosine = LearningRateSchedule::cosine_decay_to(0.1, 8, 0.2);
        check(&cosine, &[(0, 0.1), (4, 0.06), (8, 0.02), (99, 0.02)])?;
        let line = LearningRateSchedule::polynomial_decay(0.4, 8);
        check(&line, &[(0, 0.4), (2, 0.3), (8, 0.0), (9, 0.0)])?;
        let curve = LearningRateSchedule::polynomial_decay_to(0.5, 4, 0.1, 2.0);
        check(&curve, &[(0, 0.5), (2, 0.2), (4, 0.1), (5, 0.1)])?;
        let pieces = LearningRateSchedule::piecewise_constant(&[2, 4], &[1.0, 0.5, 0.1]);
        check(&pieces, &[(0, 1.0), (2, 1.0), (3, 0.5), (4, 0.5), (5, 0.1)])?;
        let triangle = LearningRateSchedule::triangular(0.4, 8);
        check(
            &triangle,
            &[(0, 0.0), (2, 0.2), (4, 0.4), (6, 0.2), (9, 0.0)],
        )?;
        let cycle = LearningRateSchedule::one_cycle(1.0, 10, 0.2, 0.1);
        check(
            &cycle,
            &[(0, 0.1), (1, 0.55), (2, 1.0), (6, 0.55), (10, 0.1)],
        )
    }

    #[test]
    fn options_outside_their_range_are_errors() {
        for schedule in [
            LearningRateSchedule::exponential_decay(-0.1, 10, 0.5),
            LearningRateSchedule::exponential_decay(0.1, 0, 0.5),
            LearningRateSchedule::cosine_decay(f64::NAN, 10),
            LearningRateSchedule::polynomial_decay(0.1, 0),
            LearningRateSchedule::polynomial_decay_to(0.1, 5, -0.1, 1.0),
            LearningRateSchedule::piecewise_constant(&[1, 2], &[0.1, 0.2]),
            LearningRateSchedule::piecewise_constant(&[2, 1], &[0.1, 0.2, 0.3]),
            LearningRateSchedule::one_cycle(0.1, 10, 0.0, 0.0),
        ] {
            assert!(schedule.check().is_err(), "{schedule:?}");
        }
    }
}
