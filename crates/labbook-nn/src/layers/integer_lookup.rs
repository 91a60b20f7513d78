use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::output_mode::OutputMode;
use super::registry::{Registered, layer_facts, registered};
use super::spatial::check_sizes;
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::{Activation, BuildContext, Error, Layer, LayerOptions, Phase, Result, Shape};
use std::collections::HashMap;
use tch::Kind;

/// Gives the numbers of a vocabulary the places 1, 2 and so on; 0 stands for all that are not in it.
///
/// ```
/// use labbook_nn::{IntegerLookup, Sequential};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(IntegerLookup::new([12, 36, 1138]).input_shape(2));
/// let places = model.predict(&Tensor::from_slice(&[36_i64, 7]).reshape([1, 2]))?;
/// assert_eq!(places, Tensor::from_slice(&[2.0_f32, 0.0]).reshape([1, 2]));
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input, of the kind `i64`; for the other modes as of
/// [`CategoryEncoding`](crate::CategoryEncoding).
#[derive(Debug)]
pub struct IntegerLookup {
    settings: Settings,
    options: LayerOptions,
    /// The vocabulary in rising order, and the places of its numbers.
    table: Option<(Tensor, Tensor)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    vocabulary: Vec<i64>,
    num_oov_indices: i64,
    mask_token: Option<i64>,
    output_mode: OutputMode,
}

registered!(IntegerLookup, table: None);

impl IntegerLookup {
    /// For these numbers, each once.
    #[must_use]
    pub fn new(vocabulary: impl Into<Vec<i64>>) -> Self {
        Self::of(Settings {
            vocabulary: vocabulary.into(),
            num_oov_indices: 1,
            mask_token: None,
            output_mode: OutputMode::Int,
        })
    }

    /// The numbers of some data, the most frequent first and of equally frequent ones the larger;
    /// at most so many places, the one for unknown numbers included, if that is told.
    ///
    /// # Errors
    /// When the numbers are not whole, or at most one place is allowed.
    pub fn adapted(x: &Tensor, max_tokens: Option<usize>) -> Result<Self> {
        let kind = x.f_kind()?;
        let whole = matches!(kind, Kind::Int64 | Kind::Int | Kind::Int16 | Kind::Uint8);
        if !whole || max_tokens.is_some_and(|most| most < 2) {
            return Err(Error::data(
                "x",
                "whole numbers, and max_tokens of at least 2",
                format!("numbers of the kind {kind:?} and max_tokens {max_tokens:?}"),
                "convert them with to_kind(Kind::Int64)",
            ));
        }
        let numbers = x.f_to_kind(Kind::Int64)?.f_flatten(0, -1)?;
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for number in Vec::<i64>::try_from(&numbers)? {
            *counts.entry(number).or_default() += 1;
        }
        // Keras's number for unknown ones is no word of the vocabulary.
        counts.remove(&-1);
        let mut order: Vec<(usize, i64)> =
            counts.into_iter().map(|(n, count)| (count, n)).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        order.truncate(max_tokens.map_or(usize::MAX, |most| most - 1));
        Ok(Self::new(
            order
                .into_iter()
                .map(|(_, number)| number)
                .collect::<Vec<_>>(),
        ))
    }

    /// Place 0 is the mask's, if there is one and numbers are put out.
    fn first_oov(&self) -> i64 {
        let masked = self.settings.mask_token.is_some();
        i64::from(masked && self.settings.output_mode == OutputMode::Int)
    }

    /// Sets how many places unknown numbers share, by their remainders; the default is 1. With 0 they
    /// are an error.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn num_oov_indices(mut self, num_oov_indices: i64) -> Self {
        self.settings.num_oov_indices = num_oov_indices;
        self
    }

    /// Gives this number the place 0 and all others one more.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mask_token(mut self, mask_token: i64) -> Self {
        self.settings.mask_token = Some(mask_token);
        self
    }

    /// Sets what becomes of the places; the default is [`OutputMode::Int`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.settings.output_mode = output_mode;
        self
    }

    layer_options!();
}

impl Layer for IntegerLookup {
    layer_facts!(IntegerLookup);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings {
            vocabulary,
            num_oov_indices,
            output_mode,
            ..
        } = &self.settings;
        check_sizes("num_oov_indices", &[*num_oov_indices], 0, context)?;
        let mut order: Vec<usize> = (0..vocabulary.len()).collect();
        order.sort_by_key(|&place| vocabulary[place]);
        let sorted: Vec<i64> = order.iter().map(|&place| vocabulary[place]).collect();
        if sorted.is_empty() || sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(context.error(
                "a vocabulary of at least one number, each once",
                format!("{} numbers", vocabulary.len()),
                "use IntegerLookup::new([1, 2, 3]), or IntegerLookup::adapted(&x, None)?",
            ));
        }
        let first = self.first_oov() + num_oov_indices;
        let places: Vec<i64> = order
            .into_iter()
            .map(|place| place as i64 + first)
            .collect();
        let on_device = |numbers: &[i64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(numbers)?.f_to_device(context.device())?)
        };
        self.table = Some((on_device(&sorted)?, on_device(&places)?));
        output_mode.shape(input, first + sorted.len() as i64, context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some((sorted, places)) = &self.table else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let settings = &self.settings;
        let x = x.f_detach()?.f_to_kind(Kind::Int64)?.f_contiguous()?;
        let flat = x.f_flatten(0, -1)?;
        let near = flat.f_bucketize(sorted, false, false)?;
        let near = near.f_clamp_max(sorted.size()[0] - 1)?;
        let known = sorted.f_index_select(0, &near)?.f_eq_tensor(&flat)?;
        let masked = settings
            .mask_token
            .map(|mask| flat.f_eq(mask))
            .transpose()?;
        let unknown = match settings.num_oov_indices {
            0 => {
                let placed = match &masked {
                    Some(masked) => known.f_logical_or(masked)?,
                    None => known.shallow_clone(),
                };
                if placed.f_all()?.f_int64_value(&[])? != 1 {
                    return Err(Error::data(
                        "IntegerLookup",
                        "numbers of its vocabulary",
                        "others",
                        "use .num_oov_indices(1) to give them a place",
                    ));
                }
                flat.f_zeros_like()?
            }
            1 => flat.f_full_like(self.first_oov())?,
            several => flat.f_remainder(several)?.f_add_scalar(self.first_oov())?,
        };
        let mut found = places
            .f_index_select(0, &near)?
            .f_where_self(&known, &unknown)?;
        let depth = self.first_oov() + settings.num_oov_indices + sorted.size()[0];
        let mode = settings.output_mode;
        let Some(masked) = masked else {
            return mode.encode(&found.f_reshape(x.size())?, depth);
        };
        // Only as a number has the mask a place; otherwise it is dropped, as a place cut off.
        let place = if mode == OutputMode::Int { 0 } else { depth };
        found = found.f_masked_fill(&masked, place)?;
        let encoded = mode.encode(&found.f_reshape(x.size())?, depth + 1)?;
        match mode {
            OutputMode::Int => Ok(encoded),
            _ => Ok(encoded.f_narrow(-1, 0, depth)?),
        }
    }

    fn takes_integers(&self) -> bool {
        true
    }
}
