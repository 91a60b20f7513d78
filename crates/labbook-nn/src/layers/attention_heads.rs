//! Attention of several heads (Vaswani et al. 2017), for the layers that are made of it.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::spatial::{axes, check_sizes};
use crate::tensors::casts::weight_like;
use crate::{BuildContext, Initializer, Parameter, Phase, Result, Shape, StepMemory};

/// Added to the scores of what must not be seen, as in Keras.
const UNSEEN: f64 = -0.7 * f32::MAX as f64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadOptions {
    pub(super) num_heads: i64,
    pub(super) key_dim: i64,
    pub(super) value_dim: i64,
    /// The query's size if none.
    pub(super) output_dim: Option<i64>,
    pub(super) dropout: f64,
    pub(super) use_bias: bool,
    pub(super) kernel_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
}

/// A kernel in Keras's shape, and a bias.
#[derive(Debug)]
struct Projection {
    kernel: Tensor,
    bias: Option<Tensor>,
}

/// The weights of all heads.
#[derive(Debug)]
pub(super) struct Heads {
    query: Projection,
    key: Projection,
    value: Projection,
    output: Projection,
}

/// What is put in: tensors (N, steps, features) and the steps that count.
pub(super) struct Attended<'a> {
    pub(super) query: &'a Tensor,
    pub(super) value: &'a Tensor,
    pub(super) key: &'a Tensor,
    /// Masks of query, value and key.
    pub(super) masks: [Option<&'a Tensor>; 3],
    /// Whether no step sees those after it.
    pub(super) causal: bool,
}

impl HeadOptions {
    /// Keras's defaults.
    pub(super) fn new(num_heads: i64, key_dim: i64) -> Self {
        Self {
            num_heads,
            key_dim,
            value_dim: key_dim,
            output_dim: None,
            dropout: 0.0,
            use_bias: true,
            kernel_initializer: Initializer::default(),
            bias_initializer: Initializer::Zeros,
        }
    }

    /// The weights for query, value and key of these shapes, and the output's shape.
    pub(super) fn build(
        &self,
        [query, value, key]: [&Shape; 3],
        context: &mut BuildContext<'_>,
    ) -> Result<(Heads, Shape)> {
        let (steps, of_query) = axes(query, 1, context)?;
        let (seen, of_value) = axes(value, 1, context)?;
        let (keys, of_key) = axes(key, 1, context)?;
        if seen != keys {
            let told = format!("{value} and {key}");
            let advice = "give query, value and key in this order";
            return Err(context.error("a value and a key of as many steps", told, advice));
        }
        let sizes = [self.num_heads, self.key_dim, self.value_dim];
        check_sizes("num_heads, key_dim and value_dim", &sizes, 1, context)?;
        let output = self.output_dim.unwrap_or(of_query);
        check_sizes("output_dim", &[output], 1, context)?;
        check_rate(self.dropout, context)?;
        self.kernel_initializer
            .check("kernel_initializer", context)?;
        self.bias_initializer.check("bias_initializer", context)?;
        let (heads, key_dim, value_dim) = (self.num_heads, self.key_dim, self.value_dim);
        let heads = Heads {
            query: self.projection(&[of_query], &[heads, key_dim], context)?,
            key: self.projection(&[of_key], &[heads, key_dim], context)?,
            value: self.projection(&[of_value], &[heads, value_dim], context)?,
            output: self.projection(&[heads, value_dim], &[output], context)?,
        };
        Ok((heads, Shape::from((steps[0], output))))
    }

    /// A kernel from axes of inputs to axes of outputs, and a bias for the outputs.
    fn projection(
        &self,
        inputs: &[i64],
        outputs: &[i64],
        context: &mut BuildContext<'_>,
    ) -> Result<Projection> {
        let count = |axes: &[i64]| axes.iter().map(|&axis| axis as f64).product::<f64>();
        let sizes = [inputs, outputs].concat();
        let fans = (count(inputs), count(outputs));
        let kernel = context.weight(self.kernel_initializer, &sizes, fans)?;
        let bias = self.use_bias.then(|| -> Result<Tensor> {
            let fans = (count(outputs), count(outputs));
            let bias = context.weight(self.bias_initializer, outputs, fans)?;
            Ok(bias.f_set_requires_grad(true)?)
        });
        Ok(Projection {
            kernel: kernel.f_set_requires_grad(true)?,
            bias: bias.transpose()?,
        })
    }
}

