use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::interpolation::Interpolation;
use crate::{BuildContext, Result};

/// What stands beyond the border of an image that is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// The image in a mirror: `dcba|abcd|dcba`.
    #[default]
    Reflect,
    /// One number.
    Constant,
    /// The image again: `abcd|abcd|abcd`.
    Wrap,
    /// The pixel at the border: `aaaa|abcd|dddd`.
    Nearest,
}

/// How the images of a batch are moved: the options that three layers share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moving {
    pub(super) fill_mode: FillMode,
    pub(super) fill_value: f64,
    pub(super) interpolation: Interpolation,
}

impl Moving {
    pub(super) fn new() -> Self {
        Self {
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            interpolation: Interpolation::Bilinear,
        }
    }

    pub(super) fn check(&self, context: &BuildContext<'_>) -> Result<()> {
        match self.fill_value.is_finite() {
            true => Ok(()),
            false => {
                Err(context.error("a finite fill_value", self.fill_value, "leave it out for 0"))
            }
        }
    }

    /// Images (N, height, width, channels) whose pixel (x, y) comes from
    /// (`a · x + b · y + c`, `d · x + e · y + f`) of the one given, with numbers of shape (N,) each.
    pub(super) fn apply(&self, images: &Tensor, [a, b, c, d, e, f]: [Tensor; 6]) -> Result<Tensor> {
        let kind = images.f_kind()?;
        let images = images.f_to_kind(Kind::Float)?;
        let size = images.size();
        let [_, height, width, _] = size[..] else {
            return Ok(images);
        };
        let along = |count: i64, shape: [i64; 3]| -> Result<Tensor> {
            let numbers = Tensor::f_arange(count, (Kind::Float, images.device()))?;
            Ok(numbers.f_reshape(shape)?)
        };
        let (x, y) = (along(width, [1, 1, width])?, along(height, [1, height, 1])?);
        let place = |x_factor: &Tensor, y_factor: &Tensor, shift: &Tensor| -> Result<Tensor> {
            let each = |numbers: &Tensor| numbers.f_reshape([-1, 1, 1]);
            let sum = each(x_factor)?
                .f_mul(&x)?
                .f_add(&each(y_factor)?.f_mul(&y)?)?;
            Ok(sum.f_add(&each(shift)?)?)
        };
        let x = self.within(&place(&a, &b, &c)?, width)?;
        let y = self.within(&place(&d, &e, &f)?, height)?;
        let y = match self.interpolation {
            Interpolation::Nearest => {
                // Halves are rounded away from 0.
                let round = |x: &Tensor| -> Result<Tensor> {
                    let half = x.f_sign()?.f_mul_scalar(0.5)?;
                    Ok(x.f_add(&half)?.f_trunc()?)
                };
                self.read(&images, &round(&x)?, &round(&y)?)?
            }
            Interpolation::Bilinear => {
                let (left, top) = (x.f_floor()?, y.f_floor()?);
                let (right, bottom) = (left.f_add_scalar(1.0)?, top.f_add_scalar(1.0)?);
                let to_right = x.f_sub(&left)?.f_unsqueeze(-1)?;
                let down = y.f_sub(&top)?.f_unsqueeze(-1)?;
                let row = |y: &Tensor| -> Result<Tensor> {
                    let (first, second) = (
                        self.read(&images, &left, y)?,
                        self.read(&images, &right, y)?,
                    );
                    Ok(first.f_add(&second.f_sub(&first)?.f_mul(&to_right)?)?)
                };
                let (above, below) = (row(&top)?, row(&bottom)?);
                above.f_add(&below.f_sub(&above)?.f_mul(&down)?)?
            }
        };
        Ok(y.f_to_kind(kind)?)
    }

