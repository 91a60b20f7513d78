//! Holds this crate to what Keras computed; `fixtures/make.py` tells how.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use labbook_nn::Activation::{
    self, Elu, Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh,
};
use labbook_nn::{
    Adam, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout, Evaluate, Fit, Flatten,
    GlobalAveragePooling2D, L1L2, LearningRateSchedule, Loss, MaxPooling2D, Optimizer, Output,
    Padding, Result, SGD, Sequential, SparseCategoricalCrossentropy, Targets,
};
use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};

/// The numbers of the file.
struct Expected(Vec<u8>);

impl Expected {
    fn read() -> Self {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras.safetensors");
        Self(std::fs::read(path).expect("the fixture of the repository"))
    }

    fn get(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = file.tensor(name).expect(name);
        let sizes: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        Tensor::from_data_size(view.data(), &sizes, Kind::Float)
    }

    fn assert_close(&self, name: &str, computed: &Tensor, tolerance: f64) {
        let expected = self.get(name);
        assert_eq!(computed.size(), expected.size(), "{name}");
        let scale = expected.abs().max().double_value(&[]).max(1e-3);
        let computed = computed.to_kind(Kind::Float);
        let error = (computed - expected).abs().max().double_value(&[]) / scale;
        assert!(
            error < tolerance,
            "{name}: off by {error} of the largest number"
        );
    }
}

/// What the script's function of this name computes.
fn wave(sizes: &[i64], phase: f64, scale: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let values = (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.7 + phase).sin() * scale;
    values.to_kind(Kind::Float).reshape(sizes)
}

/// The networks of the notebook as the script narrows them, and the side of their images.
fn network(number: i64, rate: f64) -> (Sequential, i64) {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    let penalised = (9..=12).contains(&number);
    let dense = |units: i64, activation: Activation| {
        let layer = Dense::new(units).activation(activation);
        match penalised {
            true => layer.kernel_regularizer(L1L2::default()),
            false => layer,
        }
    };
    let (side, hidden) = match number {
        1 | 2 | 5 | 6 => (6, 4),
        9 | 10 => (6, 5),
        13 | 14 => (6, 6),
        3 | 7 | 11 | 15 => (14, 8),
        _ => (22, 8),
    };
    if side == 6 {
        let before = if matches!(number, 2 | 6 | 10) { 3 } else { 2 };
        for _ in 0..before {
            model.add(dense(hidden, Relu));
        }
        if number >= 13 {
            model.add(Dropout::new(rate));
        }
        if number == 14 {
            model.add(dense(hidden, Relu));
        }
        model.add(Flatten::new());
    } else {
        let filters: &[i64] = if side == 14 { &[4, 6] } else { &[4, 6, 6] };
        for (index, &filters) in filters.iter().enumerate() {
            model.add(Conv2D::new(filters, (3, 3)).activation(Relu));
            model.add(MaxPooling2D::new((2, 2)).strides(2));
            if number >= 15 && index == 1 {
                model.add(Dropout::new(rate));
            }
        }
        model.add(Flatten::new());
        model.add(dense(hidden, Relu));
    }
    model.add(dense(10, Softmax));
    (model, side)
}

fn set_waves(model: &mut Sequential) -> Result<()> {
    let weights = model.weights()?.into_iter().enumerate();
    let waves: Vec<_> = weights
        .map(|(index, (name, weight))| (name, wave(&weight.size(), index as f64, 0.3)))
        .collect();
    model.set_weights(&waves)
}

