//! What cells of before say still means the same beside what the prelude has got since.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use labbook::prelude::*;
use tch::{Device, Kind, Tensor};

#[test]
fn a_normalization_computes_at_once_and_is_called_in_a_model_as_a_shared_layer() {
    let x = Tensor::from_slice(&[1.0_f32, 3.0]).reshape([2, 1]);
    let mut normalization = Normalization::new();
    normalization.adapt(&x).unwrap();
    let expected = Tensor::from_slice(&[-1.0_f32, 1.0]).reshape([2, 1]);
    assert_eq!(normalization.call(&x).unwrap(), expected);

    let input = Input::new(1);
    let mut model = Model::new(&input, &normalization.shared().call(&input)).unwrap();
    assert_eq!(model.predict(&x).unwrap(), expected);
}

#[test]
fn no_metrics_need_no_type_and_a_loss_may_be_a_name() {
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).input_shape(2));
    model.compile("adam", "mse", []).unwrap();
    let x = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
    let history = model
        .fit(&x, &x.select(1, 0), &Fit::new().verbose(0))
        .unwrap();
    assert_eq!(history.keys(), ["loss"]);
}
