//! Layers of sequences held to Keras's numbers, with masks: `tests/fixtures/sequences.py` tells how
//! they were made.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use serde_json::Value;
use tch::{Kind, Tensor, no_grad};

use super::parity::{Told, context, wave};
use crate::random::Rng;
use crate::{
    Activation, Adam, Bidirectional, Dense, Embedding, Evaluate, Fit, GRU, GlobalAveragePooling1D,
    LSTM, Layer, LayerConfig, Model, Optimizer, Phase, Result, SGD, Sequential, Shape,
    TransformerEncoder,
};

#[derive(Deserialize)]
struct Fixture {
    layers: Vec<Case>,
    stateful: Vec<Stateful>,
    networks: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    x: Mask,
    y: Mask,
    losses: Vec<f64>,
    accuracies: Vec<f64>,
    loss: f64,
    predictions: Told,
}

#[derive(Deserialize)]
struct Stateful {
    layer: Value,
    shape: Vec<i64>,
    mask: Option<Mask>,
    outputs: Vec<Told>,
}

#[derive(Deserialize)]
struct Case {
    layer: Value,
    shapes: Vec<Vec<i64>>,
    masks: Vec<Option<Mask>>,
    integers: Option<Vec<i64>>,
    training: bool,
    output: Told,
    output_mask: Option<Mask>,
    gradients: Vec<Told>,
}

/// A mask's zeros and ones, or other whole numbers.
#[derive(Deserialize)]
struct Mask {
    shape: Vec<i64>,
    numbers: Vec<i64>,
}

impl Mask {
    fn whole(&self) -> Tensor {
        Tensor::from_slice(&self.numbers).reshape(&self.shape)
    }

    fn tensor(&self) -> Tensor {
        self.whole().to_kind(Kind::Bool)
    }
}

fn fixture() -> Fixture {
    let text = include_str!("../../tests/fixtures/sequences.json");
    serde_json::from_str(text).unwrap()
}

/// The layer of a case, with waves for weights, and the output's shape.
fn built(layer: &Value, shapes: &[Vec<i64>]) -> Result<(Box<dyn Layer>, Shape)> {
    let config: LayerConfig = serde_json::from_value(layer.clone()).unwrap();
    let mut layer = config.clone().into_layer("layer").unwrap();
    assert_eq!(layer.config(), Some(config), "a file keeps all options");
    let (mut rng, mut room) = (Rng::new(1, 0), None);
    let mut context = context(&mut rng, &mut room, layer.class_name());
    let shapes = shapes.iter().map(|shape| Shape::from(&shape[1..]));
    let output = layer.build_many(&shapes.collect::<Vec<_>>(), &mut context)?;
    let trained = layer.parameters().into_iter().filter(|p| p.trainable);
    for (index, parameter) in (0..).zip(trained) {
        let mut view = parameter.keras_view(&parameter.value)?;
        let wave = wave(&view.size(), f64::from(index) + 2.0, 0.5);
        no_grad(|| view.copy_(&wave));
    }
    Ok((layer, output))
}

fn inputs(case: &Case) -> Vec<Tensor> {
    let shapes = case.shapes.iter().enumerate();
    shapes
        .map(|(index, shape)| match &case.integers {
            Some(integers) => Tensor::from_slice(integers).reshape(shape),
            None => wave(shape, 0.5 + index as f64, 1.0).set_requires_grad(true),
        })
        .collect()
}

fn check_case(index: usize, case: &Case) -> Result<()> {
    let name = format!("case {index}, {}", case.layer);
    let built = built(&case.layer, &case.shapes);
    let (layer, shape) = built.unwrap_or_else(|error| panic!("{name}: {error}"));
    let inputs = inputs(case);
    let given: Vec<&Tensor> = inputs.iter().collect();
    let masks: Vec<Option<Tensor>> = case
        .masks
        .iter()
        .map(|mask| mask.as_ref().map(Mask::tensor))
        .collect();
    let masks: Vec<Option<&Tensor>> = masks.iter().map(Option::as_ref).collect();
    let phase = match case.training {
        true => Phase::Train,
        false => Phase::Infer,
    };
    let activation = layer.activation();
    let y = match masks.iter().any(Option::is_some) {
        true => layer.forward_masked(&given, &masks, phase, activation)?,
        false => layer.forward_many(&given, phase, activation)?,
    };
    assert_eq!(y.size()[1..], *shape.dims(), "{name}");
    case.output.check(&name, &y, 2e-5);
    let mask = layer.compute_mask(&given, &masks)?;
    let expected = case.output_mask.as_ref().map(Mask::tensor);
    assert_eq!(mask, expected, "{name}: the mask");

    let loss = (&y * wave(&y.size(), 1.0, 1.0)).sum(Kind::Float);
    let parameters = layer.parameters();
    let trained = parameters.iter().filter(|parameter| parameter.trainable);
    let weights = trained.clone().map(|parameter| &parameter.value);
    let derived = inputs.iter().filter(|_| case.integers.is_none());
    let leaves: Vec<&Tensor> = derived.chain(weights).collect();
    if !loss.requires_grad() {
        assert!(case.gradients.iter().all(Told::is_zero), "{name}");
        return Ok(());
    }
    let mut computed = Tensor::run_backward(&[loss], &leaves, false, false);
    for (gradient, leaf) in computed.iter_mut().zip(&leaves) {
        if !gradient.defined() {
            *gradient = leaf.zeros_like();
        }
    }
    assert_eq!(computed.len(), case.gradients.len(), "{name}");
    let first = computed.len() - trained.clone().count();
    for (index, expected) in case.gradients.iter().enumerate().take(first) {
        expected.check(&format!("{name}, by input {index}"), &computed[index], 5e-5);
    }
    let weights = computed[first..].iter().zip(trained);
    for ((gradient, parameter), expected) in weights.zip(&case.gradients[first..]) {
        let gradient = parameter.keras_view(gradient)?;
        if expected.is_zero() {
            // What moves all scores of a step moves nothing: rounding is left.
            assert!(gradient.abs().max().double_value(&[]) < 1e-5, "{name}");
            continue;
        }
        expected.check(&format!("{name}, by {}", parameter.name), &gradient, 5e-5);
    }
    Ok(())
}

