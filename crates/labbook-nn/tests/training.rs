//! Models as a notebook uses them, on small data.

use std::sync::{Arc, Mutex};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Activation, Adam, Callback, Control, Conv2D, Dense, Dropout, Error, Evaluate, Fit, FitParams,
    Flatten, L1L2, Logs, MaxPooling2D, Progress, Reporter, Result, Sequential, Shape,
    SparseCategoricalCrossentropy, Verbosity,
};
use tch::{Device, Kind, Tensor};

fn wave(sizes: &[i64]) -> Tensor {
    let count = sizes.iter().product::<i64>();
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.7)
        .sin()
        .reshape(sizes)
}

fn remainders(count: i64, classes: i64) -> Tensor {
    Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(classes)
}

fn model() -> Sequential {
    Sequential::on(Device::Cpu).seeded(5)
}

fn compile(model: &mut Sequential) -> Result<()> {
    model.compile(
        Adam::new(),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )
}

/// Images 6x6x1 whose class is the quadrant that is bright, as bytes with noise.
fn quadrants(count: i64) -> (Tensor, Tensor) {
    let y = remainders(count, 4);
    let x = wave(&[count, 6, 6, 1]) * 30.0 + 60.0;
    for (i, class) in (0..count).map(|i| (i, i % 4)) {
        let mut corner = x
            .get(i)
            .narrow(0, class / 2 * 3, 3)
            .narrow(1, class % 2 * 3, 3);
        corner += 50.0;
    }
    (x.to_kind(Kind::Uint8), y)
}

#[derive(Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn push(&self, line: String) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push(line);
        }
    }
}

impl Reporter for Recorder {
    fn train_begin(&self, params: &FitParams) {
        self.push(format!("train {} examples", params.examples));
    }

    fn epoch_begin(&self, epoch: usize, params: &FitParams) {
        self.push(format!("epoch {epoch} of {}", params.epochs));
    }

    fn step_end(&self, progress: &Progress) {
        self.push(format!("step {}/{}", progress.step, progress.steps));
    }

    fn epoch_end(&self, progress: &Progress, verbosity: Verbosity) {
        let keys: Vec<&str> = progress
            .logs
            .entries()
            .iter()
            .map(|(key, _)| key.as_str())
            .collect();
        self.push(format!("{verbosity:?} {}", keys.join(" ")));
    }

    fn evaluate_end(&self, progress: &Progress, _verbosity: Verbosity) {
        self.push(format!("evaluate {} steps", progress.steps));
    }

    fn message(&self, line: &str) {
        self.push(line.to_owned());
    }
}

#[test]
fn the_demonstration_network_has_the_published_sizes() -> Result<()> {
    let mut model = model();
    model.add(
        Conv2D::new(256, (3, 3))
            .activation(Relu)
            .input_shape((32, 32, 3)),
    );
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Conv2D::new(512, (3, 3)).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Conv2D::new(1024, (3, 3)).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Flatten::new().name("flat"));
    model.add(Dense::new(512).activation(Relu));
    model.add(Dense::new(10).activation(Softmax));
    let layers = model.layers()?;
    let params: Vec<i64> = layers
        .iter()
        .map(|layer| layer.params)
        .filter(|&n| n > 0)
        .collect();
    assert_eq!(params, [7168, 1_180_160, 4_719_616, 2_097_664, 5130]);
    assert_eq!(model.count_params()?, 8_009_738);
    let flat = model.layer("flat")?;
    assert_eq!(flat.input_shape, Shape::from((2, 2, 1024)));
    assert_eq!(flat.output_shape, Shape::from(4096));
    Ok(())
}

