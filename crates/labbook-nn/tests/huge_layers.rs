//! Layers of sizes that nobody can compute: a true sentence, at once, and no panic.

use labbook_nn::{
    AveragePooling2D, Conv2D, Dense, Flatten, Input, MaxPooling2D, Model, Padding, SymbolicTensor,
    Whitening,
};
use tch::{Device, Kind, Tensor};

const HUGE: i64 = 1_000_000_000_000;

fn told(input: &SymbolicTensor, output: &SymbolicTensor) -> String {
    match Model::on(Device::Cpu, input, output) {
        Ok(_) => "made".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn huge_sizes_are_told_by_what_is_wrong_with_them() {
    let (row, image) = (Input::new(8), Input::new((8, 8, 3)));
    let memory = "weights that fit into";
    let window = "of 1 to 16777216 pixels along each axis, received (1000000000000, 1000000000000)";
    let same = || Conv2D::new(2, 3).padding(Padding::Same);
    for (case, error, part) in [
        ("units", told(&row, &Dense::new(HUGE).call(&row)), memory),
        (
            "most units",
            told(&row, &Dense::new(i64::MAX).call(&row)),
            memory,
        ),
        (
            "filters",
            told(&image, &Conv2D::new(HUGE, 3).call(&image)),
            memory,
        ),
        (
            "kernel",
            told(&image, &Conv2D::new(2, HUGE).call(&image)),
            window,
        ),
        (
            "strides",
            told(&image, &same().strides(HUGE).call(&image)),
            window,
        ),
        (
            "negative",
            told(&image, &same().strides(-1).call(&image)),
            "received (-1, -1)",
        ),
        (
            "pool",
            told(&image, &MaxPooling2D::new(HUGE).call(&image)),
            window,
        ),
        (
            "average",
            told(&image, &AveragePooling2D::new(2).strides(HUGE).call(&image)),
            window,
        ),
        (
            "large kernel",
            told(
                &image,
                &Conv2D::new(2, 1 << 20).padding(Padding::Same).call(&image),
            ),
            memory,
        ),
        (
            "valid kernel",
            told(&image, &Conv2D::new(2, 1 << 20).call(&image)),
            "images of at least",
        ),
    ] {
        assert!(error.contains(part), "{case}: {error}");
    }
    let images = Tensor::ones([2, 8, 8, 3], (Kind::Float, Device::Cpu));
    assert!(Whitening::new(HUGE).adapt(&images).is_err());
    let wide = Input::new((1 << 30, 1 << 30));
    assert!(told(&wide, &Dense::new(2).call(&Flatten::new().call(&wide))).contains(memory));
}

#[test]
fn a_tensor_that_holds_nothing_is_told() {
    let mut model = labbook_nn::Sequential::on(Device::Cpu);
    model.add(Dense::new(1).input_shape(3));
    assert!(model.compile(labbook_nn::SGD::new(), "mse", []).is_ok());
    let quiet = labbook_nn::Fit::new().verbose(0);
    let (none, y) = (
        Tensor::new(),
        Tensor::zeros([2, 1], (Kind::Float, Device::Cpu)),
    );
    let sparse = Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).to_sparse_sparse_dim(2);
    assert!(model.fit(&none, &y, &quiet).is_err());
    assert!(model.predict(&none).is_err());
    let x = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
    assert!(model.fit(&x, &none, &quiet).is_err());
    assert!(
        model
            .fit(&x, &y, &quiet.validation_data(&none, &none))
            .is_err()
    );
    let _ = model.predict(&sparse);
}
