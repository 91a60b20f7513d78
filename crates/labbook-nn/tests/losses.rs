//! Holds the losses to what Keras computed; `fixtures/losses.py` tells how.

use std::collections::BTreeMap;
use std::path::PathBuf;

use labbook_nn::Activation::{self, Linear, Sigmoid, Softmax};
use labbook_nn::{
    Adam, BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, Dense, Evaluate, Hinge,
    Huber, KLDivergence, LogCosh, Loss, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Output, Poisson, Result, Sequential, Shape,
    SparseCategoricalCrossentropy, SquaredHinge, Targets,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

/// Numbers are as the script writes them: null for NaN, a string for an infinity.
#[derive(Deserialize)]
struct Case {
    loss: String,
    config: Value,
    name: String,
    ending: String,
    true_shape: Vec<i64>,
    y_true: Vec<Value>,
    output_shape: Vec<i64>,
    output: Vec<Value>,
    weights: Vec<Value>,
    value: Value,
    weighted: Value,
    per_example: Vec<Value>,
    gradient: Option<Vec<Value>>,
}

fn cases() -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/losses.json");
    let text = std::fs::read_to_string(path).expect("the fixture of the repository");
    let fixture: Fixture = serde_json::from_str(&text).expect("the fixture's format");
    fixture.cases
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(infinity) => infinity.parse().expect("inf or -inf"),
        number => number.as_f64().expect("a number"),
    }
}

fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().map(number).collect()
}

fn tensor(values: &[Value], shape: &[i64]) -> Tensor {
    let values = Tensor::from_slice(&numbers(values));
    values.to_kind(Kind::Float).reshape(shape)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_kind(Kind::Double).reshape([-1]);
    Vec::try_from(flat).expect("numbers")
}

fn read<L: Loss + DeserializeOwned + 'static>(config: &Value) -> Box<dyn Loss> {
    Box::new(serde_json::from_value::<L>(config.clone()).expect("options of the loss"))
}

impl Case {
    fn loss(&self) -> Box<dyn Loss> {
        let read = match self.loss.as_str() {
            "BinaryCrossentropy" => read::<BinaryCrossentropy>,
            "BinaryFocalCrossentropy" => read::<BinaryFocalCrossentropy>,
            "CTC" => read::<CTC>,
            "CategoricalCrossentropy" => read::<CategoricalCrossentropy>,
            "CategoricalFocalCrossentropy" => read::<CategoricalFocalCrossentropy>,
            "CategoricalHinge" => read::<CategoricalHinge>,
            "CosineSimilarity" => read::<CosineSimilarity>,
            "Hinge" => read::<Hinge>,
            "Huber" => read::<Huber>,
            "KLDivergence" => read::<KLDivergence>,
            "LogCosh" => read::<LogCosh>,
            "MeanAbsoluteError" => read::<MeanAbsoluteError>,
            "MeanAbsolutePercentageError" => read::<MeanAbsolutePercentageError>,
            "MeanSquaredError" => read::<MeanSquaredError>,
            "MeanSquaredLogarithmicError" => read::<MeanSquaredLogarithmicError>,
            "Poisson" => read::<Poisson>,
            "SparseCategoricalCrossentropy" => read::<SparseCategoricalCrossentropy>,
            "SquaredHinge" => read::<SquaredHinge>,
            other => panic!("{other} is no loss of this crate"),
        };
        read(&self.config)
    }

    /// What differs from Keras, a line for each number.
    fn differences(&self) -> Result<Vec<String>> {
        let loss = self.loss();
        loss.check()?;
        loss.check_output(&Shape::from(&self.output_shape[1..]))?;
        let mut y_true = tensor(&self.y_true, &self.true_shape);
        if loss.targets() == Targets::ClassNumbers || self.loss == "CTC" {
            y_true = y_true.to_kind(Kind::Int64);
        }
        let x = tensor(&self.output, &self.output_shape).set_requires_grad(true);
        let output = match self.ending.as_str() {
            "softmax" => Output::Logits(x.shallow_clone()),
            "sigmoid" => Output::BinaryLogits(x.shallow_clone()),
            _ => Output::Values(x.shallow_clone()),
        };

        let value = loss.mean(&y_true, &output)?;
        value.backward();
        let losses = loss.per_example(&y_true, &output)?;
        assert_eq!(losses.size(), [self.output_shape[0]], "{}", self.loss);
        let weights = tensor(&self.weights, &[-1]);
        let weighted = (&losses * weights).mean(Kind::Float);

        let mut differences = Vec::new();
        let mut compare = |what: &str, ours: &[f64], keras: &[f64]| {
            assert_eq!(ours.len(), keras.len(), "{what} of {}", self.loss);
            for (i, (ours, keras)) in ours.iter().zip(keras).enumerate() {
                if !is_close(*ours, *keras) {
                    differences.push(format!(
                        "{} {} {:?} after {}: {what} {i} is {ours}, Keras has {keras}",
                        self.loss, self.config, self.name, self.ending
                    ));
                }
            }
        };
        let losses = values(&losses);
        compare("value", &values(&value), &[number(&self.value)]);
        compare(
            "weighted value",
            &values(&weighted),
            &[number(&self.weighted)],
        );
        compare("loss of example", &losses, &numbers(&self.per_example));
        if let Some(keras) = &self.gradient {
            let ours = values(&x.grad());
            let numbers_of_example = ours.len() / losses.len();
            let keras: Vec<f64> = numbers(keras)
                .into_iter()
                .enumerate()
                .map(|(i, keras)| match keras.is_finite() {
                    true => keras,
                    false => in_place_of_nan(ours[i], losses[i / numbers_of_example]),
                })
                .collect();
            compare("gradient", &ours, &keras);
        }
        Ok(differences)
    }
}

