//! A model asked again and again for what may come next.

use std::collections::{HashMap, HashSet};

use tch::{Device, Kind, Tensor};

use crate::losses::loss::Output;
use crate::model::graph::{Plan, Source};
use crate::tensors::shape::tuple;
use crate::{Activation, Error, Model, Result, StepMemory, StepsSeen};

pub(super) struct Writer<'a> {
    model: &'a Model,
    plan: Plan<'a>,
    /// Which input the tokens go to.
    input: Source,
    /// How many tokens the model takes at most.
    window: usize,
    vocabulary: i64,
    /// Whether the output has a row for each step.
    all_steps: bool,
    /// Whether sequences may be shorter than what the model was built for.
    any_length: bool,
    /// Whether 0 stands for no token.
    masks_zero: bool,
    /// What does not depend on the tokens, of one example each.
    given: Vec<(Source, Tensor)>,
    cache: Option<Cache>,
}

/// What the layers remember, by their nodes.
#[derive(Default)]
struct Cache {
    memories: HashMap<usize, StepMemory>,
    /// Where the steps that were seen begin, and how many they are.
    first: usize,
    steps: usize,
}

impl<'a> Writer<'a> {
    /// For a model with these tensors at all inputs but the last, which takes the tokens.
    pub(super) fn new(
        model: &'a Model,
        given: &[Tensor],
        prompt: &[i64],
        use_cache: bool,
    ) -> Result<Self> {
        model.built()?;
        let graph = &model.graph;
        let wrong = |expected: &str, received: String, advice: &str| {
            Error::option(
                &format!("generate by model {}", model.name()),
                expected,
                received,
                advice,
            )
        };
        let input = Source::Input(given.len());
        if graph.inputs.len() != given.len() + 1 {
            let inputs = graph.inputs.len();
            return Err(wrong(
                &format!(
                    "a tensor for each of {} inputs before that of the tokens",
                    inputs - 1
                ),
                format!("{} tensors", given.len()),
                "use model.generate_from([&source], prompt, &options)",
            ));
        }
        let shape = graph.shape_of(input).map(|shape| shape.dims().to_vec());
        let output = graph
            .outputs
            .first()
            .and_then(|output| graph.shape_of(*output));
        let output = output.map(|shape| shape.dims().to_vec());
        let (shape, output) = (shape.unwrap_or_default(), output.unwrap_or_default());
        let (window, all_steps, vocabulary) = match (&shape[..], &output[..]) {
            (&[steps], &[vocabulary]) => (steps, false, vocabulary),
            (&[steps], &[rows, vocabulary]) if rows == steps => (steps, true, vocabulary),
            _ => {
                return Err(wrong(
                    "tokens (None, steps) and an output (None, steps, vocabulary) or (None, vocabulary)",
                    format!("{shape:?} and {output:?} without the axis of examples"),
                    "end the model with Dense::new(vocabulary)",
                ));
            }
        };
        let plan = graph.plan();
        let makers = plan.steps.iter().filter(|step| step.layer.makes_mask());
        let masks_zero = makers.clone().next().is_some();
        let masks_tokens_alone = makers.into_iter().all(|step| step.layer.takes_integers());
        let allowed = i64::from(masks_zero)..vocabulary;
        if prompt.is_empty() || prompt.iter().any(|token| !allowed.contains(token)) {
            let received = match prompt.is_empty() {
                true => "none".to_owned(),
                false => format!("{prompt:?}"),
            };
            return Err(Error::data(
                "prompt",
                format!("tokens from {} to {}", allowed.start, vocabulary - 1),
                received,
                "begin with a token at least; 0 fills up where the embedding masks zeros",
            ));
        }
        let growing = growing(&plan, input);
        let steps_alone = all_steps && sees_no_later_steps(&plan, &growing);
        let mut writer = Self {
            model,
            plan,
            input,
            window: usize::try_from(window).unwrap_or(1).max(1),
            vocabulary,
            all_steps,
            any_length: steps_alone,
            masks_zero,
            given: Vec::new(),
            // Where 0 is no token, an embedding's mask leaves nothing out; others would have to be
            // remembered, too.
            cache: (steps_alone && use_cache && masks_tokens_alone).then(Cache::default),
        };
        writer.given = writer.computed(given, &growing)?;
        Ok(writer)
    }

