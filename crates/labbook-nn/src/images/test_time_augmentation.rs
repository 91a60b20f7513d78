use tch::Tensor;

use crate::{Error, Model, Output, Phase, Result, Shape};

/// Several views of each test image, whose predictions are averaged.
///
/// What is averaged is what [`predict`](Model::predict) gives: probabilities where the
/// model ends with a softmax, logits where it ends with those. A loss is that of the average.
///
/// ```
/// use labbook_nn::{Conv2D, Dense, Flatten, Predict, Sequential, TestTimeAugmentation};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv2D::new(2, 3).name("conv").input_shape((6, 6, 1)));
/// model.add(Flatten::new());
/// model.add(Dense::new(3));
/// let x = Tensor::ones([2, 6, 6, 1], (Kind::Float, Device::Cpu));
/// let options = Predict::new().test_time_augmentation(TestTimeAugmentation::Flip);
/// assert_eq!(model.predict_with(&x, &options)?.size(), [2, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestTimeAugmentation {
    /// The image and its mirror image: twice the time.
    Flip,
    /// These two with half of the weight; with the other half the image and its mirror image,
    /// both moved by a pixel up and left, and both moved down and right (Jordan 2024): six
    /// times the time.
    ///
    /// At the border comes in what lies beside it, as
    /// [`Augmentation::reflect`](crate::Augmentation::reflect) does.
    FlipAndShift,
}

impl TestTimeAugmentation {
    /// Checks that examples are images.
    pub(crate) fn check(self, example: &Shape) -> Result<()> {
        let least = match self {
            Self::Flip => 1,
            Self::FlipAndShift => 2,
        };
        match *example.dims() {
            [height, width, _] if height.min(width) >= least => Ok(()),
            _ => Err(Error::option(
                "test_time_augmentation",
                format!("images (None, height, width, channels) of at least {least} pixels a side"),
                example,
                "leave it out for data that are no images",
            )),
        }
    }

    /// The views of a batch (N, height, width, channels), each with its weight.
    fn views(self, x: &Tensor) -> Result<Vec<(Tensor, f64)>> {
        let mut views = Vec::new();
        let mut add_both = |x: Tensor, weight: f64| -> Result<()> {
            views.push((x.f_flip([2])?, weight));
            views.push((x, weight));
            Ok(())
        };
        match self {
            Self::Flip => add_both(x.shallow_clone(), 0.5)?,
            Self::FlipAndShift => {
                add_both(x.shallow_clone(), 0.25)?;
                add_both(shifted(x, -1)?, 0.125)?;
                add_both(shifted(x, 1)?, 0.125)?;
            }
        }
        Ok(views)
    }
}

/// Images whose pixels come from so many rows and columns further on, mirrored at the border.
fn shifted(x: &Tensor, by: i64) -> Result<Tensor> {
    let mut x = x.shallow_clone();
    for axis in [1, 2] {
        let last = x.size()[axis as usize] - 1;
        let places: Vec<i64> = (by..=last + by)
            .map(|place| last - (place.abs() - last).abs())
            .collect();
        let places = Tensor::f_from_slice(&places)?.f_to_device(x.device())?;
        x = x.f_index_select(axis, &places)?;
    }
    Ok(x)
}

impl Model {
    /// Checks that views of its one input make sense for the model.
    pub(crate) fn check_views(&self, views: Option<TestTimeAugmentation>) -> Result<()> {
        let Some(views) = views else {
            return Ok(());
        };
        let (inputs, outputs) = (self.graph.inputs.len(), self.graph.outputs.len());
        if (inputs, outputs) != (1, 1) {
            return Err(Error::option(
                "test_time_augmentation",
                "a model with one input and one output",
                format!("one with {inputs} and {outputs}"),
                "leave it out",
            ));
        }
        views.check(self.built_for()?)
    }

