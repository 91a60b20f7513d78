use std::fmt;

use tch::{Device, Kind};

use crate::engine::piece_size;
use crate::model::graph::{Planned, Source};
use crate::tensors::memory::{Memory, megabytes};
use crate::{Activation, Error, Evaluate, Fit, Model, Result, Shape};

/// An estimate may be twice too high, of layers that it knows little of: refused is what cannot be.
const CERTAIN: f64 = 0.5;

/// About how many bytes a training takes at most, beside the program and the data: by
/// [`Model::training_memory`], and in the [summary](Model::summary) of a compiled model.
///
/// ```
/// use labbook_nn::{Adam, Dense, Fit, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(100).input_shape(200));
/// model.compile(Adam::new(), "mse", [])?;
/// let memory = model.training_memory(&Fit::new().batch_size(64))?;
/// assert_eq!(memory.weights, 4 * (200 * 100 + 100));
/// // Adam keeps two numbers for each weight.
/// assert_eq!(memory.optimizer, 2 * memory.weights);
/// assert!(memory.total() > 4 * memory.weights);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingMemory {
    /// Examples in a batch.
    pub batch_size: i64,
    /// Bytes of the weights.
    pub weights: u64,
    /// Bytes of their gradients.
    pub gradients: u64,
    /// Bytes that the optimizer keeps.
    pub optimizer: u64,
    /// Bytes of what layers put out and remember for the gradients, of as many examples as go
    /// through them [at a time](Model::training_memory).
    pub activations: u64,
    /// Bytes of what layers put out while the model is judged on the validation data; 0 without these.
    pub evaluation: u64,
    /// Bytes that are taken, when gradients and activations are gone, to write the training down
    /// after each epoch; 0 for one that is not kept in a file.
    pub files: u64,
}

impl TrainingMemory {
    /// All of it together, at the worst moment.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights + self.more()
    }

    /// What comes on top of the weights, which are there before the training.
    #[must_use]
    pub fn more(&self) -> u64 {
        let step = self.gradients + self.activations;
        self.optimizer + step.max(self.evaluation).max(self.files)
    }

    /// Refuses what the memory cannot hold, before it is tried.
    pub(crate) fn check(&self, memory: Memory) -> Result<()> {
        let least = (CERTAIN * self.more() as f64) as u64;
        let (expected, advice) = match memory {
            Memory { whole, .. } if least > whole => (
                format!("one within the machine's memory, {}", megabytes(whole)),
                "take smaller batches with batch_size, a smaller model, or a larger machine",
            ),
            Memory { free, .. } if least > free => (
                format!("one within the memory that is free, {}", megabytes(free)),
                "free memory, take smaller batches with batch_size, or a smaller model",
            ),
            _ => return Ok(()),
        };
        let received = format!("one that takes about {} more", megabytes(self.more()));
        Err(Error::option("training", expected, received, advice))
    }
}

impl fmt::Display for TrainingMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch_size, .. } = self;
        write!(
            f,
            "{} with batches of {batch_size}",
            megabytes(self.total())
        )
    }
}

impl Model {
    /// Estimates the memory that [`fit`](Self::fit) takes with these options, beside the program
    /// and the data: weights, gradients, what the optimizer keeps, and what goes through the
    /// layers. Made for dense and convolutional networks; of layers that remember every step of a
    /// sequence it knows less.
    ///
    /// On a processor a batch goes through in pieces that stay in its cache, where layers and loss
    /// allow it, so that a larger batch need not take more.
    ///
    /// # Errors
    /// When the model is not compiled or not built.
    pub fn training_memory(&self, options: &Fit) -> Result<TrainingMemory> {
        self.memory_of(options, i64::MAX)
    }

