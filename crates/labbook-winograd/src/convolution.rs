use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::axis::Axis;
use crate::matrices::Matrices;
use crate::memory::{Buffer, Pool, with_values};
use crate::transform::{Images, Start, Transform};
use crate::{Error, Result, Tile};

/// The bytes of transformed images and products that are held at a time: at least what stays in
/// the last cache, at most what no longer matters.
const BLOCK_BYTES: (usize, usize) = (8 << 20, 96 << 20);

/// Far more numbers than an image or a kernel has, far less than what overflows.
const MOST_NUMBERS: i64 = 1 << 32;

/// A 3x3 convolution with strides of one over images of one size, by Winograd's method.
///
/// Images are f32 tensors (N, height, width, channels) on the CPU, kernels (filters, channels,
/// 3, 3) as libtorch sees them; the fastest memory order is channels last for both. Works
/// without autograd, on as many threads as libtorch. The scratch memory that it computes in is
/// shared with all other convolutions and kept until the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Convolution {
    input: Transform,
    output: Transform,
    kernel: Transform,
    pool: Arc<Pool>,
}

/// What [`Convolution::backward`] finds.
#[derive(Debug)]
pub struct Gradients {
    /// Of the input, (N, height, width, channels), if it was asked for.
    pub input: Option<Tensor>,
    /// Of the kernel, (filters, channels, 3, 3), channels last in memory.
    pub kernel: Tensor,
    /// Of the bias, (filters).
    pub bias: Tensor,
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Of the input.
    pub channels: i64,
    /// Channels of the output.
    pub filters: i64,
    /// Of the input, in pixels.
    pub height: i64,
    /// Of the input, in pixels.
    pub width: i64,
    /// Zero pixels at each of the four borders, at most 2: 0 is what Keras calls `valid`, 1 `same`.
    pub padding: i64,
}

impl Sizes {
    /// The height of the whole output.
    #[must_use]
    pub const fn output_height(&self) -> i64 {
        with_padding(self.height, self.padding).saturating_sub(2)
    }

    /// The width of the whole output.
    #[must_use]
    pub const fn output_width(&self) -> i64 {
        with_padding(self.width, self.padding).saturating_sub(2)
    }

    /// Whether images, kernel and their values at the points are so small that no product of sizes
    /// overflows.
    fn fits_in_memory(&self) -> bool {
        let within = |sizes: &[i64]| {
            let product = sizes.iter().try_fold(1_i64, |a, &b| a.checked_mul(b));
            product.is_some_and(|product| product <= MOST_NUMBERS)
        };
        let (height, width) = (self.height, self.width);
        within(&[height, width, self.channels])
            && within(&[height, width, self.filters])
            && within(&[self.channels, self.filters])
    }
}

const fn with_padding(pixels: i64, padding: i64) -> i64 {
    pixels.saturating_add(padding.saturating_mul(2))
}

impl Convolution {
    /// A convolution that yields all of its output.
    ///
    /// # Errors
    /// If there are no channels or filters, the kernel is larger than the padded images, or sizes
    /// are too large for memory.
    pub fn new(sizes: Sizes, tile: Tile) -> Result<Self> {
        Self::cropped(sizes, tile, sizes.output_height(), sizes.output_width())
    }

