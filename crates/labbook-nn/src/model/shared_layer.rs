use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{Device, Tensor};

use crate::layers::layer::BuildContext;
use crate::names::unique_name;
use crate::random::Rng;
use crate::{
    Activation, Error, Layer, LayerConfig, Parameter, Phase, Result, Shape, StepMemory, StepsSeen,
};

/// A layer under its name, shared by all places and models that call it.
///
/// Every place computes with the same weights. The layers of this crate give it by `shared()`, one
/// of a person's own by [`SharedLayer::new`].
///
/// ```
/// use labbook_nn::{Concatenate, Dense, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (left, right) = (Input::new(8), Input::new(8));
/// let encoder = Dense::new(4).shared();
/// let both = Concatenate::new().call([&encoder.call(&left), &encoder.call(&right)]);
/// let model = Model::new([&left, &right], &Dense::new(1).call(&both))?;
/// assert_eq!(model.count_params()?, 4 * 9 + 9);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SharedLayer(Arc<Cell>);

struct Cell {
    name: String,
    class_name: &'static str,
    input_shape: Option<Shape>,
    state: Mutex<State>,
    trainable: AtomicBool,
}

struct State {
    layer: Box<dyn Layer>,
    built: Option<Built>,
}

/// What a layer was built for.
#[derive(Clone)]
struct Built {
    inputs: Vec<Shape>,
    output: Shape,
}