    /// Where a place beyond the border is read.
    fn within(&self, place: &Tensor, size: i64) -> Result<Tensor> {
        let last = (size - 1) as f64;
        let size = size as f64;
        let inside = match self.fill_mode {
            FillMode::Constant => return Ok(place.shallow_clone()),
            FillMode::Nearest => place.shallow_clone(),
            FillMode::Reflect => {
                let period = 2.0 * size;
                let times = place.f_div_scalar(period)?.f_floor()?;
                let rest = place.f_sub(&times.f_mul_scalar(period)?)?;
                let back = rest.f_neg()?.f_add_scalar(period - 1.0)?;
                back.f_where_self(&rest.f_ge(size)?, &rest)?
            }
            FillMode::Wrap if last == 0.0 => place.f_zeros_like()?,
            FillMode::Wrap => {
                // TensorFlow counts how often an image of one pixel less fits.
                let shares = place.f_div_scalar(last)?;
                let times = shares.f_neg()?.f_trunc()?.f_add_scalar(1.0)?;
                let before = place.f_add(&times.f_mul_scalar(size)?)?;
                let after = place.f_sub(&shares.f_trunc()?.f_mul_scalar(size)?)?;
                let moved = after.f_where_self(&place.f_gt(last)?, place)?;
                before.f_where_self(&place.f_lt(0.0)?, &moved)?
            }
        };
        Ok(inside.f_clamp(0.0, last)?)
    }

    /// The pixels at whole places (N, height, width), or the fill value beyond the border.
    fn read(&self, images: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let size = images.size();
        let [count, height, width, channels] = size[..] else {
            return Ok(images.shallow_clone());
        };
        let (last_x, last_y) = ((width - 1) as f64, (height - 1) as f64);
        let (inner_x, inner_y) = (x.f_clamp(0.0, last_x)?, y.f_clamp(0.0, last_y)?);
        let pixel = inner_y.f_mul_scalar(width as f64)?.f_add(&inner_x)?;
        let pixel = pixel.f_to_kind(Kind::Int64)?.f_reshape([count, -1, 1])?;
        let flat = images.f_reshape([count, height * width, channels])?;
        let read = flat.f_gather(1, &pixel.f_expand([-1, -1, channels], false)?, false)?;
        let read = read.f_reshape(size.as_slice())?;
        if self.fill_mode != FillMode::Constant {
            return Ok(read);
        }
        let same = |place: &Tensor, inner: &Tensor| place.f_eq_tensor(inner);
        let inside = same(x, &inner_x)?.f_logical_and(&same(y, &inner_y)?)?;
        let outside = inside.f_logical_not()?.f_unsqueeze(-1)?;
        let fill = Tensor::f_full([1], self.fill_value, (Kind::Float, images.device()))?;
        Ok(fill.f_where_self(&outside, &read)?)
    }
}

/// Bounds between which each image of a batch draws a number. One number stands for as far down as
/// up: `0.2` for from -0.2 to 0.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// The least.
    pub lower: f64,
    /// The largest.
    pub upper: f64,
}

impl Factor {
    /// Checks that the bounds are within a range.
    pub(super) fn check(
        self,
        option: &str,
        (least, most): (f64, f64),
        context: &BuildContext<'_>,
    ) -> Result<()> {
        match least <= self.lower && self.lower <= self.upper && self.upper <= most {
            true => Ok(()),
            false => Err(context.error(
                &format!("a {option} whose bounds rise and lie within {least} and {most}"),
                format!("{} to {}", self.lower, self.upper),
                "for instance 0.2, or (-0.1, 0.3)",
            )),
        }
    }

    /// Numbers between the bounds for numbers between 0 and 1.
    pub(super) fn at(self, shares: &Tensor) -> Result<Tensor> {
        let width = self.upper - self.lower;
        Ok(shares.f_mul_scalar(width)?.f_add_scalar(self.lower)?)
    }
}

impl From<f64> for Factor {
    fn from(factor: f64) -> Self {
        Self::from((-factor.abs(), factor.abs()))
    }
}

impl From<(f64, f64)> for Factor {
    fn from((lower, upper): (f64, f64)) -> Self {
        Self { lower, upper }
    }
}

/// The builder methods of layers that move images.
macro_rules! moving_options {
    () => {
        /// Sets what stands beyond the border; the default is [`FillMode::Reflect`].
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn fill_mode(mut self, fill_mode: FillMode) -> Self {
            self.settings.moving.fill_mode = fill_mode;
            self
        }

        /// Sets the number beyond the border for [`FillMode::Constant`]; the default is 0.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn fill_value(mut self, fill_value: f64) -> Self {
            self.settings.moving.fill_value = fill_value;
            self
        }

        /// Sets how pixels come about; the default is [`Interpolation::Bilinear`].
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
            self.settings.moving.interpolation = interpolation;
            self
        }
    };
}
pub(super) use moving_options;
