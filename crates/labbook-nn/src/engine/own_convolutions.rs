use labbook_winograd::{Convolution, Sizes, pays};
use tch::{Device, Kind, Tensor, no_grad};

use crate::layers::{ConfigKind, Padding};
use crate::model::graph::{Planned, ending};
use crate::tensors::shape::Size2D;
use crate::{Activation, Error, LayerInfo, Model, Output, Phase, Result};

/// The convolutions of a model that take fewer multiplications than libtorch's.
///
/// Autograd derives the layers between them, piece by piece of the network.
#[derive(Debug)]
pub(crate) struct OwnConvolutions {
    /// One entry for each layer.
    layers: Vec<LayerKind>,
}

#[derive(Debug)]
struct LayerKind {
    own: Option<Own>,
    /// The weights that training changes.
    leaves: Vec<Tensor>,
}

#[derive(Debug)]
struct Own {
    convolution: Convolution,
    kernel: Tensor,
    bias: Option<Tensor>,
    relu: bool,
}

/// A convolution of our own in the forward pass of a piece: what autograd knows of its input,
/// and its output, where autograd begins anew.
#[derive(Debug)]
pub(crate) struct Junction {
    layer: usize,
    x: Tensor,
    leaf: Tensor,
}

impl OwnConvolutions {
    /// The model's, if it has any that pay for so many images at a time.
    pub(crate) fn of(model: &Model, images: i64) -> Result<Option<Self>> {
        if model.dtype_policy().compute_kind() != Kind::Float
            || model.penalty()?.is_some()
            || !model.graph.is_chain()
        {
            return Ok(None);
        }
        let plan = model.graph.plan().steps;
        let sizes = model.layers()?;
        if sizes.len() != plan.len() {
            // A layer is called twice: its gradients would have to be added up.
            return Ok(None);
        }
        if plan.iter().any(|planned| planned.layer.makes_mask()) {
            return Ok(None);
        }
        let mut layers = Vec::new();
        for (index, planned) in plan.iter().enumerate() {
            let leaves = planned.layer.parameters().into_iter();
            let next = plan.get(index + 1);
            layers.push(LayerKind {
                own: match sizes.get(index) {
                    Some(info) => Own::of(planned, info, next, images)?,
                    None => None,
                },
                leaves: leaves
                    .filter(|parameter| parameter.trainable)
                    .map(|parameter| parameter.value)
                    .collect(),
            });
        }
        let any = layers.iter().any(|layer| layer.own.is_some());
        Ok(any.then_some(Self { layers }))
    }

    /// Runs the layers for training.
    pub(crate) fn forward(&self, model: &Model, x: &Tensor) -> Result<(Output, Vec<Junction>)> {
        let mut x = x.shallow_clone();
        let mut junctions = Vec::new();
        let plan = model.graph.plan();
        for (index, (layer, planned)) in self.layers.iter().zip(&plan.steps).enumerate() {
            let y = match &layer.own {
                Some(own) => no_grad(|| own.forward(&x)).and_then(|y| {
                    let leaf = y.f_set_requires_grad(true)?;
                    let y = match own.relu {
                        true => leaf.f_relu()?,
                        false => leaf.shallow_clone(),
                    };
                    junctions.push(Junction {
                        layer: index,
                        x: x.shallow_clone(),
                        leaf,
                    });
                    Ok(y)
                }),
                None => {
                    let computed =
                        planned
                            .layer
                            .forward(&[&x], &[None], Phase::Train, planned.activation);
                    computed.map(|(y, _)| y)
                }
            };
            x = y.map_err(|error| error.within(&format!("layer {}", planned.layer.name())))?;
        }
        let left_out = plan.left_out.first().copied().unwrap_or_default();
        Ok((ending(x, left_out)?, junctions))
    }