    /// A convolution that yields only the first `output_height` x `output_width` pixels.
    ///
    /// A 2x2 pool after it reads no odd last row or column: 12 x 12 pixels of 13 x 13 take 324
    /// products per pair of channels instead of 441.
    ///
    /// # Errors
    /// As [`Convolution::new`], and if there are fewer pixels than that, or none is left.
    pub fn cropped(
        sizes: Sizes,
        tile: Tile,
        output_height: i64,
        output_width: i64,
    ) -> Result<Self> {
        let positive = |size: i64| usize::try_from(size).ok().filter(|&size| size > 0);
        let wrong = |expected| Error::Size {
            expected,
            received: format!("{sizes:?} for {output_height} x {output_width} pixels"),
            hint: "take the sizes from the layer before",
        };
        let (Some(channels), Some(filters), Some(height), Some(width)) = (
            positive(sizes.channels),
            positive(sizes.filters),
            positive(sizes.height),
            positive(sizes.width),
        ) else {
            return Err(wrong("at least one channel, filter and pixel"));
        };
        let padding = usize::try_from(sizes.padding)
            .ok()
            .filter(|&padding| padding <= 2)
            .ok_or_else(|| wrong("0, 1 or 2 pixels of padding"))?;
        let (Some(rows), Some(columns)) = (positive(output_height), positive(output_width)) else {
            return Err(wrong("at least one pixel of output"));
        };
        if !sizes.fits_in_memory() {
            return Err(wrong("images and a kernel that fit in memory"));
        }
        if output_height > sizes.output_height() || output_width > sizes.output_width() {
            return Err(wrong("no more pixels than the convolution has"));
        }
        let input = Transform {
            rows: Axis::input(rows, tile, padding),
            columns: Axis::input(columns, tile, padding),
            images: Images {
                height,
                width,
                channels,
            },
        };
        let output = Transform {
            rows: Axis::output(rows, tile),
            columns: Axis::output(columns, tile),
            images: Images {
                height: rows,
                width: columns,
                channels: filters,
            },
        };
        let kernel = Transform {
            rows: Axis::kernel(input.rows.points()),
            columns: Axis::kernel(input.columns.points()),
            images: Images {
                height: 3,
                width: 3,
                channels,
            },
        };
        Ok(Self {
            input,
            output,
            kernel,
            pool: Pool::shared(),
        })
    }

    /// The output, (N, height, width, filters) and contiguous.
    ///
    /// # Errors
    /// If a tensor does not fit the convolution.
    pub fn forward(&self, x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let (x, batch) = checked_images("x", x, self.input.images)?;
        let kernel = self.checked_kernel(kernel)?;
        let bias = bias.map(|bias| self.checked_bias(bias)).transpose()?;
        let bias = bias.map(|bias| with_values(&bias, <[f32]>::to_vec));
        let start = Start::Channels(bias.as_deref());

        let kernel = self.kernel_matrices(&kernel)?;
        let mut y = empty_images(batch, self.output.images)?;
        let block = self.block(batch);
        let mut inputs = Matrices::new(&self.input, block, &self.pool)?;
        let mut outputs = Matrices::new(&self.output, block, &self.pool)?;
        let y_parts = y.values_mut().chunks_mut(block * self.output.images.size());
        with_values(&x, |x| {
            let x = x.chunks(block * self.input.images.size());
            for (x, y) in x.zip(y_parts) {
                inputs.set_images(x);
                outputs.set_products(&inputs, &kernel, true)?;
                outputs.to_images(start, y);
            }
            Ok::<_, Error>(())
        })?;
        Ok(y.into_tensor())
    }

    /// The gradients, from the gradient `dy` of the output; that of the input only if `input`.
    ///
    /// # Errors
    /// If a tensor does not fit the convolution.
    pub fn backward(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        dy: &Tensor,
        input: bool,
    ) -> Result<Gradients> {
        let (x, batch) = checked_images("x", x, self.input.images)?;
        let kernel = self.checked_kernel(kernel)?;
        let (dy, gradients) = checked_images("dy", dy, self.output.images)?;
        if gradients != batch {
            return Err(Error::Mismatch {
                what: "dy",
                expected: format!("{batch} images as in x"),
                received: gradients.to_string(),
                hint: "give the x that the output was computed from",
            });
        }
        let bias = dy.f_sum_dim_intlist([0, 1, 2].as_slice(), false, Kind::Float)?;
        let kernel = input.then(|| self.kernel_matrices(&kernel)).transpose()?;
        let mut dx = empty_images(if input { batch } else { 0 }, self.input.images)?;
        let mut kernel_gradient = Matrices::new(&self.kernel, self.filters(), &self.pool)?;
        let block = self.block(batch);
        let mut inputs = Matrices::new(&self.input, block, &self.pool)?;
        let mut outputs = Matrices::new(&self.output, block, &self.pool)?;
        let sizes = [&self.input, &self.output].map(|side| block * side.images.size());
        let mut dx_parts = dx.values_mut().chunks_mut(sizes[0]);
        let mut go_back = |(i, (x, dy)): (usize, (&[f32], &[f32]))| {
            inputs.set_images(x);
            outputs.set_images(dy);
            kernel_gradient.add_products(&outputs, &inputs, i == 0)?;
            if let (Some(kernel), Some(dx)) = (&kernel, dx_parts.next()) {
                // The inputs' room serves for the products: nobody needs their values any more.
                inputs.set_products(&outputs, kernel, false)?;
                inputs.to_images(Start::Zero, dx);
            }
            Ok::<_, Error>(())
        };
        with_values(&x, |x| {
            with_values(&dy, |dy| {
                let parts = x.chunks(sizes[0]).zip(dy.chunks(sizes[1]));
                parts.enumerate().try_for_each(&mut go_back)
            })
        })?;
        let mut kernel = Buffer::new(&self.kernel_shape())?;
        kernel_gradient.to_images(Start::Channels(None), kernel.values_mut());
        Ok(Gradients {
            input: input.then(|| dx.into_tensor()),
            kernel: kernel.into_tensor().f_permute([0, 3, 1, 2])?,
            bias,
        })
    }

