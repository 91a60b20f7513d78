//! Layers that join tensors of one shape number by number.

use std::ops::RangeInclusive;

use tch::Tensor;

use super::config::Kind as LayerKind;
use crate::layers::layer::layer_options;
use crate::{
    Activation, BuildContext, Error, Layer, LayerConfig, LayerOptions, Phase, Result, Shape,
};

/// How many tensors most of these layers join.
const SEVERAL: RangeInclusive<usize> = 2..=usize::MAX;

/// The shape that tensors of these shapes have together; an axis of one is repeated.
fn joint_shape(
    inputs: &[Shape],
    count: RangeInclusive<usize>,
    context: &BuildContext<'_>,
) -> Result<Shape> {
    let told = || {
        let shapes: Vec<String> = inputs.iter().map(Shape::to_string).collect();
        shapes.join(", ")
    };
    if !count.contains(&inputs.len()) {
        let expected = match *count.end() {
            usize::MAX => format!("at least {} tensors", count.start()),
            most => format!("{most} tensors"),
        };
        return Err(context.error(
            &expected,
            inputs.len(),
            "call it on several: .call([&a, &b])",
        ));
    }
    let mut joint = inputs[0].dims().to_vec();
    for shape in inputs {
        let fits = shape.rank() == joint.len()
            && joint
                .iter()
                .zip(shape.dims())
                .all(|(a, b)| a == b || *a == 1 || *b == 1);
        if !fits {
            return Err(context.error(
                "tensors of one shape",
                told(),
                "bring them to one shape first, for instance with Dense or Conv2D",
            ));
        }
        for (size, other) in joint.iter_mut().zip(shape.dims()) {
            *size = (*size).max(*other);
        }
    }
    Ok(Shape::from(joint))
}

/// A step counts that counts in one of the tensors, if all have masks.
fn joint_mask(masks: &[Option<&Tensor>]) -> Result<Option<Tensor>> {
    let all: Option<Vec<&Tensor>> = masks.iter().copied().collect();
    let Some((first, others)) = all.as_ref().and_then(|all| all.split_first()) else {
        return Ok(None);
    };
    let mut others = others.iter();
    let joined = others.try_fold(first.shallow_clone(), |joined, mask| {
        joined.f_logical_or(mask)
    });
    Ok(Some(joined?))
}

fn none_given(class_name: &str) -> Error {
    Error::Torch {
        operation: class_name.to_owned(),
        message: "expected at least two tensors, received none".to_owned(),
    }
}

macro_rules! merging_layer {
    ($(#[$docs:meta])* $name:ident, $count:expr, $fold:expr, $end:expr) => {
        $(#[$docs])*
        ///
        /// # Shapes
        /// Several tensors (N, ..) of one shape, or with axes of one, to a tensor of that shape.
        #[derive(Debug, Default)]
        pub struct $name {
            options: LayerOptions,
        }

        impl $name {
            /// The layer; call it on several symbolic tensors.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            layer_options!();
        }

        impl Layer for $name {
            $crate::layers::step_memory::sees_same_step!();

            fn class_name(&self) -> &'static str {
                stringify!($name)
            }

            fn options(&self) -> &LayerOptions {
                &self.options
            }

            fn config(&self) -> Option<LayerConfig> {
                Some(LayerConfig(LayerKind::$name {}))
            }

            fn needs_whole_batch(&self) -> bool {
                false
            }

            fn compute_mask(
                &self,
                _inputs: &[&Tensor],
                masks: &[Option<&Tensor>],
            ) -> Result<Option<Tensor>> {
                joint_mask(masks)
            }

            fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
                self.build_many(std::slice::from_ref(input), context)
            }

            fn build_many(
                &mut self,
                inputs: &[Shape],
                context: &mut BuildContext<'_>,
            ) -> Result<Shape> {
                joint_shape(inputs, $count, context)
            }

            fn compute_output_shape(
                &self,
                inputs: &[Shape],
                context: &BuildContext<'_>,
            ) -> Result<Option<Shape>> {
                joint_shape(inputs, $count, context).map(Some)
            }

            fn forward(
                &self,
                x: &Tensor,
                phase: Phase,
                activation: Activation,
            ) -> Result<Tensor> {
                self.forward_many(&[x], phase, activation)
            }

            fn forward_many(
                &self,
                inputs: &[&Tensor],
                _phase: Phase,
                activation: Activation,
            ) -> Result<Tensor> {
                let (first, others) = inputs
                    .split_first()
                    .ok_or_else(|| none_given(stringify!($name)))?;
                let mut joined = first.shallow_clone();
                let fold: fn(&Tensor, &Tensor) -> Result<Tensor, tch::TchError> = $fold;
                for other in others {
                    joined = fold(&joined, other)?;
                }
                let end: fn(Tensor, usize) -> Result<Tensor, tch::TchError> = $end;
                activation.of(&end(joined, inputs.len())?)
            }
        }
    };
}