    /// The gradients of what was computed from the output by all weights in the order of the
    /// layers.
    pub(crate) fn gradients(
        &self,
        mut objective: Tensor,
        junctions: Vec<Junction>,
    ) -> Result<Vec<Tensor>> {
        let mut gradients: Vec<Vec<Tensor>> = self.layers.iter().map(|_| Vec::new()).collect();
        let mut end = self.layers.len();
        for junction in junctions.into_iter().rev() {
            let after = self.derive(&objective, junction.layer + 1..end, Some(&junction.leaf))?;
            let mut after = after.into_iter();
            for (layer, slot) in self
                .layers
                .iter()
                .zip(&mut gradients)
                .take(end)
                .skip(junction.layer + 1)
            {
                slot.extend(after.by_ref().take(layer.leaves.len()));
            }
            end = junction.layer;
            let (Some(own), Some(gradient)) = (&self.layers[end].own, after.next()) else {
                return Err(Error::Torch {
                    operation: "the gradients".to_owned(),
                    message: "expected one for every convolution, received none".to_owned(),
                });
            };
            let wanted = self.layers[..end]
                .iter()
                .any(|layer| !layer.leaves.is_empty());
            let found = no_grad(|| {
                let (x, kernel) = (junction.x.f_detach()?, own.kernel.f_detach()?);
                let gradient = gradient.f_contiguous()?;
                own.convolution
                    .backward(&x, &kernel, &gradient, wanted)
                    .map_err(told)
            })?;
            gradients[end].push(found.kernel);
            if own.bias.is_some() {
                gradients[end].push(found.bias);
            }
            let Some(input) = found.input.filter(|_| wanted) else {
                end = 0;
                break;
            };
            // Its gradient by the input is the one that was found.
            objective = junction.x.f_mul(&input)?.f_sum(None::<Kind>)?;
        }
        if end > 0 {
            let mut first = self.derive(&objective, 0..end, None)?.into_iter();
            for (layer, slot) in self.layers.iter().zip(&mut gradients).take(end) {
                slot.extend(first.by_ref().take(layer.leaves.len()));
            }
        }
        Ok(gradients.into_iter().flatten().collect())
    }

    /// The gradients by the weights of some layers, and by a junction's output.
    fn derive(
        &self,
        objective: &Tensor,
        layers: std::ops::Range<usize>,
        leaf: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let leaves = self.layers[layers].iter().flat_map(|layer| &layer.leaves);
        let inputs: Vec<&Tensor> = leaves.chain(leaf).collect();
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        Tensor::f_run_backward(&[objective], &inputs, false, false)
            .map_err(|error| Error::from(error).within("the gradients"))
    }
}

impl Own {
    /// A convolution that takes fewer multiplications, if there is one for this layer.
    fn of(
        planned: &Planned<'_>,
        info: &LayerInfo,
        next: Option<&Planned<'_>>,
        images: i64,
    ) -> Result<Option<Self>> {
        let Some(ConfigKind::Conv2D {
            kernel_size,
            strides,
            padding,
            dilation_rate,
            groups: 1,
            ..
        }) = planned.layer.config().map(|config| config.0)
        else {
            return Ok(None);
        };
        let activation = planned.activation;
        let relu = activation == Activation::Relu;
        let (&[height, width, channels], &[rows, columns, filters]) =
            (info.input_shape.dims(), info.output_shape.dims())
        else {
            return Ok(None);
        };
        let parameters = planned.layer.parameters();
        let fits = kernel_size == Size2D::from(3)
            && strides == Size2D::from(1)
            && dilation_rate == Size2D::from(1)
            && (relu || activation == Activation::Linear)
            && parameters.iter().all(|parameter| {
                parameter.trainable
                    && parameter.value.device() == Device::Cpu
                    && parameter.value.kind() == Kind::Float
            });
        let Some((kernel, bias)) = parameters.split_first().filter(|_| fits) else {
            return Ok(None);
        };
        let sizes = Sizes {
            channels,
            filters,
            height,
            width,
            padding: i64::from(padding == Padding::Same),
        };
        let Some(tile) = pays(images, sizes) else {
            return Ok(None);
        };
        // A pool may leave out the last row and column.
        let (rows, columns) = match next.and_then(|next| next.layer.config()) {
            Some(config) => match config.0 {
                ConfigKind::MaxPooling2D(pool) => pool.reads((rows, columns)),
                _ => (rows, columns),
            },
            None => (rows, columns),
        };
        let convolution = Convolution::cropped(sizes, tile, rows, columns).map_err(told)?;
        Ok(Some(Self {
            convolution,
            kernel: kernel.value.shallow_clone(),
            bias: bias.first().map(|bias| bias.value.shallow_clone()),
            relu,
        }))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.f_detach()?.f_contiguous()?;
        let bias = self.bias.as_ref().map(Tensor::f_detach).transpose()?;
        let kernel = self.kernel.f_detach()?;
        self.convolution
            .forward(&x, &kernel, bias.as_ref())
            .map_err(told)
    }
}

