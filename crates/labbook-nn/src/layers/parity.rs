//! Layers, constraints and initializers held to Keras's numbers: `tests/fixtures/shelf.py` tells how
//! they were made.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};

use super::random_images::RandomImages;
use super::registry::{Registered, Registry};
use super::*;
use crate::random::Rng;
use crate::tensors::shape::tuple;
use crate::{Result, Shape};

#[derive(Deserialize)]
struct Fixture {
    layers: Vec<Case>,
    constraints: Vec<Constrained>,
    initializers: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Case {
    layer: Value,
    shape: Vec<i64>,
    scale: f64,
    training: bool,
    integers: Option<Vec<i64>>,
    draws: Option<Vec<Vec<f32>>>,
    output: Told,
    #[serde(default)]
    penalty: f64,
    gradients: Option<Vec<Told>>,
}

#[derive(Deserialize)]
struct Constrained {
    constraint: Constraint,
    shape: Vec<i64>,
    output: Told,
}

#[derive(Deserialize)]
struct Drawn {
    initializer: Initializer,
    shape: Vec<i64>,
    mean: f64,
    deviation: f64,
    least: f64,
    largest: f64,
}

/// A tensor's shape and numbers, or some of them with two sums.
#[derive(Deserialize)]
pub(super) struct Told {
    shape: Vec<i64>,
    numbers: Vec<f64>,
    sums: Option<Vec<f64>>,
}

/// What the script's function of this name computes.
pub(super) fn wave(sizes: &[i64], phase: f64, scale: f64) -> Tensor {
    let count = sizes.iter().product::<i64>();
    let numbers = Tensor::arange(count, (Kind::Double, Device::Cpu));
    let values = (numbers.square() * 0.0137 + phase).sin() * scale;
    values.to_kind(Kind::Float).reshape(sizes)
}

impl Told {
    /// Whether nothing but rounding is told.
    pub(super) fn is_zero(&self) -> bool {
        self.numbers.iter().all(|number| number.abs() < 1e-6)
    }

    /// Compares to a share of the largest number.
    pub(super) fn check(&self, name: &str, computed: &Tensor, tolerance: f64) {
        assert_eq!(computed.size(), self.shape, "{name}");
        let flat = computed.to_kind(Kind::Double).reshape([-1]);
        let count = flat.numel() as i64;
        let step = ((count + 47) / 48).max(1) | 1;
        let picked = Tensor::arange_start_step(0, count, step, (Kind::Int64, Device::Cpu));
        let picked = Vec::<f64>::try_from(flat.index_select(0, &picked)).unwrap();
        assert_eq!(picked.len(), self.numbers.len(), "{name}");
        let numbers = self.numbers.iter();
        let largest = numbers.fold(1e-3_f64, |most, number| most.max(number.abs()));
        for (place, (computed, expected)) in picked.iter().zip(&self.numbers).enumerate() {
            let error = (computed - expected).abs() / largest;
            assert!(
                error <= tolerance,
                "{name}: number {place} of {}: {computed}, in Keras {expected}",
                tuple(&self.shape)
            );
        }
        if let Some(sums) = &self.sums {
            let weighted = &flat * wave(&[count], 4.0, 1.0);
            for (sum, expected) in [&flat, &weighted].iter().zip(sums) {
                let sum = sum.sum(Kind::Double).double_value(&[]);
                // Errors add up, at worst as if all had one sign.
                let error =
                    (sum - expected).abs() / (largest * (count as f64).sqrt() + expected.abs());
                assert!(error <= tolerance, "{name}: sum {sum}, in Keras {expected}");
            }
        }
    }
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../tests/fixtures/shelf.json")).unwrap()
}

pub(super) fn context<'a>(
    rng: &'a mut Rng,
    room: &'a mut Option<i64>,
    class_name: &'static str,
) -> BuildContext<'a> {
    BuildContext {
        name: "layer",
        class_name,
        rng,
        device: Device::Cpu,
        room,
    }
}

