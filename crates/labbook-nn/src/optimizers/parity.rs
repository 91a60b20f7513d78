//! Optimizers and schedules held to Keras's numbers: `tests/fixtures/optimizers.py` tells how they were
//! made.

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::{LearningRateSchedule, Optimizer, OptimizerConfig, Result};

#[derive(Deserialize)]
struct Fixture {
    optimizers: Vec<Case>,
    schedules: Vec<Scheduled>,
}

#[derive(Deserialize)]
struct Case {
    optimizer: OptimizerConfig,
    path: Vec<[Vec<f64>; 2]>,
    end: [Vec<f64>; 2],
}

impl Case {
    /// Keras keeps learning rates in single precision.
    const TOLERANCE: f64 = 1e-7;
}

#[derive(Deserialize)]
struct Scheduled {
    schedule: LearningRateSchedule,
    steps: Vec<i64>,
    rates: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../tests/fixtures/optimizers.json")).unwrap()
}

const SHAPES: [(&str, &[i64]); 2] = [("layer/kernel:0", &[3, 4]), ("layer/bias:0", &[4])];

fn wave(sizes: &[i64], phase: f64, scale: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let numbers = Tensor::arange(count, (Kind::Double, Device::Cpu));
    ((numbers.square() * 0.137 + phase).sin() * scale).reshape(sizes)
}

/// What the script's function of this name gives.
fn gradient(sizes: &[i64], step: usize) -> Tensor {
    let values = wave(sizes, 1.0 + step as f64, [2.0, 0.01, 1e-5][step % 3]);
    let places = Tensor::arange(values.numel() as i64, (Kind::Int64, Device::Cpu));
    let none = places.remainder(5).eq(4).reshape(sizes);
    values.masked_fill(&none, 0.0)
}

fn weights(kind: Kind) -> Vec<(String, Tensor)> {
    let weights = SHAPES.iter().map(|(name, sizes)| {
        let weight = wave(sizes, 0.3, 1.0).to_kind(kind);
        ((*name).to_owned(), weight)
    });
    weights.collect()
}

fn gradients(step: usize, kind: Kind) -> Vec<Tensor> {
    let gradients = SHAPES.iter();
    gradients
        .map(|(_, sizes)| gradient(sizes, step).to_kind(kind))
        .collect()
}

fn check(name: &str, weights: &[(String, Tensor)], expected: &[Vec<f64>; 2], tolerance: f64) {
    for ((weight, tensor), expected) in weights.iter().zip(expected) {
        let flat = tensor.to_kind(Kind::Double).reshape([-1]);
        let computed = Vec::<f64>::try_from(flat).unwrap();
        assert_eq!(computed.len(), expected.len());
        for (place, (computed, expected)) in computed.iter().zip(expected).enumerate() {
            let error = (computed - expected).abs();
            assert!(
                error <= tolerance,
                "{name}: {weight} {place}: {computed}, in Keras {expected}"
            );
        }
    }
}

/// Ten steps, and what is left at the end.
fn run(case: &Case, kind: Kind, tolerance: f64, resume: bool) -> Result<()> {
    let mut optimizer = case.optimizer.clone().into_optimizer();
    optimizer.check()?;
    let weights = weights(kind);
    assert_eq!(case.path.len(), 10);
    for (step, expected) in case.path.iter().enumerate() {
        if resume {
            // As if each step were made by another process.
            let state = optimizer.state()?;
            optimizer = optimizer.config().unwrap().into_optimizer();
            optimizer.set_state(&state)?;
        }
        optimizer.step(&weights, &gradients(step, kind))?;
        let name = format!("{:?}, step {step}", case.optimizer);
        check(&name, &weights, expected, tolerance);
    }
    optimizer.finish(&weights)?;
    let name = format!("{:?}, end", case.optimizer);
    check(&name, &weights, &case.end, tolerance);
    Ok(())
}

#[test]
fn ten_steps_are_those_of_keras_with_every_option() -> Result<()> {
    let cases = fixture().optimizers;
    assert_eq!(cases.len(), 132);
    for case in &cases {
        let text = serde_json::to_string(&case.optimizer).unwrap();
        let read: OptimizerConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read.into_optimizer().config().as_ref(),
            Some(&case.optimizer)
        );
        run(case, Kind::Double, Case::TOLERANCE, false)?;
    }
    Ok(())
}

#[test]
fn they_are_the_same_from_a_state_that_was_kept() -> Result<()> {
    for case in &fixture().optimizers {
        run(case, Kind::Double, Case::TOLERANCE, true)?;
    }
    Ok(())
}

#[test]
fn single_precision_follows_them() -> Result<()> {
    for case in &fixture().optimizers {
        // Where a gradient of 1e-5 is divided by its own size, rounding shows.
        run(case, Kind::Float, 2e-4, false)?;
    }
    Ok(())
}

#[test]
fn schedules_are_those_of_keras() -> Result<()> {
    let cases = fixture().schedules;
    assert_eq!(cases.len(), 16);
    for case in cases {
        case.schedule.check()?;
        for (&step, &expected) in case.steps.iter().zip(&case.rates) {
            let computed = case.schedule.at(step);
            // Keras computes in single precision.
            let error = (computed - expected).abs();
            assert!(
                error < 2e-7,
                "{:?}, step {step}: {computed}, in Keras {expected}",
                case.schedule
            );
        }
    }
    Ok(())
}

#[test]
fn options_outside_their_range_are_sentences() {
    use crate::{Adadelta, Adagrad, Adam, Adamax, Ftrl, Lion, Muon, Nadam, RMSprop, SGD};
    let bad: Vec<Box<dyn Optimizer>> = vec![
        Box::new(Adam::new().clipnorm(0.0)),
        Box::new(Adam::new().clipvalue(f64::NAN)),
        Box::new(SGD::new().clipnorm(1.0).clipvalue(1.0)),
        Box::new(SGD::new().gradient_accumulation_steps(1)),
        Box::new(RMSprop::new().ema_momentum(1.5)),
        Box::new(RMSprop::new().weight_decay(-1.0)),
        Box::new(Muon::new().ema_overwrite_frequency(0)),
        Box::new(Adagrad::new().initial_accumulator_value(-0.1)),
        Box::new(Adagrad::new().epsilon(0.0)),
        Box::new(Adadelta::new().rho(1.0)),
        Box::new(Adamax::new().beta_1(-0.1)),
        Box::new(Nadam::new().beta_2(1.0)),
        Box::new(Nadam::new().weight_decay(1.0)),
        Box::new(Lion::new().beta_1(0.0)),
        Box::new(Ftrl::new().learning_rate_power(0.5)),
        Box::new(Ftrl::new().l1_regularization_strength(f64::INFINITY)),
        Box::new(Ftrl::new().learning_rate(-0.5)),
    ];
    for optimizer in bad {
        let error = optimizer.check().unwrap_err().to_string();
        assert!(
            error.contains("expected") && error.contains("received"),
            "{error}"
        );
    }
}
