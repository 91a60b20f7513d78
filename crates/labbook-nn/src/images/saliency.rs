//! Which parts of an image a model's answer depends on.

use tch::{Device, Kind, Tensor, with_grad};

use crate::data::spans::spans;
use crate::data::tensor_batches::TensorBatches;
use crate::interrupt::{self, Interruptible};
use crate::losses::loss::Output;
use crate::training::predict::PREDICT_BATCH;
use crate::{Error, LayerInfo, Model, Result, Shape, Targets, Tensors};

/// What a model's answers to some images depend on, from [`Model::saliency`] or
/// [`Model::grad_cam`].
///
/// ```
/// use labbook_nn::{Conv2D, Dense, Flatten, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv2D::new(2, 3).name("conv").input_shape((6, 6, 1)));
/// model.add(Flatten::new());
/// model.add(Dense::new(3));
/// let x = Tensor::ones([2, 6, 6, 1], (Kind::Float, Device::Cpu));
/// let explanation = model.grad_cam(&x, "conv", None)?;
/// assert_eq!(explanation.heat.size(), [2, 6, 6]);
/// assert_eq!(explanation.classes.size(), [2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Explanation {
    /// How much each pixel counts: `f32` of shape (N, height, width) on the CPU.
    pub heat: Tensor,
    /// The class whose score is explained, for each image: `i64` of shape (N,) on the CPU.
    pub classes: Tensor,
    /// What `predict` gives for the images: (N, classes) on the CPU.
    pub predictions: Tensor,
}

/// The three tensors of an explanation, for one batch.
type Parts = [Tensor; 3];

impl Model {
    /// How strongly the score of a class reacts to each pixel: the amount of the gradient, the
    /// largest of the pixel's channels (K. Simonyan et al., "Deep Inside Convolutional
    /// Networks", 2013).
    ///
    /// The score is the last layer's output before its softmax. `classes` are the classes to
    /// explain, integers of shape (N,) or (N, 1); without them those that the model predicts.
    /// The heat is not normalised.
    ///
    /// # Errors
    /// When the model is not built, takes no images or gives no scores, when `x` or `classes`
    /// do not fit, or when it is [interrupted](crate::interrupt).
    pub fn saliency(&self, x: &Tensor, classes: Option<&Tensor>) -> Result<Explanation> {
        self.explain(x, classes, "saliency", |x, classes| {
            let x = x.f_detach()?.f_set_requires_grad(true)?;
            let (score, explained, predictions) =
                score(self.compute_first(&x, crate::Phase::Infer)?, classes)?;
            let gradient = Tensor::f_run_backward(&[score], &[&x], false, false)?.swap_remove(0);
            let heat = gradient.f_abs()?.f_amax([-1_i64].as_slice(), false)?;
            Ok([heat, explained, predictions])
        })
    }

    /// Where a layer finds what speaks for a class: Grad-CAM (R. Selvaraju et al., 2017).
    ///
    /// Each channel of the layer's output counts by the mean of the score's gradient over its
    /// pixels; what the weighted sum leaves above 0 is enlarged bilinearly to the size of the
    /// input and divided by its largest value, so that each image's heat runs from 0 to 1. It
    /// is 0 throughout where nothing in the layer speaks for the class.
    ///
    /// The score is the last layer's output before its softmax. `classes` are the classes to
    /// explain, integers of shape (N,) or (N, 1); without them those that the model predicts.
    /// The last convolution tells most.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`], or [`Error::Option`] where the layer's output has no height and
    /// width; both say which layers there are. Else as [`saliency`](Self::saliency).
    pub fn grad_cam(
        &self,
        x: &Tensor,
        layer: &str,
        classes: Option<&Tensor>,
    ) -> Result<Explanation> {
        let node = self.image_layer(layer)?;
        self.explain(x, classes, "grad_cam", |x, classes| {
            let output = self.node_outputs(node..node + 1, &[x.shallow_clone()])?;
            let output = output[0].f_detach()?.f_set_requires_grad(true)?;
            let scores = self.forward_from(node, &output, x, crate::Phase::Infer)?;
            let (score, explained, predictions) = score(scores, classes)?;
            let gradient =
                Tensor::f_run_backward(&[score], &[&output], false, false)?.swap_remove(0);
            let weights = gradient.f_mean_dim([1_i64, 2].as_slice(), true, None::<Kind>)?;
            let sum = weights.f_mul(&output.f_detach()?)?.f_sum_dim_intlist(
                [-1_i64].as_slice(),
                false,
                None::<Kind>,
            )?;
            let size = &x.size()[1..3];
            let heat = sum
                .f_relu()?
                .f_unsqueeze(1)?
                .f_upsample_bilinear2d(size, false, None, None)?
                .f_squeeze_dim(1)?;
            let largest = heat.f_amax([1_i64, 2].as_slice(), true)?;
            // Where all is 0, it stays 0.
            let heat = heat.f_div(&largest.f_clamp_min(f64::from(f32::MIN_POSITIVE))?)?;
            Ok([heat, explained, predictions])
        })
    }

