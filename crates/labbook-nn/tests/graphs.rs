//! Models with branches, shared layers and models within them: files, interrupts, freezing,
//! weights by name, shapes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use labbook_nn::Activation::{Relu, Softmax, Tanh};
use labbook_nn::{
    Adam, Add, BatchNormalization, Callback, Compile, Concatenate, Control, Conv2D, Dense, Fit,
    Flatten, GlobalAveragePooling2D, Input, MaxPooling2D, Model, Padding, Predict, Result, SGD,
    Sequential, interrupt,
};
use tch::{Device, Kind, Tensor};

/// Requests to stop, and libtorch's generator, belong to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wave(sizes: &[i64], phase: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let values = (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.7 + phase).sin();
    values.reshape(sizes)
}

fn classes(count: i64, classes: i64) -> Tensor {
    Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(classes)
}

fn weights(model: &Model) -> Result<Vec<Tensor>> {
    Ok(model.weights()?.into_iter().map(|(_, w)| w).collect())
}

/// A network within the network, called on two inputs, beside a branch of its own.
fn network() -> Result<Model> {
    tch::set_num_threads(1);
    let mut encoder = Sequential::on(Device::Cpu).named("encoder").seeded(3);
    encoder.add(Dense::new(6).activation(Tanh).name("wide").input_shape(5));
    encoder.add(BatchNormalization::new().name("norm"));
    encoder.add(Dense::new(4).name("narrow"));
    let (left, right) = (Input::named("left", 5), Input::named("right", 5));
    let shared = Dense::new(4).activation(Relu).name("shared").shared();
    let (a, b) = (encoder.call(&left), encoder.call(&right));
    let beside = shared.call(&left);
    let sum = Add::new().name("sum").call([&a, &b, &beside]);
    let twice = shared.call(&right);
    let both = Concatenate::new().name("both").call([&sum, &twice]);
    let kind = Dense::new(3).activation(Softmax).name("kind").call(&both);
    let size = Dense::new(1).name("size").call(&sum);
    let model = Model::on(Device::Cpu, [&left, &right], [&kind, &size])?;
    Ok(model.named("whole").seeded(7))
}

fn compiled() -> Result<Model> {
    let mut model = network()?;
    let losses = ["sparse_categorical_crossentropy", "mse"];
    let compile = Compile::new(Adam::new().learning_rate(0.02), losses).loss_weights([1.0, 0.25]);
    model.compile_with(compile.output_metrics("kind", ["accuracy"]))?;
    Ok(model)
}

fn data() -> ([Tensor; 2], [Tensor; 2]) {
    (
        [wave(&[20, 5], 0.1), wave(&[20, 5], 1.3)],
        [classes(20, 3), wave(&[20, 1], 0.4)],
    )
}

#[test]
fn a_file_brings_back_branches_shared_layers_and_models_within_to_the_bit() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let fit = || Fit::new().epochs(2).batch_size(8).verbose(0);
    let mut model = compiled()?;
    model.fit(&x, &y, &fit())?;
    let path = model.save(folder.path().join("model"))?;
    let mut loaded = Model::load_on(&path, Device::Cpu)?;
    assert_eq!(loaded.summary()?, model.summary()?);
    assert_eq!(loaded.output_names(), ["kind", "size"]);
    assert_eq!(
        loaded.predict_all(&x, &Predict::new())?,
        model.predict_all(&x, &Predict::new())?
    );
    let (ours, theirs) = (model.fit(&x, &y, &fit())?, loaded.fit(&x, &y, &fit())?);
    assert_eq!(ours.columns(), theirs.columns());
    assert_eq!(weights(&model)?, weights(&loaded)?);
    assert!(
        Sequential::load_on(&path, Device::Cpu)
            .unwrap_err()
            .to_string()
            .contains("use Model in place of Sequential")
    );

    let path = model.save_weights(folder.path().join("weights"))?;
    let mut other = network()?;
    other.load_weights(path)?;
    assert_eq!(weights(&other)?, weights(&model)?);
    Ok(())
}

/// Presses the stop button within the third epoch.
struct StopsInThird(usize);

impl Callback for StopsInThird {
    fn on_epoch_begin(&mut self, epoch: usize, _control: &mut Control<'_>) {
        self.0 = epoch;
    }

    fn on_train_batch_end(&mut self, step: i64, _control: &mut Control<'_>) {
        if self.0 == 2 && step == 1 {
            interrupt::request();
        }
    }
}

struct Quiet;

impl Callback for Quiet {}

