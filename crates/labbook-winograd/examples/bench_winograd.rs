//! Times these convolutions beside libtorch's, in turns.
//!
//! ```text
//! bench_winograd [BATCH [ROUNDS [CHANNELS FILTERS SIZE PADDING]...]]
//! ```
//!
//! Without shapes, those of Experiments 3 and 4 and what their pools read of them. Prints the
//! least seconds of each function and GFLOP/s, both as if all products of the direct method
//! were computed. With one thread (`OMP_NUM_THREADS=1`) seconds are the processor's.

use std::sync::LazyLock;
use std::time::Instant;

use labbook_winograd::{Convolution, Result, Sizes, Tile};
use tch::{Device, Kind, Tensor};

struct Shape {
    batch: i64,
    sizes: Sizes,
    /// Rows and columns of the output that are computed here; libtorch computes all.
    output: (i64, i64),
}

struct Data {
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    dy: Tensor,
}

fn main() -> Result<()> {
    let words: Vec<i64> = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    let batch = words.first().copied().unwrap_or(32);
    let rounds = words.get(1).copied().unwrap_or(3);
    let shape = |channels, filters, size, padding| {
        let sizes = Sizes {
            channels,
            filters,
            height: size,
            width: size,
            padding,
        };
        Shape {
            batch,
            sizes,
            output: (sizes.output_height(), sizes.output_width()),
        }
    };
    let mut shapes: Vec<Shape> = words
        .get(2..)
        .unwrap_or_default()
        .chunks_exact(4)
        .map(|words| shape(words[0], words[1], words[2], words[3]))
        .collect();
    if shapes.is_empty() {
        let mut cropped = shape(512, 1024, 15, 0);
        cropped.output = (12, 12);
        shapes = vec![shape(512, 1024, 15, 0), cropped, shape(1024, 1024, 6, 0)];
    }
    let _guard = tch::no_grad_guard();
    println!("{} threads, batch {batch}", tch::get_num_threads());
    for shape in shapes {
        compare(&shape, rounds)?;
    }
    Ok(())
}

fn compare(shape: &Shape, rounds: i64) -> Result<()> {
    let Sizes {
        channels,
        filters,
        height,
        width,
        padding,
    } = shape.sizes;
    let (rows, columns) = shape.output;
    println!(
        "{channels} to {filters}, {height} x {width}, padding {padding}, output {rows} x {columns}"
    );
    let data = Data::new(shape);
    let pixels = shape.batch * shape.sizes.output_height() * shape.sizes.output_width();
    let flops = 2e-9 * (pixels * 9 * channels * filters) as f64;
    let mut direct = [f64::MAX; 2];
    let tiles = [Tile::Two, Tile::Four];
    let mut ours = [[f64::MAX; 3]; 2];
    for _ in 0..rounds {
        data.direct(shape, &mut direct);
        for (tile, best) in tiles.iter().zip(&mut ours) {
            let convolution = Convolution::cropped(shape.sizes, *tile, rows, columns)?;
            let gradients = |dx| convolution.backward(&data.x, &data.kernel, &data.dy, dx);
            let forward = || convolution.forward(&data.x, &data.kernel, Some(&data.bias));
            best[0] = best[0].min(seconds(|| forward().map(drop))?);
            best[1] = best[1].min(seconds(|| gradients(true).map(drop))?);
            best[2] = best[2].min(seconds(|| gradients(false).map(drop))?);
        }
    }
    let rate = |seconds: f64, passes: f64| passes * flops / seconds;
    println!(
        "  libtorch   forward {:8.4} s {:4.0} GFLOP/s, backward {:8.4} s {:4.0} GFLOP/s",
        direct[0],
        rate(direct[0], 1.0),
        direct[1],
        rate(direct[1], 2.0)
    );
    for (tile, [forward, backward, kernel]) in tiles.iter().zip(ours) {
        println!(
            "  {tile:?}\tforward {forward:8.4} s {:4.0} GFLOP/s, backward {backward:8.4} s {:4.0} \
             GFLOP/s (without dx {kernel:.4} s); ratio {:.3}, {:.3}, both {:.3}",
            rate(forward, 1.0),
            rate(backward, 2.0),
            forward / direct[0],
            backward / direct[1],
            (forward + backward) / (direct[0] + direct[1]),
        );
    }
    Ok(())
}

impl Data {
    fn new(shape: &Shape) -> Self {
        let Sizes {
            channels,
            filters,
            height,
            width,
            ..
        } = shape.sizes;
        let (rows, columns) = shape.output;
        let random = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu));
        tch::manual_seed(0);
        let kernel = random(&[filters, 3, 3, channels]) * 0.02;
        Self {
            x: random(&[shape.batch, height, width, channels]),
            kernel: kernel.permute([0, 3, 1, 2]),
            bias: random(&[filters]),
            dy: random(&[shape.batch, rows, columns, filters]),
        }
    }

    /// Seconds of libtorch's forward and backward pass.
    fn direct(&self, shape: &Shape, best: &mut [f64; 2]) {
        let (sizes, (rows, columns)) = (shape.sizes, shape.output);
        let padding = sizes.padding;
        let y_size = [
            shape.batch,
            sizes.output_height(),
            sizes.output_width(),
            sizes.filters,
        ];
        tch::with_grad(|| {
            let with_grad = |tensor: &Tensor| tensor.detach().set_requires_grad(true);
            let [x, kernel, bias] = [&self.x, &self.kernel, &self.bias].map(with_grad);
            let images = x.permute([0, 3, 1, 2]);
            let dy = Tensor::zeros(y_size, (Kind::Float, Device::Cpu));
            dy.narrow(1, 0, rows).narrow(2, 0, columns).copy_(&self.dy);
            let (mut passed, mut calls) = ([0.0; 2], 0.0);
            while passed[1] < 0.1 {
                let start = now();
                let y = images.conv2d(&kernel, Some(&bias), [1, 1], [padding, padding], [1, 1], 1);
                let middle = now();
                // The gradient of this product is `dy`, after one pass over it.
                let loss = y.permute([0, 2, 3, 1]).view([-1]).dot(&dy.view([-1]));
                let start_backward = now();
                drop(Tensor::run_backward(
                    &[loss],
                    &[&x, &kernel, &bias],
                    false,
                    false,
                ));
                passed[0] += middle - start;
                passed[1] += now() - start_backward;
                calls += 1.0;
            }
            for (best, passed) in best.iter_mut().zip(passed) {
                *best = best.min(passed / calls);
            }
        });
    }
}

/// Seconds of one call, from as many as take a tenth of a second.
fn seconds(function: impl Fn() -> Result<()>) -> Result<f64> {
    let start = now();
    for calls in 1.. {
        function()?;
        let passed = now() - start;
        if passed > 0.1 {
            return Ok(passed / f64::from(calls));
        }
    }
    Ok(f64::MAX)
}

/// Seconds: of the processor with one thread, by the clock with more.
fn now() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let used = std::fs::read_to_string("/proc/self/schedstat").ok();
    let used = used.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    match used {
        Some(nanoseconds) if tch::get_num_threads() == 1 => nanoseconds * 1e-9,
        _ => START.elapsed().as_secs_f64(),
    }
}
