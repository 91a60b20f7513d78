use tch::{Device, Kind, Tensor, no_grad_guard};

use crate::Result;

/// A weighted mean of numbers that come batch by batch, kept on their device.
#[derive(Debug, Default)]
pub(crate) struct Mean {
    /// Sum of the numbers times their weights, and sum of the weights.
    sums: Option<(Tensor, Tensor)>,
}

impl Mean {
    /// Adds numbers of any shape; weights are those of the rows along the first axis.
    pub(crate) fn add(&mut self, values: &Tensor, sample_weight: Option<&Tensor>) -> Result<()> {
        let _guard = no_grad_guard();
        let values = values.f_to_kind(Kind::Double)?;
        let (sum, count) = match sample_weight {
            None => {
                let count = values.numel() as f64;
                (values.f_sum(Kind::Double)?, scalar(count, values.device())?)
            }
            Some(weights) => {
                let mut shape = vec![1; values.dim()];
                if let (Some(first), Some(rows)) = (shape.first_mut(), values.size().first()) {
                    *first = *rows;
                }
                let weights = weights.f_to_kind(Kind::Double)?.f_reshape(&shape)?;
                let weights = weights.f_expand_as(&values)?;
                (
                    values.f_mul(&weights)?.f_sum(Kind::Double)?,
                    weights.f_sum(Kind::Double)?,
                )
            }
        };
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
