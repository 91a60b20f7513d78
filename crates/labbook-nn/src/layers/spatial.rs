use tch::Tensor;

use super::conv2d::Padding;
use crate::tensors::shape::LARGEST_SIDE;
use crate::{Activation, BuildContext, Result, Shape};

/// More numbers than an example can have.
const MOST_NUMBERS: i64 = 1 << 40;

/// How windows lie along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    /// How many there are.
    pub(super) output: i64,
    /// Zeros before the axis and after it.
    pub(super) before: i64,
    pub(super) after: i64,
}

impl Windows {
    /// Those of a kernel on an axis; `None` if not even one fits.
    pub(super) fn of(size: i64, kernel: i64, stride: i64, padding: Padding) -> Option<Self> {
        if padding == Padding::Same {
            let (output, before, after) = super::conv2d::same(size, kernel, stride);
            return Some(Self {
                output,
                before,
                after,
            });
        }
        (size >= kernel).then(|| Self {
            output: (size - kernel) / stride + 1,
            before: 0,
            after: 0,
        })
    }
}

/// What a kernel reaches over whose numbers lie so far apart.
pub(super) fn reach(kernel: i64, dilation: i64) -> i64 {
    (kernel - 1) * dilation + 1
}

/// The sizes of the axes between batch and channels, of which there have to be so many, and the
/// channels.
pub(super) fn axes<'a>(
    input: &'a Shape,
    rank: usize,
    context: &BuildContext<'_>,
) -> Result<(&'a [i64], i64)> {
    match input.dims().split_last() {
        Some((&channels, sizes)) if sizes.len() == rank => Ok((sizes, channels)),
        _ => Err(context.error(
            match rank {
                1 => "sequences (None, steps, channels)",
                2 => "images (None, height, width, channels)",
                _ => "volumes (None, depth, height, width, channels)",
            },
            input,
            "put it before Flatten, give data of one channel an axis of size 1, or use Reshape",
        )),
    }
}

/// Sizes that an option gives have to be positive, and no larger than any image.
pub(super) fn check_sizes(
    option: &str,
    sizes: &[i64],
    least: i64,
    context: &BuildContext<'_>,
) -> Result<()> {
    match sizes
        .iter()
        .all(|size| (least..=LARGEST_SIDE).contains(size))
    {
        true => Ok(()),
        false => Err(context.error(
            &format!("{option} from {least} to {LARGEST_SIDE}"),
            format!("{sizes:?}"),
            "use small whole numbers",
        )),
    }
}

/// What a layer drops has to be a share below all.
pub(super) fn check_rate(rate: f64, advice: &str, context: &BuildContext<'_>) -> Result<()> {
    match (0.0..1.0).contains(&rate) {
        true => Ok(()),
        false => Err(context.error("a rate of at least 0 and below 1", rate, advice)),
    }
}

/// The shape of an output, if one example of it is thinkable.
pub(super) fn output_shape(sizes: Vec<i64>, context: &BuildContext<'_>) -> Result<Shape> {
    let shape = Shape::from(sizes);
    let fits = shape.dims().iter().all(|&size| size >= 1)
        && shape.elements().is_some_and(|count| count <= MOST_NUMBERS);
    match fits {
        true => Ok(shape),
        false => Err(context.error(
            "an output with at least one number, and with no more than fit in memory",
            shape,
            "use other sizes",
        )),
    }
}

/// (N, .., channels) seen as libtorch's (N, channels, ..): no copy.
pub(super) fn channels_first(x: &Tensor) -> Result<Tensor> {
    let rank = x.dim() as i64;
    let axes: Vec<i64> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    Ok(x.f_permute(axes)?)
}

/// The way back, after the activation: in place on a view, autograd would copy.
pub(super) fn channels_last(y: Tensor, activation: Activation) -> Result<Tensor> {
    let rank = y.dim() as i64;
    let axes: Vec<i64> = [0].into_iter().chain(2..rank).chain([1]).collect();
    if activation.sees_the_last_axis() {
        return activation.apply(y.f_permute(axes)?);
    }
    Ok(activation.apply(y)?.f_permute(axes)?)
}

/// Zeros around the axes after the first two; negative ones cut off.
pub(super) fn pad(x: &Tensor, borders: &[(i64, i64)]) -> Result<Tensor> {
    if borders.iter().all(|&border| border == (0, 0)) {
        return Ok(x.shallow_clone());
    }
    // libtorch begins with the last axis.
    let pads = borders.iter().rev();
    let pads: Vec<i64> = pads.flat_map(|&(before, after)| [before, after]).collect();
    Ok(x.f_constant_pad_nd(pads)?)
}
