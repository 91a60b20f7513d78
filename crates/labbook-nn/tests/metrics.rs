//! Holds the metrics to what Keras and scikit-learn computed; `fixtures/metrics.py` tells how.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use labbook_nn::Activation::Softmax;
use labbook_nn::metrics::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, CosineSimilarity, F1Score, FBetaScore,
    LossMetric, MeanAbsoluteError, MeanAbsolutePercentageError, MeanIoU, MeanSquaredError,
    MeanSquaredLogarithmicError, Metric, Precision, R2Score, Recall, RootMeanSquaredError,
    SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
};
use labbook_nn::{Adam, Dense, Evaluate, Result, Sequential, SparseCategoricalCrossentropy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Fixture {
    inputs: BTreeMap<String, Input>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Input {
    y_true: Vec<Option<f64>>,
    true_shape: Vec<i64>,
    /// Whether targets are whole numbers.
    whole: bool,
    y_pred: Vec<Option<f64>>,
    pred_shape: Vec<i64>,
    weights: BTreeMap<String, Weights>,
    /// Where each batch ends.
    ends: Vec<i64>,
}

#[derive(Deserialize)]
struct Weights {
    shape: Vec<i64>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    input: String,
    metric: String,
    options: Value,
    /// The figure for each set of weights; `None` stands for NaN.
    values: BTreeMap<String, Option<f64>>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.metric, self.options, self.input)
    }
}

fn fixture() -> Fixture {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics.json");
    let text = std::fs::read_to_string(path).expect("the fixture of the repository");
    serde_json::from_str(&text).expect("what the script writes")
}

fn tensor(values: &[Option<f64>], shape: &[i64], kind: Kind) -> Tensor {
    let values: Vec<f64> = values
        .iter()
        .map(|value| value.unwrap_or(f64::NAN))
        .collect();
    Tensor::from_slice(&values).to_kind(kind).reshape(shape)
}

fn make<M: Metric + DeserializeOwned + 'static>(options: &Value) -> Box<dyn Metric> {
    Box::new(serde_json::from_value::<M>(options.clone()).expect("options of the metric"))
}

fn metric(class_name: &str, options: &Value) -> Box<dyn Metric> {
    let make = match class_name {
        "AUC" => make::<AUC>,
        "Accuracy" => make::<Accuracy>,
        "BinaryAccuracy" => make::<BinaryAccuracy>,
        "CategoricalAccuracy" => make::<CategoricalAccuracy>,
        "CosineSimilarity" => make::<CosineSimilarity>,
        "F1Score" => make::<F1Score>,
        "FBetaScore" => make::<FBetaScore>,
        "LossMetric" => make::<LossMetric>,
        "MeanAbsoluteError" => make::<MeanAbsoluteError>,
        "MeanAbsolutePercentageError" => make::<MeanAbsolutePercentageError>,
        "MeanIoU" => make::<MeanIoU>,
        "MeanSquaredError" => make::<MeanSquaredError>,
        "MeanSquaredLogarithmicError" => make::<MeanSquaredLogarithmicError>,
        "Precision" => make::<Precision>,
        "R2Score" => make::<R2Score>,
        "Recall" => make::<Recall>,
        "RootMeanSquaredError" => make::<RootMeanSquaredError>,
        "SparseCategoricalAccuracy" => make::<SparseCategoricalAccuracy>,
        "SparseTopKCategoricalAccuracy" => make::<SparseTopKCategoricalAccuracy>,
        "TopKCategoricalAccuracy" => make::<TopKCategoricalAccuracy>,
        other => panic!("the fixture has an unknown metric {other}"),
    };
    make(options)
}

impl Input {
    /// Targets, predictions and weights of the examples from `start` to `end`.
    fn rows(&self, weights: &str, start: i64, end: i64) -> (Tensor, Tensor, Option<Tensor>) {
        let kind = if self.whole { Kind::Int64 } else { Kind::Float };
        let rows = |tensor: Tensor| tensor.narrow(0, start, end - start);
        let weights = self.weights.get(weights).map(|weights| {
            let values: Vec<Option<f64>> = weights.values.iter().copied().map(Some).collect();
            rows(tensor(&values, &weights.shape, Kind::Float))
        });
        (
            rows(tensor(&self.y_true, &self.true_shape, kind)),
            rows(tensor(&self.y_pred, &self.pred_shape, Kind::Float)),
            weights,
        )
    }

    fn update(&self, metric: &mut dyn Metric, weights: &str, ends: &[i64]) -> Result<()> {
        let mut start = 0;
        for &end in ends {
            let (y_true, y_pred, sample_weight) = self.rows(weights, start, end);
            metric.update(&y_true, &y_pred, sample_weight.as_ref())?;
            start = end;
        }
        Ok(())
    }
}

/// Keras sums up in `f32`.
fn is_close(computed: f64, expected: Option<f64>) -> bool {
    match expected {
        Some(expected) => (computed - expected).abs() <= 2e-5 * expected.abs().max(0.1),
        None => computed.is_nan(),
    }
}

