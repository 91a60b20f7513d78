use tch::{Kind, Tensor, no_grad_guard};

use super::config::Kind as LayerKind;
use crate::data::spans::spans;
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::shape::tuple;
use crate::{
    Activation, BuildContext, Error, Layer, LayerConfig, LayerOptions, Phase, Result, Shape,
};

/// Shifts and scales every channel by fixed numbers, to mean 0 and variance 1 over the data that
/// it was [adapted](Self::adapt) to.
///
/// Acts on the last axis and learns nothing in training, as in Keras:
/// `(x - mean) / max(sqrt(variance), 1e-7)`. In contrast to Keras the numbers are options of the
/// layer and no weights, so they do not count as parameters.
///
/// ```
/// use labbook_nn::{Dense, Normalization, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::rand([100, 3], (Kind::Float, Device::Cpu));
/// let mut normalization = Normalization::new();
/// normalization.adapt(&x)?;
/// let mut model = Sequential::new();
/// model.add(normalization.input_shape(3));
/// model.add(Dense::new(2));
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug, Default)]
pub struct Normalization {
    mean: Vec<f64>,
    variance: Vec<f64>,
    options: LayerOptions,
    /// Mean, and one over the deviation, where the model is.
    constants: Option<(Tensor, Tensor)>,
}

/// Keras's `epsilon()`: no channel is divided by less.
const LEAST_DEVIATION: f64 = 1e-7;

/// Examples converted at a time.
const CHUNK: i64 = 1000;

impl Normalization {
    /// A layer that still has to be adapted, or to be given mean and variance.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the mean of each channel.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mean(mut self, mean: impl Into<Vec<f64>>) -> Self {
        self.mean = mean.into();
        self
    }

    /// Sets the variance of each channel.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn variance(mut self, variance: impl Into<Vec<f64>>) -> Self {
        self.variance = variance.into();
        self
    }

    layer_options!(without_call);

    /// Takes mean and variance of each channel from data of shape (N, .., channels), bytes or
    /// floats.
    ///
    /// # Errors
    /// When there are no examples or channels, or numbers that are NaN or infinite.
    pub fn adapt(&mut self, x: &Tensor) -> Result<()> {
        let _guard = no_grad_guard();
        let size = x.size();
        let (count, channels) = match size.as_slice() {
            &[count, .., channels] if x.numel() > 0 => (count, channels),
            _ => {
                return Err(Error::data(
                    "x",
                    "data of shape (N, .., channels)",
                    tuple(&size),
                    "pass the training data, one row per example",
                ));
            }
        };
        let columns = |map: &dyn Fn(Tensor) -> Result<Tensor>| -> Result<Tensor> {
            let mut total: Option<Tensor> = None;
            for (start, length) in spans(count, CHUNK) {
                let x = x.f_narrow(0, start, length)?.f_to_kind(Kind::Double)?;
                let part = map(x.f_reshape([-1, channels])?)?;
                let part = part.f_sum_dim_intlist([0_i64].as_slice(), false, None::<Kind>)?;
                total = Some(match total {
                    Some(total) => part.f_add(&total)?,
                    None => part,
                });
            }
            let total = total.ok_or_else(|| not_finite("no examples"))?;
            Ok(total.f_div_scalar((x.numel() / channels as usize) as f64)?)
        };
        let mean = columns(&Ok)?;
        // About the mean: squares about 0 would drown a small variance beside a large mean.
        let variance = columns(&|x| Ok(x.f_sub(&mean)?.f_square()?))?;
        let (mean, variance) = (Vec::try_from(&mean)?, Vec::try_from(&variance)?);
        if mean
            .iter()
            .chain(&variance)
            .any(|number: &f64| !number.is_finite())
        {
            let largest = x.f_to_kind(Kind::Double)?.f_abs()?.f_max()?;
            let largest = largest.f_double_value(&[])?;
            return Err(match largest.is_finite() {
                true => Error::data(
                    "x",
                    "numbers whose squares a double holds, below 1e154",
                    format!("numbers of up to {largest:e}"),
                    "divide the data by a constant first",
                ),
                false => not_finite("some that are NaN or infinite"),
            });
        }
        self.variance = variance;
        self.mean = mean;
        Ok(())
    }

    /// What the layer makes of data of shape (N, .., channels), as `f32`; for what is to be
    /// adapted to its output, such as [`Whitening`](crate::Whitening). In a functional model write
    /// `normalization.shared().call(&x)`.
    ///
    /// # Errors
    /// When the layer is not adapted, or to another number of channels.
    pub fn call(&self, x: &Tensor) -> Result<Tensor> {
        let _guard = no_grad_guard();
        let size = x.size();
        if size.len() < 2 || size.last() != Some(&(self.mean.len() as i64)) {
            return Err(Error::data(
                "x",
                format!("data with {} channels on the last axis", self.mean.len()),
                tuple(&size),
                "adapt the layer to data of this shape first",
            ));
        }
        // Doubles and integers beside a large mean would lose their differences as singles.
        let kind = match x.f_kind()? {
            Kind::Double | Kind::Int | Kind::Int64 => Kind::Double,
            _ => Kind::Float,
        };
        let (mean, scale) = self.constants(x.device(), kind)?;
        Ok(apply(&x.f_to_kind(kind)?, &mean, &scale)?.f_to_kind(Kind::Float)?)
    }

    fn constants(&self, device: tch::Device, kind: Kind) -> Result<(Tensor, Tensor)> {
        let scale = self.variance.iter();
        let scale: Vec<f64> = scale
            .map(|variance| 1.0 / variance.sqrt().max(LEAST_DEVIATION))
            .collect();
        let on_device = |numbers: &[f64]| -> Result<Tensor> {
            let numbers = Tensor::f_from_slice(numbers)?.f_to_kind(kind)?;
            Ok(numbers.f_to_device(device)?)
        };
        Ok((on_device(&self.mean)?, on_device(&scale)?))
    }
}

