use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::optimizers::optimizer::OptimizerKind;
use crate::{
    Error, LayerPlace, Model, Optimizer, OptimizerChoice, OptimizerConfig, OptimizerState, Result,
};

/// Several optimizers for the parts of a model.
///
/// A part is a layer, or a model within the model, by its name: all weights whose names begin
/// with `name/`. What belongs to no part has the optimizer of [`new`](Self::new). The learning
/// rate that is told and set is that one's; those of the parts keep their ratio to it, so that
/// schedules by callback work on all.
///
/// [`from_layer`](Self::from_layer) makes parts of the layers from one on: lower layers of a
/// network that others trained then learn more slowly than the upper ones.
///
/// ```
/// use labbook_nn::{Adam, Dense, MultiOptimizer, SGD, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(8).name("body").input_shape(4));
/// model.add(Dense::new(1).name("head"));
/// let slower = SGD::new().learning_rate(1e-4);
/// model.compile(MultiOptimizer::new(Adam::new()).part("body", slower), "mse", [])?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MultiOptimizer {
    /// The one of all other weights comes first; its name is empty.
    parts: Vec<Part>,
    problem: Option<Error>,
}

#[derive(Debug)]
struct Part {
    names: Vec<String>,
    optimizer: Box<dyn Optimizer>,
}

impl Part {
    fn told(&self) -> String {
        match self.names.as_slice() {
            [] => "one whose layers all belong to later parts".to_owned(),
            [name] => format!("{name:?}"),
            [first, .., last] => format!("{first:?} to {last:?}"),
        }
    }
}

/// A part as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartConfig {
    name: String,
    /// Further layers of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more: Vec<String>,
    optimizer: OptimizerConfig,
}

impl MultiOptimizer {
    /// The optimizer of all weights that belong to no part.
    #[must_use]
    pub fn new(optimizer: impl Into<OptimizerChoice>) -> Self {
        let new = Self {
            parts: Vec::new(),
            problem: None,
        };
        new.part("", optimizer)
    }

    /// Adds the optimizer of a part: the name of a layer, or of a model within the model.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn part(mut self, name: impl Into<String>, optimizer: impl Into<OptimizerChoice>) -> Self {
        self.push(vec![name.into()], optimizer);
        self
    }

    /// Adds the optimizer of all layers of a model from this one on: a name, or a number, -1 for
    /// the last layer. Layers that a later call names, too, belong to that one.
    ///
    /// ```
    /// use labbook_nn::{Dense, MultiOptimizer, SGD, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(8).input_shape(4));
    /// model.add(Dense::new(8).name("middle"));
    /// model.add(Dense::new(1));
    /// let rate = |rate| SGD::new().learning_rate(rate);
    /// let optimizer = MultiOptimizer::new(rate(1e-5))
    ///     .from_layer(&model, "middle", rate(1e-4))
    ///     .from_layer(&model, -1, rate(1e-3));
    /// model.compile(optimizer, "mse", [])?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn from_layer(
        mut self,
        model: &Model,
        layer: impl Into<LayerPlace>,
        optimizer: impl Into<OptimizerChoice>,
    ) -> Self {
        match model.names_from(&layer.into()) {
            Ok(names) => {
                for part in self.parts.iter_mut().skip(1) {
                    part.names.retain(|name| !names.contains(name));
                }
                self.push(names, optimizer);
            }
            Err(error) => {
                self.problem.get_or_insert(error);
            }
        }
        self
    }

    fn push(&mut self, names: Vec<String>, optimizer: impl Into<OptimizerChoice>) {
        match optimizer.into().into_optimizer() {
            Ok(optimizer) => self.parts.push(Part { names, optimizer }),
            Err(error) => {
                self.problem.get_or_insert(error);
            }
        }
    }

    pub(crate) fn of(configs: Vec<PartConfig>) -> Self {
        let parts = configs.into_iter().map(|part| Part {
            names: [vec![part.name], part.more].concat(),
            optimizer: part.optimizer.into_optimizer(),
        });
        Self {
            parts: parts.collect(),
            problem: None,
        }
    }

    /// The number of the part that a weight belongs to: the one with the longest name that fits.
    fn part_of(&self, weight: &str) -> usize {
        let fits = |name: &&String| {
            let rest = weight.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let named = self.parts.iter().enumerate().skip(1);
        let fitting = named.filter_map(|(index, part)| {
            let names = part.names.iter().filter(fits);
            names.map(|name| (name.len(), index)).max()
        });
        fitting.max().map_or(0, |(_, index)| index)
    }

    fn check_names(&self, weights: &[(String, Tensor)]) -> Result<()> {
        let mut used: Vec<bool> = (0..self.parts.len()).map(|index| index == 0).collect();
        for (name, _) in weights {
            used[self.part_of(name)] = true;
        }
        match used.iter().position(|used| !used) {
            None => Ok(()),
            Some(index) => Err(Error::option(
                "MultiOptimizer",
                "parts that are layers, or models within the model, with weights to train",
                self.parts[index].told(),
                "see model.summary() for the names",
            )),
        }
    }
}