#[test]
fn an_interrupted_training_of_a_graph_ends_with_the_bits_of_an_undisturbed_one() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let options = || {
        let options = Fit::new().epochs(5).batch_size(8).verbose(0);
        options.validation_split(0.2)
    };
    let mut whole = compiled()?;
    let expected = whole.fit(&x, &y, &options().callbacks(Quiet))?;
    let kept = || options().resume_from(folder.path().join("kept"));
    let stopped = compiled()?.fit(&x, &y, &kept().callbacks(StopsInThird(0)))?;
    assert!(stopped.interrupted);
    assert_eq!(stopped.epoch, [0, 1]);
    let mut resumed = compiled()?;
    let history = resumed.fit(&x, &y, &kept().callbacks(Quiet))?;
    assert_eq!(history.columns(), expected.columns());
    assert_eq!(weights(&resumed)?, weights(&whole)?);
    let (state, expected) = (resumed.optimizer_state()?, whole.optimizer_state()?);
    assert_eq!(state.step, expected.step);
    let slots = |state: &labbook_nn::OptimizerState| -> Vec<Tensor> {
        state.slots.iter().map(|(_, slot)| slot.copy()).collect()
    };
    assert_eq!(slots(&state), slots(&expected));

    // The same layers, joined or frozen in another way, are another training.
    let mut frozen = network()?;
    frozen.set_layer_trainable("kind", false)?;
    let losses = ["sparse_categorical_crossentropy", "mse"];
    let compile = Compile::new(Adam::new().learning_rate(0.02), losses).loss_weights([1.0, 0.25]);
    frozen.compile_with(compile.output_metrics("kind", ["accuracy"]))?;
    let refused = frozen.fit(&x, &y, &kept().callbacks(Quiet));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("frozen layers"), "{refused}");
    Ok(())
}

#[test]
fn a_model_within_a_model_is_one_row_of_the_summary() -> Result<()> {
    let _alone = alone();
    let summary = network()?.summary()?;
    let rows: Vec<_> = summary
        .rows
        .iter()
        .map(|row| {
            let connected: Vec<&str> = row.connected_to.iter().map(String::as_str).collect();
            (row.name.as_str(), row.params, connected)
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("left", 0, vec![]),
            ("right", 0, vec![]),
            ("encoder", 36 + 24 + 28, vec!["left", "right"]),
            ("shared", 24, vec!["left", "right"]),
            ("sum", 0, vec!["encoder", "encoder", "shared"]),
            ("both", 0, vec!["sum", "shared"]),
            ("kind", 27, vec!["both"]),
            ("size", 5, vec!["sum"]),
        ]
    );
    let encoder = &summary.rows[2];
    assert_eq!(encoder.class_name, "Sequential");
    assert_eq!(encoder.output_shape, "(None, 4)");
    assert_eq!(summary.total_params, 36 + 24 + 28 + 24 + 27 + 5);
    assert_eq!(summary.non_trainable_params, 12);
    Ok(())
}

#[test]
fn what_is_frozen_keeps_weights_and_statistics_through_fit() -> Result<()> {
    let _alone = alone();
    let (x, y) = (wave(&[16, 5], 0.2), classes(16, 3));
    let fit = Fit::new().epochs(2).batch_size(8).verbose(0);
    let mut base = Sequential::on(Device::Cpu).named("base").seeded(1);
    base.add(Dense::new(4).activation(Relu).name("a").input_shape(5));
    base.add(BatchNormalization::new().momentum(0.5).name("norm"));
    base.set_trainable(false)?;
    let input = Input::new(5);
    let head = Dense::new(3).activation(Softmax).name("head");
    let mut model = Model::on(Device::Cpu, &input, &head.call(&base.call(&input)))?;
    model.compile(SGD::new(), "sparse_categorical_crossentropy", [])?;
    let before = model.weights()?;
    assert_eq!(model.summary()?.trainable_params, 15);
    model.fit(&x, &y, &fit)?;
    let after = model.weights()?;
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert_eq!(before == after, name.starts_with("base/"), "{name}");
    }
    // Frozen, it normalizes with what it has: the loss of a step is that of an evaluation.
    let mut still = Sequential::on(Device::Cpu).seeded(1);
    let frozen = BatchNormalization::new().trainable(false);
    still.add(frozen.input_shape(5));
    still.add(Dense::new(3).activation(Softmax));
    still.compile(SGD::new(), "sparse_categorical_crossentropy", [])?;
    let evaluated = still.evaluate(&x, &y)?.loss;
    let fit = Fit::new().batch_size(16).verbose(0);
    let trained = still.fit(&x, &y, &fit)?.get("loss").unwrap()[0];
    assert!((evaluated - trained).abs() < 1e-6);
    // And not frozen, it moves them.
    base.set_trainable(true)?;
    model.compile(SGD::new(), "sparse_categorical_crossentropy", [])?;
    model.fit(&x, &y, &fit)?;
    for ((name, before), (_, after)) in after.iter().zip(model.weights()?) {
        assert_ne!(*before, after, "{name}");
    }
    Ok(())
}

