//! Layers for quick training of images: held to Keras's numbers (`fixtures/layers.py` tells how
//! they were made), saved and loaded.

use std::path::PathBuf;

use labbook_nn::Activation::Gelu;
use labbook_nn::{
    ActivationLayer, Adam, BatchNormalization, Conv2D, Dense, Fit, GlobalMaxPooling2D, Initializer,
    MaxPooling2D, Normalization, Padding, Rescaling, Result, Sequential,
    SparseCategoricalCrossentropy, Whitening,
};
use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};

/// What the script's function of this name computes.
fn wave(sizes: &[i64], phase: f64, scale: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let numbers = Tensor::arange(count, (Kind::Double, Device::Cpu));
    let values = (numbers.square() * 0.0137 + phase).sin() * scale;
    values.to_kind(Kind::Float).reshape(sizes)
}

fn labels() -> Tensor {
    Tensor::arange(6, (Kind::Int64, Device::Cpu)).remainder(4)
}

/// The network of the script.
fn network(policy: &str) -> Result<Sequential> {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.set_dtype_policy(policy)?;
    let normalization = Normalization::new().mean([0.1, -0.2, 0.3]);
    let normalization = normalization.variance([0.5, 0.4, 0.9]);
    model.add(normalization.input_shape((9, 8, 3)));
    model.add(Conv2D::new(6, 3).padding(Padding::Same).use_bias(false));
    model.add(MaxPooling2D::new(2));
    model.add(BatchNormalization::new().scale(false).epsilon(0.01));
    model.add(ActivationLayer::new(Gelu));
    model.add(Conv2D::new(8, 2).use_bias(false));
    model.add(BatchNormalization::new().center(false));
    model.add(ActivationLayer::new(Gelu));
    model.add(GlobalMaxPooling2D::new());
    model.add(Dense::new(4).use_bias(false));
    model.add(Rescaling::new(1.0 / 3.0).offset(0.25));
    let weights = model.weights()?.into_iter().enumerate();
    let waves: Vec<_> = weights
        .map(|(index, (name, weight))| {
            let positive = name.contains("variance") || name.contains("gamma");
            let wave = wave(&weight.size(), index as f64, 0.3);
            (name, wave + f64::from(u8::from(positive)))
        })
        .collect();
    model.set_weights(&waves)?;
    Ok(model)
}

fn loss() -> SparseCategoricalCrossentropy {
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    loss.label_smoothing(0.2)
}

#[test]
fn layers_compute_what_keras_computes_in_both_precisions() -> Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layers.safetensors");
    let bytes = std::fs::read(path).expect("the fixture of the repository");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let x = wave(&[6, 9, 8, 3], 0.5, 1.0);
    for (policy, tolerance) in [("float32", 1e-5), ("mixed_bfloat16", 0.03)] {
        let assert_close = |name: &str, computed: &Tensor| {
            let view = file.tensor(&format!("{policy}/{name}")).expect(name);
            let sizes: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
            let expected = Tensor::from_data_size(view.data(), &sizes, Kind::Float);
            assert_eq!(computed.size(), expected.size(), "{name}");
            let error = (computed - &expected).norm() / expected.norm();
            let error = error.double_value(&[]);
            assert!(error < tolerance, "{policy} {name}: {error}");
        };
        let mut model = network(policy)?;
        assert_close("outputs", &model.predict(&x)?);
        // An Adam without memory tells the gradients.
        model.compile(Adam::new().beta_1(0.0), loss(), ["accuracy"])?;
        let history = model.fit(&x, &labels(), &Fit::new().batch_size(6).verbose(0))?;
        let value = history.get("loss").unwrap_or_default()[0] as f32;
        assert_close("loss", &Tensor::from_slice(&[value]));
        let slots = model.optimizer_state()?.slots;
        assert_eq!(slots.len(), 10);
        for (index, (_, gradient)) in slots.iter().step_by(2).enumerate() {
            assert_close(&format!("gradient{index}"), gradient);
        }
    }
    Ok(())
}

#[test]
fn every_option_is_saved_and_loaded() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let x = wave(&[6, 9, 8, 3], 0.5, 1.0);
    let mut normalization = Normalization::new();
    normalization.adapt(&x)?;
    let mut whitening = Whitening::new(2).epsilon(0.01);
    whitening.adapt(&normalization.call(&x)?)?;
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(normalization.input_shape((9, 8, 3)));
    model.add(whitening);
    model.add(ActivationLayer::new(Gelu));
    let conv = Conv2D::new(6, 3).kernel_initializer(Initializer::Dirac);
    model.add(conv.use_bias(false));
    model.add(BatchNormalization::new().scale(false));
    model.add(BatchNormalization::new().center(false));
    model.add(GlobalMaxPooling2D::new());
    let dense = Dense::new(4).kernel_initializer(Initializer::HeNormal);
    model.add(dense.use_bias(false));
    model.add(Rescaling::new(0.5).offset(0.1));
    model.compile(Adam::new(), loss(), ["accuracy"])?;
    let options = Fit::new().batch_size(3).epochs(2).verbose(0);
    let before = model.weights()?;
    model.fit(&x, &labels(), &options)?;
    let (fixed, moved) = (&model.weights()?[0], &model.weights()?[1]);
    assert_eq!(before[0], *fixed, "whitening filters stay");
    assert_ne!(before[1], *moved, "their bias is trained");

    let path = model.save(folder.path().join("model"))?;
    let mut loaded = Sequential::load_on(path, Device::Cpu)?;
    assert_eq!(loaded.summary()?, model.summary()?);
    assert_eq!(loaded.weights()?, model.weights()?);
    assert_eq!(loaded.predict(&x)?, model.predict(&x)?);
    model.fit(&x, &labels(), &options)?;
    loaded.fit(&x, &labels(), &options)?;
    assert_eq!(loaded.weights()?, model.weights()?);

    let flops: Vec<i64> = model.layers()?.iter().map(|layer| layer.flops).collect();
    let whitening = 2 * (8 * 7 * 24) * (2 * 2 * 3);
    let conv = 2 * (6 * 5 * 6) * (3 * 3 * 24);
    assert_eq!(flops, [0, whitening, 0, conv, 0, 0, 0, 2 * 6 * 4, 0]);
    assert_eq!(model.flops()?, whitening + conv + 48);
    Ok(())
}
