//! What is written in ONNX. That onnxruntime computes the same of it, `fixtures/weights.py check` and
//! `fixtures/onnx.py` tell.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::PathBuf;

use labbook_nn::Activation::{Elu, Gelu, LeakyRelu, Relu6, Silu, Softmax};
use labbook_nn::{
    Add, Average, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Dense, Dot, Dropout,
    Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, MaxPooling2D, Maximum, Model,
    Multiply, Normalization, Padding, Rescaling, Reshape, Result, Subtract,
};
use tch::{Device, Kind, Tensor};

/// Every layer that is written, with branches, a layer that is called twice and two outputs.
fn all_layers() -> Result<Model> {
    let (image, given) = (Input::named("image", (9, 8, 2)), Input::named("row", 3));
    let x = Rescaling::new(0.5).offset(-1.0).call(&image);
    let x = Conv2D::new(4, 3)
        .padding(Padding::Same)
        .strides(2)
        .activation(Gelu)
        .call(&x);
    let twice = Conv2D::new(4, (1, 2))
        .padding(Padding::Same)
        .use_bias(false)
        .shared();
    let y = BatchNormalization::new().call(&twice.call(&x));
    let y = twice.call(&Dropout::new(0.5).call(&y));
    let x = Add::new().call([&x, &y]);
    let a = MaxPooling2D::new(2).call(&x);
    let b = AveragePooling2D::new(3)
        .strides(2)
        .padding(Padding::Same)
        .call(&x);
    let b = Conv2D::new(4, (2, 1)).activation(Relu6).call(&b);
    let x = Concatenate::new().call([&a, &b]);
    let x = Dense::new(3).activation(Silu).call(&x);
    let means = GlobalAveragePooling2D::new().call(&x);
    let most = GlobalMaxPooling2D::new().call(&x);
    let flat = Flatten::new().call(&Reshape::new((4, 3)).call(&x));
    let flat = Dense::new(3).activation(Elu).call(&flat);
    let row = Normalization::new()
        .mean([0.1, 0.2, 0.3])
        .variance([1.0, 4.0, 0.25]);
    let row = row.shared().call(&given);
    let row = Dense::new(3).activation(LeakyRelu).call(&row);
    let mixed = Multiply::new().call([&Maximum::new().call([&means, &most]), &row, &flat]);
    let mixed = Average::new().call([&mixed, &Subtract::new().call([&row, &flat])]);
    let kinds = Dense::new(4).activation(Softmax).name("kinds").call(&mixed);
    let number = Dense::new(1).name("number").call(&mixed);
    Ok(Model::on(Device::Cpu, [&image, &given], [&kinds, &number])?.seeded(4))
}

#[test]
fn operators_names_and_numbers_are_written() -> Result<()> {
    let kept = std::env::var_os("LABBOOK_ONNX_CHECK").map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    let folder = kept.unwrap_or_else(|| folder.path().to_owned());
    let mut model = all_layers()?;
    let path = model.export_onnx(folder.join("all"))?;
    assert!(path.ends_with("all.onnx"));
    let bytes = std::fs::read(&path).unwrap();
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    let operators = [
        "Conv",
        "MaxPool",
        "AveragePool",
        "MatMul",
        "Transpose",
        "Concat",
        "ReduceMean",
        "ReduceMax",
        "Flatten",
        "Reshape",
        "Sum",
        "Sub",
        "Mul",
        "Mean",
        "Max",
        "Erf",
        "Clip",
        "Sigmoid",
        "Elu",
        "LeakyRelu",
        "Softmax",
        "SAME_UPPER",
        "image",
        "row",
        "kinds",
        "number",
    ];
    for text in operators {
        assert!(has(text), "{text}");
    }
    assert!(!has("Dropout"));
    assert_eq!(
        std::fs::read(model.export_onnx(&path)?).unwrap(),
        bytes,
        "once more"
    );

    let float = (Kind::Float, Device::Cpu);
    let image = (Tensor::arange(5 * 144, float) * 0.7)
        .sin()
        .reshape([5, 9, 8, 2]);
    let row = (Tensor::arange(15, float) * 0.3).cos().reshape([5, 3]);
    let outputs = model.predict_all([&image, &row], &labbook_nn::Predict::new())?;
    let told = [
        ("image", &image),
        ("row", &row),
        ("kinds", &outputs[0]),
        ("number", &outputs[1]),
    ];
    Tensor::write_safetensors(&told, folder.join("all.safetensors")).unwrap();
    Ok(())
}

#[test]
fn layers_that_are_not_written_are_named() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (Input::new(3), Input::new(3));
    let angle = Dot::new(1).name("angle").call([&left, &right]);
    let model = Model::on(Device::Cpu, [&left, &right], &angle)?;
    let error = model
        .export_onnx(folder.path().join("x"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("layer angle (Dot)") && error.contains("export_onnx"),
        "{error}"
    );
    assert!(!folder.path().join("x.onnx").exists());
    Ok(())
}
