//! Weights that Keras and PyTorch wrote, as `fixtures/weights.py` tells, and what else has to
//! hold of weights for other libraries.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::{Path, PathBuf};

use labbook_nn::Activation::{Relu, Softmax, Tanh};
use labbook_nn::{
    BatchNormalization, Concatenate, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Flatten,
    Input, LayerNormalization, MaxPooling2D, Model, Padding, Result, SeparableConv2D, Sequential,
    WeightLayout,
};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tch::{Device, Kind, Tensor};

const LAYOUTS: [WeightLayout; 2] = [WeightLayout::Keras, WeightLayout::PyTorch];

fn fixture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(format!("weights_{name}.safetensors"))
}

fn told(name: &str) -> Tensor {
    let bytes = std::fs::read(fixture("told")).expect("the fixture of the repository");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = file.tensor(name).expect(name);
    let sizes: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    Tensor::from_data_size(view.data(), &sizes, Kind::Float)
}

/// The script's network.
fn network() -> Result<Model> {
    let (image, more) = (Input::named("image", (8, 6, 3)), Input::named("more", 2));
    let first = Conv2D::new(4, 3).padding(Padding::Same).activation(Relu);
    let x = first.name("first").call(&image);
    let x = BatchNormalization::new().name("norm").call(&x);
    let x = MaxPooling2D::new(2).call(&x);
    let x = Conv2D::new(5, 2).use_bias(false).name("second").call(&x);
    let x = Flatten::new().call(&x);
    let x = BatchNormalization::new().name("flat_norm").call(&x);
    let x = Concatenate::new().call([&x, &more]);
    let x = Dense::new(6).activation(Tanh).name("hidden").call(&x);
    let out = Dense::new(3).activation(Softmax).name("out").call(&x);
    Ok(Model::on(Device::Cpu, [&image, &more], &out)?.seeded(1))
}

fn chain() -> Sequential {
    let mut model = Sequential::on(Device::Cpu).seeded(2);
    model.add(Dense::new(4).activation(Relu).name("hidden").input_shape(3));
    model.add(Dense::new(2).name("out"));
    model
}

fn assert_close(ours: &Tensor, theirs: &Tensor) {
    let error = (ours - theirs).abs().max().double_value(&[]);
    assert!(error < 1e-5, "off by {error}");
}

#[test]
fn weights_of_keras_and_pytorch_predict_what_they_predict_there() -> Result<()> {
    let (image, more) = (told("image"), told("more"));
    for (layout, name) in LAYOUTS.into_iter().zip(["keras", "torch"]) {
        let mut model = network()?;
        let imported = model.import_weights(fixture(name), layout)?;
        assert_eq!(imported.taken.len(), 15, "{layout}");
        assert!(imported.is_complete());
        assert_close(&model.predict([&image, &more])?, &told(name));
    }
    Ok(())
}

#[test]
fn what_is_exported_comes_back_to_the_bit() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    for layout in LAYOUTS {
        let model = network()?;
        let path = model.export_weights(folder.path().join("net"), layout)?;
        let mut other = network()?.seeded(9);
        let imported = other.import_weights(&path, layout)?;
        assert!(imported.is_complete());
        assert_eq!(other.weights()?, model.weights()?);
    }
    Ok(())
}

#[test]
fn a_file_of_pytorch_has_its_names_its_shapes_and_its_counts() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = network()?.export_weights(folder.path().join("net"), WeightLayout::PyTorch)?;
    let (ours, theirs) = (
        std::fs::read(path).unwrap(),
        std::fs::read(fixture("torch")).unwrap(),
    );
    let shapes = |bytes: &[u8]| {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let tensors = file.tensors().into_iter();
        let mut shapes: Vec<(String, Dtype, Vec<usize>)> = tensors
            .map(|(name, view)| (name, view.dtype(), view.shape().to_vec()))
            .collect();
        shapes.sort_by(|a, b| a.0.cmp(&b.0));
        shapes
    };
    assert_eq!(shapes(&ours), shapes(&theirs));
    Ok(())
}

#[test]
fn a_map_prints_and_takes_other_names() -> Result<()> {
    let model = network()?;
    let map = model.weight_map(WeightLayout::PyTorch)?;
    let text = map.to_string();
    assert!(
        text.contains("first/kernel:0               (3, 3, 3, 4)  first.weight  "),
        "{text}"
    );
    assert!(text.contains("rows of a flattened image, channels first, then axes (1, 0)"));
    let named = map.rename("first", "stem.0")?.rename("out/bias:0", "b")?;
    let names: Vec<&str> = named.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names[..3], ["stem.0.weight", "stem.0.bias", "norm.weight"]);
    assert_eq!(names[14], "b");
    let folder = tempfile::tempdir().unwrap();
    let named = named.rename("norm", "stem.1")?.prefix("module.");
    let path = model.export_weights(folder.path().join("net"), &named)?;
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert!(file.tensor("module.stem.1.num_batches_tracked").is_ok());
    assert!(network()?.import_weights(&path, &named)?.is_complete());

    let counted = chain()
        .weight_map(WeightLayout::PyTorch)?
        .layers(["0", "2"])?;
    assert_eq!(counted.rows()[3].name, "2.bias");
    let errors = [
        named.clone().rename("stem", "x").unwrap_err(),
        named.clone().layers(["0"]).unwrap_err(),
        named.clone().rename("out", "hidden").unwrap_err(),
        chain()
            .export_weights(folder.path().join("x"), &named)
            .unwrap_err(),
    ];
    let told = [
        "expected one of first, norm",
        "expected 6 names",
        "hidden.weight twice",
        "a map of another model",
    ];
    for (error, told) in errors.iter().zip(told) {
        assert!(error.to_string().contains(told), "{error}");
    }
    Ok(())
}