#[test]
fn a_small_problem_is_learned_from_bytes() -> Result<()> {
    let (x, y) = quadrants(200);
    let mut model = model();
    model.add(Conv2D::new(8, 3).activation(Relu));
    model.add(MaxPooling2D::new(2));
    model.add(Flatten::new());
    model.add(Dense::new(4).activation(Softmax));
    let adam = Adam::new().learning_rate(0.01);
    model.compile(adam, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
    let options = Fit::new()
        .epochs(15)
        .batch_size(16)
        .validation_data(&x, &y.reshape([200, 1]))
        .verbose(0);
    let history = model.fit(&x, &y, &options)?;
    assert_eq!(
        history.keys(),
        ["loss", "accuracy", "val_loss", "val_accuracy"]
    );
    assert_eq!(history.epoch, (0..15).collect::<Vec<_>>());
    assert_eq!(history.epoch_seconds.len(), 15);
    assert_eq!(history.learning_rates, [0.01; 15]);
    let trained = history.epoch_training_seconds.iter().sum::<f64>();
    assert_eq!(history.epoch_training_seconds.len(), 15);
    assert!((history.training_seconds - trained).abs() < 1e-9);
    assert!(trained < history.epoch_seconds.iter().sum::<f64>());
    assert_eq!(history.params.steps, 13);
    let losses = history.get("loss").unwrap();
    assert!(losses[14] < 0.5 * losses[0], "{losses:?}");
    let accuracy = history.get("val_accuracy").unwrap()[14];
    assert!(accuracy > 0.9, "{accuracy}");

    let quiet = Evaluate::new().batch_size(16).verbose(0);
    let evaluation = model.evaluate_with(&x, &y, &quiet)?;
    assert_eq!(evaluation.accuracy, accuracy);
    assert_eq!(
        Some(evaluation.loss),
        history.get("val_loss").unwrap().pop()
    );
    assert_eq!(evaluation.examples, 200);

    let probabilities = model.predict(&x)?;
    assert_eq!(probabilities.size(), [200, 4]);
    let sums = probabilities.sum_dim_intlist(-1, false, Kind::Float);
    assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-5);
    let classes = model.predict_classes(&x)?;
    assert_eq!(classes.kind(), Kind::Int64);
    let correct = classes.eq_tensor(&y).sum(Kind::Int64).int64_value(&[]);
    assert_eq!(correct as f64 / 200.0, accuracy);
    Ok(())
}

