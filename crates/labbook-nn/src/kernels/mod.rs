//! Loops of our own where libtorch's take longer: products of many short rows with bias, ReLU and
//! their gradients in one pass.
//!
//! The only `unsafe` of this crate. Every function checks lengths itself, so that none of its
//! callers can go wrong.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx512;

use std::slice;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Columns of a tile.
const TILE: usize = 64;
/// Numbers in a register.
pub(crate) const LANES: usize = 16;
/// Rows of weights that the head's loops are made for: the classes of CIFAR-10.
pub(crate) const CLASSES: usize = 10;

/// Whether this processor has what the loops need.
pub(crate) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The numbers of a contiguous `f32` tensor on the CPU, which nothing may change meanwhile.
pub(crate) fn numbers(tensor: &Tensor) -> Result<&[f32]> {
    check(tensor)?;
    // SAFETY: the tensor holds that many numbers of this kind one after another, and they live
    // as long as it does.
    Ok(unsafe { slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

/// The same to write to, of a tensor that nothing else uses meanwhile.
pub(crate) fn numbers_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    check(tensor)?;
    // SAFETY: as above.
    Ok(unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

fn check(tensor: &Tensor) -> Result<()> {
    let fits =
        tensor.device() == Device::Cpu && tensor.f_kind()? == Kind::Float && tensor.is_contiguous();
    match fits {
        true => Ok(()),
        false => Err(Error::Torch {
            operation: "a product of rows".to_owned(),
            message: format!("expected a contiguous f32 tensor on the CPU, received {tensor:?}"),
        }),
    }
}

/// A matrix cut into tiles of 64 columns. The last tile is filled up with zeros to whole registers.
#[derive(Debug)]
pub(crate) struct Packed {
    rows: usize,
    columns: usize,
    numbers: Vec<f32>,
}

impl Packed {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            numbers: vec![0.0; rows * columns.next_multiple_of(LANES)],
        }
    }

    /// Takes the numbers of a matrix that lies row by row.
    pub(crate) fn pack(&mut self, matrix: &[f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let to = self.place(row, column);
                self.numbers[to] = matrix[row * self.columns + column];
            }
        }
    }

    /// Takes the numbers of the transpose of such a matrix.
    pub(crate) fn pack_transposed(&mut self, matrix: &[f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let to = self.place(row, column);
                self.numbers[to] = matrix[column * self.rows + row];
            }
        }
    }

    /// Sets all numbers to zero.
    pub(crate) fn clear(&mut self) {
        self.numbers.fill(0.0);
    }

    /// Adds another matrix of this shape.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, number) in self.numbers.iter_mut().zip(&other.numbers) {
            *sum += number;
        }
    }

    /// Writes the matrix row by row.
    pub(crate) fn unpack(&self, matrix: &mut [f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                matrix[row * self.columns + column] = self.numbers[self.place(row, column)];
            }
        }
    }

    fn place(&self, row: usize, column: usize) -> usize {
        let first = column / TILE * TILE;
        let width = TILE.min(self.columns.next_multiple_of(LANES) - first);
        first * self.rows + row * width + column - first
    }
}

/// The gradients of some rows, in tiles of 64 columns: row `r`, column `c` lies at
/// `(c / 64 * rows + r) * 64 + c % 64`.
#[derive(Debug, Default)]
pub(crate) struct Gradients {
    rows: usize,
    columns: usize,
    numbers: Vec<f32>,
}

/// `y = x · w + bias`, or its positive part, for the rows of `x`.
pub(crate) fn affine(x: &[f32], w: &Packed, bias: &Packed, relu: bool, y: &mut [f32]) {
    let (inputs, columns) = (w.rows, w.columns);
    let rows = y.len() / columns;
    assert!(available() && x.len() == rows * inputs && y.len() == rows * columns);
    assert!((bias.rows, bias.columns) == (1, columns));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted; a matrix is as long as its sizes say.
    unsafe {
        let x = avx512::Tiled {
            start: x.as_ptr(),
            row: inputs,
            tile: TILE,
        };
        let (w, bias) = (w.numbers.as_ptr(), bias.numbers.as_ptr());
        avx512::affine(x, (rows, inputs, columns), w, bias, relu, y.as_mut_ptr());
    }
}