/// The layer of a case, with waves for weights, and the output's shape.
fn built(case: &Case) -> Result<(Box<dyn Layer>, Shape)> {
    let config: LayerConfig = serde_json::from_value(case.layer.clone()).unwrap();
    let mut layer = config.clone().into_layer("layer").unwrap();
    assert_eq!(layer.config(), Some(config), "a file keeps all options");
    let (mut rng, mut room) = (Rng::new(1, 0), None);
    let class_name = layer.class_name();
    assert_eq!(Value::from(class_name), case.layer["class_name"]);
    let mut context = context(&mut rng, &mut room, class_name);
    let output = layer.build_many(&[Shape::from(&case.shape[1..])], &mut context)?;
    for (index, parameter) in (0..).zip(layer.parameters()) {
        let mut view = parameter.keras_view(&parameter.value)?;
        let wave = wave(&view.size(), f64::from(index) + 2.0, 0.5);
        no_grad(|| view.copy_(&wave));
    }
    Ok((layer, output))
}

/// What a layer that draws makes of numbers that are given.
fn drawn(case: &Case, x: &Tensor, draws: &Tensor) -> Result<Tensor> {
    fn apply<L: Registered + RandomImages>(
        s: L::Settings,
        x: &Tensor,
        d: &Tensor,
    ) -> Result<Tensor> {
        L::of(s).apply(x, d)
    }
    match serde_json::from_value(case.layer.clone()).unwrap() {
        Registry::RandomFlip(settings) => apply::<RandomFlip>(settings, x, draws),
        Registry::RandomRotation(settings) => apply::<RandomRotation>(settings, x, draws),
        Registry::RandomZoom(settings) => apply::<RandomZoom>(settings, x, draws),
        Registry::RandomTranslation(settings) => apply::<RandomTranslation>(settings, x, draws),
        Registry::RandomContrast(settings) => apply::<RandomContrast>(settings, x, draws),
        Registry::RandomBrightness(settings) => apply::<RandomBrightness>(settings, x, draws),
        other => panic!("{other:?} draws nothing"),
    }
}

/// Output and loss of a case in this precision.
fn forward(case: &Case, layer: &dyn Layer, x: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
    if let Some(draws) = &case.draws {
        let rows = draws.iter().map(|row| Tensor::from_slice(row));
        let draws = Tensor::stack(&rows.collect::<Vec<_>>(), 0);
        return Ok((drawn(case, x, &draws)?, None));
    }
    let phase = match case.training {
        true => Phase::Train,
        false => Phase::Infer,
    };
    let y = layer.forward(x, phase, layer.activation())?;
    Ok((y, layer.penalty()?))
}

/// Compares one case: output, penalty and gradients.
fn check_case(index: usize, case: &Case) -> Result<()> {
    let name = format!("case {index}, {}", case.layer);
    let (layer, shape) = built(case).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(integers) = &case.integers {
        let x = Tensor::from_slice(integers).reshape(&case.shape);
        let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert_eq!(y.size()[1..], *shape.dims(), "{name}");
        case.output.check(&name, &y, 1e-6);
        return Ok(());
    }
    let x = wave(&case.shape, 0.5, case.scale).set_requires_grad(true);
    let (y, penalty) = forward(case, layer.as_ref(), &x)?;
    assert_eq!(
        y.size()[1..],
        *shape.dims(),
        "{name}: the shape told before"
    );
    case.output.check(&name, &y, 2e-5);
    let mut loss = (&y * wave(&y.size(), 1.0, 1.0)).sum(Kind::Float);
    if let Some(penalty) = penalty {
        let told = penalty.double_value(&[]);
        assert!(
            (told - case.penalty).abs() < 1e-5 * case.penalty.max(1.0),
            "{name}: {told}"
        );
        loss += penalty;
    }
    let Some(gradients) = &case.gradients else {
        return Ok(());
    };
    let parameters = layer.parameters();
    let weights = parameters.iter().map(|parameter| &parameter.value);
    let leaves: Vec<&Tensor> = [&x].into_iter().chain(weights).collect();
    let computed = Tensor::run_backward(&[loss], &leaves, false, false);
    assert_eq!(computed.len(), gradients.len(), "{name}");
    gradients[0].check(&format!("{name}, by the input"), &computed[0], 5e-5);
    let weights = computed[1..].iter().zip(&parameters).zip(&gradients[1..]);
    for ((gradient, parameter), expected) in weights {
        let gradient = parameter.keras_view(gradient)?;
        expected.check(&format!("{name}, by {}", parameter.name), &gradient, 5e-5);
    }
    Ok(())
}