    /// Estimates the bytes that [`evaluate`](Self::evaluate) takes with these options, beside model and data: what
    /// two layers put out at a time.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn evaluation_memory(&self, options: &Evaluate) -> Result<u64> {
        self.built()?;
        Ok(self.evaluation_of(options.batch_size))
    }

    fn evaluation_of(&self, batch_size: i64) -> u64 {
        let numbers = self.largest_output().saturating_mul(2);
        let numbers = numbers.saturating_mul(batch_size);
        bytes(numbers, self.dtype_policy().compute_kind())
    }

    /// The same for a training on so many examples, refused where it is certain not to fit.
    pub(crate) fn check_memory(&self, options: &Fit, examples: i64) -> Result<()> {
        let (Device::Cpu, Some(memory)) = (self.device, Memory::of_system()) else {
            return Ok(());
        };
        self.memory_of(options, examples)?.check(memory)
    }

    fn memory_of(&self, options: &Fit, examples: i64) -> Result<TrainingMemory> {
        self.built()?;
        let batch_size = options.batch_size.min(examples);
        let (mut all, mut trained) = (0_i64, 0_i64);
        for (_, parameter) in self.parameters() {
            all += parameter.count();
            trained += i64::from(parameter.trainable) * parameter.count();
        }
        let slots = self.slots_per_weight()?;
        let piece = piece_size(self, batch_size)?.min(batch_size).max(1);
        // The sum so far, and what a piece adds to it.
        let copies = if piece < batch_size { 2 } else { 1 };
        let optimizer = (bytes(trained, Kind::Float) as f64 * slots) as u64;
        let compute = self.dtype_policy().compute_kind();
        let mut activations = bytes(self.kept_numbers().saturating_mul(piece), compute);
        if compute != Kind::Float {
            // Weights are converted once a step.
            activations += bytes(all, compute);
        }
        let inputs = self.input_shapes()?;
        let inputs = inputs.iter().filter_map(Shape::elements).sum::<i64>();
        activations += bytes(inputs.saturating_mul(batch_size), Kind::Float);
        let weights = bytes(all, Kind::Float);
        Ok(TrainingMemory {
            batch_size,
            weights,
            gradients: copies * bytes(trained, Kind::Float),
            optimizer,
            activations,
            evaluation: match options.validation_batch() {
                Some(batch_size) => self.evaluation_of(batch_size.min(examples)),
                None => 0,
            },
            files: match options.place {
                // A copy of what the optimizer keeps, the numbers of all tensors, and the file.
                Some(_) => optimizer + 2 * (weights + optimizer),
                None => 0,
            },
        })
    }

    /// How many numbers the optimizer keeps for a weight: what one like it does after a step on
    /// weights of one number.
    fn slots_per_weight(&self) -> Result<f64> {
        let compiled = self.compiled()?;
        let Some(config) = compiled.optimizer.config() else {
            // One written elsewhere is taken for one like Adam.
            return Ok(2.0);
        };
        let parameters = self.parameters().into_iter();
        let trained = parameters.filter(|(_, parameter)| parameter.trainable);
        let small = trained.map(|(name, parameter)| {
            let sizes = vec![1; parameter.keras_view(&parameter.value)?.dim()];
            let weight = tch::Tensor::f_zeros(sizes.as_slice(), (Kind::Float, Device::Cpu))?;
            Ok((name, weight))
        });
        let small: Vec<_> = small.collect::<Result<_>>()?;
        let gradients = small.iter().map(|(_, weight)| weight.f_zeros_like());
        let gradients = gradients.collect::<std::result::Result<Vec<_>, _>>()?;
        let mut optimizer = config.into_optimizer();
        optimizer.step(&small, &gradients)?;
        Ok(optimizer.state()?.slots.len() as f64 / small.len().max(1) as f64)
    }

    /// Numbers that are in memory for one example at the end of the forward pass, with the two
    /// largest gradients of outputs that the way back has at a time.
    fn kept_numbers(&self) -> i64 {
        let plan = self.graph.plan();
        let size = |source: Source| {
            let shape = self.graph.shape_of(source);
            shape.and_then(Shape::elements).unwrap_or(0)
        };
        let mut kept = 0_i64;
        for step in &plan.steps {
            let source = Source::Node(step.node);
            let output = size(source);
            let mut users = plan
                .steps
                .iter()
                .filter(|user| user.inputs.contains(&source));
            let needed = keeps_output(step) || users.any(keeps_input);
            kept = kept
                .saturating_add(if needed { output } else { 0 })
                .saturating_add(own_numbers(step).saturating_mul(output));
        }
        kept.saturating_add(self.largest_output().saturating_mul(2))
    }

    /// Numbers that the widest layer puts out for one example.
    fn largest_output(&self) -> i64 {
        let nodes = 0..self.graph.nodes.len();
        let shapes = nodes.filter_map(|node| self.graph.shape_of(Source::Node(node)));
        shapes.filter_map(Shape::elements).max().unwrap_or(0)
    }
}

/// The bytes of so many numbers.
fn bytes(count: i64, kind: Kind) -> u64 {
    let count = count.max(0).unsigned_abs();
    count.saturating_mul(kind.elt_size_in_bytes() as u64)
}

/// Whether the way back through a layer needs what it put out.
fn keeps_output(step: &Planned<'_>) -> bool {
    !matches!(step.activation, Activation::Linear)
}

/// Whether the way back through a layer needs what it took in.
fn keeps_input(step: &Planned<'_>) -> bool {
    match step.layer.class_name() {
        "Add"
        | "Subtract"
        | "Average"
        | "Concatenate"
        | "Dropout"
        | "Rescaling"
        | "SpatialDropout1D"
        | "SpatialDropout2D"
        | "ZeroPadding1D"
        | "ZeroPadding2D"
        | "UpSampling2D"
        | "GlobalAveragePooling1D"
        | "GlobalAveragePooling2D" => false,
        // These know the way back from their result.
        "Activation" | "ReLU" | "Softmax" => !from_result(step.activation),
        _ => true,
    }
}

/// What a layer remembers besides, in numbers for each that it puts out.
fn own_numbers(step: &Planned<'_>) -> i64 {
    let own = match step.layer.class_name() {
        // Where each maximum stood, as whole numbers of eight bytes.
        "MaxPooling1D" | "MaxPooling2D" | "MaxPooling3D" => 2,
        // The mask.
        "Dropout" | "AlphaDropout" | "GaussianDropout" => 1,
        // The gates of every step.
        "LSTM" | "GRU" | "Bidirectional" => 6,
        "MultiHeadAttention" | "TransformerEncoder" | "TransformerDecoder" => 8,
        _ => 0,
    };
    own + i64::from(!from_result(step.activation))
}

