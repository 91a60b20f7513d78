use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shared_layer::SharedLayer;
use crate::Shape;
use crate::names::unique_name;

/// Counts calls, so that the inputs of a call have smaller numbers than itself.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// A number that no call before had.
pub(crate) fn next_number() -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed)
}

/// A tensor that a model has yet to compute: what layers are called on to make a
/// [`Model`](super::Model).
///
/// It is an [`Input`], or what a layer makes of others.
///
/// ```
/// use labbook_nn::{Dense, Input};
///
/// let inputs = Input::named("size", 4);
/// let outputs = Dense::new(3).name("rows").call(&inputs);
/// assert_eq!((inputs.name(), outputs.name()), ("size", "rows"));
/// ```
#[derive(Clone)]
pub struct SymbolicTensor(Arc<Call>);

/// How a symbolic tensor comes about.
pub(crate) struct Call {
    number: u64,
    pub(crate) origin: Origin,
    pub(crate) inputs: Vec<SymbolicTensor>,
}

pub(crate) enum Origin {
    Input(InputSpec),
    Layer {
        layer: SharedLayer,
        /// The call of a whole model that this one is part of.
        scope: Option<Arc<Scope>>,
    },
    /// A call of a model that has no place for these inputs; told when a model is made of it.
    Problem(String),
}

/// A call of a model within another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) class_name: &'static str,
    /// Tells two calls of one model apart.
    pub(crate) call: u64,
}

impl Scope {
    /// The name of the model that is called, whichever model within it this is.
    pub(crate) fn outermost(&self) -> &str {
        let name = &self.name;
        name.split_once('/').map_or(name, |(outer, _)| outer)
    }
}

/// What goes into a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputSpec {
    pub(crate) name: String,
    /// Unknown as long as a `Sequential` waits for its first data.
    pub(crate) shape: Option<Shape>,
}

/// The beginning of a model: examples of a shape, given without the batch axis.
///
/// ```
/// use labbook_nn::Activation::Relu;
/// use labbook_nn::{Add, Dense, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(16);
/// let x = Dense::new(16).activation(Relu).call(&inputs);
/// let x = Add::new().call([&x, &inputs]);
/// let outputs = Dense::new(1).call(&x);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.count_params()?, 16 * 17 + 17);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Input;

impl Input {
    /// A symbolic input. Its numbers are floats, or whole numbers where they go to layers that
    /// take those.
    #[expect(
        clippy::new_ret_no_self,
        reason = "an input is a tensor like all others"
    )]
    #[must_use]
    pub fn new(shape: impl Into<Shape>) -> SymbolicTensor {
        Self::named(unique_name("InputLayer"), shape)
    }

    /// A symbolic input with a name, by which a message speaks of it.
    #[must_use]
    pub fn named(name: impl Into<String>, shape: impl Into<Shape>) -> SymbolicTensor {
        SymbolicTensor::of(
            Origin::Input(InputSpec {
                name: name.into(),
                shape: Some(shape.into()),
            }),
            Vec::new(),
        )
    }
}

impl SymbolicTensor {
    pub(crate) fn of(origin: Origin, inputs: Vec<Self>) -> Self {
        Self(Arc::new(Call {
            number: next_number(),
            origin,
            inputs,
        }))
    }

    pub(crate) fn call(&self) -> &Call {
        &self.0
    }

    /// Those that it is made of have smaller numbers.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// The name of the input or of the layer that makes it.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0.origin {
            Origin::Input(spec) => &spec.name,
            Origin::Layer { layer, .. } => layer.name(),
            Origin::Problem(problem) => problem,
        }
    }
}

impl fmt::Debug for SymbolicTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<&str> = self.0.inputs.iter().map(Self::name).collect();
        write!(
            f,
            "SymbolicTensor({} of [{}])",
            self.name(),
            inputs.join(", ")
        )
    }
}

impl Drop for Call {
    /// One after another: a long chain would overflow the stack.
    fn drop(&mut self) {
        let mut waiting = std::mem::take(&mut self.inputs);
        while let Some(tensor) = waiting.pop() {
            if let Some(mut call) = Arc::into_inner(tensor.0) {
                waiting.append(&mut call.inputs);
            }
        }
    }
}

/// One symbolic tensor or several.
///
/// Made from `&x`, `[&a, &b]`, `(&a, &b)`, vectors and slices.
///
/// ```
/// use labbook_nn::{Add, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (a, b) = (Input::new(4), Input::new(4));
/// let sum = Add::new().call([&a, &b]);
/// let model = Model::new(vec![a, b], &sum)?;
/// assert_eq!(model.input_names().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SymbolicTensors(pub(crate) Vec<SymbolicTensor>);

impl From<SymbolicTensor> for SymbolicTensors {
    fn from(tensor: SymbolicTensor) -> Self {
        Self(vec![tensor])
    }
}

impl From<&SymbolicTensor> for SymbolicTensors {
    fn from(tensor: &SymbolicTensor) -> Self {
        Self(vec![tensor.clone()])
    }
}

impl From<&SymbolicTensors> for SymbolicTensors {
    fn from(tensors: &SymbolicTensors) -> Self {
        tensors.clone()
    }
}

impl From<Vec<SymbolicTensor>> for SymbolicTensors {
    fn from(tensors: Vec<SymbolicTensor>) -> Self {
        Self(tensors)
    }
}

impl From<&Vec<SymbolicTensor>> for SymbolicTensors {
    fn from(tensors: &Vec<SymbolicTensor>) -> Self {
        Self(tensors.clone())
    }
}

impl From<&[SymbolicTensor]> for SymbolicTensors {
    fn from(tensors: &[SymbolicTensor]) -> Self {
        Self(tensors.to_vec())
    }
}

impl<const N: usize> From<[SymbolicTensor; N]> for SymbolicTensors {
    fn from(tensors: [SymbolicTensor; N]) -> Self {
        Self(tensors.into())
    }
}

impl<const N: usize> From<&[SymbolicTensor; N]> for SymbolicTensors {
    fn from(tensors: &[SymbolicTensor; N]) -> Self {
        Self(tensors.to_vec())
    }
}

impl<const N: usize> From<[&SymbolicTensor; N]> for SymbolicTensors {
    fn from(tensors: [&SymbolicTensor; N]) -> Self {
        Self(tensors.into_iter().cloned().collect())
    }
}

impl<const N: usize> From<&[&SymbolicTensor; N]> for SymbolicTensors {
    fn from(tensors: &[&SymbolicTensor; N]) -> Self {
        Self(tensors.iter().map(|&tensor| tensor.clone()).collect())
    }
}

impl From<(&SymbolicTensor, &SymbolicTensor)> for SymbolicTensors {
    fn from((a, b): (&SymbolicTensor, &SymbolicTensor)) -> Self {
        Self(vec![a.clone(), b.clone()])
    }
}

impl SharedLayer {
    /// What the layer makes of these symbolic tensors, with the weights that it has everywhere.
    pub fn call(&self, inputs: impl Into<SymbolicTensors>) -> SymbolicTensor {
        let origin = Origin::Layer {
            layer: self.clone(),
            scope: None,
        };
        SymbolicTensor::of(origin, inputs.into().0)
    }
}