/// A model whose weights do not move, so that the figures of an epoch can be worked out.
fn frozen() -> Result<Sequential> {
    let mut model = model();
    let penalty = L1L2::default();
    model.add(
        Dense::new(5)
            .activation(Relu)
            .kernel_regularizer(penalty)
            .input_shape((2, 3)),
    );
    model.add(Flatten::new());
    model.add(
        Dense::new(4)
            .activation(Softmax)
            .kernel_regularizer(L1L2::new(0.0, 0.1)),
    );
    let adam = Adam::new().learning_rate(0.0);
    model.compile(adam, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
    Ok(model)
}

#[test]
fn figures_are_means_over_examples_with_penalties_though_the_last_batch_is_small() -> Result<()> {
    let (x, y) = (wave(&[11, 2, 3]), remainders(11, 4));
    let mut model = frozen()?;
    let probabilities = model.predict(&x)?;
    let picked = probabilities.gather(1, &y.reshape([11, 1]), false).log();
    let mut expected = -picked.mean(Kind::Double).double_value(&[]);
    for ((name, weight), (l1, l2)) in
        model
            .weights()?
            .iter()
            .zip([(0.01, 0.01), (0.0, 0.0), (0.0, 0.1), (0.0, 0.0)])
    {
        let sum = |t: Tensor| t.sum(Kind::Double).double_value(&[]);
        assert_eq!(name.ends_with("kernel:0"), l2 > 0.0);
        expected += l1 * sum(weight.abs()) + l2 * sum(weight.square());
    }
    let correct = probabilities.argmax(-1, false).eq_tensor(&y);
    let accuracy = correct.sum(Kind::Double).double_value(&[]) / 11.0;

    for shuffle in [true, false] {
        let options = Fit::new().batch_size(4).shuffle(shuffle).verbose(0);
        let history = model.fit(&x, &y, &options.validation_data(&x, &y))?;
        for (key, values) in history.columns() {
            let expected = if key.ends_with("loss") {
                expected
            } else {
                accuracy
            };
            assert!(
                (values[0] - expected).abs() < 1e-5,
                "{key} {values:?} {expected}"
            );
        }
    }
    let evaluation = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
    assert!((evaluation.loss - expected).abs() < 1e-5);
    Ok(())
}

#[test]
fn one_step_of_training_moves_the_weights_against_the_gradient_of_loss_and_penalty() -> Result<()> {
    let (x, y) = (wave(&[40, 3]), remainders(40, 2));
    let mut model = model();
    model.add(
        Dense::new(2)
            .activation(Softmax)
            .kernel_regularizer(L1L2::new(0.02, 0.03)),
    );
    let adam = Adam::new().beta_1(0.0).learning_rate(0.01);
    model.compile(adam, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
    model.build(3)?;
    let before = model.weights()?;
    // Softmax minus one-hot, averaged: the textbook gradient of the loss by the logits.
    let error = (model.predict(&x)? - y.one_hot(2)) / 40.0;
    let kernel = &before[0].1;
    let gradient = x.tr().matmul(&error) + kernel.sign() * 0.02 + kernel * 0.06;
    model.fit(&x, &y, &Fit::new().batch_size(40).verbose(0))?;
    let state = model.optimizer_state()?;
    assert_eq!(state.step, 1);
    let (slot, m) = &state.slots[0];
    assert!(
        slot.starts_with("Adam/dense") && slot.ends_with("/kernel/m:0"),
        "{slot}"
    );
    assert!((m - &gradient).abs().max().double_value(&[]) < 1e-6);
    let moved = &model.weights()?[0].1 - kernel;
    assert!(
        (moved + gradient.sign() * 0.01)
            .abs()
            .max()
            .double_value(&[])
            < 1e-5
    );
    Ok(())
}

#[test]
fn a_batch_in_pieces_gives_the_gradient_of_the_whole_batch() -> Result<()> {
    // Examples of 340,003 numbers pass in pieces of 8, the last one here of 4.
    let (x, y) = (wave(&[20, 170, 2]), remainders(20, 3));
    let make = || {
        let mut model = model();
        model.add(
            Dense::new(1000)
                .activation(Relu)
                .kernel_regularizer(L1L2::default())
                .input_shape((170, 2)),
        );
        model.add(Flatten::new());
        model.add(Dense::new(3).activation(Softmax));
        model
    };
    let mut trained = make();
    let adam = Adam::new().beta_1(0.0);
    trained.compile(adam, SparseCategoricalCrossentropy::new(), [])?;
    trained.fit(&x, &y, &Fit::new().batch_size(20).verbose(0))?;
    // Without memory, m is the gradient of the only step.
    let gradient = trained.optimizer_state()?.slots.swap_remove(0).1;

    let weights: Vec<Tensor> = make()
        .weights()?
        .into_iter()
        .map(|(_, weight)| weight.set_requires_grad(true))
        .collect();
    let hidden = (x.matmul(&weights[0]) + &weights[1]).relu().flatten(1, -1);
    let logits = hidden.matmul(&weights[2]) + &weights[3];
    let penalty = (weights[0].abs().sum(Kind::Float) + weights[0].square().sum(Kind::Float)) * 0.01;
    let loss = logits.cross_entropy_for_logits(&y) + penalty;
    let expected = Tensor::run_backward(&[loss], &[&weights[0]], false, false).swap_remove(0);
    assert!((gradient - expected).abs().max().double_value(&[]) < 1e-5);
    Ok(())
}

#[test]
fn activations_are_those_of_each_layer_in_turn() -> Result<()> {
    let mut model = model();
    model.add(Conv2D::new(4, 3).activation(Relu).input_shape((7, 7, 2)));
    model.add(MaxPooling2D::new(2));
    model.add(Dropout::new(0.5));
    model.add(Flatten::new());
    model.add(Dense::new(3).activation(Softmax));
    let x = wave(&[40, 7, 7, 2]);
    let outputs = model.activations(&x, 5)?;
    let sizes: Vec<Vec<i64>> = outputs.iter().map(Tensor::size).collect();
    let expected: [&[i64]; 5] = [
        &[40, 5, 5, 4],
        &[40, 2, 2, 4],
        &[40, 2, 2, 4],
        &[40, 16],
        &[40, 3],
    ];
    assert_eq!(sizes, expected);
    let pooled = outputs[0]
        .permute([0, 3, 1, 2])
        .max_pool2d(2, 2, 0, 1, false)
        .permute([0, 2, 3, 1]);
    assert_eq!(outputs[1], pooled);
    assert_eq!(outputs[2], pooled, "dropout passes everything");
    // Convolution and pool change places with ReLU in predict, to the same effect.
    assert_eq!(outputs[4], model.predict(&x)?);
    assert_eq!(model.predict(&x)?, model.predict_in_batches(&x, 32)?);
    assert_eq!(model.activations(&x, 2)?.len(), 2);
    for n_layers in [0, 6] {
        assert!(matches!(
            model.activations(&x, n_layers),
            Err(Error::Option { .. })
        ));
    }
    Ok(())
}

#[test]
fn a_range_of_layers_gives_their_outputs_alone() -> Result<()> {
    let mut model = model();
    model.add(Dense::new(6).activation(Relu).input_shape(4));
    model.add(Dense::new(5).activation(Relu));
    model.add(Dense::new(3).activation(Softmax));
    let x = wave(&[70, 4]);
    let all = model.activations(&x, ..)?;
    assert_eq!(all.len(), 3);
    assert_eq!(model.activations(&x, 1..3)?, all[1..]);
    assert_eq!(model.activations(&x, 2..)?, all[2..]);
    assert_eq!(model.activations(&x, ..=1)?, all[..2]);
    assert_eq!(model.activations(&x, 1..=1)?, all[1..2]);

    let batches = model.activation_batches(&x, 1.., 30)?;
    assert_eq!(batches.size_hint(), (3, Some(3)));
    let batches: Vec<Vec<Tensor>> = batches.collect::<Result<_>>()?;
    let sizes: Vec<i64> = batches.iter().map(|outputs| outputs[1].size()[0]).collect();
    assert_eq!(sizes, [30, 30, 10]);
    let hidden: Vec<&Tensor> = batches.iter().map(|outputs| &outputs[0]).collect();
    assert!(
        (Tensor::cat(&hidden, 0) - &all[1])
            .abs()
            .max()
            .double_value(&[])
            < 1e-6
    );

    let empty = model.activations(&x, 3..).unwrap_err().to_string();
    assert!(empty.contains("within 0..3, received 3..3"), "{empty}");
    assert!(model.activation_batches(&x, .., 0).is_err());
    Ok(())
}

#[test]
fn the_first_of_equally_probable_classes_wins() -> Result<()> {
    let mut model = model();
    model.add(Dense::new(3).activation(Softmax).input_shape(2));
    let zeros: Vec<(String, Tensor)> = model
        .weights()?
        .into_iter()
        .map(|(name, weight)| (name, weight.zeros_like()))
        .collect();
    model.set_weights(&zeros)?;
    let classes = model.predict_classes(&wave(&[4, 2]))?;
    assert_eq!(classes, Tensor::zeros([4], (Kind::Int64, Device::Cpu)));
    Ok(())
}

#[test]
fn weights_can_be_carried_from_model_to_model() -> Result<()> {
    let make = |seed| {
        let mut model = Sequential::on(Device::Cpu).seeded(seed);
        model.add(Conv2D::new(4, (3, 2)).input_shape((5, 5, 2)));
        model.add(Flatten::new());
        model.add(Dense::new(3));
        model
    };
    let (mut first, mut second) = (make(1), make(2));
    let weights = first.weights()?;
    let sizes: Vec<Vec<i64>> = weights.iter().map(|(_, weight)| weight.size()).collect();
    let expected: [&[i64]; 4] = [&[3, 2, 2, 4], &[4], &[48, 3], &[3]];
    assert_eq!(sizes, expected);
    let x = wave(&[3, 5, 5, 2]);
    assert_ne!(first.predict(&x)?, second.predict(&x)?);
    second.set_weights(&weights)?;
    assert_eq!(first.predict(&x)?, second.predict(&x)?);

    let error = second.set_weights(&weights[1..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "weights: expected 4 weights, received 3; take them from a model of the same architecture"
    );
    let mut wrong = first.weights()?;
    wrong.swap(1, 3);
    assert!(matches!(
        second.set_weights(&wrong),
        Err(Error::Weights { .. })
    ));
    assert_eq!(first.predict(&x)?, second.predict(&x)?, "nothing changed");
    Ok(())
}

/// Writes down what it is told and stops after the second epoch.
#[derive(Default)]
struct StopAfterTwo(Vec<String>);

impl Callback for StopAfterTwo {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        self.0.push(format!("begin {}", control.model().name()));
    }

    fn on_epoch_begin(&mut self, epoch: usize, _control: &mut Control<'_>) {
        self.0.push(format!("epoch {epoch}"));
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        assert!(logs.get("loss").is_some());
        control.message(&format!("told {epoch}"));
        if epoch == 4 {
            control.stop_training();
        }
    }

    fn on_train_end(&mut self, _control: &mut Control<'_>) {
        self.0.push("end".to_owned());
    }
}

struct Fails;

impl Callback for Fails {
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        control.fail("the disk is full");
    }
}

#[test]
fn callbacks_and_reporter_hear_of_everything_in_order() -> Result<()> {
    let (x, y) = (wave(&[10, 2, 3]), remainders(10, 4));
    let mut model = frozen()?.named("net");
    let callback = Arc::new(Mutex::new(StopAfterTwo::default()));
    let recorder = Recorder::default();
    let lines = recorder.0.clone();
    let options = Fit::new()
        .initial_epoch(3)
        .epochs(20)
        .batch_size(6)
        .reporter(recorder)
        .callbacks(callback.clone());
    let history = model.fit(&x, &y, &options)?;
    assert_eq!(history.epoch, [3, 4]);
    assert_eq!(
        callback.lock().unwrap().0,
        ["begin net", "epoch 3", "epoch 4", "end"]
    );
    let expected = [
        "train 10 examples",
        "epoch 3 of 20",
        "step 1/2",
        "step 2/2",
        "Bar loss accuracy",
        "told 3",
        "epoch 4 of 20",
        "step 1/2",
        "step 2/2",
        "Bar loss accuracy",
        "told 4",
    ];
    assert_eq!(*lines.lock().unwrap(), expected);

    let recorder = Recorder::default();
    let lines = recorder.0.clone();
    model.evaluate_with(&x, &y, &Evaluate::new().batch_size(4).reporter(recorder))?;
    assert_eq!(*lines.lock().unwrap(), ["evaluate 3 steps"]);

    let second = Arc::new(Mutex::new(StopAfterTwo::default()));
    let failing = Fit::new()
        .verbose(0)
        .callbacks((callback, second.clone()))
        .callbacks(Fails);
    let error = model.fit(&x, &y, &failing).unwrap_err();
    assert_eq!(error.to_string(), "callback: the disk is full");
    assert_eq!(second.lock().unwrap().0[0], "begin net");
    Ok(())
}

#[test]
fn a_loss_that_is_not_finite_is_told_once() -> Result<()> {
    let (x, y) = (wave(&[8, 3]) * 1e30, remainders(8, 2));
    let mut model = model();
    model.add(Dense::new(2).kernel_regularizer(L1L2::new(0.0, 1e38)));
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    model.compile(Adam::new().learning_rate(1e30), loss, ["accuracy"])?;
    let recorder = Recorder::default();
    let lines = recorder.0.clone();
    model.fit(&x, &y, &Fit::new().epochs(3).verbose(0).reporter(recorder))?;
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("Warning: loss is"), "{lines:?}");
    Ok(())
}

