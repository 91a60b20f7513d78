//! Networks of Keras, torchvision and timm with weights that `fixtures/applications.py` draws from
//! the same formula, and how they are trained further.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::Path;

use labbook_nn::applications::{
    Application, EfficientNetB0, MobileNetV2, MobileNetV3Small, Publisher, ResNet18, ResNet50,
    VGG16,
};
use labbook_nn::{
    Activation, Dense, Fit, GlobalAveragePooling2D, Input, Model, MultiOptimizer, Optimizer,
    Result, SGD, SparseCategoricalCrossentropy, WeightLayout,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Told {
    publisher: String,
    network: String,
    size: i64,
    include_top: bool,
    weights: usize,
    sha256: String,
    shape: Vec<i64>,
    outputs: Vec<f64>,
}

fn told() -> Vec<Told> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/applications.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn network(name: &str) -> Application {
    match name {
        "ResNet18" => ResNet18::new(),
        "ResNet50" => ResNet50::new(),
        "VGG16" => VGG16::new(),
        "MobileNetV2" => MobileNetV2::new(),
        "MobileNetV3Small" => MobileNetV3Small::new(),
        "EfficientNetB0" => EfficientNetB0::new(),
        _ => panic!("no network {name}"),
    }
}

fn publisher(name: &str) -> Publisher {
    match name {
        "keras" => Publisher::Keras,
        "torchvision" => Publisher::Torchvision,
        "timm" => Publisher::Timm,
        _ => panic!("no publisher {name}"),
    }
}

fn layout(publisher: Publisher) -> WeightLayout {
    match publisher {
        Publisher::Keras => WeightLayout::Keras,
        Publisher::Torchvision | Publisher::Timm => WeightLayout::PyTorch,
    }
}

/// The script's numbers of 32 bits.
fn mixed(start: u32) -> impl Iterator<Item = u32> {
    (0_u32..).map(move |index| {
        let number = index.wrapping_mul(2_654_435_761).wrapping_add(start);
        let number = (number ^ (number >> 15)).wrapping_mul(2_246_822_519);
        number ^ (number >> 13)
    })
}

/// The script's numbers for a weight of this name.
fn drawn(name: &str, shape: &[i64], depthwise: bool) -> Vec<f32> {
    let digest = Sha256::digest(name.as_bytes());
    let start = u32::from_le_bytes(digest[..4].try_into().unwrap());
    let count = shape.iter().product::<i64>() as usize;
    let keras = name.contains('/');
    let fan: i64 = match keras {
        true if depthwise => shape.iter().take(2).product(),
        true => shape[..shape.len() - 1].iter().product(),
        false => shape[1..].iter().product(),
    };
    let part = name.rsplit(['/', '.']).next().unwrap();
    let scale = [
        "gamma",
        "weight",
        "moving_variance",
        "running_var",
        "variance",
    ]
    .contains(&part);
    let of = |uniform: f64| match shape.len() > 1 {
        true => uniform * (6.0 / fan as f64).sqrt(),
        false if scale => 1.0 + uniform / 2.0,
        false => uniform / 10.0,
    };
    let uniform = mixed(start).map(|number| f64::from(number) / f64::from(1_u32 << 31) - 1.0);
    uniform.take(count).map(|u| of(u) as f32).collect()
}

fn images(size: i64) -> Tensor {
    let numbers: Vec<f32> = mixed(0)
        .take((2 * size * size * 3) as usize)
        .map(|number| (number >> 24) as f32)
        .collect();
    Tensor::from_slice(&numbers).reshape([2, size, size, 3])
}

/// A file as the publisher's own network would write it, and what its names and shapes hash to.
fn write_weights(
    path: &Path,
    model: &Model,
    publisher: Publisher,
    more: &[&str],
) -> (usize, String) {
    let map = model.weight_map(layout(publisher)).unwrap();
    let rows = map.rows().iter();
    let mut names: Vec<(String, Vec<i64>, bool)> = rows
        .map(|row| {
            let depthwise = row.weight_shape.len() == 4 && row.weight_shape[3] == 1;
            (row.name.clone(), row.shape.clone(), depthwise)
        })
        .collect();
    names.extend(more.iter().map(|name| ((*name).to_owned(), vec![3], false)));
    let tensors = names.iter().map(|(name, shape, depthwise)| {
        let numbers = drawn(name, shape, *depthwise);
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        (name, shape, bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let shape = shape.iter().map(|&size| size as usize).collect();
        (*name, TensorView::new(Dtype::F32, shape, bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
    let mut lines: Vec<String> = names
        .iter()
        .map(|(name, shape, _)| format!("{name} {shape:?}"))
        .collect();
    lines.sort();
    let digest = Sha256::digest(lines.join("\n").as_bytes());
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    (lines.len(), hex.collect())
}

/// Compares what a network predicts to what the publisher's own does.
fn compare(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Told> = told()
        .into_iter()
        .filter(|row| row.network == name)
        .collect();
    assert!(rows.len() >= 2, "no fixture for {name}");
    for row in rows {
        let publisher = publisher(&row.publisher);
        let plain = network(name)
            .publisher(publisher)
            .include_top(row.include_top)
            .input_shape((row.size, row.size, 3))
            .classifier_activation(Activation::Linear)
            .device(Device::Cpu);
        let path = folder.path().join(&row.publisher);
        let path = path.with_extension("safetensors");
        let scaled = publisher == Publisher::Keras && name == "EfficientNetB0";
        let more: &[&str] = match scaled {
            true => &["normalization/mean", "normalization/variance"],
            false => &[],
        };
        let own = plain.clone().classes(7).build().unwrap();
        let (count, hash) = write_weights(&path, &own, publisher, more);
        assert_eq!(count, row.weights, "{name} of {publisher}");
        assert_eq!(hash, row.sha256, "names and shapes of {publisher}'s {name}");
        drop(own);

        let trained = plain.weights(&path);
        let mut model = trained.build().unwrap();
        let x = trained.preprocess_input(&images(row.size)).unwrap();
        let y = model.predict(&x).unwrap();
        assert_eq!(y.size(), row.shape);
        let step = (y.numel() / 400).max(1) as i64;
        let ours = y
            .reshape([-1])
            .slice(0, None, None, step)
            .to_kind(Kind::Double);
        let theirs = Tensor::from_slice(&row.outputs);
        assert_eq!(ours.size(), theirs.size());
        let largest = theirs.abs().max().double_value(&[]);
        let error = (&ours - &theirs).abs().max().double_value(&[]) / largest.max(1.0);
        assert!(error < 1e-4, "{publisher}'s {name} is off by {error:e}");
        assert!(
            theirs.std(true).double_value(&[]) > 1e-3,
            "nothing to compare"
        );
    }
}

#[test]
fn resnet18_predicts_what_its_publishers_do() {
    compare("ResNet18");
}

#[test]
fn resnet50_predicts_what_its_publishers_do() {
    compare("ResNet50");
}

#[test]
fn vgg16_predicts_what_its_publishers_do() {
    compare("VGG16");
}

#[test]
fn mobilenet_v2_predicts_what_its_publishers_do() {
    compare("MobileNetV2");
}

#[test]
fn mobilenet_v3_small_predicts_what_its_publishers_do() {
    compare("MobileNetV3Small");
}

#[test]
fn efficientnet_b0_predicts_what_its_publishers_do() {
    compare("EfficientNetB0");
}

fn small() -> Application {
    ResNet18::new()
        .include_top(false)
        .input_shape((32, 32, 3))
        .device(Device::Cpu)
}

/// A network of others below, and a dense layer above.
fn upon(base: &Model) -> Result<Model> {
    let images = Input::new((32, 32, 3));
    let rows = GlobalAveragePooling2D::new().call(&base.call(&images));
    let classes = Dense::new(3).name("classes").call(&rows);
    Ok(Model::on(Device::Cpu, &images, &classes)?.seeded(3))
}

/// The names of the weights that one step changes, running statistics too.
fn changed(model: &mut Model, optimizer: impl Optimizer + 'static) -> Result<Vec<String>> {
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    model.compile(optimizer, loss, [])?;
    let before = model.weights()?;
    let labels = Tensor::from_slice(&[0_i64, 1]);
    let x = images(32) / 255.0;
    model.fit(&x, &labels, &Fit::new().epochs(1).verbose(0))?;
    let after = model.weights()?;
    let pairs = before.into_iter().zip(after);
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    Ok(changed.map(|((name, _), _)| name).collect())
}

#[test]
fn what_is_frozen_stays_and_the_rest_learns() -> Result<()> {
    let mut base = small().build()?;
    base.set_trainable(false)?;
    let mut model = upon(&base)?;
    let head = ["classes/kernel:0", "classes/bias:0"];
    assert_eq!(changed(&mut model, SGD::new())?, head);

    base.unfreeze_from("layer4.1.conv1")?;
    base.freeze_batch_normalization()?;
    let two = ["layer4.1.conv1", "layer4.1.conv2"].map(|name| format!("resnet18/{name}/kernel:0"));
    let both: Vec<String> = two.into_iter().chain(head.map(str::to_owned)).collect();
    assert_eq!(changed(&mut model, SGD::new())?, both);

    base.unfreeze_from(0)?;
    assert_eq!(changed(&mut model, SGD::new())?.len(), 100 + 2);
    let count = base.layers()?.len() as i64;
    base.unfreeze_from(-1)?;
    base.unfreeze_from(count - 1)?;
    assert!(
        base.trainable_weights()?.is_empty(),
        "an activation has none"
    );
    for wrong in [count, -count - 1] {
        let error = base.unfreeze_from(wrong).unwrap_err().to_string();
        assert!(error.contains("a number from -"), "{error}");
    }
    assert!(base.unfreeze_from("layer9").is_err());
    Ok(())
}

#[test]
fn lower_layers_learn_at_a_rate_of_their_own() -> Result<()> {
    let base = small().build()?;
    let mut model = upon(&base)?;
    let still = || SGD::new().learning_rate(0.0);
    let optimizer = MultiOptimizer::new(still())
        .from_layer(&model, "resnet18/layer3.0.conv1", still())
        .from_layer(&model, "resnet18/layer4.1.bn2", SGD::new());
    let changed: Vec<String> = changed(&mut model, optimizer)?
        .into_iter()
        .filter(|name| !name.contains("moving_"))
        .collect();
    let learned = [
        "resnet18/layer4.1.bn2/gamma:0",
        "resnet18/layer4.1.bn2/beta:0",
        "classes/kernel:0",
        "classes/bias:0",
    ];
    assert_eq!(changed, learned);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net");
    model.save(&path)?;
    let again = Model::load_on(&path, Device::Cpu)?;
    assert_eq!(again.optimizer_config(), model.optimizer_config());

    let nothing = MultiOptimizer::new(still())
        .from_layer(&model, 0, still())
        .from_layer(&model, 0, still());
    model.compile(nothing, "mse", [])?;
    let error = model.fit(
        &images(32),
        &Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)),
        &Fit::new(),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("layers all belong to later parts"),
        "{error}"
    );
    let unknown = MultiOptimizer::new(still()).from_layer(&model, "layer9", still());
    assert!(model.compile(unknown, "mse", []).is_err());
    Ok(())
}

#[test]
fn options_and_files_that_do_not_fit_are_told() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let told = |application: Application, told: &str| {
        let error = application.device(Device::Cpu).build().expect_err(told);
        assert!(error.to_string().contains(told), "{error}");
    };
    let mobile = || MobileNetV3Small::new().input_shape((32, 32, 3));
    told(small().publisher(Publisher::Keras), "torchvision or timm");
    told(small().input_shape((31, 32, 3)), "at least 32 x 32");
    told(small().input_shape(32), "(height, width, channels)");
    told(small().pooling("sum"), "\"avg\" or \"max\"");
    told(mobile().classes(0), "at least 1");
    told(
        VGG16::new()
            .publisher(Publisher::Timm)
            .input_shape((256, 224, 3)),
        "224 to 255",
    );
    told(small().weights(folder.path().join("none")), "none");

    let full = mobile().classes(5).publisher(Publisher::Torchvision);
    let full = full.device(Device::Cpu).build()?;
    full.export_weights(&path, WeightLayout::PyTorch)?;
    // As many classes as the file has, and its publisher's names.
    let again = mobile().weights(&path).device(Device::Cpu).build()?;
    assert_eq!(again.weights()?, full.weights()?);
    let base = mobile().weights(&path).include_top(false).pooling("avg");
    assert_eq!(base.found_publisher()?, Publisher::Torchvision);
    let base = base.device(Device::Cpu).build()?;
    assert_eq!(base.output_shapes()?[0].to_string(), "(None, 576)");
    told(
        mobile().weights(&path).classes(6),
        "5, as the file of weights has",
    );
    told(
        mobile().weights(&path).input_shape((32, 32, 1)),
        "three channels",
    );
    told(
        mobile().weights(&path).publisher(Publisher::Timm),
        "weights",
    );
    told(small().weights(&path), "100 missing");
    base.export_weights(&path, WeightLayout::PyTorch)?;
    told(
        mobile().weights(&path),
        "4 missing (classifier.0.weight, classifier.0.bias",
    );
    Ok(())
}
