use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::output_mode::OutputMode;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::tensors::shape::LARGEST_SIDE;
use crate::{Activation, BuildContext, Error, Layer, LayerOptions, Phase, Result, Shape};
use tch::Kind;

/// Puts numbers into bins.
///
/// ```
/// use labbook_nn::{Discretization, OutputMode, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let ages = Discretization::new([18.0, 65.0]).output_mode(OutputMode::OneHot);
/// let mut model = Sequential::new();
/// model.add(ages.input_shape(1));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input, of the kind `i64`; for the other modes as of
/// [`CategoryEncoding`](crate::CategoryEncoding).
#[derive(Debug)]
pub struct Discretization {
    settings: Settings,
    options: LayerOptions,
    boundaries: Option<Tensor>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    bin_boundaries: Vec<f64>,
    output_mode: OutputMode,
}

registered!(Discretization, boundaries: None);

impl Discretization {
    /// Bins between these boundaries, in rising order: the first one below the first of them, the
    /// last one from the last on.
    #[must_use]
    pub fn new(bin_boundaries: impl Into<Vec<f64>>) -> Self {
        Self::of(Settings {
            bin_boundaries: bin_boundaries.into(),
            output_mode: OutputMode::Int,
        })
    }

    /// Bins that hold about as many of these numbers each.
    ///
    /// The boundaries are the exact quantiles of all numbers, the k-th of n bins ending at the
    /// number of rank k · count / n; Keras's come close to them.
    ///
    /// # Errors
    /// When there are no numbers, fewer than one bin, or numbers that are not finite.
    pub fn adapted(x: &Tensor, num_bins: i64) -> Result<Self> {
        let count = x.numel() as i64;
        if count == 0 || !(1..=LARGEST_SIDE).contains(&num_bins) {
            return Err(Error::data(
                "x",
                format!("numbers, and 1 to {LARGEST_SIDE} bins"),
                format!("{count} numbers and {num_bins} bins"),
                "pass the training data, for instance with 10 bins",
            ));
        }
        let (sorted, _) = x
            .f_detach()?
            .f_to_kind(Kind::Double)?
            .f_flatten(0, -1)?
            .f_sort(0, false)?;
        let sorted: Vec<f64> = Vec::try_from(&sorted)?;
        if sorted.iter().any(|number| !number.is_finite()) {
            return Err(Error::data(
                "x",
                "finite numbers",
                "some that are NaN or infinite",
                "look for a division by zero in the preparation of the data",
            ));
        }
        let ends = (1..num_bins).map(|bin| {
            // Keras's boundaries are numbers of the data, rounded to singles.
            let rank = (bin as f64 * count as f64 / num_bins as f64).ceil() as usize;
            f64::from(sorted[rank.clamp(1, sorted.len()) - 1] as f32)
        });
        let mut boundaries: Vec<f64> = ends.collect();
        boundaries.dedup();
        Ok(Self::new(boundaries))
    }

    /// Sets what becomes of a bin's number; the default is [`OutputMode::Int`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.settings.output_mode = output_mode;
        self
    }

    layer_options!();
}

impl Layer for Discretization {
    layer_facts!(Discretization);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let boundaries = &self.settings.bin_boundaries;
        let finite = boundaries.iter().all(|boundary| boundary.is_finite());
        if !finite || !boundaries.is_sorted() {
            return Err(context.error(
                "finite bin_boundaries in rising order",
                format!("{boundaries:?}"),
                "use Discretization::new([0.0, 1.0]), or Discretization::adapted(&x, 10)?",
            ));
        }
        let numbers: Vec<f32> = boundaries.iter().map(|&boundary| boundary as f32).collect();
        self.boundaries = Some(Tensor::f_from_slice(&numbers)?.f_to_device(context.device())?);
        let bins = boundaries.len() as i64 + 1;
        self.settings.output_mode.shape(input, bins, context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(boundaries) = &self.boundaries else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let x = x.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
        let bins = x.f_bucketize(boundaries, false, true)?;
        let count = self.settings.bin_boundaries.len() as i64 + 1;
        self.settings.output_mode.encode(&bins, count)
    }
}
