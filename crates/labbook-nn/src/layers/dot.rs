use tch::{Kind, Tensor};

use super::axis::place;
use super::config::Kind as LayerKind;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// The products of two tensors' vectors along one axis of each; with
/// [`normalize`](Self::normalize) the cosine of their angle.
///
/// # Shapes
/// Two rows (N, a) to (N, 1); (N, .., a, ..) and (N, .., a, ..) to the axes of the first without
/// the axis, then those of the second without it.
///
/// ```
/// use labbook_nn::{Dot, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (a, b) = (Input::new(3), Input::new(3));
/// let cosine = Dot::new(1).normalize(true).call([&a, &b]);
/// let model = Model::new([&a, &b], &cosine)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 1)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dot {
    axes: (i64, i64),
    normalize: bool,
    options: LayerOptions,
}

/// What Keras keeps a squared length away from 0 by.
const EPSILON: f64 = 1e-12;

impl Dot {
    /// Along this axis of both tensors, counted with the batch axis as 0, or from the end.
    #[must_use]
    pub fn new(axis: i64) -> Self {
        Self::along(axis, axis)
    }

    /// Along an axis of the first tensor and another one of the second.
    #[must_use]
    pub fn along(first: i64, second: i64) -> Self {
        Self {
            axes: (first, second),
            normalize: false,
            options: LayerOptions::default(),
        }
    }

    /// Says whether vectors are brought to length 1 before; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }

    layer_options!();

    /// The shape of what is joined.
    fn joint(&self, inputs: &[Shape], context: &BuildContext<'_>) -> Result<Shape> {
        let [a, b] = inputs else {
            return Err(context.error(
                "two tensors",
                inputs.len(),
                "call it on two: .call([&a, &b])",
            ));
        };
        let (Some(first), Some(second)) =
            (place(self.axes.0, a.rank()), place(self.axes.1, b.rank()))
        else {
            return Err(context.error(
                "axes that the tensors have, after the batch axis",
                format!("{:?} of {a} and {b}", self.axes),
                "use Dot::new(1) for rows (N, a)",
            ));
        };
        if a.dims()[first] != b.dims()[second] {
            return Err(context.error(
                "axes of one length",
                format!("{:?} of {a} and {b}", self.axes),
                "bring the tensors to one length first, for instance with Dense",
            ));
        }
        let without = |shape: &Shape, place: usize| {
            let mut dims = shape.dims().to_vec();
            dims.remove(place);
            dims
        };
        let mut output = without(a, first);
        output.extend(without(b, second));
        if output.is_empty() {
            output.push(1);
        }
        Ok(Shape::from(output))
    }

    /// The tensor with its axis at the end, as a matrix for each example.
    fn matrix(&self, x: &Tensor, axis: i64) -> Result<Tensor> {
        let x = match self.normalize {
            true => {
                let squared =
                    x.f_square()?
                        .f_sum_dim_intlist([axis].as_slice(), true, None::<Kind>)?;
                x.f_mul(&squared.f_clamp_min(EPSILON)?.f_rsqrt()?)?
            }
            false => x.shallow_clone(),
        };
        let x = x.f_movedim_int(axis, -1)?;
        let size = x.size();
        let last = size.last().copied().unwrap_or(1);
        Ok(x.f_reshape([size[0], -1, last])?)
    }
}

impl Layer for Dot {
    fn class_name(&self) -> &'static str {
        "Dot"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Dot {
            axes: self.axes,
            normalize: self.normalize,
        }))
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.build_many(std::slice::from_ref(input), context)
    }

    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        self.joint(inputs, context)
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        self.joint(inputs, context).map(Some)
    }

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        self.forward_many(&[x], phase, activation)
    }

    fn forward_many(
        &self,
        inputs: &[&Tensor],
        _phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let [a, b] = inputs else {
            return Err(crate::layers::layer::not_built(
                self.class_name(),
                &self.options,
            ));
        };
        let product = self
            .matrix(a, self.axes.0)?
            .f_matmul(&self.matrix(b, self.axes.1)?.f_transpose(1, 2)?)?;
        let rest = |x: &Tensor, axis: i64| {
            let mut size = x.size();
            if let Some(place) = place(axis, size.len() - 1) {
                size.remove(place + 1);
            }
            size
        };
        let mut size = rest(a, self.axes.0);
        size.extend(&rest(b, self.axes.1)[1..]);
        if size.len() == 1 {
            size.push(1);
        }
        activation.apply(product.f_reshape(&size)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Model};

    #[test]
    fn rows_give_their_products_and_cosines() -> Result<()> {
        let a = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
        let b = Tensor::from_slice(&[5.0_f32, 6.0, -4.0, 3.0]).reshape([2, 2]);
        let of = |layer: Dot| -> Result<Vec<f32>> {
            let y = layer.forward_many(&[&a, &b], Phase::Infer, Activation::Linear)?;
            assert_eq!(y.size(), [2, 1]);
            Ok(Vec::try_from(y.reshape([2])).unwrap())
        };
        assert_eq!(of(Dot::new(1))?, [17.0, 0.0]);
        let cosines = of(Dot::new(-1).normalize(true))?;
        assert!((cosines[0] - 17.0 / (5.0_f32 * 61.0).sqrt()).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn matrices_give_matrices() -> Result<()> {
        let (a, b) = (Input::new((3, 4)), Input::new((5, 4)));
        let mut model = Model::new([&a, &b], &Dot::new(2).call([&a, &b]))?;
        assert_eq!(model.output_shapes()?, [Shape::from((3, 5))]);
        let x = Tensor::arange(12, (Kind::Float, tch::Device::Cpu)).reshape([1, 3, 4]);
        let y = Tensor::arange(20, (Kind::Float, tch::Device::Cpu)).reshape([1, 5, 4]);
        let expected = x.matmul(&y.transpose(1, 2));
        assert_eq!(model.predict([&x, &y])?, expected);
        let error = Model::new([&a, &b], &Dot::new(1).call([&a, &b]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("axes of one length"), "{error}");
        Ok(())
    }
}