    /// Runs `part` over batches of examples and, perhaps, the classes to explain.
    fn explain(
        &self,
        x: &Tensor,
        classes: Option<&Tensor>,
        work: &str,
        part: impl Fn(&Tensor, Option<&Tensor>) -> Result<Parts>,
    ) -> Result<Explanation> {
        let interruptible = Interruptible::begin();
        let example = self.built_for()?;
        check_image("model", "takes", example)?;
        let n_classes = match self.output_shape()?.dims() {
            &[n_classes] => n_classes,
            _ => {
                return Err(Error::option(
                    "model",
                    "a model that ends with one score per class",
                    format!("one with the output {}", self.output_shape()?),
                    "end it with Flatten and Dense",
                ));
            }
        };
        let mut spec = self.data_spec()?;
        spec.outputs.truncate(1);
        for output in &mut spec.outputs {
            (output.targets, output.shape) = (Targets::ClassNumbers, Shape::from(n_classes));
        }
        let x = Tensors::from(x);
        let batches = match classes {
            Some(classes) => {
                let classes = Tensors::from(classes);
                TensorBatches::labelled(&spec, ("x", &x), ("classes", &classes), None, &[])?
            }
            None => TensorBatches::new(&spec, "x", &x)?,
        };
        let mut parts: [Vec<Tensor>; 3] = Default::default();
        for (start, length) in spans(batches.count(), PREDICT_BATCH) {
            let batch = batches.slice(start, length)?;
            let results = with_grad(|| part(&batch.inputs[0], batch.targets.first()))?;
            for (part, result) in parts.iter_mut().zip(results) {
                part.push(result.f_detach()?.f_to_device(Device::Cpu)?);
            }
            if interrupt::is_requested() {
                return Err(interruptible.error(work));
            }
        }
        let joined = |part: usize| Tensor::f_cat(&parts[part], 0);
        Ok(Explanation {
            heat: joined(0)?,
            classes: joined(1)?,
            predictions: joined(2)?,
        })
    }

    /// The place of a layer whose output has height, width and channels.
    fn image_layer(&self, name: &str) -> Result<usize> {
        let info = self.layer(name)?;
        let layers = self.layers()?;
        if info.output_shape.rank() == 3 {
            return self.node_of(name);
        }
        let has_pixels = |layer: &&LayerInfo| layer.output_shape.rank() == 3;
        let fitting = layers.iter().filter(has_pixels);
        let fitting: Vec<&str> = fitting.map(|layer| layer.name.as_str()).collect();
        let expected = match fitting.is_empty() {
            true => "a model with convolutions".to_owned(),
            false => format!("one of {}", fitting.join(", ")),
        };
        Err(Error::option(
            "layer",
            expected,
            format!("{name} with the output {}", info.output_shape),
            "the output of the layer needs height, width and channels",
        ))
    }
}

/// The sum of the explained classes' scores, those classes, and the predictions.
///
/// The gradient of a sum over images has each image's own gradient in its place, as no image's
/// score depends on another's pixels.
fn score(output: Output, classes: Option<&Tensor>) -> Result<(Tensor, Tensor, Tensor)> {
    let predictions = output.predictions()?;
    let scores = output.raw();
    let classes = match classes {
        Some(classes) => classes.shallow_clone(),
        None => scores.f_detach()?.f_argmax(-1, false)?,
    };
    let chosen = scores.f_gather(-1, &classes.f_unsqueeze(-1)?, false)?;
    Ok((chosen.f_sum(None::<Kind>)?, classes, predictions))
}