    /// What depends on the given inputs alone and is needed for the rest.
    fn computed(
        &self,
        given: &[Tensor],
        growing: &HashSet<Source>,
    ) -> Result<Vec<(Source, Tensor)>> {
        for (index, tensor) in given.iter().enumerate() {
            let expected = self.model.graph.shape_of(Source::Input(index));
            let fits = tensor.size().split_first().is_some_and(|(count, sizes)| {
                *count == 1 && expected.is_some_and(|shape| shape.dims() == sizes)
            });
            if !fits {
                return Err(Error::data(
                    "generate_from",
                    format!(
                        "one example for input {}, {}",
                        self.model.graph.inputs[index].name,
                        expected.map(ToString::to_string).unwrap_or_default()
                    ),
                    tuple(&tensor.size()),
                    "take one row and keep its axis: x.narrow(0, 0, 1)",
                ));
            }
        }
        let needed = self
            .plan
            .steps
            .iter()
            .filter(|step| growing.contains(&Source::Node(step.node)));
        let needed: HashSet<Source> = needed
            .flat_map(|step| step.inputs.iter().copied())
            .filter(|source| !growing.contains(source))
            .collect();
        let needed: Vec<Source> = needed.into_iter().collect();
        if needed.is_empty() {
            return Ok(Vec::new());
        }
        let inputs = given.iter().enumerate().map(|(index, tensor)| {
            let tensor = tensor.f_to_device(self.model.device())?;
            Ok((Source::Input(index), self.model.in_compute_kind(&tensor)?))
        });
        let plan = Plan {
            steps: self.model.graph.plan().steps,
            outputs: &needed,
            left_out: vec![Activation::Linear; needed.len()],
        };
        let kind = self.model.compute_kind();
        let outputs = plan.run(
            inputs.collect::<Result<Vec<_>>>()?,
            kind,
            crate::Phase::Infer,
        )?;
        let computed = needed.iter().zip(outputs).map(|(source, output)| {
            let tensor = match &output {
                Output::Values(y) | Output::Logits(y) | Output::BinaryLogits(y) => y,
            };
            Ok((*source, self.model.in_compute_kind(tensor)?))
        });
        computed.collect()
    }

    /// For each of some sequences of one length the logits of what comes next.
    pub(super) fn next(&mut self, sequences: &[Vec<i64>]) -> Result<Vec<Vec<f64>>> {
        let length = sequences.first().map_or(0, Vec::len);
        let first = self.first_seen(length);
        let known = match &mut self.cache {
            Some(cache) => {
                if cache.first != first {
                    *cache = Cache {
                        first,
                        ..Cache::default()
                    };
                }
                first + cache.steps
            }
            None => first,
        };
        let rows = sequences.iter().map(|tokens| self.row(&tokens[known..]));
        let rows: Vec<i64> = rows.collect::<Vec<_>>().concat();
        let size = [sequences.len() as i64, -1];
        let tokens = Tensor::f_from_slice(&rows)?
            .f_reshape(size)?
            .f_to_device(self.model.device())?;
        let output = self.run(&tokens)?;
        if let Some(cache) = &mut self.cache {
            cache.steps = length - first;
        }
        let logits = match &output {
            Output::BinaryLogits(_) => {
                return Err(Error::option(
                    "generate",
                    "a model that ends in a softmax, or in logits",
                    "a sigmoid",
                    "end it with Dense::new(vocabulary).activation(Softmax)",
                ));
            }
            Output::Logits(logits) | Output::Values(logits) => logits,
        };
        let last = match (self.all_steps, self.any_length) {
            (false, _) => logits.shallow_clone(),
            (true, true) => logits.f_select(1, -1)?,
            (true, false) => logits.f_select(1, (length - first) as i64 - 1)?,
        };
        let numbers = last.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let numbers: Vec<f64> = Vec::try_from(numbers.f_flatten(0, -1)?)?;
        let mut rows: Vec<Vec<f64>> = numbers
            .chunks(self.vocabulary as usize)
            .map(<[f64]>::to_vec)
            .collect();
        if self.masks_zero {
            for row in &mut rows {
                row[0] = f64::NEG_INFINITY;
            }
        }
        Ok(rows)
    }

