use std::fmt;

use tch::Tensor;

use crate::Result;

/// Changes the weights of a model by their gradients, one step at a time.
pub trait Optimizer: fmt::Debug + Send {
    /// Name as in Keras, such as `Adam`.
    fn name(&self) -> &'static str;

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    fn check(&self) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate from the next step on.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// Updates every weight in place.
    ///
    /// Weights and gradients come in the same order and in Keras's shapes, without autograd.
    ///
    /// # Errors
    /// When libtorch refuses, or the weights are not those of the steps before.
    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()>;

    /// A copy of what the optimizer remembers between steps.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn state(&self) -> Result<OptimizerState>;

    /// Goes back to a remembered state.
    ///
    /// # Errors
    /// When the state is not of this kind of optimizer.
    fn set_state(&mut self, state: &OptimizerState) -> Result<()>;
}

/// What an optimizer remembers: how many steps it made, and its tensors per weight.
#[derive(Debug)]
pub struct OptimizerState {
    /// Steps made so far.
    pub step: i64,
    /// Name and tensor of each slot, such as `Adam/dense/kernel/m:0`, in Keras's shapes.
    pub slots: Vec<(String, Tensor)>,
}

impl OptimizerState {
    /// One slot by its name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&Tensor> {
        self.slots
            .iter()
            .find(|(slot, _)| slot == name)
            .map(|(_, tensor)| tensor)
    }
}