impl Gradients {
    /// Takes the gradients of the rows of `x · w + bias`, adds those of the bias to `bias` and
    /// those of `w` to `kernel`.
    ///
    /// With `y`, the output after ReLU and perhaps dropout, they are first set to 0 where it is
    /// not positive and multiplied by the number with it.
    pub(crate) fn take(
        &mut self,
        gradients: &[f32],
        y: Option<(&[f32], f32)>,
        x: &[f32],
        (kernel, bias): (&mut Packed, &mut Packed),
    ) {
        let (inputs, columns) = (kernel.rows, kernel.columns);
        let rows = gradients.len() / columns;
        assert!(available() && gradients.len() == rows * columns && x.len() == rows * inputs);
        assert!(y.is_none_or(|(y, _)| y.len() == gradients.len()));
        assert!((bias.rows, bias.columns) == (1, columns));
        (self.rows, self.columns) = (rows, columns);
        let length = rows * columns.next_multiple_of(TILE);
        if self.numbers.len() < length {
            self.numbers.resize(length, 0.0);
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: lengths and processor were asserted; the tiles have room for all rows.
        unsafe {
            let packed = self.numbers.as_mut_ptr();
            let y = y.map(|(y, scale)| (y.as_ptr(), scale));
            let sums = bias.numbers.as_mut_ptr();
            avx512::masked(gradients.as_ptr(), y, (rows, columns), packed, sums);
            let sums = kernel.numbers.as_mut_ptr();
            avx512::products(x.as_ptr(), packed, (rows, inputs, columns), sums);
        }
    }

    /// The gradients of `x`, given the transpose of `w` and a row of zeros.
    pub(crate) fn back(&self, transposed: &Packed, zeros: &Packed, dx: &mut [f32]) {
        let (rows, columns) = (self.rows, transposed.columns);
        assert!(available() && transposed.rows == self.columns && dx.len() == rows * columns);
        assert!((zeros.rows, zeros.columns) == (1, columns));
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        unsafe {
            let g = avx512::Tiled {
                start: self.numbers.as_ptr(),
                row: TILE,
                tile: rows * TILE,
            };
            let (w, zeros) = (transposed.numbers.as_ptr(), zeros.numbers.as_ptr());
            let sizes = (rows, self.columns, columns);
            avx512::affine(g, sizes, w, zeros, false, dx.as_mut_ptr());
        }
    }
}

/// Asks for numbers that will be needed soon to be brought near the processor.
pub(crate) fn fetch(numbers: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    avx512::fetch(numbers);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Adds the products of each image's numbers with the rows of `w`, one for each class, to `sums`:
/// [`LANES`] parts of each product, to be added up. `w` holds [`LANES`] numbers of each row in
/// turn.
pub(crate) fn head(h: &[f32], w: &[f32], sums: &mut [f32]) {
    let (length, images) = (w.len() / CLASSES, sums.len() / (CLASSES * LANES));
    assert!(available() && length % LANES == 0 && w.len() == length * CLASSES);
    assert!(h.len() == images * length && sums.len() == images * CLASSES * LANES);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted.
    unsafe {
        let sums = sums.as_mut_ptr();
        avx512::head::<CLASSES>(h.as_ptr(), (images, length), w.as_ptr(), sums);
    }
}

/// Goes back through [`head`], given the gradients of the products of all images.
///
/// Adds to the gradients `dw` of the weights, and writes those of `h` to `g`: zero where `h` is
/// not positive, and times `scale`.
pub(crate) fn head_back(
    h: &[f32],
    (w, dw): (&[f32], &mut [f32]),
    gradients: &[f32],
    scale: f32,
    g: &mut [f32],
) {
    let (length, images) = (w.len() / CLASSES, gradients.len() / CLASSES);
    assert!(available() && length % LANES == 0 && w.len() == length * CLASSES);
    assert!(dw.len() == w.len() && h.len() == images * length && g.len() == h.len());
    assert!(gradients.len() == images * CLASSES);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lengths and processor were asserted.
    unsafe {
        let weights = (w.as_ptr(), dw.as_mut_ptr());
        let (gradients, g) = (gradients.as_ptr(), g.as_mut_ptr());
        avx512::head_back::<CLASSES>(h.as_ptr(), (images, length), weights, gradients, scale, g);
    }
}

/// The numbers in a step of Adam.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamFactors {
    /// How far the moments move towards the gradient and its square.
    pub(crate) first: f32,
    pub(crate) second: f32,
    /// What weight decay leaves of a weight.
    pub(crate) keep: f32,
    /// The corrected learning rate.
    pub(crate) rate: f32,
    pub(crate) epsilon: f32,
}

/// A step of Adam in one pass over the memory; false, and nothing done, unless all four are
/// `f32` on the CPU in one memory order.
pub(crate) fn adam(
    weight: &Tensor,
    gradient: &Tensor,
    m: &Tensor,
    v: &Tensor,
    factors: AdamFactors,
) -> bool {
    if ![weight, gradient, m, v]
        .iter()
        .all(|tensor| is_dense_like(tensor, gradient))
    {
        return false;
    }
    let count = gradient.numel();
    let start = |tensor: &Tensor| tensor.data_ptr().cast::<f32>();
    // SAFETY: the tensors' memory holds so many numbers from their first on, and the optimizer's
    // tensors are no other's.
    let (weight, gradient, m, v) = unsafe {
        (
            slice::from_raw_parts_mut(start(weight), count),
            slice::from_raw_parts(start(gradient), count),
            slice::from_raw_parts_mut(start(m), count),
            slice::from_raw_parts_mut(start(v), count),
        )
    };
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
    let share = weight.len().div_ceil(threads).max(SMALLEST_SHARE);
    let parts = weight.par_chunks_mut(share).zip(gradient.par_chunks(share));
    let parts = parts
        .zip(m.par_chunks_mut(share))
        .zip(v.par_chunks_mut(share));
    parts.for_each(|(((weight, gradient), m), v)| {
        #[cfg(target_arch = "x86_64")]
        if available() {
            // SAFETY: the processor was asked.
            return unsafe { avx512::adam(weight, gradient, m, v, factors) };
        }
        factors.over(weight, gradient, m, v);
    });
    true
}

/// A thread is not woken for fewer numbers.
const SMALLEST_SHARE: usize = 1 << 15;

/// Whether a tensor has `f32` numbers on the CPU without gaps, in the shape and memory order of
/// `like`.
fn is_dense_like(tensor: &Tensor, like: &Tensor) -> bool {
    let (sizes, strides) = (tensor.size(), tensor.stride());
    let steps = sizes.iter().zip(&strides);
    let last: i64 = steps.map(|(size, stride)| (size - 1) * stride).sum();
    tensor.device() == Device::Cpu
        && tensor.f_kind().is_ok_and(|kind| kind == Kind::Float)
        && sizes == like.size()
        && strides == like.stride()
        && last + 1 == sizes.iter().product::<i64>()
}

impl AdamFactors {
    #[inline(always)]
    fn over(self, weight: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32]) {
        let numbers = weight.iter_mut().zip(gradient).zip(m).zip(v);
        for (((weight, &gradient), m), v) in numbers {
            *m += self.first * (gradient - *m);
            *v += self.second * (gradient * gradient - *v);
            *weight = self.keep * *weight - self.rate * *m / (v.sqrt() + self.epsilon);
        }
    }
}

