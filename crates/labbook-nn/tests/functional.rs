//! Models with branches: what Keras computes, as `fixtures/functional.py` tells, and what else
//! has to hold of them.

use std::path::PathBuf;

use labbook_nn::Activation::{Relu, Sigmoid, Softmax, Tanh};
use labbook_nn::{
    ActivationLayer, Adam, Add, AveragePooling2D, BatchNormalization, Compile, Concatenate, Conv2D,
    Dense, Dot, Evaluate, Fit, Flatten, GlobalAveragePooling2D, Input, L1L2, MaxPooling2D, Model,
    OptimizerChoice, Padding, Predict, Result, SGD, Sequential, SymbolicTensors, Tensors,
};
use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};

const COUNT: i64 = 11;

/// What the script's function of this name computes.
fn wave(sizes: &[i64], phase: f64, scale: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let values = (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.7 + phase).sin() * scale;
    values.to_kind(Kind::Float).reshape(sizes)
}

fn classes(count: i64) -> Tensor {
    (Tensor::arange(COUNT, (Kind::Int64, Device::Cpu)) * 2 + 1).remainder(count)
}

/// The numbers of the file.
struct Expected(Vec<u8>);

impl Expected {
    fn read() -> Self {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/functional.safetensors");
        Self(std::fs::read(path).expect("the fixture of the repository"))
    }

    fn get(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = file.tensor(name).expect(name);
        let sizes: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        Tensor::from_data_size(view.data(), &sizes, Kind::Float)
    }

    /// The names below a prefix, without it.
    fn names(&self, prefix: &str) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let names = file.names().into_iter();
        let names = names.filter_map(|name| name.strip_prefix(prefix));
        names.map(str::to_owned).collect()
    }

    fn assert_close(&self, name: &str, computed: &Tensor, tolerance: f64) {
        let expected = self.get(name);
        assert_eq!(computed.size(), expected.size(), "{name}");
        let scale = expected.abs().max().double_value(&[]).max(1e-2);
        let computed = computed.to_kind(Kind::Float);
        let error = (computed - expected).abs().max().double_value(&[]) / scale;
        assert!(
            error < tolerance,
            "{name}: off by {error} of the largest number"
        );
    }

    /// Gives the model the weights of the file, trains it, and compares all that there is.
    fn check(
        &self,
        case: &str,
        model: &mut Model,
        (x, y): (&Tensors, &Tensors),
        compile: Compile,
        fit: Fit,
        evaluate: Evaluate,
    ) -> Result<()> {
        let of_file = |name: &str| name.trim_end_matches(":0").to_owned();
        let weights: Vec<_> = model
            .weights()?
            .into_iter()
            .map(|(name, _)| {
                let initial = self.get(&format!("{case}/initial/{}", of_file(&name)));
                (name, initial)
            })
            .collect();
        assert_eq!(
            weights.len(),
            self.names(&format!("{case}/initial/")).len(),
            "{case} has the weights that Keras has"
        );
        model.set_weights(&weights)?;
        model.compile_with(compile)?;
        let outputs = model.predict_all(x, &Predict::new())?;
        assert_eq!(outputs.len(), self.names(&format!("{case}/predict/")).len());
        for (index, output) in outputs.iter().enumerate() {
            self.assert_close(&format!("{case}/predict/{index}"), output, 1e-5);
        }
        let evaluation = model.evaluate_with(x, y, &evaluate.batch_size(6).verbose(0))?;
        let history = model.fit(x, y, &fit.batch_size(6).epochs(5).shuffle(false).verbose(0))?;
        assert_eq!(model.optimizer_state()?.step, 10);
        // A second metric of one name is numbered here, and called weighted in Keras.
        let ours_for = |key: &str| match key {
            "weighted_accuracy" => "accuracy_1".to_owned(),
            key => key.to_owned(),
        };
        let mut ours = history.keys();
        let mut theirs = self.names(&format!("{case}/history/"));
        theirs.sort();
        let mut named: Vec<String> = theirs.iter().map(|key| ours_for(key)).collect();
        named.sort();
        ours.sort();
        assert_eq!(ours, named, "{case}");
        // Of single outputs Keras 3 tells the mean over batches, however large they are; here,
        // as in Keras 2.4, every example counts the same.
        theirs.retain(|key| !key.ends_with("_loss"));
        for key in &theirs {
            let value = evaluation.get(&ours_for(key)).expect(key);
            let value = Tensor::from_slice(&[value as f32]);
            self.assert_close(&format!("{case}/evaluate/{key}"), &value, 2e-5);
            let column = Tensor::from_slice(&history.get(&ours_for(key)).expect(key));
            self.assert_close(&format!("{case}/history/{key}"), &column, 2e-4);
        }
        for (name, weight) in model.weights()? {
            self.assert_close(&format!("{case}/trained/{}", of_file(&name)), &weight, 5e-4);
        }
        Ok(())
    }
}

fn sgd() -> OptimizerChoice {
    SGD::new().learning_rate(0.05).momentum(0.9).into()
}

fn adam() -> OptimizerChoice {
    Adam::new().learning_rate(0.01).into()
}

