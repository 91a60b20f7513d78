//! All three functions beside libtorch's convolution and its gradients in double precision.

use std::sync::{Mutex, MutexGuard, PoisonError};

use labbook_winograd::{Convolution, Error, Gradients, Result, Sizes, Tile};
use tch::{Device, IndexOp, Kind, Tensor};

/// The number of threads, which decides in which order libtorch adds, belongs to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Case {
    batch: i64,
    sizes: Sizes,
    output: (i64, i64),
    tile: Tile,
}

fn sizes((channels, filters): (i64, i64), (height, width): (i64, i64), padding: i64) -> Sizes {
    Sizes {
        channels,
        filters,
        height,
        width,
        padding,
    }
}

fn case(batch: i64, sizes: Sizes, tile: Tile) -> Case {
    let output = (sizes.output_height(), sizes.output_width());
    Case {
        batch,
        sizes,
        output,
        tile,
    }
}

/// The largest difference, relative to the largest number.
fn error(computed: &Tensor, exact: &Tensor) -> f64 {
    assert_eq!(computed.size(), exact.size());
    let difference = computed.to_kind(Kind::Double) - exact;
    (difference.abs().max() / exact.abs().max()).double_value(&[])
}

struct Data {
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    dy: Tensor,
}

impl Data {
    fn new(case: &Case) -> Self {
        tch::manual_seed(7);
        let random = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu));
        let Sizes {
            channels,
            filters,
            height,
            width,
            ..
        } = case.sizes;
        Self {
            x: random(&[case.batch, height, width, channels]),
            kernel: random(&[filters, 3, 3, channels]).permute([0, 3, 1, 2]),
            bias: random(&[filters]),
            dy: random(&[case.batch, case.output.0, case.output.1, filters]),
        }
    }

    /// Output and gradients by libtorch's autograd in double precision.
    fn exact(&self, case: &Case) -> [Tensor; 4] {
        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double).set_requires_grad(true);
        let [x, kernel, bias] = [&self.x, &self.kernel, &self.bias].map(double);
        let padding = [case.sizes.padding; 2];
        let y = x
            .permute([0, 3, 1, 2])
            .conv2d(&kernel, Some(&bias), [1, 1], padding, [1, 1], 1)
            .permute([0, 2, 3, 1])
            .narrow(1, 0, case.output.0)
            .narrow(2, 0, case.output.1);
        let loss = (&y * &self.dy).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[loss], &[&x, &kernel, &bias], false, false);
        let [x, kernel, bias] = <[Tensor; 3]>::try_from(gradients).expect("one for each");
        [y.detach(), x, kernel, bias]
    }
}

fn check(case: &Case) -> Result<()> {
    let data = Data::new(case);
    let (rows, columns) = case.output;
    let convolution = Convolution::cropped(case.sizes, case.tile, rows, columns)?;
    let y = convolution.forward(&data.x, &data.kernel, Some(&data.bias))?;
    let Gradients {
        input,
        kernel,
        bias,
    } = convolution.backward(&data.x, &data.kernel, &data.dy, true)?;
    assert!(y.is_contiguous(), "channels last in memory");
    assert!(
        kernel.permute([0, 2, 3, 1]).is_contiguous(),
        "channels last in memory"
    );
    let computed = [y, input.expect("it was asked for"), kernel, bias];
    for (i, (computed, exact)) in computed.iter().zip(data.exact(case)).enumerate() {
        let error = error(computed, &exact);
        let part = ["y", "dx", "dkernel", "dbias"][i];
        let Case {
            sizes,
            output,
            tile,
            ..
        } = case;
        assert!(
            error < 1e-5,
            "{part} {error:e} of {sizes:?} to {output:?} by {tile:?}"
        );
    }
    Ok(())
}

#[test]
fn all_sizes_equal_libtorch() -> Result<()> {
    for tile in [Tile::Two, Tile::Four] {
        // Every number of outputs up to two tiles, the two axes different.
        for output in 1..=9 {
            let image = (output + 2, (output * 5) % 9 + 3);
            check(&case(2, sizes((3, 5), image, 0), tile))?;
            check(&case(2, sizes((3, 5), (output, image.1), 1), tile))?;
        }
        for image in [(13, 13), (15, 15), (6, 6), (5, 7)] {
            check(&case(3, sizes((17, 35), image, 0), tile))?;
            check(&case(3, sizes((35, 17), image, 1), tile))?;
        }
        check(&case(1, sizes((16, 32), (15, 15), 0), tile))?;
        check(&case(2, sizes((2, 1), (4, 5), 2), tile))?;
    }
    Ok(())
}

#[test]
fn a_cropped_output_is_the_first_pixels() -> Result<()> {
    for (image, padding, output) in [
        ((15, 15), 0, (12, 12)),
        ((7, 5), 1, (6, 4)),
        ((9, 9), 0, (1, 7)),
    ] {
        check(&Case {
            output,
            ..case(2, sizes((5, 18), image, padding), Tile::Four)
        })?;
    }
    Ok(())
}

