use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::spatial::{channels_first, channels_last};
use crate::{Activation, Result};

/// Where the numbers of a new pixel come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The pixel whose centre is nearest.
    #[default]
    Nearest,
    /// The four pixels around it, by their distances.
    Bilinear,
}

impl Interpolation {
    /// Images (N, height, width, channels) of another size.
    pub(super) fn resize(self, x: &Tensor, [height, width]: [i64; 2]) -> Result<Tensor> {
        let size = x.size();
        match self {
            Self::Nearest => nearest(&nearest(x, 1, height)?, 2, width),
            Self::Bilinear if size[1] == height && size[2] == width => Ok(x.shallow_clone()),
            Self::Bilinear => {
                let x = channels_first(x)?;
                let y = x.f_upsample_bilinear2d([height, width], false, None, None)?;
                channels_last(y, Activation::Linear)
            }
        }
    }
}

/// The rows or columns whose centres are nearest to those of the new ones.
fn nearest(x: &Tensor, axis: i64, target: i64) -> Result<Tensor> {
    let size = x.size()[axis as usize];
    if size == target {
        return Ok(x.shallow_clone());
    }
    if target % size == 0 {
        return Ok(x.f_repeat_interleave_self_int(target / size, axis, None)?);
    }
    let scale = size as f64 / target as f64;
    let places = (0..target).map(|place| ((place as f64 + 0.5) * scale) as i64);
    let places: Vec<i64> = places.map(|place| place.min(size - 1)).collect();
    let places = Tensor::f_from_slice(&places)?.f_to_device(x.device())?;
    Ok(x.f_index_select(axis, &places)?)
}
