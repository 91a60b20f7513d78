use tch::{Device, Kind, Tensor, no_grad_guard};

use super::shapes::spread;
use crate::Result;

/// A weighted mean over examples that come batch by batch, kept on its device.
///
/// An example of several numbers counts with their mean, as in Keras, so that a batch of longer
/// sequences counts no more than one of shorter ones.
#[derive(Debug, Default)]
pub(crate) struct Mean {
    /// Sum of the numbers times their weights, and sum of the weights.
    sums: Option<(Tensor, Tensor)>,
}

impl Mean {
    /// Adds numbers of shape (N, ..), or a single one; weights of shape (N,) or that of the
    /// numbers.
    pub(crate) fn add(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        let _guard = no_grad_guard();
        let values = values.f_detach()?.f_to_kind(Kind::Double)?;
        let size = values.size();
        let of_an_example = size.iter().skip(1).product::<i64>() as f64;
        let (sum, count) = match sample_weight {
            None => {
                let count = size.first().copied().unwrap_or(1) as f64;
                (values.f_sum(Kind::Double)?, scalar(count, values.device())?)
            }
            Some(weights) => {
                let weights = spread(weights, &values)?;
                let count = weights.f_sum(Kind::Double)?.f_div_scalar(of_an_example)?;
                (values.f_mul(&weights)?.f_sum(Kind::Double)?, count)
            }
        };
        let sum = sum.f_div_scalar(of_an_example)?;
        match &mut self.sums {
            Some((sums, counts)) => {
                let _ = sums.f_add_(&sum)?;
                let _ = counts.f_add_(&count)?;
            }
            None => self.sums = Some((sum, count)),
        }
        Ok(())
    }

    /// The mean; 0 if there is nothing to average, as in Keras.
    pub(crate) fn result(&self) -> Result<f64> {
        let Some((sum, count)) = &self.sums else {
            return Ok(0.0);
        };
        let count = count.f_double_value(&[])?;
        match count == 0.0 {
            true => Ok(0.0),
            false => Ok(sum.f_double_value(&[])? / count),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.sums = None;
    }
}

fn scalar(value: f64, device: Device) -> Result<Tensor> {
    Ok(Tensor::f_full([0_i64; 0], value, (Kind::Double, device))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sequence_counts_no_more_than_a_shorter_one() -> Result<()> {
        let mut mean = Mean::default();
        assert_eq!(mean.result()?, 0.0);
        mean.add(
            &Tensor::from_slice(&[1.0, 2.0, 3.0, 6.0]).reshape([1, 4]),
            None,
        )?;
        mean.add(&Tensor::from_slice(&[5.0]).reshape([1, 1]), None)?;
        assert_eq!(mean.result()?, 4.0);
        mean.add(&Tensor::from(7.0), None)?;
        assert_eq!(mean.result()?, 5.0);
        mean.reset();
        assert_eq!(mean.result()?, 0.0);
        Ok(())
    }

    #[test]
    fn weights_are_those_of_examples_or_of_their_numbers() -> Result<()> {
        let values = Tensor::from_slice(&[1.0, 3.0, 10.0, 20.0]).reshape([2, 2]);
        let mean_with = |weights: &Tensor| -> Result<f64> {
            let mut mean = Mean::default();
            mean.add(&values, Some(weights))?;
            mean.result()
        };
        assert_eq!(
            mean_with(&Tensor::from_slice(&[3.0, 1.0]))?,
            (6.0 + 15.0) / 4.0
        );
        let of_numbers = Tensor::from_slice(&[1.0, 0.0, 0.0, 1.0]).reshape([2, 2]);
        assert_eq!(mean_with(&of_numbers)?, 21.0 / 2.0);
        assert_eq!(mean_with(&Tensor::from_slice(&[0.0, 0.0]))?, 0.0);
        Ok(())
    }
}