#[test]
fn further_layers_have_pytorchs_shapes_and_come_back() -> Result<()> {
    let mut model = Sequential::on(Device::Cpu).seeded(6);
    model.add(
        DepthwiseConv2D::new(3)
            .depth_multiplier(2)
            .name("deep")
            .input_shape((6, 6, 4)),
    );
    model.add(SeparableConv2D::new(5, 2).name("apart"));
    model.add(Conv2DTranspose::new(3, 2).name("up"));
    model.add(LayerNormalization::new().name("norm"));
    let map = model.weight_map(WeightLayout::PyTorch)?;
    let told = map
        .rows()
        .iter()
        .map(|row| (row.name.as_str(), row.shape.as_slice()));
    let told: Vec<(&str, &[i64])> = told.collect();
    let expected: [(&str, &[i64]); 9] = [
        ("deep.weight", &[8, 1, 3, 3]),
        ("deep.bias", &[8]),
        ("apart.depthwise.weight", &[8, 1, 2, 2]),
        ("apart.pointwise.weight", &[5, 8, 1, 1]),
        ("apart.bias", &[5]),
        ("up.weight", &[5, 3, 2, 2]),
        ("up.bias", &[3]),
        ("norm.weight", &[3]),
        ("norm.bias", &[3]),
    ];
    assert_eq!(told, expected);
    let folder = tempfile::tempdir().unwrap();
    let path = model.export_weights(folder.path().join("net"), &map)?;
    let before = model.weights()?;
    let zeros = before
        .iter()
        .map(|(name, weight)| (name.clone(), weight.zeros_like()));
    model.set_weights(&zeros.collect::<Vec<_>>())?;
    assert!(model.import_weights(&path, &map)?.is_complete());
    assert_eq!(model.weights()?, before);
    Ok(())
}

#[test]
fn missing_and_left_over_weights_are_told_and_nothing_is_changed() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = chain().export_weights(folder.path().join("chain"), WeightLayout::Keras)?;
    let other = || {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        model.add(Dense::new(4).name("hidden").input_shape(3));
        model.add(Dense::new(2).name("top"));
        model
    };
    let mut model = other();
    let error = model
        .import_weights(&path, WeightLayout::Keras)
        .unwrap_err()
        .to_string();
    for told in [
        "2 missing (top/kernel, top/bias)",
        "2 left over (out/bias, out/kernel)",
    ] {
        assert!(error.contains(told), "{error}");
    }
    assert_eq!(model.weights()?, other().weights()?);
    let imported = model.import_matching_weights(&path, WeightLayout::Keras)?;
    assert_eq!(imported.missing, ["top/kernel", "top/bias"]);
    assert_eq!(imported.left_over, ["out/bias", "out/kernel"]);
    assert_eq!(model.weights()?[..2], chain().weights()?[..2]);
    assert_eq!(model.weights()?[2..], other().weights()?[2..]);
    // PyTorch's shapes are none of Keras's.
    let torch = chain().export_weights(folder.path().join("torch"), WeightLayout::PyTorch)?;
    let error = model.import_matching_weights(&torch, WeightLayout::Keras);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("received 4 missing (hidden")
    );
    Ok(())
}

fn write(path: &Path, tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (
            *name,
            TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
        )
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn other_shapes_kinds_and_files_are_refused() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.safetensors");
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(2).use_bias(false).name("out").input_shape(3));
    let mut import = |told: &str| {
        let error = model.import_weights(&path, WeightLayout::Keras);
        let error = error.expect_err(told).to_string();
        assert!(error.contains(told), "{error}");
    };
    let name = "out/kernel";
    write(&path, &[(name, Dtype::F32, vec![2, 3], vec![0; 24])]);
    import("expected out/kernel of shape (3, 2), received one of shape (2, 3)");
    write(&path, &[(name, Dtype::I32, vec![3, 2], vec![0; 24])]);
    import("of kind I32");
    write(&path, &[]);
    import("1 missing (out/kernel)");
    std::fs::write(&path, b"PK\x03\x04 and more than eight bytes").unwrap();
    import("a whole archive");
    std::fs::write(&path, b"\x89HDF\r\n\x1a\n").unwrap();
    import("an HDF5 file");
    std::fs::write(&path, b"short").unwrap();
    import("5 bytes, too few for a header");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    import("file.safetensors");
    Ok(())
}

#[test]
fn numbers_of_16_and_64_bits_become_those_of_the_model() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.safetensors");
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).use_bias(false).name("out").input_shape(2));
    let bytes = [
        (Dtype::F16, vec![0x00, 0x3e, 0x00, 0xc0]),
        (Dtype::BF16, vec![0xc0, 0x3f, 0x00, 0xc0]),
        (Dtype::F64, [1.5_f64, -2.0].map(f64::to_le_bytes).concat()),
    ];
    for (dtype, bytes) in bytes {
        write(&path, &[("out.weight", dtype, vec![1, 2], bytes)]);
        assert!(
            model
                .import_weights(&path, WeightLayout::PyTorch)?
                .is_complete()
        );
        let weights = model.weights()?;
        assert_eq!(
            weights[0].1,
            Tensor::from_slice(&[1.5_f32, -2.0]).reshape([2, 1])
        );
    }
    Ok(())
}
