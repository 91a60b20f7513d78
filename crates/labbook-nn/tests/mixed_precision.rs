//! Layers that compute in bfloat16 while weights, statistics and loss stay `f32`.

use labbook_nn::Activation::{Gelu, Relu, Softmax};
use labbook_nn::{
    ActivationLayer, Adam, BatchNormalization, Conv2D, Dense, DtypePolicy, Fit, Flatten,
    Initializer, MaxPooling2D, Padding, Result, SGD, Sequential, SparseCategoricalCrossentropy,
    bfloat16_is_fast,
};
use tch::{Device, Kind, Tensor};

fn images(count: i64, side: i64) -> Tensor {
    // Rough, so that no two pixels are almost alike and maxima are clear.
    let numbers = Tensor::arange(count * side * side * 3, (Kind::Double, Device::Cpu));
    let waves = (numbers.square() * 0.0137).sin();
    waves.to_kind(Kind::Float).reshape([count, side, side, 3])
}

fn labels(count: i64) -> Tensor {
    Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(4)
}

fn convolutional(policy: &str) -> Result<Sequential> {
    let mut model = Sequential::on(Device::Cpu).seeded(3);
    model.set_dtype_policy(policy)?;
    model.add(Conv2D::new(6, 2).activation(Gelu).input_shape((9, 9, 3)));
    let wide = Conv2D::new(8, 3).padding(Padding::Same).use_bias(false);
    model.add(wide.kernel_initializer(Initializer::Dirac));
    model.add(MaxPooling2D::new(2));
    model.add(BatchNormalization::new().scale(false).momentum(0.5));
    model.add(ActivationLayer::new(Gelu));
    model.add(Flatten::new());
    model.add(BatchNormalization::new().center(false).momentum(0.5));
    model.add(Dense::new(4).use_bias(false).activation(Softmax));
    Ok(model)
}

fn largest(tensor: &Tensor) -> f64 {
    tensor.abs().max().double_value(&[])
}

#[test]
fn bfloat16_computes_the_same_to_its_own_precision() -> Result<()> {
    let (x, y) = (images(64, 9), labels(64));
    let mut found = Vec::new();
    for policy in ["float32", "mixed_bfloat16"] {
        let mut model = convolutional(policy)?;
        assert_eq!(model.dtype_policy().to_string(), policy);
        let probabilities = model.predict(&x)?;
        assert_eq!(probabilities.kind(), Kind::Float);
        // An Adam without memory tells the gradients.
        let loss = SparseCategoricalCrossentropy::new();
        model.compile(Adam::new().beta_1(0.0), loss, ["accuracy"])?;
        let history = model.fit(&x, &y, &Fit::new().batch_size(64).verbose(0))?;
        let (weights, slots) = (model.weights()?, model.optimizer_state()?.slots);
        let all = weights.iter().chain(&slots);
        assert!(all.clone().all(|(_, tensor)| tensor.kind() == Kind::Float));
        let moved = [&weights[3].1, &weights[6].1].map(Tensor::shallow_clone);
        let activations = model.activations(&x, ..)?;
        assert!(activations.iter().all(|a| a.kind() == Kind::Float));
        found.push((probabilities, history.get("loss"), slots, moved));
    }
    let [(p, loss, slots, moved), (p16, loss16, slots16, moved16)] = &found[..] else {
        panic!("two policies")
    };
    let error = largest(&(p - p16));
    assert!(error > 0.0 && error < 0.02, "{error}");
    let (loss, loss16) = (loss.clone().unwrap()[0], loss16.clone().unwrap()[0]);
    assert!((loss - loss16).abs() < 0.01 * loss, "{loss} {loss16}");
    for ((name, slot), (_, slot16)) in slots.iter().zip(slots16).step_by(2) {
        let error = (slot - slot16).norm().double_value(&[]) / slot.norm().double_value(&[]);
        assert!(error < 0.1, "{name}: {error}");
    }
    for (statistic, statistic16) in moved.iter().zip(moved16) {
        assert!(largest(&(statistic - statistic16)) < 0.01 * largest(statistic));
    }
    Ok(())
}

