//! Times training steps of the notebook's networks; `cargo xtask bench train` puts the figures
//! beside those of Keras and PyTorch.
//!
//! ```text
//! bench_train EXPERIMENT [--folder FOLDER] [--steps 20] [--batch 512] [--divisor 1]
//!             [--learning-rate 0.001] [--check] [--autograd] [--products]
//! ```
//!
//! Prints one line of JSON: milliseconds of every step but the first, peak memory, and with
//! `--check` the loss of the batch after those of `--steps` steps. `--folder` keeps the initial
//! weights and the batches, so that the other programs do the same work. `--divisor` narrows
//! convolutions and the dense layers on pixels. Dropout is off with `--check`, because its masks differ between programs.
//! `--autograd` adds a layer or penalty that changes nothing but keeps the library's own kernels and
//! convolutions from being used: what is left is libtorch's layers and its derivatives.
//! `--products` trains nothing: it says how long a step's multiplications take if none is left
//! out, at the rate that libtorch reaches in a large matrix product.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Conv2D, Dense, Dropout, Evaluate, Fit, FitParams, Flatten, L1L2, MaxPooling2D, Progress,
    Reporter, Result, Sequential, SparseCategoricalCrossentropy, Verbosity,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tch::{Device, Kind, Tensor};

struct Options {
    experiment: u8,
    folder: Option<PathBuf>,
    steps: i64,
    batch: i64,
    divisor: i64,
    learning_rate: f64,
    check: bool,
    autograd: bool,
    products: bool,
}

impl Options {
    fn parse() -> Option<Self> {
        let mut words = std::env::args().skip(1);
        let mut options = Self {
            experiment: words.next()?.parse().ok()?,
            folder: None,
            steps: 20,
            batch: 512,
            divisor: 1,
            learning_rate: 1e-3,
            check: false,
            autograd: false,
            products: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--check" => options.check = true,
                "--autograd" => options.autograd = true,
                "--products" => options.products = true,
                "--folder" => options.folder = Some(words.next()?.into()),
                "--steps" => options.steps = words.next()?.parse().ok()?,
                "--batch" => options.batch = words.next()?.parse().ok()?,
                "--divisor" => options.divisor = words.next()?.parse().ok()?,
                "--learning-rate" => options.learning_rate = words.next()?.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }

    /// The experiments whose step times the project follows; none for the others.
    fn network(&self) -> Option<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(1);
        let filters = match self.experiment {
            3 => &[512, 1024][..],
            4 => &[512, 1024, 1024],
            _ => &[],
        };
        let dense = |units| match self.experiment {
            9 => Dense::new(units).kernel_regularizer(L1L2::default()),
            _ => Dense::new(units),
        };
        let hidden: &[i64] = match self.experiment {
            1 => &[64, 64],
            2 => &[64, 64, 64],
            9 => &[128, 128],
            13 => &[512, 512],
            3 | 4 => &[],
            _ => return None,
        };
        for &filters in filters {
            let mut layer = Conv2D::new(filters / self.divisor, (3, 3)).activation(Relu);
            if self.autograd {
                layer = layer.kernel_regularizer(L1L2::new(0.0, 0.0));
            }
            model.add(layer);
            model.add(MaxPooling2D::new((2, 2)).strides(2));
        }
        for &units in hidden {
            model.add(dense(units / self.divisor).activation(Relu));
        }
        if self.experiment == 13 && !self.check {
            model.add(Dropout::new(0.2));
        }
        model.add(Flatten::new());
        if self.autograd {
            model.add(Dropout::new(0.0));
        }
        if !filters.is_empty() {
            model.add(Dense::new(512).activation(Relu));
        }
        model.add(dense(10).activation(Softmax));
        Some(model)
    }
}

/// When each step ended.
#[derive(Default)]
struct Clock(Arc<Mutex<Vec<(Instant, f64)>>>);

impl Clock {
    fn tick(&self) {
        let mut ticks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ticks.push((Instant::now(), processor_time()));
    }
}