/// Which numbers dropout keeps: those whose hash is not below the rate. The hash is of the seed
/// and of the number's place, so that neither threads nor pieces matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropping {
    threshold: u32,
    scale: f32,
    keys: [u32; 2],
}

impl Dropping {
    /// Drops at this rate, at least 0 and below 1.
    pub(crate) fn new(rate: f64, seed: u64) -> Self {
        Self {
            threshold: (rate * 2.0_f64.powi(32)) as u32,
            scale: (1.0 / (1.0 - rate)) as f32,
            keys: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// What the kept numbers are multiplied by.
    pub(crate) fn scale(self) -> f32 {
        self.scale
    }

    /// Sets dropped numbers to 0 and scales the others; `first` is the place of the first one.
    pub(crate) fn apply(self, numbers: &mut [f32], first: u64) {
        #[cfg(target_arch = "x86_64")]
        if available() {
            // SAFETY: the processor was asked.
            return unsafe { avx512::drop_some(numbers, first, self) };
        }
        self.over(numbers, first);
    }

    #[inline(always)]
    fn over(self, numbers: &mut [f32], first: u64) {
        // The places' upper half changes too rarely to be worth more work for each number.
        let [low, high] = self.keys;
        let mut done = 0;
        while done < numbers.len() {
            let place = first + done as u64;
            let length = (numbers.len() - done).min((1 << 32) - (place as u32) as usize);
            let high = high ^ ((place >> 32) as u32).wrapping_mul(0x9E37_79B9);
            for (index, number) in numbers[done..done + length].iter_mut().enumerate() {
                let hash = mix(mix((place as u32).wrapping_add(index as u32) ^ low) ^ high);
                let kept = hash >= self.threshold;
                *number = if kept { *number * self.scale } else { 0.0 };
            }
            done += length;
        }
    }
}

/// A bijection in which every bit of the input moves every bit of the output (the constants are
/// those of Wellons' "lowbias32").
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_keeps_the_right_share_whatever_the_pieces() {
        for (rate, seed) in [(0.2, 1), (0.5, 2), (0.9, u64::MAX)] {
            let dropping = Dropping::new(rate, seed);
            let mut whole = vec![1.0; 1 << 20];
            dropping.apply(&mut whole, 0);
            let mut pieces = vec![1.0; 1 << 20];
            for (index, piece) in pieces.chunks_mut(1000).enumerate() {
                dropping.apply(piece, index as u64 * 1000);
            }
            assert_eq!(whole, pieces);
            assert!(whole.iter().all(|&x| x == 0.0 || x == dropping.scale()));
            let count = whole.len() as f64;
            let dropped = |numbers: &mut dyn Iterator<Item = f32>| {
                numbers.filter(|&x| x == 0.0).count() as f64
            };
            // Five standard deviations of a binomial distribution.
            let spread = 5.0 * (count * rate * (1.0 - rate)).sqrt();
            let share = dropped(&mut whole.iter().copied());
            assert!((share - count * rate).abs() < spread, "{share}");

            // Neighbours, near and far, and the next step's masks are independent.
            let mut other = vec![1.0; 1 << 20];
            Dropping::new(rate, seed.wrapping_add(1)).apply(&mut other, 0);
            let both = rate * rate;
            let spread = 5.0 * (count * both * (1.0 - both)).sqrt();
            for lag in [1, 2, 16, 64, 1024, 65536] {
                let mut pairs = whole.iter().zip(whole.iter().cycle().skip(lag));
                let twice = dropped(&mut pairs.by_ref().map(|(a, b)| a + b));
                assert!(
                    (twice - count * both).abs() < 1.5 * spread,
                    "{lag}: {twice}"
                );
            }
            let mut pairs = whole.iter().zip(&other);
            let twice = dropped(&mut pairs.by_ref().map(|(a, b)| a + b));
            assert!((twice - count * both).abs() < spread, "{twice}");
        }
    }

    #[test]
    fn masks_go_on_behind_the_range_of_32_bits() {
        let dropping = Dropping::new(0.5, 7);
        let mut across = vec![1.0; 200];
        dropping.apply(&mut across, (1 << 32) - 100);
        let mut behind = vec![1.0; 100];
        dropping.apply(&mut behind, 1 << 32);
        assert_eq!(across[100..], behind);
        let mut start = vec![1.0; 100];
        dropping.apply(&mut start, 0);
        assert_ne!(start, behind);
    }

    #[test]
    fn a_tensor_of_another_kind_is_an_error() {
        let doubles = Tensor::zeros([2], (Kind::Double, Device::Cpu));
        assert!(numbers(&doubles).is_err());
        let transposed = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).tr();
        assert!(numbers(&transposed).is_err());
    }
}
