//! What `fit` makes of its options and data sets; the figures are those that Keras 3.15 gives for
//! the same calls, as tests/fixtures/fitting.py prints them, but where a comment says otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Activation, BuildContext, Callback, Compile, Control, Dataset, Dense, Dropout, Evaluate, Fit,
    Flatten, Initializer, Input, Layer, LayerOptions, LossFn, MetricFn, Model, Parameter, Phase,
    Predict, Result, SGD, Sequential, Shape, SharedLayer, TensorDataset, interrupt,
};
use tch::{Device, Kind, Tensor};

/// Requests to stop, and libtorch's generator, belong to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A model that stays at 0, so that the loss is the mean square of the targets 0 to 9.
fn still() -> Result<(Sequential, Tensor, Tensor)> {
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).use_bias(false).input_shape(1));
    model.compile(SGD::new().learning_rate(0.0), "mse", [])?;
    let x = Tensor::zeros([10, 1], (Kind::Float, Device::Cpu));
    let y = Tensor::arange(10, (Kind::Float, Device::Cpu)).reshape([10, 1]);
    Ok((model, x, y))
}

fn options() -> Fit {
    Fit::new().batch_size(2).shuffle(false).verbose(0)
}

fn rounded(values: Option<Vec<f64>>) -> Vec<f64> {
    let values = values.unwrap_or_default().into_iter();
    values.map(|value| (value * 1e4).round() / 1e4).collect()
}

#[test]
fn epochs_steps_and_validations_are_counted_as_in_keras() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = still()?;
    for (share, loss, val_loss) in [(0.25, 13.0, 64.6667), (0.33, 9.1667, 57.5)] {
        let history = model.fit(&x, &y, &options().validation_split(share))?;
        assert_eq!(rounded(history.get("loss")), [loss]);
        assert_eq!(rounded(history.get("val_loss")), [val_loss]);
    }
    let validated = || options().validation_data(&x, &y).validation_freq(2);
    let history = model.fit(&x, &y, &validated().epochs(5))?;
    assert_eq!(rounded(history.get("loss")), [28.5; 5]);
    let measured = |history: &labbook_nn::History| -> Vec<bool> {
        let values = history.get("val_loss").unwrap_or_default().into_iter();
        values.map(|value| (value - 28.5).abs() < 1e-4).collect()
    };
    assert_eq!(measured(&history), [false, true, false, true, false]);
    let history = model.fit(&x, &y, &validated().epochs(4).initial_epoch(2))?;
    assert_eq!(history.epoch, [2, 3]);
    assert_eq!(measured(&history), [false, true]);

    let few = options().validation_data(&x, &y).validation_steps(2);
    assert_eq!(rounded(model.fit(&x, &y, &few)?.get("val_loss")), [3.5]);
    let few = Evaluate::new().batch_size(2).steps(2).verbose(0);
    let evaluation = model.evaluate_with(&x, &y, &few)?;
    assert_eq!(evaluation.examples, 4);
    assert!((evaluation.loss - 3.5).abs() < 1e-5);

    // Tensors begin anew with each epoch. A data set goes on where it was, as everything does in
    // Keras 3, and begins again where it ends; Keras 3 ends the third epoch there, at 72.5.
    let history = model.fit(&x, &y, &options().epochs(3).steps_per_epoch(2))?;
    assert_eq!(rounded(history.get("loss")), [3.5; 3]);
    let data = TensorDataset::new(&x, &y)?.batch(2);
    let history = model.fit_dataset(&data, &options().epochs(3).steps_per_epoch(2))?;
    assert_eq!(
        rounded(history.get("loss")),
        [3.5, 31.5, (64.0 + 81.0 + 0.0 + 1.0) / 4.0]
    );
    Ok(())
}