merging_layer! {
    /// The sum of several tensors.
    ///
    /// ```
    /// use labbook_nn::{Add, Input, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Add::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Add, SEVERAL, |a, b| a.f_add(b), |sum, _| Ok(sum)
}

merging_layer! {
    /// The first of two tensors less the second.
    ///
    /// ```
    /// use labbook_nn::{Input, Model, Subtract};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Subtract::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Subtract, 2..=2, |a, b| a.f_sub(b), |difference, _| Ok(difference)
}

merging_layer! {
    /// The product of several tensors, number by number.
    ///
    /// ```
    /// use labbook_nn::{Input, Model, Multiply};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Multiply::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Multiply, SEVERAL, |a, b| a.f_mul(b), |product, _| Ok(product)
}

merging_layer! {
    /// The mean of several tensors, number by number.
    ///
    /// ```
    /// use labbook_nn::{Average, Input, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Average::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Average, SEVERAL, |a, b| a.f_add(b), |sum, count| sum.f_div_scalar(count as f64)
}

merging_layer! {
    /// The larger number of several tensors at each place.
    ///
    /// ```
    /// use labbook_nn::{Input, Maximum, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Maximum::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Maximum, SEVERAL, |a, b| a.f_maximum(b), |largest, _| Ok(largest)
}

merging_layer! {
    /// The smaller number of several tensors at each place.
    ///
    /// ```
    /// use labbook_nn::{Input, Minimum, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let (a, b) = (Input::new(3), Input::new(3));
    /// let model = Model::new([&a, &b], &Minimum::new().call([&a, &b]))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
    /// # Ok(())
    /// # }
    /// ```
    Minimum, SEVERAL, |a, b| a.f_minimum(b), |smallest, _| Ok(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Model};

    #[test]
    fn each_merge_gives_its_numbers() -> Result<()> {
        let a = Tensor::from_slice(&[1.0_f32, -2.0, 3.0]).reshape([1, 3]);
        let b = Tensor::from_slice(&[4.0_f32, 5.0, -6.0]).reshape([1, 3]);
        let of = |layer: &dyn Layer| -> Result<Vec<f32>> {
            let y = layer.forward_many(&[&a, &b], Phase::Infer, Activation::Linear)?;
            Ok(Vec::try_from(y.reshape([3])).unwrap())
        };
        assert_eq!(of(&Add::new())?, [5.0, 3.0, -3.0]);
        assert_eq!(of(&Subtract::new())?, [-3.0, -7.0, 9.0]);
        assert_eq!(of(&Multiply::new())?, [4.0, -10.0, -18.0]);
        assert_eq!(of(&Average::new())?, [2.5, 1.5, -1.5]);
        assert_eq!(of(&Maximum::new())?, [4.0, 5.0, 3.0]);
        assert_eq!(of(&Minimum::new())?, [1.0, -2.0, -6.0]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_joined_is_told_by_the_model() {
        let told = |outputs| {
            Model::new([&Input::new(3)], &outputs)
                .unwrap_err()
                .to_string()
        };
        let (a, b) = (Input::new(3), Input::new(4));
        let sum = Add::new().name("sum").call([&a, &b]);
        let error = Model::new([&a, &b], &sum).unwrap_err().to_string();
        assert!(error.contains("received (None, 3), (None, 4)"), "{error}");
        let error = told(Add::new().call(&a));
        assert!(error.contains("among its inputs"), "{error}");
        let single = Add::new().call(&a);
        let error = Model::new(&a, &single).unwrap_err().to_string();
        assert!(error.contains("at least 2 tensors, received 1"), "{error}");
    }
}
