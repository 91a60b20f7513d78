use tch::Tensor;

use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// Examples that go through a model together.
///
/// Before `.batch(n)` a data set gives single examples in the same form, whose tensors lack the
/// axis N.
///
/// ```
/// use labbook_nn::{Dataset, TensorDataset};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let examples = TensorDataset::new([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0, 1, 0])?;
/// let batch = examples.batch(2).first()?;
/// assert_eq!(batch.inputs[0].size(), [2, 2]);
/// assert_eq!(batch.targets[0].size(), [2]);
/// assert!(batch.sample_weight.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batch {
    /// One tensor for each input of the model, of shape (N, ..).
    pub inputs: Vec<Tensor>,
    /// One tensor for each output of the model, of shape (N, ..); empty for `predict`.
    pub targets: Vec<Tensor>,
    /// The weight of each example in loss and weighted metrics, of shape (N,).
    pub sample_weight: Option<Tensor>,
}

impl Batch {
    /// The same tensors once more, without a copy of their numbers.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            inputs: self.inputs.iter().map(Tensor::shallow_clone).collect(),
            targets: self.targets.iter().map(Tensor::shallow_clone).collect(),
            sample_weight: self.sample_weight.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// All tensors with what they are called in messages.
    pub(crate) fn named(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let numbered = |name: &'static str, tensors: &'_ [Tensor]| match tensors.len() {
            1 => vec![name.to_owned()],
            count => (0..count).map(|i| format!("{name} {i}")).collect(),
        };
        let inputs = numbered("input", &self.inputs).into_iter();
        let targets = numbered("target", &self.targets).into_iter();
        inputs
            .zip(&self.inputs)
            .chain(targets.zip(&self.targets))
            .chain(
                self.sample_weight
                    .iter()
                    .map(|weight| ("sample weight".to_owned(), weight)),
            )
    }

    /// How many components of each sort there are, in words.
    pub(crate) fn structure(&self) -> String {
        let count = |n: usize, name: &str| match n {
            1 => format!("1 {name}"),
            n => format!("{n} {name}s"),
        };
        let weight = match self.sample_weight {
            Some(_) => " and a sample weight",
            None => "",
        };
        let inputs = count(self.inputs.len(), "input");
        format!("{inputs}, {}{weight}", count(self.targets.len(), "target"))
    }

    /// Something of the same structure, of what `function` makes of each tensor.
    pub(crate) fn each(&self, mut function: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(Self {
            inputs: self
                .inputs
                .iter()
                .map(&mut function)
                .collect::<Result<_>>()?,
            targets: self
                .targets
                .iter()
                .map(&mut function)
                .collect::<Result<_>>()?,
            sample_weight: self.sample_weight.as_ref().map(function).transpose()?,
        })
    }
}

/// The batch of these examples, of which there is at least one.
///
/// `at` names an example that does not fit the first by its place among them.
pub(crate) fn stack(examples: &[Batch], at: impl Fn(usize, Error) -> Error) -> Result<Batch> {
    let Some(first) = examples.first() else {
        return Err(Error::data(
            "batch",
            "at least one example",
            "none",
            "check how the examples were selected",
        ));
    };
    for (place, example) in examples.iter().enumerate().skip(1) {
        check_alike(first, example).map_err(|error| at(place, error))?;
    }
    stack_alike(first, examples).map_err(|error| at(0, error))
}

fn stack_alike(first: &Batch, examples: &[Batch]) -> Result<Batch> {
    let stacked = |of: &dyn Fn(&Batch) -> Option<&Tensor>| -> Result<Tensor> {
        let column: Vec<&Tensor> = examples.iter().filter_map(of).collect();
        Ok(Tensor::f_stack(&column, 0)?)
    };
    let columns = |count: usize, of: fn(&Batch) -> &[Tensor]| -> Result<Vec<Tensor>> {
        (0..count)
            .map(|i| stacked(&|example: &Batch| of(example).get(i)))
            .collect()
    };
    Ok(Batch {
        inputs: columns(first.inputs.len(), |example| &example.inputs)?,
        targets: columns(first.targets.len(), |example| &example.targets)?,
        sample_weight: match first.sample_weight {
            Some(_) => Some(stacked(&|example: &Batch| example.sample_weight.as_ref())?),
            None => None,
        },
    })
}

fn check_alike(first: &Batch, example: &Batch) -> Result<()> {
    let lengths = |batch: &Batch| {
        let weights = usize::from(batch.sample_weight.is_some());
        (batch.inputs.len(), batch.targets.len(), weights)
    };
    if lengths(first) != lengths(example) {
        return Err(Error::data(
            "example",
            format!("{} as in the batch's first", first.structure()),
            example.structure(),
            "give every example the same inputs and targets",
        ));
    }
    let same = |a: &Tensor, b: &Tensor| a.size() == b.size() && a.kind() == b.kind();
    let pairs = || first.named().zip(example.named());
    match pairs().find(|((_, a), (_, b))| !same(a, b)) {
        None => Ok(()),
        Some(((name, expected), (_, received))) => {
            let told = |tensor: &Tensor| format!("{} {:?}", tuple(&tensor.size()), tensor.kind());
            let advice = match expected.kind() == received.kind() {
                true => "pad, crop or resize the examples to one shape with .map(..) before",
                false => "convert them to one kind with .map(..) before",
            };
            Err(Error::data(
                &name,
                format!("{} as in the batch's first example", told(expected)),
                told(received),
                advice,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(x: &[f32], y: i64) -> Batch {
        Batch {
            inputs: vec![Tensor::from_slice(x)],
            targets: vec![Tensor::from(y)],
            sample_weight: None,
        }
    }

    fn at(place: usize, cause: Error) -> Error {
        Error::Dataset {
            stage: "batch(2)".to_owned(),
            element: place as u64,
            cause: Box::new(cause),
        }
    }

    #[test]
    fn examples_are_stacked_along_a_new_first_axis() -> Result<()> {
        let batch = stack(&[example(&[1.0, 2.0], 3), example(&[4.0, 5.0], 6)], at)?;
        assert_eq!(
            batch.inputs[0],
            Tensor::from_slice2(&[[1.0_f32, 2.0], [4.0, 5.0]])
        );
        assert_eq!(batch.targets[0], Tensor::from_slice(&[3_i64, 6]));
        Ok(())
    }

    #[test]
    fn what_differs_from_the_first_example_is_named() {
        let told = |second: Batch| {
            let error = stack(&[example(&[1.0, 2.0], 0), second], at);
            error.unwrap_err().to_string()
        };
        assert_eq!(
            told(example(&[1.0], 0)),
            "data set: batch(2), element 1: input: expected (2,) Float as in the batch's first \
             example, received (1,) Float; pad, crop or resize the examples to one shape with \
             .map(..) before"
        );
        let mut other = example(&[1.0, 2.0], 0);
        other.targets[0] = Tensor::from(1.5_f32);
        let error = told(other);
        assert!(
            error.contains("target: expected () Int64") && error.contains("to one kind"),
            "{error}"
        );
        let mut other = example(&[1.0, 2.0], 0);
        other.sample_weight = Some(Tensor::from(1.0_f32));
        let error = told(other);
        assert!(
            error.contains("received 1 input, 1 target and a sample weight; give every"),
            "{error}"
        );
        assert!(stack(&[], at).is_err());
    }
}
