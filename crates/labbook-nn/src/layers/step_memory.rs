use tch::Tensor;

use crate::Result;

/// Which steps of a sequence a layer's output at one step depends on.
///
/// It decides how a model [generates](crate::Model::generate): with layers that see earlier steps
/// alone, one new step goes through the model instead of the whole sequence.
///
/// ```
/// use labbook_nn::{Conv1D, Dense, Layer, StepsSeen};
///
/// assert_eq!(Dense::new(3).steps_seen(), StepsSeen::Same);
/// assert_eq!(Conv1D::new(3, 5).steps_seen(), StepsSeen::All);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepsSeen {
    /// The same step alone.
    Same,
    /// That step and those before it; [`Layer::forward_next`](crate::Layer::forward_next) computes
    /// it from what the layer remembers.
    Earlier,
    /// Any step.
    All,
}

/// What a layer remembers of the steps that it has seen, when a model generates.
///
/// ```
/// use labbook_nn::StepMemory;
///
/// let memory = StepMemory::default();
/// assert_eq!((memory.steps, memory.tensors.len()), (0, 0));
/// ```
#[derive(Debug, Default)]
pub struct StepMemory {
    /// How many steps were seen.
    pub steps: i64,
    /// Whatever the layer needs of them, examples on the first axis of each tensor.
    pub tensors: Vec<Tensor>,
}

impl StepMemory {
    /// The same for other examples: those of these numbers.
    pub(crate) fn select(&mut self, examples: &Tensor) -> Result<()> {
        for tensor in &mut self.tensors {
            *tensor = tensor.f_index_select(0, examples)?;
        }
        Ok(())
    }

    /// New steps behind those that a tensor of this number remembers, along an axis.
    pub(crate) fn append(&mut self, index: usize, new: &Tensor, axis: i64) -> Result<Tensor> {
        let all = match self.tensors.get(index) {
            Some(before) => Tensor::f_cat(&[before, new], axis)?,
            None => new.shallow_clone(),
        };
        match self.tensors.get_mut(index) {
            Some(place) => *place = all.shallow_clone(),
            None => self.tensors.push(all.shallow_clone()),
        }
        Ok(all)
    }
}

/// For a layer whose output at a step is that of the same step of its inputs.
macro_rules! sees_same_step {
    () => {
        fn steps_seen(&self) -> $crate::StepsSeen {
            $crate::StepsSeen::Same
        }
    };
}
pub(crate) use sees_same_step;