    fn kernel_matrices(&self, kernel: &Tensor) -> Result<Matrices<'_>> {
        with_values(kernel, |kernel| {
            Matrices::of(&self.kernel, self.filters(), kernel, &self.pool)
        })
    }

    fn filters(&self) -> usize {
        self.output.images.channels
    }

    /// In memory order.
    fn kernel_shape(&self) -> [i64; 4] {
        let Images { channels, .. } = self.input.images;
        [self.filters() as i64, 3, 3, channels as i64]
    }

    /// How many images are transformed at a time.
    fn block(&self, batch: usize) -> usize {
        let bytes = |transform: &Transform| 4 * transform.products() * transform.images.channels;
        // All of the kernel is read for every block, so a block should be larger than it.
        let kernel = bytes(&self.kernel) * self.filters();
        let room = (2 * kernel).clamp(BLOCK_BYTES.0, BLOCK_BYTES.1);
        let most = (room / (bytes(&self.input) + bytes(&self.output))).clamp(1, batch);
        // Blocks of one size rather than a small one at the end.
        batch.div_ceil(batch.div_ceil(most))
    }

    fn checked_kernel(&self, kernel: &Tensor) -> Result<Tensor> {
        let [filters, height, width, channels] = self.kernel_shape();
        let fits = kernel.size() == [filters, channels, height, width];
        if !fits {
            return Err(Error::Mismatch {
                what: "kernel",
                expected: format!("shape ({filters}, {channels}, 3, 3)"),
                received: format!("{:?}", kernel.size()),
                hint: "give the kernel as libtorch's conv2d takes it",
            });
        }
        ready("kernel", &kernel.f_permute([0, 2, 3, 1])?)
    }

    fn checked_bias(&self, bias: &Tensor) -> Result<Tensor> {
        if bias.size() != [self.filters() as i64] {
            return Err(Error::Mismatch {
                what: "bias",
                expected: format!("shape ({})", self.filters()),
                received: format!("{:?}", bias.size()),
                hint: "give one number per filter",
            });
        }
        ready("bias", bias)
    }
}

fn empty_images(batch: usize, images: Images) -> Result<Buffer> {
    Buffer::new(&[
        batch as i64,
        images.height as i64,
        images.width as i64,
        images.channels as i64,
    ])
}

/// The images, ready to be read, and their number.
fn checked_images(what: &'static str, tensor: &Tensor, images: Images) -> Result<(Tensor, usize)> {
    let [height, width, channels] =
        [images.height, images.width, images.channels].map(|size| size as i64);
    match *tensor.size() {
        [batch, ref sizes @ ..] if batch > 0 && *sizes == [height, width, channels] => {
            Ok((ready(what, tensor)?, usize::try_from(batch).unwrap_or(0)))
        }
        ref received => Err(Error::Mismatch {
            what,
            expected: format!("shape (N, {height}, {width}, {channels}) with at least one image"),
            received: format!("{received:?}"),
            hint: "give images with their channels last, of the size that the convolution is for",
        }),
    }
}

/// In memory order, if it is of the right kind.
fn ready(what: &'static str, tensor: &Tensor) -> Result<Tensor> {
    if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu {
        return Err(Error::Mismatch {
            what,
            expected: "f32 on the CPU".to_owned(),
            received: format!("{:?} on {:?}", tensor.kind(), tensor.device()),
            hint: "use libtorch's convolution for the others",
        });
    }
    Ok(tensor.f_detach()?.f_contiguous()?)
}