fn not_finite(received: &str) -> Error {
    Error::data(
        "x",
        "finite numbers",
        received,
        "look for a division by zero in the preparation of the data",
    )
}

fn apply(x: &Tensor, mean: &Tensor, scale: &Tensor) -> Result<Tensor> {
    Ok(x.f_sub(mean)?.f_mul(scale)?)
}

impl Layer for Normalization {
    crate::layers::layer::passes_mask!();

    fn class_name(&self) -> &'static str {
        "Normalization"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Normalization {
            mean: self.mean.clone(),
            variance: self.variance.clone(),
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let channels = input.dims().last().copied().unwrap_or_default();
        for (numbers, name) in [(&self.mean, "mean"), (&self.variance, "variance")] {
            if numbers.len() as i64 != channels || channels == 0 {
                return Err(context.error(
                    &format!("a {name} of each of {channels} channels"),
                    numbers.len(),
                    "call adapt(&x_train) before adding the layer, or use .mean([..]) and \
                     .variance([..])",
                ));
            }
        }
        let numbers = self.mean.iter().chain(&self.variance);
        let sound = numbers.clone().all(|number| number.is_finite())
            && self.variance.iter().all(|&variance| variance >= 0.0);
        if !sound {
            return Err(context.error(
                "finite means and variances of at least 0",
                format!("{:?} and {:?}", self.mean, self.variance),
                "call adapt(&x_train), which computes them",
            ));
        }
        self.constants = Some(self.constants(context.device(), Kind::Float)?);
        Ok(input.clone())
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let input = single(inputs, context)?;
        let numbers = self.constants.as_ref().map(|(mean, _)| mean);
        let fits = numbers.is_some_and(|numbers| numbers.size().last() == input.dims().last());
        Ok(fits.then(|| input.clone()))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some((mean, scale)) = &self.constants else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let y = apply(&x.f_to_kind(Kind::Float)?, mean, scale)?;
        Ok(y.f_to_kind(x.f_kind()?)?)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::build;

    #[test]
    fn adapted_data_have_mean_0_and_variance_1_per_channel() -> Result<()> {
        let bytes = (Tensor::arange(2500 * 12, (Kind::Int64, Device::Cpu)) * 37).remainder(251);
        for kind in [Kind::Uint8, Kind::Float] {
            let x = bytes.reshape([2500, 2, 2, 3]).to_kind(kind);
            let mut layer = Normalization::new();
            layer.adapt(&x)?;
            build(&mut layer, (2, 2, 3))?;
            let y = layer.forward(&x.to_kind(Kind::Float), Phase::Train, Activation::Linear)?;
            assert_eq!(y, layer.call(&x)?);
            let y = y.to_kind(Kind::Double).reshape([-1, 3]);
            assert!(
                y.mean_dim(0, false, Kind::Double)
                    .abs()
                    .max()
                    .double_value(&[])
                    < 1e-6
            );
            let variance = y.var_dim(0, false, false);
            assert!((variance - 1.0).abs().max().double_value(&[]) < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn a_small_variance_beside_a_large_mean_keeps_its_digits() -> Result<()> {
        let mut layer = Normalization::new();
        let x = Tensor::from_slice(&[999.999, 1000.001].repeat(700)).reshape([-1, 1]);
        layer.adapt(&x)?;
        assert!((layer.variance[0] / 1e-6 - 1.0).abs() < 1e-7, "{layer:?}");
        let y = layer.call(&x)?;
        assert!((y.abs() - 1.0).abs().max().double_value(&[]) < 1e-6);
        let large = Tensor::from_slice(&[1_i64 << 40, (1 << 40) + 2]).reshape([2, 1]);
        layer.adapt(&large)?;
        assert_eq!(
            (layer.mean[0], layer.variance[0]),
            ((1_i64 << 40) as f64 + 1.0, 1.0)
        );
        assert_eq!(
            layer.call(&large)?,
            Tensor::from_slice(&[-1.0_f32, 1.0]).reshape([2, 1])
        );
        Ok(())
    }

    #[test]
    fn given_numbers_are_used_as_keras_uses_them() -> Result<()> {
        let mut layer = Normalization::new().mean([1.0, 2.0]).variance([4.0, 0.0]);
        build(&mut layer, 2)?;
        let x = Tensor::from_slice(&[5.0_f32, 2.0]).reshape([1, 2]);
        let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert_eq!(y, Tensor::from_slice(&[2.0_f32, 0.0]).reshape([1, 2]));
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_told() -> Result<()> {
        let error = build(&mut Normalization::new(), 2).unwrap_err().to_string();
        assert!(error.contains("call adapt(&x_train)"), "{error}");
        let mut bad = Normalization::new().mean([0.0]).variance([-1.0]);
        let error = build(&mut bad, 1).unwrap_err().to_string();
        assert!(error.contains("of at least 0"), "{error}");
        assert!(Normalization::new().adapt(&Tensor::from(1.0)).is_err());
        let infinite = Tensor::from_slice(&[f32::INFINITY, 1.0]).reshape([2, 1]);
        let error = Normalization::new().adapt(&infinite).unwrap_err();
        assert!(error.to_string().contains("NaN or infinite"), "{error}");
        let wide = Tensor::from_slice(&[1e300, -1e300]).reshape([2, 1]);
        let error = Normalization::new().adapt(&wide).unwrap_err();
        assert!(error.to_string().contains("up to 1e300"), "{error}");
        let layer = Normalization::new().mean([0.0]).variance([1.0]);
        assert!(
            layer
                .call(&Tensor::from_slice(&[1.0, 2.0]).reshape([1, 2]))
                .is_err()
        );
        Ok(())
    }
}