#[test]
fn a_model_that_is_not_ready_says_what_is_missing() -> Result<()> {
    let (x, y) = (wave(&[8, 3]), remainders(8, 2));
    let mut empty = model().named("net");
    let error = empty.summary().unwrap_err();
    assert!(matches!(error, Error::NoLayers { .. }), "{error}");
    assert!(matches!(compile(&mut empty), Err(Error::NoLayers { .. })));
    assert!(matches!(empty.predict(&x), Err(Error::NoLayers { .. })));

    let mut model = empty;
    model.add(Dense::new(2).activation(Softmax).name("out"));
    assert_eq!(
        model.summary().unwrap_err().to_string(),
        "model net: expected a built model, received one without an input shape; \
         give the first layer .input_shape(..), or call build(..) or fit(..) first"
    );
    assert!(matches!(model.weights(), Err(Error::NotBuilt { .. })));
    let error = model.fit(&x, &y, &Fit::new()).unwrap_err();
    assert!(matches!(error, Error::NotCompiled { .. }), "{error}");
    assert!(matches!(
        model.learning_rate(),
        Err(Error::NotCompiled { .. })
    ));
    assert!(matches!(
        model.evaluate(&x, &y),
        Err(Error::NotCompiled { .. })
    ));

    model.build([3])?;
    model.build(3)?;
    let error = model.build(4).unwrap_err().to_string();
    assert!(
        error.starts_with("input shape: expected (None, 3), received (None, 4)"),
        "{error}"
    );
    let error = model.layer("nout").unwrap_err().to_string();
    assert_eq!(
        error,
        "layer: expected one of out, received nout; see model.summary()"
    );
    Ok(())
}

