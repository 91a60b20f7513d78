//! Layers of sizes that nobody can compute: a true sentence, at once, and no panic.

use labbook_nn::{
    AlphaDropout, AveragePooling1D, AveragePooling2D, AveragePooling3D, CategoryEncoding,
    CenterCrop, Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Dense, DepthwiseConv2D,
    Flatten, GaussianDropout, GaussianNoise, GroupNormalization, Input, LayerNormalization,
    MaxPooling1D, MaxPooling2D, MaxPooling3D, Model, Padding, Permute, RandomBrightness,
    RandomContrast, RandomRotation, RandomZoom, RepeatVector, Reshape, Resizing, SeparableConv2D,
    SpatialDropout1D, SpatialDropout2D, StochasticDepth, SymbolicTensor, UpSampling1D,
    UpSampling2D, Whitening,
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

/// Every way to make a layer of the shelf out of a size that cannot be, with what it is called on.
fn layers_of(size: i64) -> Vec<(&'static str, SymbolicTensor, SymbolicTensor)> {
    let (row, steps) = (Input::new(8), Input::new((8, 3)));
    let (image, volume) = (Input::new((8, 8, 3)), Input::new((4, 4, 4, 2)));
    let transposed = || Conv2DTranspose::new(2, 3);
    let separable = || SeparableConv2D::new(2, 3);
    vec![
        (
            "Conv1D filters",
            steps.clone(),
            Conv1D::new(size, 3).call(&steps),
        ),
        (
            "Conv1D kernel",
            steps.clone(),
            Conv1D::new(2, size).call(&steps),
        ),
        (
            "Conv1D strides",
            steps.clone(),
            Conv1D::new(2, 3).strides(size).call(&steps),
        ),
        (
            "Conv1D dilation",
            steps.clone(),
            Conv1D::new(2, 3).dilation_rate(size).call(&steps),
        ),
        (
            "Conv3D filters",
            volume.clone(),
            Conv3D::new(size, 2).call(&volume),
        ),
        (
            "Conv3D kernel",
            volume.clone(),
            Conv3D::new(2, size).call(&volume),
        ),
        (
            "Conv1DTranspose",
            steps.clone(),
            Conv1DTranspose::new(2, 3).strides(size).call(&steps),
        ),
        (
            "Conv2DTranspose filters",
            image.clone(),
            Conv2DTranspose::new(size, 3).call(&image),
        ),
        (
            "Conv2DTranspose strides",
            image.clone(),
            transposed().strides(size).call(&image),
        ),
        (
            "Conv2DTranspose kernel",
            image.clone(),
            Conv2DTranspose::new(2, size).call(&image),
        ),
        (
            "Conv2D groups",
            image.clone(),
            Conv2D::new(2, 3).groups(size).call(&image),
        ),
        (
            "DepthwiseConv2D",
            image.clone(),
            DepthwiseConv2D::new(3).depth_multiplier(size).call(&image),
        ),
        (
            "SeparableConv2D filters",
            image.clone(),
            SeparableConv2D::new(size, 3).call(&image),
        ),
        (
            "SeparableConv2D multiplier",
            image.clone(),
            separable().depth_multiplier(size).call(&image),
        ),
        (
            "MaxPooling1D",
            steps.clone(),
            MaxPooling1D::new(size).call(&steps),
        ),
        (
            "AveragePooling1D",
            steps.clone(),
            AveragePooling1D::new(2).strides(size).call(&steps),
        ),
        (
            "MaxPooling3D",
            volume.clone(),
            MaxPooling3D::new(size).call(&volume),
        ),
        (
            "AveragePooling3D",
            volume.clone(),
            AveragePooling3D::new(size).call(&volume),
        ),
        (
            "RepeatVector",
            row.clone(),
            RepeatVector::new(size).call(&row),
        ),
        (
            "Reshape",
            row.clone(),
            Reshape::new((size, size)).call(&row),
        ),
        (
            "Permute",
            image.clone(),
            Permute::new([size, 2, 3]).call(&image),
        ),
        (
            "UpSampling1D",
            steps.clone(),
            UpSampling1D::new(size).call(&steps),
        ),
        (
            "UpSampling2D",
            image.clone(),
            UpSampling2D::new(size).call(&image),
        ),
        (
            "Resizing",
            image.clone(),
            Resizing::new(size, size).call(&image),
        ),
        (
            "CenterCrop",
            image.clone(),
            CenterCrop::new(size, 4).call(&image),
        ),
        (
            "CategoryEncoding",
            row.clone(),
            CategoryEncoding::new(size).call(&row),
        ),
        (
            "GroupNormalization",
            image.clone(),
            GroupNormalization::new().groups(size).call(&image),
        ),
    ]
}

#[test]
fn no_layer_of_the_shelf_takes_a_size_that_cannot_be() {
    for size in [-2, HUGE, i64::MAX] {
        for (name, input, output) in layers_of(size) {
            let told = told(&input, &output);
            assert_ne!(told, "made", "{name} with {size}");
            assert!(
                told.contains("expected") && told.contains("received"),
                "{name}: {told}"
            );
        }
    }
}

#[test]
fn no_layer_of_the_shelf_takes_a_rate_that_is_no_number() {
    let (steps, image) = (Input::new((8, 3)), Input::new((8, 8, 3)));
    for rate in [f64::NAN, f64::INFINITY, -0.5, 1e300] {
        for (name, input, output) in [
            (
                "GaussianDropout",
                &steps,
                GaussianDropout::new(rate).call(&steps),
            ),
            (
                "GaussianNoise",
                &steps,
                GaussianNoise::new(-rate.abs()).call(&steps),
            ),
            ("AlphaDropout", &steps, AlphaDropout::new(rate).call(&steps)),
            (
                "SpatialDropout1D",
                &steps,
                SpatialDropout1D::new(rate).call(&steps),
            ),
            (
                "SpatialDropout2D",
                &image,
                SpatialDropout2D::new(rate).call(&image),
            ),
            (
                "StochasticDepth",
                &image,
                StochasticDepth::new(rate).call(&image),
            ),
            (
                "RandomRotation",
                &image,
                RandomRotation::new((9.0, rate)).call(&image),
            ),
            (
                "RandomZoom",
                &image,
                RandomZoom::new((5.0, rate)).call(&image),
            ),
            (
                "RandomContrast",
                &image,
                RandomContrast::new(rate).call(&image),
            ),
            (
                "RandomBrightness",
                &image,
                RandomBrightness::new((7.0, rate)).call(&image),
            ),
            (
                "LayerNormalization",
                &steps,
                LayerNormalization::new().epsilon(-rate.abs()).call(&steps),
            ),
        ] {
            let told = told(input, &output);
            assert_ne!(told, "made", "{name} with {rate}");
        }
    }
}