fn check_image(what: &str, verb: &str, shape: &Shape) -> Result<()> {
    match shape.rank() {
        3 => Ok(()),
        _ => Err(Error::option(
            what,
            format!("one that {verb} images (None, height, width, channels)"),
            format!("one that {verb} {shape}"),
            "explain a model of images",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation::{Relu, Softmax};
    use crate::Sequential;
    use crate::{Conv2D, Dense, Flatten, MaxPooling2D};

    /// Two 1x1 filters, x and -x, whose pixels speak for class 0 by 1 and -2.
    fn by_hand() -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu);
        model.add(
            Conv2D::new(2, 1)
                .activation(Relu)
                .name("conv")
                .input_shape((2, 2, 1)),
        );
        model.add(Flatten::new());
        model.add(Dense::new(2).activation(Softmax).name("scores"));
        let mut weights = model.weights()?;
        weights[0].1 = Tensor::from_slice(&[1_f32, -1.0]).reshape([1, 1, 1, 2]);
        let rows: Vec<f32> = (0..4).flat_map(|_| [1.0, 0.5, -2.0, 3.0]).collect();
        weights[2].1 = Tensor::from_slice(&rows).reshape([8, 2]);
        model.set_weights(&weights)?;
        Ok(model)
    }

    fn image() -> Tensor {
        Tensor::from_slice(&[1_f32, 2.0, 3.0, -4.0]).reshape([1, 2, 2, 1])
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn saliency_is_the_amount_of_the_gradient() -> Result<()> {
        let model = by_hand()?;
        let class = |class: i64| Tensor::from_slice(&[class]);
        let of =
            |class: Tensor| Ok::<_, Error>(numbers(&model.saliency(&image(), Some(&class))?.heat));
        assert_eq!(of(class(0))?, [1.0, 1.0, 1.0, 2.0]);
        assert_eq!(of(class(1))?, [0.5, 0.5, 0.5, 3.0]);
        // The scores are 1 + 2 + 3 - 8 and 3 + 12.
        let explanation = model.saliency(&image(), None)?;
        assert_eq!(explanation.classes, class(1));
        assert_eq!(explanation.heat.size(), [1, 2, 2]);
        assert!(numbers(&explanation.predictions)[1] > 0.99);
        Ok(())
    }

    #[test]
    fn grad_cam_weighs_the_channels_by_their_mean_gradients() -> Result<()> {
        let model = by_hand()?;
        let of = |class: i64| -> Result<Vec<f32>> {
            let class = Tensor::from_slice(&[class]).reshape([1, 1]);
            Ok(numbers(
                &model.grad_cam(&image(), "conv", Some(&class))?.heat,
            ))
        };
        // Class 0: 1 * [1, 2, 3, 0] - 2 * [0, 0, 0, 4], above 0, over 3.
        assert_eq!(of(0)?, [1.0 / 3.0, 2.0 / 3.0, 1.0, 0.0]);
        // Class 1: 0.5 * [1, 2, 3, 0] + 3 * [0, 0, 0, 4], over 12.
        assert_eq!(of(1)?, [0.5 / 12.0, 1.0 / 12.0, 1.5 / 12.0, 1.0]);
        Ok(())
    }

    #[test]
    fn nothing_that_speaks_for_a_class_gives_no_heat() -> Result<()> {
        let model = by_hand()?;
        let image = image().abs().neg();
        let heat = model
            .grad_cam(&image, "conv", Some(&Tensor::from_slice(&[0_i64])))?
            .heat;
        assert_eq!(numbers(&heat), [0.0; 4]);
        Ok(())
    }

    /// Convolutions and pools with weights drawn from a seed.
    fn deep() -> Sequential {
        let mut model = Sequential::on(Device::Cpu).seeded(3);
        model.add(
            Conv2D::new(4, 3)
                .activation(Relu)
                .name("first")
                .input_shape((12, 10, 3)),
        );
        model.add(MaxPooling2D::new(2).name("pool"));
        model.add(Conv2D::new(5, 3).activation(Relu).name("second"));
        model.add(Flatten::new().name("flat"));
        model.add(Dense::new(3).activation(Softmax).name("scores"));
        model
    }

    fn images(n: i64) -> Tensor {
        let count = Tensor::arange(n * 360, (Kind::Float, Device::Cpu));
        ((count * 0.7).sin() * 0.5 + 0.5).reshape([n, 12, 10, 3])
    }

    #[test]
    fn saliency_agrees_with_finite_differences() -> Result<()> {
        let model = deep();
        let x = images(1);
        let explanation = model.saliency(&x, None)?;
        let class = explanation.classes.int64_value(&[0]);
        let score_of = |x: &Tensor| -> Result<f64> {
            let Output::Logits(scores) = model.compute_first(x, crate::Phase::Infer)? else {
                panic!("the model ends with a softmax");
            };
            Ok(scores.double_value(&[0, class]))
        };
        let step = 1e-2;
        for (row, column) in [(0, 0), (5, 4), (11, 9), (3, 7)] {
            let mut largest = 0.0_f64;
            for channel in 0..3 {
                let moved = |by: f64| -> Result<f64> {
                    let x = x.copy();
                    let mut pixel = x.get(0).get(row).get(column).get(channel);
                    let _ = pixel.f_add_scalar_(by)?;
                    score_of(&x)
                };
                largest = largest.max(((moved(step)? - moved(-step)?) / (2.0 * step)).abs());
            }
            let heat = explanation.heat.double_value(&[0, row, column]);
            assert!(
                (heat - largest).abs() < 0.02 * largest.max(0.05),
                "{heat} and {largest}"
            );
        }
        Ok(())
    }

    #[test]
    fn heat_has_the_size_of_the_images_and_batches_do_not_matter() -> Result<()> {
        let mut model = deep();
        let x = images(40);
        for layer in ["first", "pool", "second"] {
            let all = model.grad_cam(&x, layer, None)?;
            assert_eq!(all.heat.size(), [40, 12, 10]);
            assert!(all.heat.min().double_value(&[]) >= 0.0);
            let largest = all.heat.amax([1, 2].as_slice(), false);
            assert!(
                numbers(&largest)
                    .iter()
                    .all(|&m| m == 0.0 || (m - 1.0).abs() < 1e-6)
            );
            let last = model.grad_cam(&x.narrow(0, 39, 1), layer, None)?;
            let difference = (last.heat - all.heat.narrow(0, 39, 1)).abs().max();
            assert!(difference.double_value(&[]) < 1e-4);
        }
        assert_eq!(
            model.grad_cam(&x, "pool", None)?.classes,
            model.predict_classes(&x)?
        );
        let predictions = model.saliency(&x, None)?.predictions;
        assert!(
            (predictions - model.predict(&x)?)
                .abs()
                .max()
                .double_value(&[])
                < 1e-6
        );
        Ok(())
    }

    #[test]
    fn layers_that_do_not_fit_are_told_with_those_that_do() -> Result<()> {
        let model = deep();
        let x = images(1);
        let error = |layer: &str| model.grad_cam(&x, layer, None).unwrap_err().to_string();
        assert_eq!(
            error("third"),
            "layer: expected one of first, pool, second, flat, scores, received third; \
             see model.summary()"
        );
        assert_eq!(
            error("scores"),
            "layer: expected one of first, pool, second, received scores with the output \
             (None, 3); the output of the layer needs height, width and channels"
        );
        let mut dense = Sequential::on(Device::Cpu);
        dense.add(Dense::new(3).input_shape(4));
        let x = Tensor::zeros([1, 4], (Kind::Float, Device::Cpu));
        let error = dense.saliency(&x, None).unwrap_err().to_string();
        assert!(
            error.contains("received one that takes (None, 4)"),
            "{error}"
        );
        let classes = Tensor::from_slice(&[3_i64]);
        let error = model
            .saliency(&images(1), Some(&classes))
            .unwrap_err()
            .to_string();
        assert!(error.contains("class numbers from 0 to 2"), "{error}");
        Ok(())
    }
}