fn check_network(number: i64, expected: &Expected) -> Result<()> {
    let (mut model, side) = network(number, 0.0);
    model.build((side, side, 3))?;
    set_waves(&mut model)?;
    let x = wave(&[6, side, side, 3], 0.5, 1.0);
    let y = (Tensor::arange(6, (Kind::Int64, Device::Cpu)) * 3).remainder(10);
    let name = |part: &str| format!("{number}/{part}");
    expected.assert_close(&name("probabilities"), &model.predict(&x)?, 1e-5);

    // One step of an Adam without memory: its m is the gradient of the whole batch.
    let loss = SparseCategoricalCrossentropy::new;
    model.compile(Adam::new().beta_1(0.0), loss(), ["accuracy"])?;
    let quiet = || Fit::new().shuffle(false).verbose(0);
    let history = model.fit(&x, &y, &quiet().batch_size(6))?;
    let before = Tensor::from_slice(&[history.get("loss").unwrap_or_default()[0] as f32]);
    expected.assert_close(&name("loss"), &before, 1e-6);
    let slots = model.optimizer_state()?.slots;
    for (index, (_, gradient)) in slots.iter().step_by(2).enumerate() {
        expected.assert_close(&name(&format!("gradient{index}")), gradient, 2e-5);
    }

    set_waves(&mut model)?;
    model.compile(Adam::new().learning_rate(0.01), loss(), ["accuracy"])?;
    model.fit(&x, &y, &quiet().batch_size(2).epochs(3))?;
    model.fit(
        &x.narrow(0, 0, 2),
        &y.narrow(0, 0, 2),
        &quiet().batch_size(2),
    )?;
    assert_eq!(model.optimizer_state()?.step, 10);
    for (index, (_, weight)) in model.weights()?.iter().enumerate() {
        expected.assert_close(&name(&format!("weight{index}")), weight, 2e-4);
    }
    let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().batch_size(4).verbose(0))?;
    let figures = [evaluation.loss as f32, evaluation.accuracy as f32];
    expected.assert_close(&name("evaluate"), &Tensor::from_slice(&figures), 1e-4);
    Ok(())
}

#[test]
fn the_sixteen_networks_compute_what_keras_computes() -> Result<()> {
    let expected = Expected::read();
    (1..=16).try_for_each(|number| check_network(number, &expected))
}

