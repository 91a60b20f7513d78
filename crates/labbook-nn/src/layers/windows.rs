use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::conv2d::Padding;
use super::convolution::too_small;
use super::spatial::{
    Windows, axes, channels_first, channels_last, check_sizes, output_shape, pad,
};
use crate::{Activation, BuildContext, Result, Shape};

/// The windows of pools over sequences and volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) pool_size: Vec<i64>,
    pub(super) strides: Option<Vec<i64>>,
    pub(super) padding: Padding,
}

impl Settings {
    pub(super) fn new(pool_size: Vec<i64>) -> Self {
        Self {
            pool_size,
            strides: None,
            padding: Padding::Valid,
        }
    }

    fn steps(&self) -> &[i64] {
        self.strides.as_deref().unwrap_or(&self.pool_size)
    }

    /// Checks the options and tells the output's shape.
    pub(super) fn output(
        &self,
        rank: usize,
        input: &Shape,
        context: &BuildContext<'_>,
    ) -> Result<Shape> {
        for (option, sizes) in [
            ("a pool", self.pool_size.as_slice()),
            ("strides", self.steps()),
        ] {
            if sizes.len() != rank {
                let expected = format!("{option} of {rank} sizes");
                return Err(context.error(
                    &expected,
                    format!("{sizes:?}"),
                    "give one for each axis",
                ));
            }
            check_sizes(option, sizes, 1, context)?;
        }
        let (sizes, channels) = axes(input, rank, context)?;
        let windows = self.windows(sizes);
        let windows = windows.ok_or_else(|| too_small(&self.pool_size, input, context))?;
        let sizes = windows.iter().map(|windows| windows.output);
        output_shape(sizes.chain([channels]).collect(), context)
    }

    fn windows(&self, sizes: &[i64]) -> Option<Vec<Windows>> {
        let options = self.pool_size.iter().zip(self.steps());
        let windows = sizes.iter().zip(options);
        let windows =
            windows.map(|(&size, (&pool, &step))| Windows::of(size, pool, step, self.padding));
        windows.collect()
    }

    /// (N, channels, ..) with rows in front of a sequence, and what to add at its ends.
    fn seen(&self, x: &Tensor) -> Result<(Tensor, Vec<(i64, i64)>)> {
        let x = channels_first(x)?;
        let windows = self.windows(&x.size()[2..]).unwrap_or_default();
        let borders = windows
            .iter()
            .map(|windows| (windows.before, windows.after));
        let mut borders: Vec<(i64, i64)> = borders.collect();
        if self.pool_size.len() > 1 {
            return Ok((x, borders));
        }
        borders.insert(0, (0, 0));
        Ok((x.f_unsqueeze(2)?, borders))
    }

    fn sizes(&self) -> (Vec<i64>, Vec<i64>) {
        let (mut pool, mut steps) = (self.pool_size.clone(), self.steps().to_vec());
        if pool.len() == 1 {
            pool.insert(0, 1);
            steps.insert(0, 1);
        }
        (pool, steps)
    }

    fn ended(&self, y: Tensor, activation: Activation) -> Result<Tensor> {
        let y = match self.pool_size.len() {
            1 => y.f_squeeze_dim(2)?,
            _ => y,
        };
        channels_last(y, activation)
    }

    /// The largest number of each window.
    pub(super) fn largest(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (mut x, borders) = self.seen(x)?;
        let (pool, steps) = self.sizes();
        if borders.iter().any(|&border| border != (0, 0)) {
            // Never the largest: every window holds at least one number of the input.
            let pads = borders.iter().rev();
            let pads: Vec<i64> = pads.flat_map(|&(before, after)| [before, after]).collect();
            x = x.f_pad(pads, "constant", f64::NEG_INFINITY)?;
        }
        let y = match pool.len() {
            2 => x.f_max_pool2d(&pool, &steps, 0, 1, false)?,
            _ => x.f_max_pool3d(&pool, &steps, 0, 1, false)?,
        };
        self.ended(y, activation)
    }

    /// The mean of each window, over the numbers of the input in it.
    pub(super) fn means(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (x, borders) = self.seen(x)?;
        let (pool, steps) = self.sizes();
        let means = |x: &Tensor| -> Result<Tensor> {
            Ok(match pool.len() {
                2 => x.f_avg_pool2d(&pool, &steps, 0, false, true, None)?,
                _ => {
                    // libtorch has no means of volumes in bfloat16 on the CPU.
                    let single = x.f_to_kind(Kind::Float)?;
                    let y = single.f_avg_pool3d(&pool, &steps, 0, false, true, None)?;
                    y.f_to_kind(x.f_kind()?)?
                }
            })
        };
        if borders.iter().all(|&border| border == (0, 0)) {
            return self.ended(means(&x)?, activation);
        }
        let inside = x.f_narrow(0, 0, 1)?.f_narrow(1, 0, 1)?.f_ones_like()?;
        let shares = means(&pad(&inside, &borders)?)?;
        let y = means(&pad(&x, &borders)?)?.f_div(&shares)?;
        self.ended(y, activation)
    }
}