fn on_cpu(
    inputs: impl Into<SymbolicTensors>,
    outputs: impl Into<SymbolicTensors>,
) -> Result<Model> {
    Ok(Model::on(Device::Cpu, inputs, outputs)?.seeded(5))
}

fn residual() -> Result<Model> {
    let same = |name: &str| Conv2D::new(4, 3).padding(Padding::Same).name(name);
    let inputs = Input::new((6, 6, 3));
    let x = same("stem").activation(Relu).call(&inputs);
    let y = same("first").use_bias(false).call(&x);
    let y = BatchNormalization::new().name("norm").call(&y);
    let y = ActivationLayer::new(Relu).call(&y);
    let y = same("second").call(&y);
    let x = Add::new().call([&x, &y]);
    let x = ActivationLayer::new(Relu).call(&x);
    let x = GlobalAveragePooling2D::new().call(&x);
    let classes = Dense::new(3).activation(Softmax).name("classes").call(&x);
    on_cpu(&inputs, &classes)
}

#[test]
fn a_residual_block_trains_as_in_keras_with_weights_of_classes_too() -> Result<()> {
    let expected = Expected::read();
    let x = Tensors::from(wave(&[COUNT, 6, 6, 3], 0.5, 1.0));
    let y = Tensors::from(classes(3));
    let compile = || Compile::new(sgd(), "sparse_categorical_crossentropy").metrics(["accuracy"]);
    expected.check(
        "residual",
        &mut residual()?,
        (&x, &y),
        compile(),
        Fit::new(),
        Evaluate::new(),
    )?;
    expected.check(
        "residual_weighted",
        &mut residual()?,
        (&x, &y),
        compile().weighted_metrics(["accuracy"]),
        Fit::new().class_weight([(0, 0.5), (1, 2.0), (2, 1.25)]),
        Evaluate::new(),
    )
}

#[test]
fn branches_of_convolutions_and_a_pool_train_as_in_keras() -> Result<()> {
    let inputs = Input::new((8, 8, 3));
    let one = |filters: i64, name: &str| Conv2D::new(filters, 1).activation(Relu).name(name);
    let a = one(4, "one").call(&inputs);
    let b = one(3, "before").call(&inputs);
    let three = Conv2D::new(4, 3).padding(Padding::Same).activation(Relu);
    let b = three.name("three").call(&b);
    let pool = MaxPooling2D::new(3).strides(1).padding(Padding::Same);
    let c = one(2, "pooled").call(&pool.call(&inputs));
    let x = Concatenate::new().call([&a, &b, &c]);
    let x = Flatten::new().call(&AveragePooling2D::new(2).call(&x));
    let outputs = Dense::new(3)
        .activation(Softmax)
        .kernel_regularizer(L1L2::default())
        .name("classes")
        .call(&x);
    Expected::read().check(
        "inception",
        &mut on_cpu(&inputs, &outputs)?,
        (
            &wave(&[COUNT, 8, 8, 3], 0.2, 1.0).into(),
            &classes(3).into(),
        ),
        Compile::new(adam(), "sparse_categorical_crossentropy").metrics(["accuracy"]),
        Fit::new(),
        Evaluate::new(),
    )
}

fn tables() -> Result<Model> {
    let (size, place) = (Input::new(3), Input::new(2));
    let a = Dense::new(4).activation(Relu).name("size").call(&size);
    let b = Dense::new(3).activation(Tanh).name("place").call(&place);
    let both = Concatenate::new().call([&a, &b]);
    on_cpu([&size, &place], &Dense::new(1).name("price").call(&both))
}

fn rows() -> (Tensors, Tensors) {
    let x = [wave(&[COUNT, 3], 0.1, 1.0), wave(&[COUNT, 2], 0.4, 1.0)];
    (x.into(), wave(&[COUNT, 1], 2.0, 1.0).into())
}

#[test]
fn two_inputs_train_as_in_keras_with_weights_of_examples_too() -> Result<()> {
    let expected = Expected::read();
    let (x, y) = rows();
    let compile = || Compile::new(sgd(), "mse").metrics(["mae"]);
    expected.check(
        "tables",
        &mut tables()?,
        (&x, &y),
        compile(),
        Fit::new(),
        Evaluate::new(),
    )?;
    let weights = Tensor::arange(COUNT, (Kind::Float, Device::Cpu)) / 4.0;
    expected.check(
        "tables_weighted",
        &mut tables()?,
        (&x, &y),
        compile().weighted_metrics(["mse"]),
        Fit::new().sample_weight(&weights),
        Evaluate::new().sample_weight(&weights),
    )
}

fn two_outputs() -> Result<Model> {
    let inputs = Input::new(5);
    let x = Dense::new(6).activation(Tanh).name("hidden").call(&inputs);
    let price = Dense::new(1).name("price").call(&x);
    let kind = Dense::new(3).activation(Softmax).name("kind").call(&x);
    on_cpu(&inputs, [&price, &kind])
}