/// What the other crate says, as an error of this one.
fn told(error: labbook_winograd::Error) -> Error {
    Error::Torch {
        operation: "a convolution".to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Conv2D, Dense, Flatten, L1L2, Loss, MaxPooling2D, Sequential, SparseCategoricalCrossentropy,
    };

    fn model(padding: Padding, first: i64) -> Sequential {
        let relu = |filters| Conv2D::new(filters, 3).activation(Activation::Relu);
        let mut model = Sequential::on(Device::Cpu).seeded(5);
        model.add(relu(first).padding(padding));
        model.add(MaxPooling2D::new(2));
        model.add(relu(128).padding(padding));
        model.add(relu(128).padding(padding));
        model.add(MaxPooling2D::new(2));
        model.add(Flatten::new());
        model.add(Dense::new(10).activation(Activation::Softmax));
        model
    }

    #[test]
    fn gradients_equal_those_of_autograd() -> Result<()> {
        for (padding, first, channels, junctions) in [
            (Padding::Valid, 128, 3, 2),
            (Padding::Same, 16, 3, 1),
            (Padding::Same, 128, 128, 3),
        ] {
            let mut model = model(padding, first);
            model.build((17, 19, channels))?;
            // No two values alike: which of them a pool takes would be a matter of rounding.
            tch::manual_seed(2);
            let x = Tensor::randn([5, 17, 19, channels], (Kind::Float, Device::Cpu));
            let y = Tensor::from_slice(&[0_i64, 3, 9, 4, 4]);
            let loss = SparseCategoricalCrossentropy::new();
            let leaves: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1.value).collect();
            let plain = loss.mean(&y, &model.compute_first(&x, Phase::Train)?)?;
            let expected = Tensor::run_backward(&[&plain], &leaves, false, false);

            let own = OwnConvolutions::of(&model, 512)?.unwrap();
            let (output, found) = own.forward(&model, &x)?;
            assert_eq!(found.len(), junctions);
            let computed = loss.mean(&y, &output)?;
            let difference = (plain - &computed).abs().double_value(&[]);
            assert!(difference < 1e-5, "{difference}");
            let gradients = own.gradients(computed, found)?;
            assert_eq!(gradients.len(), expected.len());
            for (index, (gradient, expected)) in gradients.iter().zip(&expected).enumerate() {
                assert_eq!(gradient.size(), expected.size());
                let difference = (gradient - expected).square().sum(Kind::Double);
                let norm = expected.square().sum(Kind::Double);
                let relative = (difference / norm).sqrt().double_value(&[]);
                assert!(relative < 1e-5, "{index}: {relative}");
            }
        }
        Ok(())
    }

    #[test]
    fn narrow_penalized_and_other_convolutions_are_left_to_autograd() -> Result<()> {
        for layer in [
            Conv2D::new(32, 3),
            Conv2D::new(128, 5),
            Conv2D::new(128, 3).strides(2),
            Conv2D::new(128, 3).dilation_rate(2),
            Conv2D::new(128, 3).groups(2),
            Conv2D::new(128, 3).activation(Activation::Tanh),
            Conv2D::new(128, 3).kernel_regularizer(L1L2::default()),
        ] {
            let mut model = Sequential::on(Device::Cpu);
            model.add(layer);
            model.build((9, 9, 128))?;
            assert!(OwnConvolutions::of(&model, 512)?.is_none());
        }
        Ok(())
    }
}
