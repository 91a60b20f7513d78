//! Times Winograd's convolutions beside libtorch's.
use labbook_winograd::{Convolution, Sizes, Tile};
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// Seconds: of the processor with one thread, by the clock with more.
fn now() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let cpu = std::fs::read_to_string("/proc/self/schedstat").ok();
    let cpu = cpu.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    match cpu {
        Some(nanoseconds) if tch::get_num_threads() == 1 => nanoseconds * 1e-9,
        _ => START.elapsed().as_secs_f64(),
    }
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = now();
    f();
    now() - start
}

fn error(a: &Tensor, b: &Tensor) -> f64 {
    ((a.to_kind(Kind::Double) - b).abs().max() / b.abs().max()).double_value(&[])
}

fn main() {
    let batch: i64 = std::env::args()
        .nth(1)
        .and_then(|w| w.parse().ok())
        .unwrap_or(32);
    let _guard = tch::no_grad_guard();
    tch::manual_seed(0);
    println!("threads {}", tch::get_num_threads());
    for (channels, filters, size) in [(512, 1024, 15), (1024, 1024, 6)] {
        let option = (Kind::Float, Device::Cpu);
        let x = Tensor::randn([batch, size, size, channels], option);
        let w = (Tensor::randn([filters, 3, 3, channels], option) * 0.02).permute([0, 3, 1, 2]);
        let b = Tensor::randn([filters], option);
        let flops = 2e-9 * (batch * (size - 2) * (size - 2) * 9 * channels * filters) as f64;
        let direct = || {
            x.permute([0, 3, 1, 2])
                .conv2d(&w, Some(&b), [1, 1], [0, 0], [1, 1], 1)
                .permute([0, 2, 3, 1])
        };
        let sizes = Sizes {
            channels,
            filters,
            height: size,
            width: size,
            padding: 0,
        };
        let dy = Tensor::randn([batch, size - 2, size - 2, filters], option);
        let back = || {
            tch::with_grad(|| {
                let x = x.detach().set_requires_grad(true);
                let w = w.detach().set_requires_grad(true);
                let b = b.detach().set_requires_grad(true);
                let y = x
                    .permute([0, 3, 1, 2])
                    .conv2d(&w, Some(&b), [1, 1], [0, 0], [1, 1], 1)
                    .permute([0, 2, 3, 1]);
                let start = now();
                let g = Tensor::run_backward(
                    &[(&y * &dy).sum(Kind::Float)],
                    &[&x, &w, &b],
                    false,
                    false,
                );
                (now() - start, g)
            })
        };
        let reference = {
            let n = 2;
            let d = |t: &Tensor| t.to_kind(Kind::Double);
            d(&x.narrow(0, 0, n))
                .permute([0, 3, 1, 2])
                .conv2d(&d(&w), Some(&d(&b)), [1, 1], [0, 0], [1, 1], 1)
                .permute([0, 2, 3, 1])
        };
        println!(
            "{channels} {filters} {size}: direct error {:.2e}",
            error(&direct().narrow(0, 0, 2), &reference)
        );
        for tile in [Tile::Four, Tile::Two] {
            let c = Convolution::new(sizes, tile).unwrap();
            let y = c.forward(&x, &w, Some(&b)).unwrap();
            println!(
                "{tile:?} error {:.2e}",
                error(&y.narrow(0, 0, 2), &reference)
            );
            let (mut d, mut f, mut db, mut fb) = (f64::MAX, f64::MAX, f64::MAX, f64::MAX);
            for _ in 0..3 {
                d = d.min(seconds(|| drop(direct())));
                f = f.min(seconds(|| drop(c.forward(&x, &w, Some(&b)).unwrap())));
                db = db.min(back().0);
                fb = fb.min(seconds(|| drop(c.backward(&x, &w, &dy, true).unwrap())));
            }
            let (_, g) = back();
            let ours = c.backward(&x, &w, &dy, true).unwrap();
            let errors: Vec<_> = [ours.input.unwrap(), ours.kernel, ours.bias]
                .iter()
                .zip(&g)
                .map(|(a, b)| format!("{:.1e}", error(a, &b.to_kind(Kind::Double))))
                .collect();
            println!(
                "{tile:?} forward {:.0} GFLOP/s, direct {:.0}: {:.3}; backward {:.0}, direct {:.0}: {:.3}; difference {errors:?}",
                flops / f,
                flops / d,
                f / d,
                2. * flops / fb,
                2. * flops / db,
                fb / db
            );
        }
    }
}