#[test]
fn every_figure_is_that_of_keras_or_scikit_learn() {
    let Fixture { inputs, cases } = fixture();
    let mut count = 0;
    let mut wrong = Vec::new();
    for case in &cases {
        let given = &inputs[&case.input];
        for (weights, value) in &case.values {
            let mut metric = metric(&case.metric, &case.options);
            let computed = metric
                .check()
                .and_then(|()| given.update(&mut *metric, weights, &given.ends))
                .and_then(|()| metric.result());
            count += 1;
            if !computed
                .as_ref()
                .is_ok_and(|&computed| is_close(computed, *value))
            {
                wrong.push(format!(
                    "{case} with weights {weights}: {computed:?}, not {value:?}"
                ));
            }
        }
    }
    assert!(count > 2000, "only {count} figures");
    assert!(
        wrong.is_empty(),
        "{} of {count} figures:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn batches_give_what_one_go_gives_and_a_reset_forgets() -> Result<()> {
    let Fixture { inputs, cases } = fixture();
    for case in &cases {
        let given = &inputs[&case.input];
        let all = &given.true_shape[..1];
        for weights in case.values.keys() {
            let mut metric = metric(&case.metric, &case.options);
            let nothing = metric.result()?;
            given.update(&mut *metric, weights, &given.ends)?;
            let in_batches = metric.result()?;
            assert_eq!(
                metric.result()?.to_bits(),
                in_batches.to_bits(),
                "{case}, read twice"
            );
            metric.reset();
            assert_eq!(metric.result()?.to_bits(), nothing.to_bits(), "{case}");
            given.update(&mut *metric, weights, all)?;
            let in_one_go = metric.result()?;
            let expected = Some(in_batches).filter(|figure| !figure.is_nan());
            assert!(
                is_close(in_one_go, expected),
                "{case}: {in_one_go}, not {in_batches}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_model_measures_what_its_predictions_give() -> Result<()> {
    let x = (Tensor::arange(120, (Kind::Float, Device::Cpu)) * 0.61)
        .sin()
        .reshape([40, 3]);
    let y = x.argmax(-1, false);
    let mut model = Sequential::on(Device::Cpu).seeded(3);
    model.add(Dense::new(3).activation(Softmax).input_shape(3));
    let metrics = (
        "accuracy",
        AUC::new().exact().multi_label(true).name("area"),
        F1Score::new().average("weighted"),
        "sparse_categorical_crossentropy",
        Precision::new().class_id(1).thresholds(0.2),
    );
    model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), metrics)?;
    let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().batch_size(16).verbose(0))?;

    let predictions = model.predict(&x)?;
    let by_hand: [(&str, Box<dyn Metric>); 5] = [
        ("accuracy", Box::new(Accuracy::new())),
        ("area", Box::new(AUC::new().exact().multi_label(true))),
        ("f1_score", Box::new(F1Score::new().average("weighted"))),
        (
            "sparse_categorical_crossentropy",
            Box::new(LossMetric::new(SparseCategoricalCrossentropy::new())),
        ),
        (
            "precision",
            Box::new(Precision::new().class_id(1).thresholds(0.2)),
        ),
    ];
    for (key, mut metric) in by_hand {
        metric.update(&y, &predictions, None)?;
        let (expected, computed) = (metric.result()?, evaluation.get(key));
        assert!(expected > 0.0, "{key} tells nothing");
        assert!(
            computed.is_some_and(|computed| (computed - expected).abs() < 1e-6),
            "{key}: {computed:?}, not {expected}"
        );
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_told() {
    let ones = |shape: &[i64]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
    let classes = |shape: &[i64]| Tensor::ones(shape, (Kind::Int64, Device::Cpu));
    let told = |class_name: &str, options: Value, y_true: &Tensor, y_pred: &Tensor| {
        let mut metric = metric(class_name, &options);
        let error = metric.update(y_true, y_pred, None).unwrap_err().to_string();
        assert!(
            error.contains("expected") && error.contains("received"),
            "{error}"
        );
        assert!(!error.contains("libtorch"), "{error}");
        error
    };
    let none = || serde_json::json!({});
    for class_name in [
        "MeanAbsoluteError",
        "R2Score",
        "CosineSimilarity",
        "BinaryAccuracy",
    ] {
        let error = told(class_name, none(), &ones(&[4]), &ones(&[4, 3]));
        assert!(
            error.contains("targets of shape (4, 3), received (4,)"),
            "{error}"
        );
    }
    for class_name in [
        "Precision",
        "Recall",
        "AUC",
        "F1Score",
        "CategoricalAccuracy",
    ] {
        let error = told(class_name, none(), &ones(&[4, 2]), &ones(&[4, 3]));
        assert!(
            error.contains("targets of shape (4, 3), received (4, 2)"),
            "{error}"
        );
    }
    for class_name in [
        "SparseCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy",
        "Accuracy",
    ] {
        let error = told(class_name, none(), &classes(&[5]), &ones(&[4, 3]));
        assert!(
            error.contains("targets of shape (4,), received (5,)"),
            "{error}"
        );
    }
    let three = ones(&[4, 3]);
    let options = |name: &str, value: i64| serde_json::json!({ name: value });
    told("Precision", options("class_id", 3), &three, &three);
    told("Recall", options("top_k", 4), &three, &three);
    told("CosineSimilarity", options("axis", 2), &three, &three);
    let pictures = ones(&[4, 2, 2]);
    told("F1Score", none(), &pictures, &pictures);
    told("R2Score", none(), &pictures, &pictures);
    told(
        "AUC",
        serde_json::json!({ "multi_label": true }),
        &pictures,
        &pictures,
    );
    told(
        "MeanIoU",
        options("num_classes", 2),
        &classes(&[4]),
        &ones(&[5]),
    );
}

#[test]
fn weights_that_do_not_fit_are_told() {
    let rows = Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
    let weights = Tensor::ones([3], (Kind::Float, Device::Cpu));
    for class_name in [
        "MeanSquaredError",
        "Precision",
        "F1Score",
        "AUC",
        "R2Score",
        "CategoricalAccuracy",
    ] {
        let mut metric = metric(class_name, &serde_json::json!({}));
        let error = metric
            .update(&rows, &rows, Some(&weights))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("sample_weight: expected shape (4,)"),
            "{error}"
        );
    }
}