impl Heads {
    /// What each step of the query gathers from the steps of the value, (N, steps, outputs).
    pub(super) fn attend(
        &self,
        options: &HeadOptions,
        attended: &Attended<'_>,
        phase: Phase,
    ) -> Result<Tensor> {
        let heads = options.num_heads;
        let mut query = self.query.split(attended.query, heads)?;
        let key = self.key.split(attended.key, heads)?;
        let value = self.value.split(attended.value, heads)?;
        let dropout = match phase {
            Phase::Train => options.dropout,
            Phase::Infer => 0.0,
        };
        let mask = attended.mask()?;
        let only_causal = mask.is_none() && attended.causal;
        let bias = match mask {
            None => None,
            Some(mask) => {
                // A step that sees nothing gathers the even mean of all, as in Keras, whatever it
                // asks for.
                let blind = mask.f_any_dim(-1, true)?.f_logical_not()?.f_unsqueeze(1)?;
                query = query.f_masked_fill(&blind, 0.0)?;
                let seen = mask.f_unsqueeze(1)?.f_logical_or(&blind)?;
                let zeros = seen.f_zeros_like()?.f_to_kind(query.f_kind()?)?;
                let bias = zeros.f_masked_fill(&seen.f_logical_not()?, UNSEEN)?;
                // The kernels take a row for each step and head.
                let size = [-1, -1, query.size()[2], key.size()[2]];
                Some(bias.f_expand(size, false)?)
            }
        };
        let y = Tensor::f_scaled_dot_product_attention(
            &query,
            &key,
            &value,
            bias,
            dropout,
            only_causal,
            None,
            false,
        )?;
        self.output.of(&y.f_transpose(1, 2)?.f_flatten(2, 3)?, 2)
    }

    /// How much of each step of the value a step of the query gathers, (N, heads, steps, steps of the
    /// value): what [`attend`](Self::attend) does not keep.
    pub(super) fn scores(&self, options: &HeadOptions, attended: &Attended<'_>) -> Result<Tensor> {
        let heads = options.num_heads;
        let query = self.query.split(attended.query, heads)?;
        let key = self.key.split(attended.key, heads)?;
        let scale = 1.0 / (query.size()[3] as f64).sqrt();
        let mut scores = query
            .f_matmul(&key.f_transpose(2, 3)?)?
            .f_mul_scalar(scale)?;
        let mut mask = attended.mask()?;
        if mask.is_none() && attended.causal {
            mask = Some(attended.causal_mask()?);
        }
        if let Some(mask) = mask {
            let blind = mask.f_any_dim(-1, true)?.f_logical_not()?.f_unsqueeze(1)?;
            let unseen = mask.f_unsqueeze(1)?.f_logical_not()?;
            scores = scores
                .f_masked_fill(&unseen, UNSEEN)?
                .f_masked_fill(&blind, 0.0)?;
        }
        Ok(scores.f_softmax(-1, None::<Kind>)?)
    }

    /// What new steps gather from themselves and the steps before them, whose keys and values are
    /// remembered.
    pub(super) fn attend_next(
        &self,
        options: &HeadOptions,
        x: &Tensor,
        memory: &mut StepMemory,
    ) -> Result<Tensor> {
        let heads = options.num_heads;
        let query = self.query.split(x, heads)?;
        let key = memory.append(0, &self.key.split(x, heads)?, 2)?;
        let value = memory.append(1, &self.value.split(x, heads)?, 2)?;
        let (new, all) = (query.size()[2], key.size()[2]);
        let from_the_first = new == all;
        let seen = match new == 1 || from_the_first {
            true => None,
            false => {
                let ones = Tensor::f_ones([new, all], (Kind::Bool, x.device()))?;
                Some(ones.f_tril(all - new)?)
            }
        };
        let causal = from_the_first && new > 1;
        let y = Tensor::f_scaled_dot_product_attention(
            &query, &key, &value, seen, 0.0, causal, None, false,
        )?;
        self.output.of(&y.f_transpose(1, 2)?.f_flatten(2, 3)?, 2)
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let named = [
            ("query", &self.query),
            ("key", &self.key),
            ("value", &self.value),
            ("attention_output", &self.output),
        ];
        let all = named.into_iter().flat_map(|(name, projection)| {
            let kernel = Parameter::new(format!("{name}_kernel"), &projection.kernel);
            let bias = projection.bias.iter();
            let bias = bias.map(move |bias| Parameter::new(format!("{name}_bias"), bias));
            [kernel].into_iter().chain(bias)
        });
        all.collect()
    }

    /// How many multiplications an output of so many steps takes, if it sees as many.
    pub(super) fn multiply_adds(&self, steps: i64) -> i64 {
        let all = [&self.query, &self.key, &self.value, &self.output];
        let weights = all
            .iter()
            .map(|projection| projection.kernel.numel() as i64);
        let (query, value) = (self.query.kernel.size(), self.value.kernel.size());
        let scores = steps.saturating_mul(query[1] * (query[2] + value[2]));
        steps.saturating_mul(weights.sum::<i64>().saturating_add(scores))
    }
}

impl Projection {
    /// The product for each head, (N, heads, steps, numbers).
    fn split(&self, x: &Tensor, heads: i64) -> Result<Tensor> {
        let y = self.of(x, 1)?;
        let size = [y.size()[0], y.size()[1], heads, y.size()[2] / heads];
        Ok(y.f_reshape(size)?.f_transpose(1, 2)?)
    }