#[test]
fn sequence_layers_compute_what_keras_computes_forward_and_backward_under_masks() {
    let cases = fixture().layers;
    assert_eq!(cases.len(), 423);
    // All that differ are told at once.
    let differs = |(index, case): (usize, &Case)| {
        let checked = catch_unwind(AssertUnwindSafe(|| check_case(index, case).unwrap()));
        checked.is_err().then_some(index)
    };
    let differing: Vec<usize> = cases.iter().enumerate().filter_map(differs).collect();
    assert_eq!(differing, [0_usize; 0], "the cases that differ");
}

#[test]
fn stateful_layers_go_on_from_batch_to_batch_as_in_keras() -> Result<()> {
    let cases = fixture().stateful;
    assert_eq!(cases.len(), 11);
    for case in cases {
        let name = format!("stateful {}", case.layer);
        let (layer, _) = built(&case.layer, std::slice::from_ref(&case.shape))?;
        let mask = case.mask.as_ref().map(Mask::tensor);
        let compute = |batch: usize| {
            let x = wave(&case.shape, 0.5 + batch as f64, 1.0);
            layer.forward_masked(&[&x], &[mask.as_ref()], Phase::Infer, layer.activation())
        };
        for (batch, expected) in case.outputs.iter().enumerate() {
            expected.check(&name, &compute(batch)?, 2e-5);
        }
        let fewer = wave(&[2, 7, 3], 0.5, 1.0);
        let error = layer.forward(&fewer, Phase::Infer, layer.activation());
        assert!(error.unwrap_err().to_string().contains("reset_states"));
        layer.reset_states();
        case.outputs[0].check(&name, &compute(0)?, 2e-5);
    }
    Ok(())
}

/// Ten steps on one batch, then the figures and the predictions.
fn train(
    network: &Network,
    mut model: Sequential,
    optimizer: impl Optimizer + 'static,
) -> Result<()> {
    let name = &network.name;
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])?;
    let (x, y) = (network.x.whole(), network.y.whole());
    for (index, (_, parameter)) in (0..).zip(model.parameters()) {
        let mut value = parameter.value;
        // Normalizations keep their ones: waves would turn signs.
        if !parameter.name.ends_with("gamma") {
            let wave = wave(&value.size(), f64::from(index) + 2.0, 0.3);
            no_grad(|| value.copy_(&wave));
        }
    }
    let batch = x.size()[0];
    let options = Fit::new().epochs(10).batch_size(batch).verbose(0);
    let history = model.fit(&x, &y, &options)?;
    for (figure, expected) in [("loss", &network.losses), ("accuracy", &network.accuracies)] {
        let computed = history.get(figure).unwrap();
        for (epoch, (computed, expected)) in computed.iter().zip(expected).enumerate() {
            let error = (computed - expected).abs();
            assert!(
                error < 2e-5,
                "{name}: {figure} {epoch}: {computed}, in Keras {expected}"
            );
        }
    }
    let predictions = model.predict(&x)?;
    network.predictions.check(name, &predictions, 1e-4);
    let evaluated = model.evaluate_with(&x, &y, &Evaluate::new().batch_size(batch).verbose(0))?;
    assert!((evaluated.loss - network.loss).abs() < 2e-5, "{name}");

    // A file keeps it to the bit.
    let folder = tempfile::tempdir().unwrap();
    let path = model.save(folder.path().join(name))?;
    assert_eq!(Model::load(path)?.predict(&x)?, predictions, "{name}");
    Ok(())
}

#[test]
fn networks_take_the_steps_that_keras_takes_and_files_keep_them() -> Result<()> {
    let [lstm, gru, transformer] = &fixture().networks[..] else {
        panic!("three networks")
    };
    let softmax = Activation::Softmax;
    let mut model = Sequential::new();
    model.add(Embedding::new(20, 5).input_shape(8));
    model.add(LSTM::new(6));
    model.add(Dense::new(3).activation(softmax));
    train(lstm, model, Adam::new().learning_rate(0.01).epsilon(1e-3))?;

    let mut model = Sequential::new();
    model.add(Embedding::new(20, 5).mask_zero(true).input_shape(8));
    model.add(Bidirectional::new(GRU::new(4).return_sequences(true)));
    model.add(Dense::new(3).activation(softmax));
    train(gru, model, Adam::new().learning_rate(0.01).epsilon(1e-3))?;

    let mut model = Sequential::new();
    model.add(Embedding::new(20, 6).mask_zero(true).input_shape(8));
    model.add(TransformerEncoder::new(8, 2));
    model.add(GlobalAveragePooling1D::new());
    model.add(Dense::new(3).activation(softmax));
    train(transformer, model, SGD::new().learning_rate(0.05))
}