    /// Goes on with the sequences of these numbers.
    pub(super) fn select(&mut self, sequences: &[i64]) -> Result<()> {
        let Some(cache) = &mut self.cache else {
            return Ok(());
        };
        let numbers = Tensor::f_from_slice(sequences)?.f_to_device(self.model.device())?;
        for memory in cache.memories.values_mut() {
            memory.select(&numbers)?;
        }
        Ok(())
    }

    /// The first token that the model sees of so many. It moves on by half of what the model takes,
    /// so that what layers remember serves for many tokens.
    fn first_seen(&self, length: usize) -> usize {
        let over = length.saturating_sub(self.window);
        match self.all_steps {
            true => {
                let half = self.window.div_ceil(2);
                over.div_ceil(half) * half
            }
            false => over,
        }
    }

    /// Tokens as the model takes them.
    fn row(&self, tokens: &[i64]) -> Vec<i64> {
        let mut row = tokens.to_vec();
        if !self.any_length {
            let missing = vec![0; self.window.saturating_sub(tokens.len())];
            match self.all_steps {
                true => row.extend(missing),
                false => row = [missing, row].concat(),
            }
        }
        row
    }

    fn run(&mut self, tokens: &Tensor) -> Result<Output> {
        let count = tokens.size()[0];
        let mut known = vec![(self.input, tokens.shallow_clone())];
        for (source, tensor) in &self.given {
            let mut size = tensor.size();
            size[0] = count;
            known.push((*source, tensor.f_expand(&size, false)?));
        }
        let kind = self.model.compute_kind();
        let plan = &self.plan;
        let outputs = match &mut self.cache {
            None => plan.run(known, kind, crate::Phase::Infer)?,
            Some(cache) => {
                let steps = tokens.size()[1];
                let computed = plan.run_by(known, kind, |step, inputs, _| {
                    let memory = cache.memories.entry(step.node).or_default();
                    let y = step.layer.forward_next(inputs, memory, step.activation)?;
                    memory.steps += steps;
                    Ok((y, None))
                });
                computed?.0
            }
        };
        outputs
            .into_iter()
            .next()
            .ok_or_else(|| self.model.no_layers())
    }
}

/// All that depends on the tokens.
fn growing(plan: &Plan<'_>, input: Source) -> HashSet<Source> {
    let mut growing = HashSet::from([input]);
    for step in &plan.steps {
        if step.inputs.iter().any(|source| growing.contains(source)) {
            growing.insert(Source::Node(step.node));
        }
    }
    growing
}

/// Whether no output depends on a later token, so that a new one changes nothing before it.
fn sees_no_later_steps(plan: &Plan<'_>, growing: &HashSet<Source>) -> bool {
    let mut steps = plan.steps.iter();
    steps.all(|step| {
        let mut grows = step.inputs.iter().map(|source| growing.contains(source));
        if !growing.contains(&Source::Node(step.node)) {
            return true;
        }
        match step.layer.steps_seen() {
            StepsSeen::Same => grows.all(|grows| grows),
            StepsSeen::Earlier => grows.next() == Some(true) && !grows.any(|grows| grows),
            StepsSeen::All => false,
        }
    })
}