#[test]
fn a_layer_that_does_not_fit_is_reported_by_the_calls_that_follow() {
    let mut model = model().named("net");
    model.add(Conv2D::new(8, 3).name("first").input_shape((4, 4, 1)));
    model.add(Conv2D::new(8, 3).name("second"));
    model.add(Flatten::new());
    let expected = "layer second (Conv2D): expected images of at least (3, 3) pixels, \
                    received (None, 2, 2, 8); use fewer or smaller convolutions and pools \
                    before it, or .padding(Padding::Same)";
    assert_eq!(model.summary().unwrap_err().to_string(), expected);
    assert_eq!(compile(&mut model).unwrap_err().to_string(), expected);
    assert_eq!(
        model.predict(&wave(&[1, 4, 4, 1])).unwrap_err().to_string(),
        expected
    );

    let mut model = Sequential::on(Device::Cpu).named("net");
    model.add(Flatten::new().name("same").input_shape((4, 4)));
    model.add(Dense::new(1).name("same"));
    let error = model.summary().unwrap_err();
    assert!(matches!(error, Error::DuplicateLayer { .. }), "{error}");

    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).input_shape((0, 3)));
    let error = model.summary().unwrap_err().to_string();
    assert!(
        error.contains("sizes of at least 1, received (None, 0, 3)"),
        "{error}"
    );
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(i64::MAX).input_shape(1 << 40));
    let error = model.summary().unwrap_err().to_string();
    assert!(error.contains("weights that fit into"), "{error}");
}