#[test]
fn dropout_changes_training_but_neither_prediction_nor_evaluation() -> Result<()> {
    for number in 13..=16 {
        let mut kept = Vec::new();
        for rate in [0.0, 0.2, 0.5] {
            let (mut model, side) = network(number, rate);
            model.build((side, side, 3))?;
            set_waves(&mut model)?;
            let still = SGD::new().learning_rate(0.0);
            model.compile(still, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
            let x = wave(&[6, side, side, 3], 0.5, 1.0);
            let y = (Tensor::arange(6, (Kind::Int64, Device::Cpu)) * 3).remainder(10);
            let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
            let history = model.fit(&x, &y, &Fit::new().verbose(0))?;
            let trained = history.get("loss").unwrap_or_default()[0];
            kept.push((model.predict(&x)?, evaluation.loss, trained));
        }
        for dropped in &kept[1..] {
            assert_eq!(dropped.0, kept[0].0, "network {number}");
            assert_eq!(dropped.1, kept[0].1, "network {number}");
            assert!((dropped.2 - kept[0].2).abs() > 1e-6, "network {number}");
        }
    }
    Ok(())
}

#[test]
fn pools_average_and_pad_as_keras_does() -> Result<()> {
    let expected = Expected::read();
    let x = wave(&[2, 5, 6, 3], 0.2, 2.0);
    for (padding, name) in [(Padding::Valid, "valid"), (Padding::Same, "same")] {
        let mut max = Sequential::on(Device::Cpu);
        max.add(MaxPooling2D::new((2, 3)).strides(2).padding(padding));
        expected.assert_close(&format!("pooling/max_{name}"), &max.predict(&x)?, 1e-6);
        let mut average = Sequential::on(Device::Cpu);
        average.add(AveragePooling2D::new((2, 3)).strides(2).padding(padding));
        expected.assert_close(
            &format!("pooling/average_{name}"),
            &average.predict(&x)?,
            1e-6,
        );
    }
    let mut global = Sequential::on(Device::Cpu);
    global.add(GlobalAveragePooling2D::new());
    expected.assert_close("pooling/global", &global.predict(&x)?, 1e-5);
    Ok(())
}

/// A model of one normalization, with waves as gamma and beta.
fn normalization(layer: BatchNormalization, shape: &[i64]) -> Result<Sequential> {
    let mut model = Sequential::on(Device::Cpu);
    model.add(layer.input_shape(shape));
    // The accuracy wants a row per example.
    model.add(Flatten::new());
    let mut weights = model.weights()?;
    weights[0].1 = wave(&[5], 1.0, 0.5) + 1.0;
    weights[1].1 = wave(&[5], 2.0, 0.3);
    model.set_weights(&weights)?;
    Ok(model)
}

/// A loss that keeps what it is given, so that a test sees the output of the training mode.
#[derive(Debug, Default, Clone)]
struct Listening(Arc<Mutex<Option<Tensor>>>);

impl Loss for Listening {
    fn name(&self) -> &str {
        "listening"
    }

    fn targets(&self) -> Targets {
        Targets::Any
    }

    fn per_example(&self, _targets: &Tensor, output: &Output) -> Result<Tensor> {
        let values = output.predictions()?;
        *self.0.lock().expect("no test panics here") = Some(values.detach());
        Ok(values.flatten(1, -1).mean_dim(-1, false, Kind::Float))
    }
}

#[test]
fn batch_normalization_trains_and_infers_as_tensorflow_does() -> Result<()> {
    let expected = Expected::read();
    let images = BatchNormalization::new();
    let rows = BatchNormalization::new().momentum(0.9).epsilon(0.01);
    for (layer, shape, phase, prefix) in [
        (images, vec![4, 3, 2, 5], 0.2, ""),
        (rows, vec![7, 5], 0.3, "rows_"),
    ] {
        let mut model = normalization(layer, &shape[1..])?;
        let heard = Listening::default();
        model.compile(SGD::new().learning_rate(0.0), heard.clone(), [])?;
        let name = |part: &str| format!("normalization/{prefix}{part}");
        let y = Tensor::zeros([shape[0]], (Kind::Int64, Device::Cpu));
        for step in 0..2 {
            let x = wave(&shape, phase + f64::from(step), 2.0);
            model.fit(&x, &y, &Fit::new().shuffle(false).verbose(0))?;
            let output = heard.0.lock().expect("no test panics here").take();
            let output = output.expect("the loss was asked").reshape(&shape);
            expected.assert_close(&name(&format!("train{step}")), &output, 1e-5);
            let weights = model.weights()?;
            let (mean, variance) = (&weights[2].1, &weights[3].1);
            expected.assert_close(&name(&format!("moving_mean{step}")), mean, 1e-5);
            expected.assert_close(&name(&format!("moving_variance{step}")), variance, 1e-6);
        }
        let x = wave(&shape, phase + 1.0, 2.0);
        let inferred = model.predict(&x)?.reshape(&shape);
        expected.assert_close(&name("infer"), &inferred, 1e-5);
    }
    Ok(())
}

#[test]
fn activations_have_the_values_of_keras() -> Result<()> {
    let expected = Expected::read();
    for activation in [Elu, Softplus, Silu, Gelu, Sigmoid, Tanh, Relu, LeakyRelu] {
        let y = activation.apply(wave(&[12], 0.1, 4.0))?;
        expected.assert_close(&format!("activation/{activation}"), &y, 1e-6);
    }
    Ok(())
}

#[test]
fn optimizers_and_schedules_step_as_keras_does() -> Result<()> {
    let expected = Expected::read();
    let sgd = || SGD::new().learning_rate(0.1);
    let exponential = LearningRateSchedule::exponential_decay(0.1, 3, 0.5);
    let cosine = LearningRateSchedule::cosine_decay_to(0.1, 4, 0.1);
    let cases: [(&str, Box<dyn Optimizer>); 6] = [
        ("sgd", Box::new(sgd())),
        ("momentum", Box::new(sgd().momentum(0.9))),
        ("nesterov", Box::new(sgd().momentum(0.9).nesterov(true))),
        (
            "adamw",
            Box::new(Adam::new().learning_rate(0.1).weight_decay(0.04)),
        ),
        ("exponential", Box::new(SGD::new().schedule(exponential))),
        ("cosine", Box::new(SGD::new().schedule(cosine))),
    ];
    for (name, mut optimizer) in cases {
        let weight = wave(&[4], 9.0, 1.0);
        let weights = [("w:0".to_owned(), weight.shallow_clone())];
        for step in 0..6 {
            optimizer.step(&weights, &[wave(&[4], f64::from(step), 0.5)])?;
        }
        expected.assert_close(&format!("optimizer/{name}"), &weight, 1e-5);
    }
    Ok(())
}