impl Optimizer for MultiOptimizer {
    fn name(&self) -> &'static str {
        "MultiOptimizer"
    }

    fn config(&self) -> Option<OptimizerConfig> {
        let parts = self.parts.iter().map(|part| {
            let (name, more) = part.names.split_first()?;
            Some(PartConfig {
                name: name.clone(),
                more: more.to_vec(),
                optimizer: part.optimizer.config()?,
            })
        });
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(OptimizerConfig(OptimizerKind::MultiOptimizer { parts }))
    }

    fn check(&self) -> Result<()> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        for (index, part) in self.parts.iter().enumerate() {
            part.optimizer.check()?;
            let mut before = self.parts[..index].iter().flat_map(|part| &part.names);
            let twice = before.any(|name| part.names.contains(name));
            if twice || (index > 0 && part.names.iter().any(String::is_empty)) {
                return Err(Error::option(
                    "MultiOptimizer",
                    "a name of its own for each part",
                    part.told(),
                    "name every layer or model once",
                ));
            }
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.parts[0].optimizer.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        let before = self.learning_rate();
        for (index, part) in self.parts.iter_mut().enumerate() {
            let rate = match index {
                0 => learning_rate,
                _ if before > 0.0 => part.optimizer.learning_rate() / before * learning_rate,
                _ => continue,
            };
            part.optimizer.set_learning_rate(rate);
        }
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        let mut shares = Vec::new();
        shares.resize_with(self.parts.len(), || (Vec::new(), Vec::new()));
        for ((name, weight), gradient) in weights.iter().zip(gradients) {
            let (weights, gradients) = &mut shares[self.part_of(name)];
            weights.push((name.clone(), weight.shallow_clone()));
            gradients.push(gradient.shallow_clone());
        }
        for (part, (weights, gradients)) in self.parts.iter_mut().zip(&shares) {
            // A step of one part leaves the others where they are.
            if !weights.is_empty() {
                part.optimizer.step(weights, gradients)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.check_names(weights)
    }

    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        let places: Vec<usize> = weights.iter().map(|(name, _)| self.part_of(name)).collect();
        for (index, part) in self.parts.iter_mut().enumerate() {
            let own = weights
                .iter()
                .zip(&places)
                .filter(|(_, place)| **place == index);
            let own: Vec<(String, Tensor)> = own
                .map(|((name, weight), _)| (name.clone(), weight.shallow_clone()))
                .collect();
            if !own.is_empty() {
                part.optimizer.finish(&own)?;
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<OptimizerState> {
        let mut whole = OptimizerState {
            step: 0,
            slots: Vec::new(),
        };
        for (index, part) in self.parts.iter().enumerate() {
            let state = part.optimizer.state()?;
            whole.step = whole.step.max(state.step);
            let step = Tensor::f_from_slice(&[state.step as f64])?;
            whole.slots.push((format!("{index}/{STEP}"), step));
            let slots = state.slots.into_iter();
            whole
                .slots
                .extend(slots.map(|(name, slot)| (format!("{index}/{name}"), slot)));
        }
        Ok(whole)
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        let mut states = Vec::new();
        for index in 0..self.parts.len() {
            let prefix = format!("{index}/");
            let mut step = None;
            let mut slots = Vec::new();
            for (name, slot) in &state.slots {
                match name.strip_prefix(&prefix) {
                    Some(STEP) if slot.numel() == 1 => step = Some(slot.f_double_value(&[0])?),
                    Some(name) => slots.push((name.to_owned(), slot.shallow_clone())),
                    None => (),
                }
            }
            let step = step.ok_or_else(|| {
                Error::weights(
                    format!("the state of {} optimizers", self.parts.len()),
                    format!("none of number {index}"),
                    "take it from a model that was compiled alike",
                )
            })?;
            states.push(OptimizerState {
                step: step as i64,
                slots,
            });
        }
        for (part, state) in self.parts.iter_mut().zip(&states) {
            part.optimizer.set_state(state)?;
        }
        Ok(())
    }
}

/// The slot that holds how many steps a part made.
const STEP: &str = "step";