impl SharedLayer {
    /// A layer to be called, by the name asked for or as Keras would name it.
    #[must_use]
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self::boxed(Box::new(layer))
    }

    pub(crate) fn boxed(layer: Box<dyn Layer>) -> Self {
        let name = layer.options().name.clone();
        let name = name.unwrap_or_else(|| unique_name(layer.class_name()));
        Self::named(&name, layer)
    }

    /// A layer under this name, whatever it would call itself.
    pub(crate) fn named(name: &str, layer: Box<dyn Layer>) -> Self {
        let class_name = layer.class_name();
        let options = layer.options();
        Self(Arc::new(Cell {
            name: name.to_owned(),
            class_name,
            input_shape: options.input_shape.clone(),
            trainable: AtomicBool::new(!options.frozen),
            state: Mutex::new(State { layer, built: None }),
        }))
    }

    /// The layer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Name of the kind of layer, such as `Conv2D`.
    #[must_use]
    pub fn class_name(&self) -> &'static str {
        self.0.class_name
    }

    /// Whether training changes the weights.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Says whether training changes the weights, wherever the layer is called.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn set_trainable(&self, trainable: bool) -> Result<()> {
        self.0.trainable.store(trainable, Ordering::Relaxed);
        self.mark_leaves()
    }

    /// Tells autograd which weights it has to follow.
    fn mark_leaves(&self) -> Result<()> {
        for parameter in self.parameters() {
            let wanted = parameter.trainable;
            if parameter.value.requires_grad() != wanted {
                let _ = parameter.value.f_set_requires_grad(wanted)?;
            }
        }
        Ok(())
    }

    /// A number that no other layer has while this one lives.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Whether both are the same layer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The shape that was asked for when the layer comes first.
    pub(crate) fn input_shape(&self) -> Option<&Shape> {
        self.0.input_shape.as_ref()
    }

    /// Shape of one example that comes out for these inputs, once the layer is built and if they
    /// fit.
    pub(crate) fn shape_for(&self, inputs: &[Shape]) -> Option<Shape> {
        let context = BuildContext {
            name: self.name(),
            class_name: self.class_name(),
            rng: &mut Rng::new(0, 0),
            device: Device::Cpu,
            room: &mut None,
        };
        self.output_for(inputs, &context).ok().flatten()
    }

    /// Makes the weights, and tells the shape of the output.
    pub(crate) fn build(&self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        let mut state = self.state();
        let output = state.layer.build_many(inputs, context)?;
        state.built = Some(Built {
            inputs: inputs.to_vec(),
            output: output.clone(),
        });
        drop(state);
        self.mark_leaves()?;
        Ok(output)
    }

    /// The output of a layer that has its weights, for these inputs.
    pub(crate) fn output_for(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let state = self.state();
        let Some(built) = &state.built else {
            return Ok(None);
        };
        if built.inputs == inputs {
            return Ok(Some(built.output.clone()));
        }
        let output = state.layer.compute_output_shape(inputs, context)?;
        output.map(Some).ok_or_else(|| {
            context.error(
                &format!(
                    "inputs that fit those it was built for, {}",
                    list(&built.inputs)
                ),
                list(inputs),
                "call a layer of its own where the shapes differ",
            )
        })
    }

    /// The output and, where inputs have masks or the layer makes them, its mask.
    pub(crate) fn forward(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        activation: Activation,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let state = self.state();
        let phase = match !self.is_trainable() && state.layer.infers_when_frozen() {
            true => Phase::Infer,
            false => phase,
        };
        let layer = &state.layer;
        let masked = masks.iter().any(Option::is_some);
        let computed = || {
            let y = match masked {
                true => layer.forward_masked(inputs, masks, phase, activation)?,
                false => layer.forward_many(inputs, phase, activation)?,
            };
            let mask = match masked || layer.makes_mask() {
                true => layer.compute_mask(inputs, masks)?,
                false => None,
            };
            Ok((y, mask))
        };
        computed().map_err(|error: Error| error.within(&format!("layer {}", self.0.name)))
    }

    /// The outputs of steps behind those that the layer remembers.
    pub(crate) fn forward_next(
        &self,
        inputs: &[&Tensor],
        memory: &mut StepMemory,
        activation: Activation,
    ) -> Result<Tensor> {
        let y = self.state().layer.forward_next(inputs, memory, activation);
        y.map_err(|error| error.within(&format!("layer {}", self.0.name)))
    }

    pub(crate) fn steps_seen(&self) -> StepsSeen {
        self.state().layer.steps_seen()
    }

    pub(crate) fn attention_scores(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        self.state().layer.attention_scores(inputs, masks)
    }

    pub(crate) fn reset_states(&self) {
        self.state().layer.reset_states();
    }

    pub(crate) fn activation(&self) -> Activation {
        self.state().layer.activation()
    }

    pub(crate) fn config(&self) -> Option<LayerConfig> {
        self.state().layer.config()
    }

    /// The weights with names that differ, and whether training changes them.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let trainable = self.is_trainable();
        let mut parameters = self.state().layer.parameters();
        for index in 0..parameters.len() {
            let (before, rest) = parameters.split_at_mut(index);
            let parameter = &mut rest[0];
            parameter.trainable &= trainable;
            let name = parameter.name.clone();
            let taken = |name: &str| before.iter().any(|other| other.name == name);
            if taken(&name) {
                let mut names = (1..).map(|number| format!("{name}_{number}"));
                if let Some(free) = names.find(|name| !taken(name)) {
                    parameter.name = free;
                }
            }
        }
        parameters
    }

    pub(crate) fn penalty(&self) -> Result<Option<Tensor>> {
        self.state().layer.penalty()
    }

    pub(crate) fn multiply_adds(&self, output: &Shape) -> i64 {
        self.state().layer.multiply_adds(output)
    }

    pub(crate) fn selects_maxima(&self) -> bool {
        self.state().layer.selects_maxima()
    }

    pub(crate) fn needs_whole_batch(&self) -> bool {
        self.state().layer.needs_whole_batch()
    }

    pub(crate) fn makes_mask(&self) -> bool {
        self.state().layer.makes_mask()
    }

    pub(crate) fn takes_integers(&self) -> bool {
        self.state().layer.takes_integers()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    shapes.join(", ")
}

impl fmt::Debug for SharedLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.name, self.0.class_name)
    }
}