    /// The output without training, averaged over views if there are any.
    pub(crate) fn infer(&self, x: &Tensor, views: Option<TestTimeAugmentation>) -> Result<Output> {
        let Some(views) = views else {
            return self.compute_first(x, Phase::Infer);
        };
        let mut sum = Tensor::from(0.0_f32).f_to_device(x.device())?;
        for (view, weight) in views.views(x)? {
            let output = self.compute_first(&view, Phase::Infer)?.predictions()?;
            sum = sum.f_add(&output.f_mul_scalar(weight)?)?;
        }
        Ok(Output::Values(sum))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::Activation::Softmax;
    use crate::Sequential;
    use crate::{Adam, Dense, Evaluate, Flatten, Predict, SparseCategoricalCrossentropy};

    fn images() -> Tensor {
        let wave = Tensor::arange(5 * 4 * 3 * 2, (Kind::Float, Device::Cpu)) * 0.37;
        wave.sin().reshape([5, 4, 3, 2])
    }

    fn model(ends_with_softmax: bool) -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        model.add(Flatten::new().input_shape((4, 3, 2)));
        let dense = Dense::new(3);
        model.add(match ends_with_softmax {
            true => dense.activation(Softmax),
            false => dense,
        });
        let loss = SparseCategoricalCrossentropy::new().from_logits(!ends_with_softmax);
        model.compile(Adam::new(), loss, ["accuracy"])?;
        Ok(model)
    }

    /// The six views as Jordan's program makes them, out of padded images.
    fn six_views(model: &mut Sequential) -> Result<Tensor> {
        let both = |model: &mut Sequential, x: &Tensor| -> Result<Tensor> {
            Ok((model.predict(x)? + model.predict(&x.flip([2]))?) * 0.5)
        };
        let padded = images().permute([0, 3, 1, 2]).reflection_pad2d([1; 4]);
        let padded = padded.permute([0, 2, 3, 1]);
        let first = both(model, &padded.narrow(1, 0, 4).narrow(2, 0, 3))?;
        let second = both(model, &padded.narrow(1, 2, 4).narrow(2, 2, 3))?;
        Ok((both(model, &images())? + (first + second) * 0.5) * 0.5)
    }

    fn assert_close(a: &Tensor, b: &Tensor) {
        assert!((a - b).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn views_are_averaged_with_their_weights() -> Result<()> {
        for ends_with_softmax in [true, false] {
            let mut model = model(ends_with_softmax)?;
            let x = images();
            let both = (model.predict(&x)? + model.predict(&x.flip([2]))?) * 0.5;
            let predict = Predict::new().batch_size(2);
            let flip = predict.test_time_augmentation(TestTimeAugmentation::Flip);
            assert_close(&model.predict_with(&x, &flip)?, &both);
            let expected = six_views(&mut model)?;
            let six = predict.test_time_augmentation(TestTimeAugmentation::FlipAndShift);
            assert_close(&model.predict_with(&x, &six)?, &expected);
            assert_close(&model.predict_with(&x, &predict)?, &model.predict(&x)?);
        }
        Ok(())
    }

    #[test]
    fn evaluation_measures_the_average() -> Result<()> {
        for ends_with_softmax in [true, false] {
            let mut model = model(ends_with_softmax)?;
            let labels = Tensor::from_slice(&[0_i64, 1, 2, 1, 0]);
            let expected = six_views(&mut model)?;
            let logarithms = match ends_with_softmax {
                true => expected.log(),
                false => expected.log_softmax(-1, None::<Kind>),
            };
            let right = logarithms.gather(1, &labels.reshape([5, 1]), false);
            let correct = expected.argmax(-1, false).eq_tensor(&labels);
            let options = Evaluate::new().verbose(0).batch_size(3);
            let options = options.test_time_augmentation(TestTimeAugmentation::FlipAndShift);
            let evaluation = model.evaluate_with(&images(), &labels, &options)?;
            let loss = -right.mean(None::<Kind>).double_value(&[]);
            assert!((evaluation.loss - loss).abs() < 1e-6);
            let accuracy = correct.sum(Kind::Int64).int64_value(&[]) as f64 / 5.0;
            assert!((evaluation.accuracy - accuracy).abs() < 1e-12);
        }
        Ok(())
    }

    #[test]
    fn data_that_are_no_images_are_an_error() {
        use TestTimeAugmentation::{Flip, FlipAndShift};
        assert!(Flip.check(&Shape::from((1, 1, 3))).is_ok());
        assert!(FlipAndShift.check(&Shape::from((1, 8, 3))).is_err());
        assert!(Flip.check(&Shape::from(8)).is_err());
    }
}