#[test]
fn steps_smaller_than_bfloat16_can_hold_add_up() -> Result<()> {
    let mut model = Sequential::on(Device::Cpu).seeded(3);
    model.set_dtype_policy("mixed_bfloat16")?;
    model.add(Dense::new(4).activation(Softmax).input_shape(3));
    let (x, y) = (images(8, 2).reshape([8, 4, 3]).select(1, 0), labels(8));
    let kernel = |model: &Sequential| -> Result<Tensor> { Ok(model.weights()?[0].1.copy()) };
    let before = kernel(&model)?;
    let slow = SGD::new().learning_rate(1e-5);
    model.compile(slow, SparseCategoricalCrossentropy::new(), [])?;
    model.fit(&x, &y, &Fit::new().epochs(20).batch_size(8).verbose(0))?;
    let moved = largest(&(kernel(&model)? - before));
    assert!(moved > 0.0 && moved < 1e-3, "{moved}");
    Ok(())
}

#[test]
fn a_batch_in_pieces_has_the_gradients_of_the_whole() -> Result<()> {
    let (x, y) = (images(96, 24), labels(96));
    let mut model = Sequential::on(Device::Cpu).seeded(5);
    model.set_dtype_policy("mixed_bfloat16")?;
    // Outputs of 17,000 and 31,000 numbers: 43 examples to a piece.
    model.add(Conv2D::new(32, 3).activation(Relu).input_shape((24, 24, 3)));
    model.add(Conv2D::new(64, 3).activation(Relu));
    model.add(MaxPooling2D::new(4));
    model.add(Flatten::new());
    model.add(Dense::new(4).activation(Softmax));
    let mut gradient = |start: i64, length: i64| -> Result<Tensor> {
        let still = Adam::new().beta_1(0.0).learning_rate(0.0);
        model.compile(still, SparseCategoricalCrossentropy::new(), [])?;
        let (x, y) = (x.narrow(0, start, length), y.narrow(0, start, length));
        model.fit(&x, &y, &Fit::new().batch_size(length).verbose(0))?;
        Ok(model.optimizer_state()?.slots.swap_remove(0).1)
    };
    let whole = gradient(0, 96)?;
    let parts = [gradient(0, 32)?, gradient(32, 32)?, gradient(64, 32)?];
    // A rounding to 8 significant bits changes a number by up to 2^-8 of it. The kernel's gradients
    // are rounded so once for each piece, and once for each part, before they are added up as f32:
    // together by up to twice that share of the largest. What was rounded before them differs at
    // every one of the 46,464 places that they sum up, and averages out.
    let widest = parts.iter().map(largest).fold(0.0, f64::max);
    // Processors that only emulate bfloat16 round within a convolution's sums once more.
    let roundings = if bfloat16_is_fast() { 2.0 } else { 3.0 };
    let bound = roundings * 2.0_f64.powi(-8) * widest;
    let [first, second, third] = &parts;
    let error = largest(&(&whole - (first + second + third) / 3.0));
    assert!(error > 0.0 && error < bound, "{error} of {bound}");
    Ok(())
}

#[test]
fn the_policy_is_saved_and_others_are_told() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut model = convolutional("mixed_bfloat16")?;
    let path = model.save(folder.path().join("model"))?;
    let mut loaded = Sequential::load_on(&path, Device::Cpu)?;
    assert_eq!(loaded.dtype_policy(), DtypePolicy::MixedBfloat16);
    assert_eq!(loaded.summary()?, model.summary()?);
    let x = images(2, 9);
    assert_eq!(loaded.predict(&x)?, model.predict(&x)?);
    let error = model.set_dtype_policy("float16").unwrap_err().to_string();
    assert!(
        error.starts_with("dtype policy: expected float32 or mixed_bfloat16, received float16"),
        "{error}"
    );
    Ok(())
}