#[test]
fn options_and_data_that_do_not_fit_are_reported_before_training() -> Result<()> {
    let (x, y) = (wave(&[8, 2, 3]), remainders(8, 4));
    let mut model = frozen()?;
    let mut fit = |options: Fit| model.fit(&x, &y, &options).unwrap_err().to_string();
    assert!(fit(Fit::new().epochs(0)).starts_with("epochs: expected more than initial_epoch"));
    assert!(fit(Fit::new().epochs(2).initial_epoch(2)).contains("which is 2, received 2"));
    assert!(fit(Fit::new().batch_size(0)).starts_with("batch_size: expected at least 1"));
    assert!(fit(Fit::new().verbose(7)).starts_with("verbose"));
    let short = y.narrow(0, 0, 5);
    assert!(fit(Fit::new().validation_data(&x, &short)).starts_with("validation y: expected 8"));
    let flat = x.reshape([8, 6]);
    assert!(fit(Fit::new().validation_data(&flat, &y)).starts_with("validation x: expected"));
    let error = model
        .fit(&x, &(&y + 1), &Fit::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("numbers from 1 to 4"), "{error}");
    assert!(model.predict_in_batches(&x, 0).is_err());
    assert!(
        model
            .evaluate_with(&x, &y, &Evaluate::new().batch_size(-1))
            .is_err()
    );
    assert!(model.set_learning_rate(f64::NAN).is_err());
    assert_eq!(model.optimizer_state()?.step, 0, "nothing was trained");

    let mut pixels = Sequential::on(Device::Cpu);
    pixels.add(Dense::new(4).activation(Softmax));
    compile(&mut pixels)?;
    let error = pixels.fit(&x, &y, &Fit::new()).unwrap_err().to_string();
    assert!(error.contains("add Flatten::new()"), "{error}");
    let loss = SparseCategoricalCrossentropy::new;
    assert!(
        pixels
            .compile(Adam::new().epsilon(-1.0), loss(), ["accuracy"])
            .is_err()
    );
    assert!(pixels.compile(Adam::new(), loss(), ["recoil"]).is_err());
    let single = pixels.predict(&Tensor::from(1.0)).unwrap_err();
    assert!(matches!(single, Error::Data { .. }), "{single}");
    Ok(())
}