#[test]
fn layers_compute_what_keras_computes_forward_and_backward() {
    let cases = fixture().layers;
    assert_eq!(cases.len(), 331);
    // All that differ are told at once.
    let differs = |(index, case): (usize, &Case)| {
        let checked = catch_unwind(AssertUnwindSafe(|| check_case(index, case).unwrap()));
        checked.is_err().then_some(index)
    };
    let differing: Vec<usize> = cases.iter().enumerate().filter_map(differs).collect();
    assert_eq!(differing, [0_usize; 0], "the cases that differ");
}

#[test]
fn layers_compute_in_bfloat16_to_its_precision() -> Result<()> {
    for (index, case) in fixture().layers.iter().enumerate() {
        if case.integers.is_some() || case.layer["class_name"] == "Discretization" {
            continue;
        }
        let name = format!("case {index}, {}", case.layer);
        let (layer, _) = built(case)?;
        let x = wave(&case.shape, 0.5, case.scale);
        let x16 = x.to_kind(Kind::BFloat16);
        let (y, _) = forward(case, layer.as_ref(), &x16)?;
        assert_eq!(y.kind(), Kind::BFloat16, "{name}");
        // Against the same layer on the same rounded numbers: some functions jump.
        let (exact, _) = forward(case, layer.as_ref(), &x16.to_kind(Kind::Float))?;
        let error = (y.to_kind(Kind::Float) - &exact).norm() / (exact.norm() + 1e-3);
        let error = error.double_value(&[]);
        assert!(error < 0.05, "{name}: {error}");
    }
    Ok(())
}

#[test]
fn constraints_do_what_those_of_keras_do() -> Result<()> {
    let cases = fixture().constraints;
    assert_eq!(cases.len(), 12);
    for case in cases {
        let weight = wave(&case.shape, 2.0, 0.5);
        let name = format!("{:?}", case.constraint);
        case.output
            .check(&name, &case.constraint.apply(&weight)?, 1e-6);
    }
    Ok(())
}

#[test]
fn initializers_draw_as_those_of_keras_do() -> Result<()> {
    let cases = fixture().initializers;
    assert_eq!(cases.len(), 33);
    for case in cases {
        let (mut rng, mut room) = (Rng::new(3, 0), None);
        let mut context = context(&mut rng, &mut room, "Layer");
        let weight = match *case.shape.as_slice() {
            [inputs, units] => context.dense_kernel(case.initializer, [inputs, units])?,
            [height, width, channels, filters] => {
                context.convolution_kernel(case.initializer, [filters, height, width, channels])?
            }
            _ => panic!("two shapes"),
        };
        let count = weight.numel() as f64;
        let weight = weight.to_kind(Kind::Double);
        let told = |tensor: Tensor| tensor.double_value(&[]);
        // Five thousand numbers: five deviations of a mean, and what the deviation of a
        // normal distribution's deviation is.
        let near = |computed: f64, expected: f64, spread: f64| {
            let fits = (computed - expected).abs() <= 1e-6 + 7.0 * spread;
            assert!(
                fits,
                "{:?}: {computed}, in Keras {expected}",
                case.initializer
            );
        };
        near(
            told(weight.mean(Kind::Double)),
            case.mean,
            case.deviation / count.sqrt(),
        );
        near(
            told(weight.std(false)),
            case.deviation,
            case.deviation / (2.0 * count).sqrt(),
        );
        // The outermost of so many, where the distribution has no end.
        let loose = 0.2 * (case.largest - case.least) / 7.0;
        near(told(weight.min()), case.least, loose);
        near(told(weight.max()), case.largest, loose);
    }
    Ok(())
}

#[test]
fn orthogonal_kernels_have_orthonormal_rows_or_columns() -> Result<()> {
    for sizes in [[20, 8], [8, 20], [7, 7]] {
        let (mut rng, mut room) = (Rng::new(3, 0), None);
        let mut context = context(&mut rng, &mut room, "Layer");
        let kernel = context.dense_kernel(Initializer::Orthogonal { gain: 2.0 }, sizes)?;
        let product = match sizes[0] < sizes[1] {
            true => kernel.mm(&kernel.tr()),
            false => kernel.tr().mm(&kernel),
        };
        let eye = Tensor::eye(product.size()[0], (Kind::Float, Device::Cpu)) * 4.0;
        assert!((product - eye).abs().max().double_value(&[]) < 1e-5);
    }
    Ok(())
}