impl Reporter for Clock {
    fn epoch_begin(&self, _epoch: usize, _params: &FitParams) {}
    fn step_end(&self, _progress: &Progress) {
        self.tick();
    }
    fn epoch_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
    fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
    fn message(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// Noisy images whose class shows in a wave, as bytes, and their classes.
fn data(count: i64) -> (Tensor, Tensor) {
    tch::manual_seed(5);
    let labels = Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(10);
    let pixels = Tensor::arange(3072, (Kind::Float, Device::Cpu)).reshape([1, 32, 32, 3]);
    let phases = labels.to_kind(Kind::Float).reshape([count, 1, 1, 1]);
    let waves = (pixels * 0.02 + phases).sin() * 40.0 + 128.0;
    let noise = Tensor::randn([count, 32, 32, 3], (Kind::Float, Device::Cpu)) * 50.0;
    let images = (waves + noise).clamp(0.0, 255.0).to_kind(Kind::Uint8);
    (images, labels)
}

fn bytes(tensor: &Tensor) -> (Dtype, Vec<usize>, Vec<u8>) {
    let tensor = tensor.contiguous();
    let (dtype, width) = match tensor.kind() {
        Kind::Uint8 => (Dtype::U8, 1),
        Kind::Int64 => (Dtype::I64, 8),
        _ => (Dtype::F32, 4),
    };
    let mut bytes = vec![0; tensor.numel() * width];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    let shape = tensor.size().iter().map(|&size| size as usize).collect();
    (dtype, shape, bytes)
}

/// Weights `w0`, `w1` .. in Keras's order and shapes, `x` and `y`.
fn keep(folder: &Path, model: &Sequential, x: &Tensor, y: &Tensor) -> Result<(), String> {
    let weights = model.weights().map_err(|error| error.to_string())?;
    let mut tensors: Vec<(String, _)> = vec![("x".into(), bytes(x)), ("y".into(), bytes(y))];
    for (index, (_, weight)) in weights.iter().enumerate() {
        tensors.push((format!("w{index}"), bytes(weight)));
    }
    let views: Result<HashMap<_, _>, _> = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| {
            Ok((name, TensorView::new(*dtype, shape.clone(), data)?))
        })
        .collect();
    let views = views.map_err(|error: safetensors::SafeTensorError| error.to_string())?;
    safetensors::serialize_to_file(views, None, &folder.join("start.safetensors"))
        .map_err(|error| error.to_string())
}

/// Milliseconds of every step but the first: by the clock, and of all processors together.
///
/// On a busy machine the second says more.
struct Steps {
    elapsed: Vec<f64>,
    processor: Vec<f64>,
}

impl Steps {
    fn between(ticks: &[(Instant, f64)]) -> Self {
        let pairs = || ticks.windows(2);
        let elapsed = pairs().map(|pair| (pair[1].0 - pair[0].0).as_secs_f64() * 1e3);
        Self {
            elapsed: elapsed.collect(),
            processor: pairs().map(|pair| pair[1].1 - pair[0].1).collect(),
        }
    }
}

/// Milliseconds that the threads of this process have run; 0 where /proc does not tell.
fn processor_time() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e6
}

/// The largest memory that this process ever held, in MiB; 0 where /proc does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}

/// The steps that a model's multiplications for one batch alone would take.
fn products(model: &Sequential, options: &Options) -> Result<Steps> {
    let layers = model.layers()?;
    // The gradients of kernel and input take as much as the output, but the images need none.
    let flops: i64 = layers.iter().map(|layer| 3 * layer.flops).sum();
    let flops = (flops - layers[0].flops) as f64 * options.batch as f64;
    let (rows, width) = (4096, 512);
    let zeros = |sizes: [i64; 2]| Tensor::f_zeros(sizes, (Kind::Float, Device::Cpu));
    let (x, w) = (zeros([rows, width])?, zeros([width, width])?);
    let mut y = zeros([rows, width])?;
    // Several at a time, because processor time is told in steps of milliseconds.
    let at_a_time = 16;
    let share = flops / (at_a_time * 2 * rows * width * width) as f64;
    let mut ticks = vec![(Instant::now(), processor_time())];
    for _ in 0..=options.steps {
        for _ in 0..at_a_time {
            y = x.f_mm_out(&y, &w)?;
        }
        ticks.push((Instant::now(), processor_time()));
    }
    let steps = Steps::between(&ticks[1..]);
    let whole = |times: Vec<f64>| times.iter().map(|time| time * share).collect();
    Ok(Steps {
        elapsed: whole(steps.elapsed),
        processor: whole(steps.processor),
    })
}

fn main() -> Result<(), String> {
    let usage = "usage: bench_train 1|2|3|4|9|13 [--folder FOLDER] [--steps N] [--batch N] \
                 [--divisor N] [--learning-rate R] [--check] [--autograd] [--products]";
    let options = Options::parse().ok_or(usage)?;
    let mut model = options.network().ok_or(usage)?;
    let run = |model: &mut Sequential| -> Result<(Steps, Option<f64>)> {
        model.build((32, 32, 3))?;
        if options.products {
            return Ok((products(model, &options)?, None));
        }
        let (x, y) = data((options.steps + 1) * options.batch);
        if let Some(folder) = &options.folder
            && let Err(error) = keep(folder, model, &x, &y)
        {
            eprintln!("{error}");
        }
        let x = x.to_kind(Kind::Float) / 255.0;
        let (count, batch) = (options.steps * options.batch, options.batch);
        model.compile(
            Adam::new().learning_rate(options.learning_rate),
            SparseCategoricalCrossentropy::new(),
            ["accuracy"],
        )?;
        let clock = Clock::default();
        let ticks = clock.0.clone();
        let fit = Fit::new().batch_size(batch).shuffle(false).reporter(clock);
        model.fit(&x.narrow(0, 0, count), &y.narrow(0, 0, count), &fit)?;
        let ticks = ticks.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = Steps::between(&ticks);
        if !options.check {
            return Ok((steps, None));
        }
        let (x, y) = (x.narrow(0, count, batch), y.narrow(0, count, batch));
        let quiet = Evaluate::new().batch_size(batch).verbose(0);
        Ok((steps, Some(model.evaluate_with(&x, &y, &quiet)?.loss)))
    };
    let (steps, loss) = run(&mut model).map_err(|error| error.to_string())?;
    let figures = serde_json::json!({
        "experiment": options.experiment,
        "milliseconds": steps.elapsed,
        "processor_milliseconds": steps.processor,
        "loss": loss,
        "peak_mib": peak_memory(),
    });
    println!("{figures}");
    Ok(())
}