/// Whether a function's slope follows from its result; else its argument is remembered too.
fn from_result(activation: Activation) -> bool {
    use Activation::{Linear, Relu, Sigmoid, Softmax, Tanh};
    matches!(activation, Linear | Relu | Sigmoid | Softmax | Tanh)
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;
    use crate::{Adam, BatchNormalization, Dense, Dropout, SGD, Sequential};

    const GIGABYTE: u64 = 1_000_000_000;

    #[test]
    fn what_cannot_fit_is_told_from_what_may_fit_later() {
        let memory = |more: u64| TrainingMemory {
            batch_size: 32,
            weights: 0,
            gradients: 0,
            optimizer: more,
            activations: 0,
            evaluation: 0,
            files: 0,
        };
        let machine = Memory {
            whole: 8 * GIGABYTE,
            free: 3 * GIGABYTE,
        };
        let told = |more| memory(more).check(machine).unwrap_err().to_string();
        assert!(memory(3 * GIGABYTE).check(machine).is_ok());
        let later = told(7 * GIGABYTE);
        assert!(
            later.contains("within the memory that is free, 3.0 GB")
                && later.contains("takes about 7.0 GB more"),
            "{later}"
        );
        let never = told(20 * GIGABYTE);
        assert!(
            never.contains("within the machine's memory, 8.0 GB"),
            "{never}"
        );
    }

    #[test]
    fn a_training_that_cannot_fit_does_not_begin() -> Result<()> {
        let mut model = Sequential::on(Device::Cpu);
        model.add(Dense::new(1 << 20).input_shape(1));
        // The batch stays whole.
        model.add(BatchNormalization::new());
        model.add(Dense::new(1));
        model.compile(SGD::new(), "mse", [])?;
        let x = Tensor::zeros([1, 1], (Kind::Float, Device::Cpu)).expand([1 << 20, 1], false);
        let options = Fit::new().batch_size(1 << 40).verbose(0);
        let error = model.fit(&x, &x, &options).unwrap_err().to_string();
        assert!(error.contains("within the machine's memory"), "{error}");
        // Few examples are a small batch, whatever the option says.
        let few = x.narrow(0, 0, 2);
        model.fit(&few, &few, &options)?;
        Ok(())
    }

    #[test]
    fn the_parts_are_those_of_weights_optimizer_and_batch() -> Result<()> {
        let memory = |optimizer: &dyn Fn(&mut Sequential) -> Result<()>, options: &Fit| {
            let mut model = Sequential::on(Device::Cpu);
            model.add(Dense::new(50).activation(Activation::Relu).input_shape(30));
            model.add(Dropout::new(0.5));
            model.add(Dense::new(1));
            optimizer(&mut model)?;
            model.training_memory(options)
        };
        let fit = Fit::new().batch_size(10);
        let sgd = memory(&|model| model.compile(SGD::new(), "mse", []), &fit)?;
        let weights = 4 * (30 * 50 + 50 + 50 + 1);
        assert_eq!(
            (sgd.weights, sgd.gradients, sgd.optimizer),
            (weights, weights, 0)
        );
        // Of each example ReLU's output, dropout's output and mask, the last output's gradient goes
        // beside the largest, and the input.
        assert_eq!(sgd.activations, 4 * 10 * (50 + 2 * 50 + 2 * 50 + 30));
        assert_eq!(sgd.total(), 2 * weights + sgd.activations);
        let momentum = |model: &mut Sequential| model.compile(SGD::new().momentum(0.9), "mse", []);
        let momentum = memory(&momentum, &fit)?;
        assert_eq!(momentum.optimizer, weights);
        let adam = |model: &mut Sequential| model.compile(Adam::new(), "mse", []);
        assert_eq!(memory(&adam, &fit)?.optimizer, 2 * weights);
        let kept = memory(&adam, &fit.resume_from("x.safetensors"))?;
        assert_eq!(kept.files, 8 * weights);
        assert_eq!(
            kept.to_string().split(" with ").last(),
            Some("batches of 10")
        );
        Ok(())
    }

    #[test]
    fn any_optimizer_is_asked_what_it_keeps() -> Result<()> {
        let mut model = Sequential::on(Device::Cpu);
        model.add(Dense::new(4).input_shape(3).name("a"));
        model.add(Dense::new(1).name("b"));
        for name in [
            "adam", "rmsprop", "adagrad", "adadelta", "nadam", "ftrl", "lion",
        ] {
            model.compile(name, "mse", [])?;
            let memory = model.training_memory(&Fit::new())?;
            let state = {
                let x = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
                let y = Tensor::ones([2, 1], (Kind::Float, Device::Cpu));
                model.fit(&x, &y, &Fit::new().verbose(0))?;
                model.optimizer_state()?
            };
            let kept: usize = state.slots.iter().map(|(_, slot)| slot.numel()).sum();
            assert_eq!(memory.optimizer, 4 * kept as u64, "{name}");
        }
        Ok(())
    }
}