/// Large enough that a batch takes several blocks, the last one smaller, and with threads that
/// share a block unevenly or get no image.
#[test]
fn blocks_and_threads_equal_libtorch() -> Result<()> {
    let _alone = alone();
    let before = tch::get_num_threads();
    for (batch, threads) in [(7, 2), (3, 1), (11, 3), (1, 2)] {
        tch::set_num_threads(threads);
        check(&case(batch, sizes((16, 64), (42, 42), 0), Tile::Four))?;
    }
    tch::set_num_threads(before);
    Ok(())
}

#[test]
fn wide_convolutions_lose_no_more_digits_than_the_direct_method() -> Result<()> {
    for (tile, image) in [(Tile::Two, 6), (Tile::Four, 6), (Tile::Four, 5)] {
        let case = case(2, sizes((512, 64), (image, image), 0), tile);
        let data = Data::new(&case);
        let convolution = Convolution::new(case.sizes, tile)?;
        let y = convolution.forward(&data.x, &data.kernel, Some(&data.bias))?;
        let error = error(&y, &data.exact(&case)[0]);
        assert!(error < 5e-6, "{error:e} by {tile:?}");
    }
    Ok(())
}

#[test]
fn any_memory_order_and_views_of_parameters_will_do() -> Result<()> {
    let _alone = alone();
    let case = case(4, sizes((5, 6), (6, 7), 0), Tile::Four);
    let data = Data::new(&case);
    let convolution = Convolution::new(case.sizes, Tile::Four)?;
    let plain = convolution.forward(&data.x, &data.kernel, None)?;
    let x = data
        .x
        .permute([0, 3, 1, 2])
        .contiguous()
        .permute([0, 2, 3, 1]);
    let kernel = data.kernel.contiguous().set_requires_grad(true);
    let y = convolution.forward(&x, &kernel, None)?;
    assert_eq!(y, plain);
    assert!(!y.requires_grad());
    // Images from the middle of a tensor start elsewhere in memory.
    let y = convolution.forward(&data.x.narrow(0, 1, 2), &data.kernel, None)?;
    assert!(error(&y, &plain.narrow(0, 1, 2).to_kind(Kind::Double)) < 1e-5);
    Ok(())
}

#[test]
fn results_do_not_depend_on_the_memory_of_past_calls() -> Result<()> {
    let _alone = alone();
    let case = case(2, sizes((5, 6), (6, 7), 0), Tile::Four);
    let data = Data::new(&case);
    let convolution = Convolution::new(case.sizes, Tile::Four)?;
    let first = convolution.backward(&data.x, &data.kernel, &data.dy, true)?;
    let nan = &data.x * f64::NAN;
    let y = convolution.forward(&nan, &data.kernel, None)?;
    assert!(y.isnan().all().double_value(&[]) == 1.0);
    let second = convolution.backward(&data.x, &data.kernel, &data.dy, true)?;
    assert_eq!(first.kernel, second.kernel);
    assert_eq!(first.input, second.input);
    labbook_winograd::release_memory();
    let third = convolution.backward(&data.x, &data.kernel, &data.dy, false)?;
    assert_eq!(first.kernel, third.kernel);
    assert!(third.input.is_none());
    Ok(())
}

#[test]
fn what_does_not_fit_is_named() -> Result<()> {
    let sizes = sizes((5, 6), (6, 7), 0);
    let data = Data::new(&case(2, sizes, Tile::Four));
    let convolution = Convolution::new(sizes, Tile::Four)?;
    let forward = |x, kernel, bias| convolution.forward(x, kernel, bias).unwrap_err();
    let backward = |x, dy| convolution.backward(x, &data.kernel, dy, true).unwrap_err();
    let double = data.x.to_kind(Kind::Double);
    let size =
        |sizes, rows, columns| Convolution::cropped(sizes, Tile::Two, rows, columns).unwrap_err();
    let large = Sizes {
        height: i64::MAX,
        ..sizes
    };
    let errors: [(Error, &str); 10] = [
        (
            forward(&data.dy, &data.kernel, None),
            "x: expected shape (N, 6, 7, 5)",
        ),
        (
            forward(&double, &data.kernel, None),
            "x: expected f32 on the CPU, received Double",
        ),
        (
            forward(&data.x.i(0..0), &data.kernel, None),
            "at least one image",
        ),
        (
            forward(&data.x, &data.x, None),
            "kernel: expected shape (6, 5, 3, 3)",
        ),
        (
            forward(&data.x, &data.kernel, Some(&data.x)),
            "bias: expected shape (6)",
        ),
        (
            backward(&data.x, &data.x),
            "dy: expected shape (N, 4, 5, 6)",
        ),
        (
            backward(&data.x.i(0..1), &data.dy),
            "expected 1 images as in x",
        ),
        (size(sizes, 5, 5), "no more pixels"),
        (size(large, 4, 5), "fit in memory"),
        (
            size(
                Sizes {
                    channels: 0,
                    ..sizes
                },
                4,
                5,
            ),
            "at least one channel",
        ),
    ];
    for (error, part) in errors {
        assert!(error.to_string().contains(part), "{error}");
    }
    Ok(())
}