#[test]
fn the_learning_rate_can_change_and_other_endings_train_too() -> Result<()> {
    let (x, y) = (wave(&[32, 4]), remainders(32, 2));
    for (activation, from_logits) in [
        (Activation::Linear, true),
        (Activation::Sigmoid, false),
        (Activation::Softmax, true),
    ] {
        let mut model = model();
        model.add(Dense::new(6).activation(Activation::Gelu));
        model.add(Dense::new(2).activation(activation));
        let loss = SparseCategoricalCrossentropy::new().from_logits(from_logits);
        model.compile(Adam::new(), loss, ["acc"])?;
        model.set_learning_rate(0.02)?;
        assert_eq!(model.learning_rate()?, 0.02);
        let history = model.fit(&x, &y, &Fit::new().epochs(20).batch_size(8).verbose(0))?;
        assert_eq!(history.keys(), ["loss", "acc"]);
        let losses = history.get("loss").unwrap();
        assert!(losses[19] < losses[0], "{activation}: {losses:?}");
    }
    Ok(())
}

#[test]
fn models_can_move_to_another_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<Sequential>();
    assert_send::<Fit>();
}

/// Takes its time where callbacks may.
struct Dawdles;

impl Callback for Dawdles {
    fn on_epoch_begin(&mut self, _epoch: usize, _control: &mut Control<'_>) {
        std::thread::sleep(std::time::Duration::from_millis(15));
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, _control: &mut Control<'_>) {
        std::thread::sleep(std::time::Duration::from_millis(15));
    }
}

#[test]
fn training_seconds_leave_callbacks_out() -> Result<()> {
    let (x, y) = quadrants(8);
    let mut model = model();
    model.add(Flatten::new());
    model.add(Dense::new(4).activation(Softmax));
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Adam::new(), loss, ["accuracy"])?;
    let options = Fit::new().epochs(2).verbose(0).callbacks(Dawdles);
    let history = model.fit(&x, &y, &options)?;
    assert!(history.training_seconds > 0.0);
    assert!(history.seconds - history.training_seconds > 0.06);
    Ok(())
}