/// Equal as far as two ways to compute in f32 can agree; NaN is equal to NaN.
fn is_close(ours: f64, keras: f64) -> bool {
    if keras.is_finite() {
        (ours - keras).abs() <= 2e-5 * keras.abs() + 1e-6
    } else {
        ours == keras || ours.is_nan() && keras.is_nan()
    }
}

/// The gradient to expect where that of Keras is NaN.
///
/// For a loss that is a number, ours has to be one too: Keras has 0 times infinity in the focal
/// losses of far logits. For a loss that is NaN it is NaN, or 0 where libtorch derives |NaN|.
fn in_place_of_nan(ours: f64, loss: f64) -> f64 {
    match loss.is_nan() {
        true if ours == 0.0 => 0.0,
        true => f64::NAN,
        false if ours.is_finite() => ours,
        false => 0.0,
    }
}

#[test]
fn every_loss_gives_what_keras_gives() -> Result<()> {
    let cases = cases();
    let mut differences = Vec::new();
    for case in &cases {
        differences.extend(case.differences()?);
    }
    assert!(
        differences.is_empty(),
        "{} differences in {} cases:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
    Ok(())
}

#[test]
fn the_cases_hold_every_loss_in_ordinary_and_degenerate_input() {
    let mut counts = BTreeMap::new();
    for case in cases() {
        *counts.entry(case.loss).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 18);
    for (loss, count) in counts {
        assert!(count >= 15, "{loss} has {count} cases");
    }
}

/// What `evaluate` says for the outputs +-100 of a layer that ends with this activation.
fn evaluated(loss: &str, activation: Activation, units: i64, y: &Tensor) -> Result<f64> {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    let dense = Dense::new(units).activation(activation);
    model.add(dense.use_bias(false).input_shape(1));
    model.compile(Adam::new(), loss, [])?;
    let kernel = [100.0_f32, -100.0];
    let kernel = Tensor::from_slice(&kernel[..units as usize]).reshape([1, units]);
    let name = model.weights()?[0].0.clone();
    model.set_weights(&[(name, kernel)])?;
    let x = Tensor::from_slice(&[1.0_f32, -1.0]).reshape([2, 1]);
    Ok(model
        .evaluate_with(&x, y, &Evaluate::new().verbose(0))?
        .loss)
}

#[test]
fn a_model_leaves_its_last_softmax_or_sigmoid_to_the_loss_of_each_name() -> Result<()> {
    let wrong = Tensor::from_slice(&[0_i64, 1]);
    assert_eq!(evaluated("bce", Sigmoid, 1, &wrong)?, 100.0);
    let focal = evaluated("binary_focal_crossentropy", Sigmoid, 1, &wrong)?;
    assert_eq!(focal, 100.0);
    let wrong = Tensor::from_slice(&[1_i64, 0]);
    let sparse = "sparse_categorical_crossentropy";
    assert_eq!(evaluated(sparse, Softmax, 2, &wrong)?, 200.0);
    let rows = wrong.one_hot(2);
    assert_eq!(
        evaluated("categorical_crossentropy", Softmax, 2, &rows)?,
        200.0
    );
    // The others have no use for logits: they see what predict gives.
    assert_eq!(
        evaluated("mse", Sigmoid, 1, &Tensor::from_slice(&[0_i64, 1]))?,
        1.0
    );
    assert_eq!(
        evaluated("mae", Linear, 1, &Tensor::from_slice(&[98.0, -98.0]))?,
        2.0
    );
    Ok(())
}
