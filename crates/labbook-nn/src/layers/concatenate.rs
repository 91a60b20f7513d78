use tch::Tensor;

use super::axis::place;
use super::config::Kind as LayerKind;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// Several tensors side by side along one axis.
///
/// # Shapes
/// Tensors (N, .., a, ..), (N, .., b, ..), .. to (N, .., a + b + .., ..).
///
/// ```
/// use labbook_nn::{Concatenate, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (a, b) = (Input::new((4, 2)), Input::new((4, 3)));
/// let model = Model::new([&a, &b], &Concatenate::new().call([&a, &b]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4, 5)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Concatenate {
    axis: i64,
    options: LayerOptions,
}

impl Concatenate {
    /// Along the last axis; call it on several symbolic tensors.
    #[must_use]
    pub fn new() -> Self {
        Self {
            axis: -1,
            options: LayerOptions::default(),
        }
    }

    /// Sets the axis, counted with the batch axis as 0, or from the end as -1, -2, ..
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    layer_options!();

    /// The shape of what is joined.
    fn joint(&self, inputs: &[Shape], context: &BuildContext<'_>) -> Result<Shape> {
        let told = || {
            let shapes: Vec<String> = inputs.iter().map(Shape::to_string).collect();
            shapes.join(", ")
        };
        let (Some(first), true) = (inputs.first(), inputs.len() > 1) else {
            return Err(context.error(
                "at least 2 tensors",
                inputs.len(),
                "call it on several: .call([&a, &b])",
            ));
        };
        let place = place(self.axis, first.rank()).ok_or_else(|| {
            context.error(
                &format!("an axis from 1 to {} or from -{0} to -1", first.rank()),
                self.axis,
                "the batch axis is 0 and cannot be concatenated",
            )
        })?;
        let mut joint = first.dims().to_vec();
        let mut sum = 0_i64;
        for shape in inputs {
            let fits = shape.rank() == joint.len()
                && (0..joint.len())
                    .all(|axis| axis == place || shape.dims()[axis] == first.dims()[axis]);
            if !fits {
                return Err(context.error(
                    &format!("tensors that differ along axis {} only", self.axis),
                    told(),
                    "bring them to one shape first, for instance with Flatten or a pool",
                ));
            }
            sum = sum.saturating_add(shape.dims()[place]);
        }
        joint[place] = sum;
        Ok(Shape::from(joint))
    }
}

impl Default for Concatenate {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Concatenate {
    fn compute_mask(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        if masks.iter().all(Option::is_none) {
            return Ok(None);
        }
        // A step counts where one of the tensors side by side has one that does.
        let wide = inputs.iter().zip(masks).map(|(x, mask)| {
            let shape = x.size();
            Ok(match mask {
                None => Tensor::f_ones(shape, (tch::Kind::Bool, x.device()))?,
                Some(mask) => {
                    let mut mask = mask.shallow_clone();
                    while mask.dim() < shape.len() {
                        mask = mask.f_unsqueeze(-1)?;
                    }
                    mask.f_expand(shape, false)?
                }
            })
        });
        let wide = wide.collect::<Result<Vec<Tensor>>>()?;
        let joined = Tensor::f_cat(&wide, self.axis)?;
        Ok(Some(joined.f_any_dim(-1, false)?))
    }

    fn class_name(&self) -> &'static str {
        "Concatenate"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Concatenate { axis: self.axis }))
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
        activation.apply(Tensor::f_cat(inputs, self.axis)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Model};

    #[test]
    fn shapes_add_up_along_the_axis() -> Result<()> {
        let (a, b) = (Input::new((4, 5, 2)), Input::new((4, 5, 3)));
        let joined = Model::new([&a, &b], &Concatenate::new().call([&a, &b]))?;
        assert_eq!(joined.output_shapes()?, [Shape::from((4, 5, 5))]);
        let (a, b) = (Input::new((4, 5)), Input::new((6, 5)));
        let joined = Model::new([&a, &b], &Concatenate::new().axis(1).call([&a, &b]))?;
        assert_eq!(joined.output_shapes()?, [Shape::from((10, 5))]);
        let error = Model::new([&a, &b], &Concatenate::new().call([&a, &b])).unwrap_err();
        assert!(
            error.to_string().contains("(None, 4, 5), (None, 6, 5)"),
            "{error}"
        );
        let error = Model::new([&a, &b], &Concatenate::new().axis(0).call([&a, &b])).unwrap_err();
        assert!(error.to_string().contains("the batch axis is 0"), "{error}");
        Ok(())
    }
}