#[test]
fn a_data_set_trains_to_the_bits_of_the_tensors_that_it_is_made_of() -> Result<()> {
    let _alone = alone();
    tch::set_num_threads(1);
    let x = (Tensor::arange(22 * 6, (Kind::Float, Device::Cpu)) * 0.7)
        .sin()
        .reshape([22, 6]);
    let y = Tensor::arange(22, (Kind::Int64, Device::Cpu)).remainder(3);
    let sample_weight = Tensor::arange(22, (Kind::Float, Device::Cpu)) / 10.0;
    let model = || -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(4);
        model.add(Dense::new(8).activation(Relu).input_shape(6));
        model.add(Dropout::new(0.3));
        model.add(Dense::new(3).activation(Softmax));
        model.compile(SGD::new(), "sparse_categorical_crossentropy", ["accuracy"])?;
        Ok(model)
    };
    let fit = || Fit::new().epochs(3).batch_size(8).shuffle(false).verbose(0);
    let (mut ours, mut theirs) = (model()?, model()?);
    let weighted = fit().sample_weight(&sample_weight).validation_data(&x, &y);
    let history = ours.fit(&x, &y, &weighted)?;
    let batches = TensorDataset::new(&x, &y)?
        .sample_weight(&sample_weight)?
        .batch(8)
        .prefetch(1);
    let validation = TensorDataset::new(&x, &y)?.batch(8);
    let options = fit().validation_dataset(validation.clone());
    assert_eq!(
        theirs.fit_dataset(&batches, &options)?.columns(),
        history.columns()
    );
    for ((_, ours), (_, theirs)) in ours.weights()?.iter().zip(&theirs.weights()?) {
        assert_eq!(ours, theirs);
    }
    let evaluate = Evaluate::new().batch_size(8).verbose(0);
    let evaluation = ours.evaluate_with(&x, &y, &evaluate)?;
    assert_eq!(
        theirs.evaluate_dataset(&validation, &evaluate)?.entries(),
        evaluation.entries()
    );
    assert_eq!(
        theirs.predict_dataset(&validation)?[0],
        ours.predict_in_batches(&x, 8)?
    );
    Ok(())
}

/// The numbers of examples that a function was called with.
type Sizes = Arc<Mutex<Vec<i64>>>;