    /// The product with the first axes of the kernel, so many, that make one axis of the input.
    fn of(&self, x: &Tensor, axes: usize) -> Result<Tensor> {
        let kernel = weight_like(&self.kernel, x)?;
        let inputs: i64 = kernel.size()[..axes].iter().product();
        let y = x.f_matmul(&kernel.f_reshape([inputs, -1])?)?;
        match &self.bias {
            Some(bias) => Ok(y.f_add(&weight_like(bias, x)?.f_flatten(0, -1)?)?),
            None => Ok(y),
        }
    }
}

impl Attended<'_> {
    /// Which steps of the value each step of the query may see, (N, steps, steps of the value) or
    /// broadcast to it; `None` if all, or all up to itself where that is asked for.
    pub(super) fn mask(&self) -> Result<Option<Tensor>> {
        let [query, value, key] = self.masks;
        let mut masks = Vec::new();
        if let Some(query) = query {
            masks.push(query.f_unsqueeze(-1)?);
        }
        for mask in [value, key].into_iter().flatten() {
            masks.push(mask.f_unsqueeze(1)?);
        }
        if self.causal && !masks.is_empty() {
            masks.push(self.causal_mask()?);
        }
        let mut masks = masks.into_iter();
        let Some(first) = masks.next() else {
            return Ok(None);
        };
        let joined = masks.try_fold(first, |joined, mask| joined.f_logical_and(&mask));
        Ok(Some(joined?))
    }

    /// Each step sees itself and those before it, (1, steps, steps of the value).
    pub(super) fn causal_mask(&self) -> Result<Tensor> {
        let size = [1, self.query.size()[1], self.value.size()[1]];
        let ones = Tensor::f_ones(size, (Kind::Bool, self.query.device()))?;
        Ok(ones.f_tril(0)?)
    }
}

pub(super) fn check_rate(rate: f64, context: &BuildContext<'_>) -> Result<()> {
    match (0.0..1.0).contains(&rate) {
        true => Ok(()),
        false => Err(context.error(
            "a dropout of at least 0 and below 1",
            rate,
            "use 0.2 to drop a fifth",
        )),
    }
}

/// Query, value and key of a layer that is called on one to three tensors: what is not given is
/// the value, or the query.
pub(super) fn three<T: Copy>(given: &[T]) -> Option<[T; 3]> {
    match *given {
        [query] => Some([query, query, query]),
        [query, value] => Some([query, value, value]),
        [query, value, key] => Some([query, value, key]),
        _ => None,
    }
}

/// The masks of query, value and key; that of a key which is the value counts once.
pub(super) fn three_masks<'a>(given: &[Option<&'a Tensor>]) -> [Option<&'a Tensor>; 3] {
    match *given {
        [query] => [query, query, None],
        [query, value] => [query, value, None],
        [query, value, key] => [query, value, key],
        _ => [None, None, None],
    }
}

/// The shapes of query, value and key.
pub(super) fn three_shapes<'a>(
    inputs: &'a [Shape],
    context: &BuildContext<'_>,
) -> Result<[&'a Shape; 3]> {
    let given: Vec<&Shape> = inputs.iter().collect();
    three(&given).ok_or_else(|| {
        context.error(
            "a query, a value and perhaps a key",
            format!("{} tensors", inputs.len()),
            "call it on [&query, &value], or on one tensor that attends to itself",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, MultiHeadAttention, TransformerEncoder};

    /// Keras 3.15 counts as fans all that goes into the product and all that comes out of it.
    #[test]
    fn kernels_spread_by_all_inputs_and_outputs() -> Result<()> {
        let mut attention = MultiHeadAttention::new(4, 32).output_dim(256);
        let _ = crate::layers::build(&mut attention, (7, 64))?;
        let mut block = TransformerEncoder::new(16, 4);
        let _ = crate::layers::build(&mut block, (7, 128))?;
        let of_query = (2.0_f64 / (64.0 + 128.0)).sqrt();
        let of_output = (2.0_f64 / (128.0 + 256.0)).sqrt();
        let of_block = (2.0_f64 / (128.0 + 128.0)).sqrt();
        let spreads = |layer: &dyn Layer| {
            let parameters = layer.parameters().into_iter();
            let of_heads = parameters.filter(|parameter| {
                parameter.name.ends_with("kernel") && !parameter.name.contains("feedforward")
            });
            of_heads
                .map(|parameter| parameter.value.std(true).double_value(&[]))
                .collect::<Vec<f64>>()
        };
        let expected = [of_query, of_query, of_query, of_output].into_iter();
        let expected = expected.chain([of_block; 4]);
        let found = [spreads(&attention), spreads(&block)].concat();
        assert_eq!(found.len(), 8);
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 0.05, "{found} {expected}");
        }
        Ok(())
    }
}