fn compile_two(optimizer: OptimizerChoice) -> Compile {
    Compile::new(optimizer, ["mse", "sparse_categorical_crossentropy"])
        .loss_weights([0.7, 0.3])
        .output_metrics("price", ["mae"])
        .output_metrics("kind", ["accuracy"])
}

fn two_targets() -> (Tensors, Tensors) {
    let y = [wave(&[COUNT, 1], 1.0, 1.0), classes(3)];
    (wave(&[COUNT, 5], 0.3, 1.0).into(), y.into())
}

#[test]
fn two_outputs_with_weights_of_their_losses_train_as_in_keras() -> Result<()> {
    let (x, y) = two_targets();
    Expected::read().check(
        "outputs",
        &mut two_outputs()?,
        (&x, &y),
        compile_two(sgd()),
        Fit::new(),
        Evaluate::new(),
    )
}

#[test]
fn the_loss_is_the_weighted_sum_of_those_of_the_outputs_over_all_examples() -> Result<()> {
    let (x, y) = two_targets();
    let mut model = two_outputs()?;
    model.compile_with(compile_two(sgd()))?;
    let options = Evaluate::new().batch_size(6).verbose(0);
    let evaluation = model.evaluate_with(&x, &y, &options)?;
    let of = |key: &str| evaluation.get(key).expect(key);
    let sum = 0.7 * of("price_loss") + 0.3 * of("kind_loss");
    assert!((of("loss") - sum).abs() < 1e-5);
    let squares = (model.predict(&x)? - wave(&[COUNT, 1], 1.0, 1.0)).square();
    let mean = squares.mean(Kind::Float).double_value(&[]);
    assert!((of("price_loss") - mean).abs() < 1e-5);
    Ok(())
}

fn siamese() -> Result<Model> {
    let (left, right) = (Input::new(6), Input::new(6));
    let encoder = Dense::new(4).activation(Tanh).name("encoder").shared();
    let angle = Dot::new(1)
        .normalize(true)
        .call([&encoder.call(&left), &encoder.call(&right)]);
    let same = Dense::new(1).activation(Sigmoid).name("same").call(&angle);
    on_cpu([&left, &right], &same)
}

#[test]
fn a_layer_that_two_branches_share_trains_as_in_keras() -> Result<()> {
    let x = [wave(&[COUNT, 6], 0.6, 1.0), wave(&[COUNT, 6], 1.9, 1.0)];
    let y = classes(3).gt(0).to_kind(Kind::Float).reshape([-1, 1]);
    Expected::read().check(
        "siamese",
        &mut siamese()?,
        (&x.into(), &y.into()),
        Compile::new(adam(), "binary_crossentropy").metrics(["binary_accuracy"]),
        Fit::new(),
        Evaluate::new(),
    )
}

#[test]
fn a_chain_of_calls_is_the_sequential_model_of_these_layers() -> Result<()> {
    let (x, y) = (wave(&[COUNT, 6], 0.6, 1.0), classes(3));
    let mut chain = Sequential::on(Device::Cpu).seeded(5);
    chain.add(Dense::new(4).activation(Relu).input_shape(6));
    chain.add(Dense::new(3).activation(Softmax));
    let inputs = Input::new(6);
    let hidden = Dense::new(4).activation(Relu).call(&inputs);
    let outputs = Dense::new(3).activation(Softmax).call(&hidden);
    let mut model = on_cpu(&inputs, &outputs)?;
    let mut trained = Vec::new();
    for model in [&mut *chain, &mut model] {
        model.compile(adam(), "sparse_categorical_crossentropy", ["accuracy"])?;
        let before = model.predict(&x)?;
        let history = model.fit(&x, &y, &Fit::new().epochs(3).batch_size(4).verbose(0))?;
        let weights: Vec<Tensor> = model.weights()?.into_iter().map(|(_, w)| w).collect();
        trained.push((before, history.columns().to_vec(), weights));
    }
    assert_eq!(trained[0], trained[1]);
    let parts = Model::on(Device::Cpu, &model.input()?, &model.layer_outputs(..)?)?
        .predict_all(&x, &Predict::new())?;
    assert_eq!(parts, model.activations(&x, ..)?);
    Ok(())
}

#[test]
fn a_loaded_model_of_several_outputs_trains_on_as_the_saved_one() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = two_targets();
    let fit = || Fit::new().epochs(2).batch_size(4).verbose(0);
    let mut model = two_outputs()?;
    model.set_layer_trainable("hidden", false)?;
    model.compile_with(compile_two(adam()))?;
    let hidden = model.weights()?[0].1.copy();
    model.fit(&x, &y, &fit())?;
    let path = model.save(folder.path().join("model")).unwrap();
    let mut loaded = Model::load_on(path, Device::Cpu)?;
    assert_eq!(loaded.summary()?, model.summary()?);
    let (ours, theirs) = (model.fit(&x, &y, &fit())?, loaded.fit(&x, &y, &fit())?);
    assert_eq!(ours.columns(), theirs.columns());
    assert_eq!(model.weights()?, loaded.weights()?);
    assert_eq!(model.weights()?[0].1, hidden, "frozen");
    Ok(())
}