fn seen(sizes: &Sizes) -> Vec<i64> {
    std::mem::take(&mut sizes.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn a_loss_or_metric_of_a_whole_batch_never_sees_a_piece_of_it() -> Result<()> {
    let _alone = alone();
    let sizes = Sizes::default();
    let record = |sizes: &Sizes| {
        let sizes = Arc::clone(sizes);
        move |x: &Tensor| {
            sizes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(x.size()[0])
        }
    };
    let mut model = Sequential::on(Device::Cpu);
    // So many numbers that a batch on the processor would go through in pieces.
    model.add(Dense::new(1024).input_shape((64, 4)));
    model.add(Flatten::new());
    model.add(Dense::new(1));
    let x = Tensor::ones([100, 64, 4], (Kind::Float, Device::Cpu));
    let y = Tensor::ones([100, 1], (Kind::Float, Device::Cpu));
    let fit = Fit::new().batch_size(100).verbose(0);
    let loss = |mean: bool| {
        let record = record(&sizes);
        let loss = LossFn::new("squares", move |y_true, y_pred| {
            record(y_pred);
            (y_true - y_pred).square()
        });
        loss.mean_over_examples(mean)
    };
    model.compile(SGD::new(), loss(true), [])?;
    model.fit(&x, &y, &fit)?;
    let pieces = seen(&sizes);
    assert!(
        pieces.len() > 1 && pieces.iter().sum::<i64>() == 100,
        "{pieces:?}"
    );
    model.compile(SGD::new(), loss(false), [])?;
    model.fit(&x, &y, &fit)?;
    assert_eq!(seen(&sizes), [100]);
    let evaluate = Evaluate::new().batch_size(100).verbose(0);
    model.evaluate_with(&x, &y, &evaluate)?;
    assert_eq!(seen(&sizes), [100]);

    for (mean, whole) in [(false, true), (true, false)] {
        let record = record(&sizes);
        let metric = MetricFn::new("spread", move |_, y_pred| {
            record(y_pred);
            y_pred.shallow_clone()
        });
        model.compile(SGD::new(), "mse", metric.mean_over_examples(mean))?;
        model.fit(&x, &y, &fit)?;
        assert_eq!(seen(&sizes) == [100], whole);
    }
    Ok(())
}

/// Gives the number of the row that it looks up.
#[derive(Debug, Default)]
struct Lookup {
    options: LayerOptions,
    table: Option<Tensor>,
}

impl Layer for Lookup {
    fn class_name(&self) -> &'static str {
        "Lookup"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn takes_integers(&self) -> bool {
        true
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let table = context.dense_kernel(Initializer::default(), [1000, 1])?;
        let rows = Tensor::arange(1000, (Kind::Float, Device::Cpu)).reshape([1000, 1]);
        self.table = Some(table.zeros_like() + rows);
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let table = self.table.as_ref().expect("a built layer");
        assert_eq!(x.kind(), Kind::Int64);
        Ok(table.index_select(0, &x.flatten(0, -1)).reshape(x.size()))
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.table
            .iter()
            .map(|table| Parameter::new("table", table))
            .collect()
    }
}

#[test]
fn whole_numbers_reach_the_layer_that_takes_them_in_full_under_bfloat16() -> Result<()> {
    let _alone = alone();
    let ids = Input::named("ids", 2);
    let found = SharedLayer::new(Lookup::default()).call(&ids);
    // The same numbers go to a layer that computes with them.
    let other = Dense::new(1).call(&ids);
    let mut model = Model::on(Device::Cpu, &ids, [&found, &other])?;
    model.set_dtype_policy("mixed_bfloat16")?;
    // bfloat16 has no 257 and no 999.
    for kind in [Kind::Int64, Kind::Int, Kind::Int16, Kind::Float] {
        let x = Tensor::from_slice2(&[[257_i64, 999], [0, 513]]).to_kind(kind);
        let outputs = model.predict_all(&x, &Predict::new())?;
        assert_eq!(outputs[0], x.to_kind(Kind::Float));
        assert_eq!(outputs[1].size(), [2, 1]);
    }
    let told = model
        .predict(&Tensor::from_slice2(&[[0.5, 1.0]]))
        .unwrap_err()
        .to_string();
    assert!(told.contains("expected whole numbers"), "{told}");
    Ok(())
}

/// Presses the stop button after some batches.
struct StopsAfter(i64, Arc<AtomicUsize>);

impl Callback for StopsAfter {
    fn on_train_batch_end(&mut self, step: i64, _control: &mut Control<'_>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        if step == self.0 {
            interrupt::request();
        }
    }
}

#[test]
fn an_interrupt_leaves_an_endless_data_set_within_a_batch() -> Result<()> {
    let _alone = alone();
    let (mut model, x, y) = still()?;
    let endless = || TensorDataset::new(&x, &y).map(Dataset::repeat_forever);
    let batches = endless()?.batch(2);
    let count = Arc::new(AtomicUsize::new(0));
    let fit = || Fit::new().steps_per_epoch(1_000_000_000).verbose(0);
    let callback = StopsAfter(3, Arc::clone(&count));
    let history = model.fit_dataset(&batches, &fit().callbacks(callback))?;
    assert!(history.interrupted);
    assert_eq!(count.load(Ordering::SeqCst), 4);

    // One that gives no batch at all.
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let nothing = endless()?.filter(move |_, _| {
        if counted.fetch_add(1, Ordering::SeqCst) == 50 {
            interrupt::request();
        }
        false
    });
    let history = model.fit_dataset(&nothing.batch(2), &fit())?;
    assert!(history.interrupted && history.epoch.is_empty());
    assert!(asked.load(Ordering::SeqCst) < 60);

    let told = [
        model
            .fit_dataset(&batches, &Fit::new().verbose(0))
            .map(|_| ()),
        model
            .evaluate_dataset(&batches, &Evaluate::new().verbose(0))
            .map(|_| ()),
        model.predict_dataset(&batches).map(|_| ()),
        model
            .fit(&x, &y, &options().validation_dataset(batches.clone()))
            .map(|_| ()),
    ];
    let parts = [
        "steps_per_epoch",
        "steps: expected",
        "one that never does",
        "validation_steps",
    ];
    for (result, part) in told.into_iter().zip(parts) {
        let error = result.expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_told_in_a_sentence() -> Result<()> {
    let _alone = alone();
    let float = (Kind::Float, Device::Cpu);
    let (a, b) = (Input::named("a", 3), Input::named("b", 2));
    let hidden = Dense::new(4).call(&a);
    let p = Dense::new(1).name("p").call(&hidden);
    let q = Dense::new(2).activation(Softmax).name("q").call(&b);
    let mut two = Model::on(Device::Cpu, [&a, &b], [&p, &q])?;
    two.compile(SGD::new(), ["mse", "sparse_categorical_crossentropy"], [])?;
    let (xa, xb) = (Tensor::ones([6, 3], float), Tensor::ones([6, 2], float));
    let (yp, yq) = (
        Tensor::ones([6, 1], float),
        Tensor::zeros([6], (Kind::Int64, Device::Cpu)),
    );
    let quiet = || Fit::new().verbose(0);
    let short = xb.narrow(0, 0, 5);
    let mut one = Sequential::on(Device::Cpu);
    one.add(Dense::new(2).activation(Softmax).input_shape(3));
    one.compile(SGD::new(), "sparse_categorical_crossentropy", [])?;
    let weights = Tensor::ones([5], float);
    let nan = Tensor::full([6], f64::NAN, float);
    let unit = Tensor::from(1.0);
    let images = Tensor::ones([2, 3, 3, 1], float);
    let results = [
        (
            two.fit(&xa, [&yp, &yq], &quiet()).err(),
            "2 tensors, one for each of a, b",
        ),
        (
            two.fit([&xa, &xb], &yp, &quiet()).err(),
            "y: expected 2 tensors, one for each of p, q",
        ),
        (
            two.fit([&xa, &short], [&yp, &yq], &quiet()).err(),
            "x (b): expected 6 examples",
        ),
        (
            two.fit([&xb, &xa], [&yp, &yq], &quiet()).err(),
            "x (a): expected shape (N, 3)",
        ),
        (
            two.fit([&xa, &xb], [&yp, &(&yp * 0.5)], &quiet()).err(),
            "y (q): expected whole numbers",
        ),
        (
            two.fit([&xa, &xb], [&yp, &yq], &quiet().class_weight([(0, 2.0)]))
                .err(),
            "a model with one output",
        ),
        (
            one.fit(&xa, &yq.narrow(0, 0, 5), &quiet().validation_split(0.5))
                .err(),
            "y: expected 6",
        ),
        (
            one.fit(&xa, &unit, &quiet().validation_split(0.5)).err(),
            "received a single number",
        ),
        (
            one.fit(&unit, &yq, &quiet()).err(),
            "received a single number",
        ),
        (
            one.fit(&xa, &yq, &quiet().sample_weight(&weights)).err(),
            "shape (6,), one weight per",
        ),
        (
            one.fit(&xa, &yq, &quiet().sample_weight(&nan)).err(),
            "6 that are NaN or infinite",
        ),
        (
            one.fit(&xa, &yq, &quiet().class_weight([(0, f64::NAN)]))
                .err(),
            "finite numbers",
        ),
        (
            one.fit(&xa.to_kind(Kind::ComplexFloat), &yq, &quiet())
                .err(),
            "received ComplexFloat",
        ),
        (
            one.fit(&xa, &yq, &quiet().steps_per_epoch(0)).err(),
            "steps_per_epoch: expected at",
        ),
        (
            one.fit(&xa, &yq, &quiet().validation_steps(-1)).err(),
            "validation_steps: expected at",
        ),
        (
            one.evaluate_with(&xa, &yq, &Evaluate::new().steps(0)).err(),
            "steps: expected",
        ),
        (one.compile(SGD::new(), "msee", []).err(), "msee"),
        (one.compile(SGD::new(), "mse", ["acuracy"]).err(), "acuracy"),
        (one.compile("adaam", "mse", []).err(), "adaam"),
        (
            two.compile(SGD::new(), "mse", []).err(),
            "2, one for each of the outputs p, q",
        ),
        (two.saliency(&images, None).err(), "one that takes images"),
        (
            two.compile_with(Compile::new(SGD::new(), ["mse"; 3])).err(),
            "2, one for each",
        ),
        (
            one.fit(Vec::<Tensor>::new(), &yq, &quiet()).err(),
            "x: expected one tensor, received 0",
        ),
    ];
    for (index, (error, part)) in results.into_iter().enumerate() {
        let error = error
            .unwrap_or_else(|| panic!("{index}: {part}"))
            .to_string();
        assert!(error.contains(part), "{index}: {error}");
    }
    for shape in [vec![-1], vec![0, 3], vec![i64::MAX, 2], vec![-2, -3]] {
        let input = Input::named("wrong", shape);
        let error = Model::on(Device::Cpu, &input, &Flatten::new().call(&input)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("input wrong: expected sizes of at least 1")
        );
    }
    Ok(())
}