#[test]
fn weights_go_by_layer_names_and_what_does_not_fit_is_told() -> Result<()> {
    let _alone = alone();
    let of = |units: i64, last: &str| {
        let mut model = Sequential::on(Device::Cpu);
        model.add(Dense::new(4).name("first").input_shape(5));
        model.add(Dense::new(units).name("middle"));
        model.add(Dense::new(2).name(last));
        model
    };
    let (from, mut to) = (of(3, "old"), of(3, "new"));
    let kept = to.weights()?;
    assert_eq!(to.copy_weights_from(&from)?, ["first", "middle"]);
    let (theirs, ours) = (weights(&from)?, weights(&to)?);
    assert_eq!(ours[..4], theirs[..4]);
    assert_eq!(ours[4], kept[4].1, "left over");
    assert_ne!(ours[4], theirs[4]);

    let mut other = of(6, "old");
    let before = weights(&other)?;
    let told = other.copy_weights_from(&from).unwrap_err().to_string();
    assert!(told.contains("middle/kernel:0 of shape (4, 6)"), "{told}");
    assert!(told.contains("of shape (4, 3)"), "{told}");
    assert_eq!(weights(&other)?, before, "nothing changed");
    Ok(())
}

#[test]
fn a_layer_serves_inputs_of_several_shapes_where_its_weights_do() -> Result<()> {
    let _alone = alone();
    let conv = || {
        let conv = Conv2D::new(4, 3).strides(2).padding(Padding::Same);
        conv.activation(Relu).name("conv").shared()
    };
    let (small, large) = (
        Input::named("small", (6, 6, 2)),
        Input::named("large", (9, 7, 2)),
    );
    let shared = conv();
    let pool = MaxPooling2D::new(2).name("pool").shared();
    let (a, b) = (shared.call(&small), shared.call(&large));
    let parts = [pool.call(&a), pool.call(&b)];
    let means = parts
        .each_ref()
        .map(|x| GlobalAveragePooling2D::new().call(x));
    let both = Concatenate::new().call(&means);
    let flat = Flatten::new().name("flat").shared();
    let (flat_a, flat_b) = (flat.call(&a), flat.call(&b));
    let outputs = [&both, &a, &b, &flat_a, &flat_b];
    let mut model = Model::on(Device::Cpu, [&small, &large], outputs)?;
    let sizes: Vec<String> = model
        .output_shapes()?
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        sizes,
        [
            "(None, 8)",
            "(None, 3, 3, 4)",
            "(None, 5, 4, 4)",
            "(None, 36)",
            "(None, 80)"
        ]
    );
    let rows = model.summary()?.rows;
    assert_eq!(
        rows.iter()
            .find(|row| row.name == "conv")
            .unwrap()
            .output_shape,
        "multiple"
    );

    // Each call computes what a layer for that shape alone computes.
    let x = [wave(&[3, 6, 6, 2], 0.3), wave(&[3, 9, 7, 2], 0.9)];
    let together = model.predict_all(&x, &Predict::new())?;
    let kernel: Vec<_> = model.weights()?;
    for (index, shape) in [(6, 6, 2), (9, 7, 2)].into_iter().enumerate() {
        let input = Input::new(shape);
        let mut single = Model::on(Device::Cpu, &input, &conv().call(&input))?;
        single.set_weights(&kernel)?;
        assert_eq!(single.predict(&x[index])?, together[index + 1]);
    }
    // Files keep it, and a model may begin in its middle.
    let folder = tempfile::tempdir().unwrap();
    let path = model.save(folder.path().join("model"))?;
    let mut loaded = Model::load_on(path, Device::Cpu)?;
    assert_eq!(loaded.predict_all(&x, &Predict::new())?, together);
    let rest = Model::on(Device::Cpu, &b, &flat_b)?;
    assert_eq!(rest.input_shapes()?[0].dims(), [5, 4, 4]);

    // The last axis belongs to the weights.
    let dense = Dense::new(3).name("dense").shared();
    let (rows, table) = (Input::new((4, 5)), Input::new(5));
    let fits = Model::on(
        Device::Cpu,
        [&rows, &table],
        [&dense.call(&rows), &dense.call(&table)],
    )?;
    assert_eq!(fits.output_shapes()?[0].dims(), [4, 3]);
    let wrong = Input::new(6);
    let error = Model::on(Device::Cpu, &wrong, &dense.call(&wrong)).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "layer dense (Dense): expected inputs that fit those it was built for, (None, 4, 5), \
             received (None, 6)"
        ),
        "{error}"
    );
    let tiny = Input::new((1, 1, 2));
    let valid = Conv2D::new(2, 3).name("valid").shared();
    let of = |input| Model::on(Device::Cpu, input, &valid.call(input));
    of(&small)?;
    let error = of(&tiny).unwrap_err().to_string();
    assert!(
        error.contains("images of at least (3, 3) pixels"),
        "{error}"
    );
    Ok(())
}
