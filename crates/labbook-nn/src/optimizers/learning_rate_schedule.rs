use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::custom::Names;
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warmup: Option<Warmup>,
    },
    CosineDecayRestarts {
        initial: f64,
        first_decay_steps: i64,
        t_mul: f64,
        m_mul: f64,
        alpha: f64,
    },
    InverseTimeDecay {
        initial: f64,
        decay_steps: i64,
        decay_rate: f64,
        staircase: bool,
    },
    PolynomialDecay {
        initial: f64,
        decay_steps: i64,
        end: f64,
        power: f64,
        #[serde(default, skip_serializing_if = "is_false")]
        cycle: bool,
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
    Custom {
        name: String,
    },
}

static CUSTOM: Names<dyn Fn(i64) -> f64 + Send + Sync> = Names::new();

/// A straight way up before a decay begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Warmup {
    target: f64,
    steps: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Half a cosine wave from 1 down to `alpha`.
fn half_wave(share: f64, alpha: f64) -> f64 {
    (1.0 - alpha) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos()) + alpha
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
            warmup: None,
        })
    }

    /// Rises evenly to `target` in `steps` steps before a [cosine decay](Self::cosine_decay)
    /// begins, from there; Keras's `warmup_target` and `warmup_steps`. Others have no warm-up.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn warmup(mut self, target: f64, steps: i64) -> Self {
        if let Kind::CosineDecay { warmup, .. } = &mut self.0 {
            *warmup = Some(Warmup { target, steps });
        }
        self
    }

    /// Cosine waves one after another (Loshchilov and Hutter 2017), the first one of
    /// `first_decay_steps` steps and each twice as long as the one before; Keras's default.
    #[must_use]
    pub fn cosine_decay_restarts(initial: f64, first_decay_steps: i64) -> Self {
        Self::cosine_decay_restarts_by(initial, first_decay_steps, 2.0, 1.0, 0.0)
    }

    /// The same with waves `t_mul` times as long as those before them and `m_mul` times as high, down
    /// to the share `alpha` of `initial`.
    #[must_use]
    pub fn cosine_decay_restarts_by(
        initial: f64,
        first_decay_steps: i64,
        t_mul: f64,
        m_mul: f64,
        alpha: f64,
    ) -> Self {
        Self(Kind::CosineDecayRestarts {
            initial,
            first_decay_steps,
            t_mul,
            m_mul,
            alpha,
        })
    }

    /// `initial / (1 + decay_rate · step / decay_steps)`.
    #[must_use]
    pub fn inverse_time_decay(initial: f64, decay_steps: i64, decay_rate: f64) -> Self {
        Self(Kind::InverseTimeDecay {
            initial,
            decay_steps,
            decay_rate,
            staircase: false,
        })
    }

    /// The same, falling only once in `decay_steps` steps.
    #[must_use]
    pub fn inverse_staircase_decay(initial: f64, decay_steps: i64, decay_rate: f64) -> Self {
        Self(Kind::InverseTimeDecay {
            initial,
            decay_steps,
            decay_rate,
            staircase: true,
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
            cycle: false,
        })
    }

    /// Lets a [polynomial decay](Self::polynomial_decay_to) begin again when it is through, each time
    /// with the number of its steps counted from the first. Others do not repeat.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn cycle(mut self) -> Self {
        if let Kind::PolynomialDecay { cycle, .. } = &mut self.0 {
            *cycle = true;
        }
        self
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

    /// A schedule of a person's own, known by its name from now on: a function of the step that
    /// gives the rate.
    ///
    /// A saved model tells its name; it has to be made again before the model is loaded.
    ///
    /// ```
    /// use labbook_nn::{Adam, LearningRateSchedule};
    ///
    /// let steps = LearningRateSchedule::custom("halves", |step| 0.1 * 0.5_f64.powi(step as i32 / 100));
    /// assert_eq!(steps.at(250), 0.025);
    /// let adam = Adam::new().schedule(steps);
    /// ```
    #[must_use]
    pub fn custom(name: &str, rate: impl Fn(i64) -> f64 + Send + Sync + 'static) -> Self {
        CUSTOM.set(name, Arc::new(rate));
        Self(Kind::Custom {
            name: name.to_owned(),
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
                warmup: None,
            } => initial * half_wave(position(*decay_steps).min(1.0), *alpha),
            Kind::CosineDecay {
                initial,
                decay_steps,
                alpha,
                warmup: Some(Warmup { target, steps }),
            } => match step < *steps {
                true => initial + (target - initial) * position(*steps),
                false => {
                    let done = (step - steps) as f64 / *decay_steps as f64;
                    target * half_wave(done.min(1.0), *alpha)
                }
            },
            Kind::CosineDecayRestarts {
                initial,
                first_decay_steps,
                t_mul,
                m_mul,
                alpha,
            } => {
                let done = position(*first_decay_steps);
                let (restarts, share) = match *t_mul == 1.0 {
                    true => (done.floor(), done - done.floor()),
                    false => {
                        // The waves before are a geometric series.
                        let restarts = ((1.0 - done * (1.0 - t_mul)).ln() / t_mul.ln()).floor();
                        let length = t_mul.powf(restarts);
                        let before = (1.0 - length) / (1.0 - t_mul);
                        (restarts, (done - before) / length)
                    }
                };
                let wave = half_wave(share, 0.0) * m_mul.powf(restarts);
                initial * ((1.0 - alpha) * wave + alpha)
            }
            Kind::InverseTimeDecay {
                initial,
                decay_steps,
                decay_rate,
                staircase,
            } => {
                let power = position(*decay_steps);
                let power = if *staircase { power.floor() } else { power };
                initial / (1.0 + decay_rate * power)
            }
            Kind::PolynomialDecay {
                initial,
                decay_steps,
                end,
                power,
                cycle,
            } => {
                let done = match cycle {
                    true => position(*decay_steps) / position(*decay_steps).ceil().max(1.0),
                    false => position(*decay_steps).min(1.0),
                };
                (initial - end) * (1.0 - done).powf(*power) + end
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
            // What a function of a person's own may give wrongly changes nothing.
            Kind::Custom { name } => match CUSTOM.get(name).map(|(_, rate)| rate(step)) {
                Some(rate) if rate.is_finite() && rate >= 0.0 => rate,
                _ => 0.0,
            },
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    pub fn check(&self) -> Result<()> {
        if let Kind::Custom { name } = &self.0 {
            let Some((_, rate)) = CUSTOM.get(name) else {
                return Err(Error::option(
                    "learning rate schedule",
                    "one that is known",
                    name,
                    "call LearningRateSchedule::custom with its name first",
                ));
            };
            let first = rate(0);
            return match first.is_finite() && first >= 0.0 {
                true => Ok(()),
                false => Err(Error::option(
                    &format!("learning rate schedule {name}"),
                    "finite rates of at least 0",
                    format!("{first} at step 0"),
                    "check its formula",
                )),
            };
        }
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
                warmup,
            } => {
                let warm = warmup.is_none_or(|up| rate(up.target) && up.steps >= 0);
                warm && rate(*initial) && *decay_steps > 0 && share(*alpha)
            }
            Kind::CosineDecayRestarts {
                initial,
                first_decay_steps,
                t_mul,
                m_mul,
                alpha,
            } => {
                // Shorter and shorter waves would come to an end.
                let longer = t_mul.is_finite() && *t_mul >= 1.0;
                longer && rate(*initial) && *first_decay_steps > 0 && rate(*m_mul) && share(*alpha)
            }
            Kind::InverseTimeDecay {
                initial,
                decay_steps,
                decay_rate,
                ..
            } => rate(*initial) && *decay_steps > 0 && rate(*decay_rate),
            Kind::PolynomialDecay {
                initial,
                decay_steps,
                end,
                power,
                ..
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
            Kind::Custom { .. } => true,
        };
        if fits {
            return Ok(());
        }
        Err(Error::option(
            "learning rate schedule",
            "finite rates of at least 0, steps of at least 1, shares between 0 and 1, waves that grow no \
             shorter, sorted boundaries and one value more than those",
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
            LearningRateSchedule::cosine_decay(0.1, 10).warmup(-0.1, 5),
            LearningRateSchedule::cosine_decay(0.1, 10).warmup(0.1, -5),
            LearningRateSchedule::cosine_decay_restarts(0.1, 0),
            LearningRateSchedule::cosine_decay_restarts_by(0.1, 5, 0.5, 1.0, 0.0),
            LearningRateSchedule::inverse_time_decay(0.1, 5, f64::INFINITY),
        ] {
            assert!(schedule.check().is_err(), "{schedule:?}");
        }
    }
}
