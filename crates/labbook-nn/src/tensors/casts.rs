use std::cell::RefCell;

use tch::Tensor;

use crate::Result;

thread_local! {
    /// Weights and what they became in the precision that layers compute in.
    static KEPT: RefCell<Option<Vec<(Tensor, Tensor)>>> = const { RefCell::new(None) };
}

/// While it lives, [`weight_like`] converts each weight once on this thread.
///
/// A batch may pass through the layers in many pieces. The weights must not change meanwhile.
pub(crate) struct Casts {
    outer: Option<Vec<(Tensor, Tensor)>>,
}

impl Casts {
    pub(crate) fn keep() -> Self {
        Self {
            outer: KEPT.replace(Some(Vec::new())),
        }
    }
}

impl Drop for Casts {
    fn drop(&mut self) {
        KEPT.set(self.outer.take());
    }
}

/// A weight in the precision of the input that it meets; autograd sees the conversion.
pub(crate) fn weight_like(weight: &Tensor, x: &Tensor) -> Result<Tensor> {
    let kind = x.f_kind()?;
    if weight.f_kind()? == kind {
        return Ok(weight.shallow_clone());
    }
    KEPT.with_borrow_mut(|kept| {
        let found = kept.iter().flatten().find(|(source, cast)| {
            source.data_ptr() == weight.data_ptr()
                && source.size() == weight.size()
                && cast.f_kind().is_ok_and(|cast| cast == kind)
        });
        if let Some((_, cast)) = found {
            return Ok(cast.shallow_clone());
        }
        let cast = weight.f_to_kind(kind)?;
        if let Some(kept) = kept {
            kept.push((weight.shallow_clone(), cast.shallow_clone()));
        }
        Ok(cast)
    })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn a_weight_is_converted_once_while_casts_are_kept() -> Result<()> {
        let weight = Tensor::ones([3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let other = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let x = Tensor::ones([3], (Kind::BFloat16, Device::Cpu));
        assert_eq!(weight_like(&weight, &other)?.data_ptr(), weight.data_ptr());
        let _casts = Casts::keep();
        let first = weight_like(&weight, &x)?;
        assert_eq!(first.kind(), Kind::BFloat16);
        assert_eq!(weight_like(&weight, &x)?.data_ptr(), first.data_ptr());
        assert_ne!(weight_like(&other, &x)?.data_ptr(), first.data_ptr());
        for times in [1.0, 2.0] {
            // Every piece of a batch has a backward pass of its own.
            let y = weight_like(&weight, &x)? * times;
            let gradient = Tensor::run_backward(&[y.sum(Kind::Float)], &[&weight], false, false);
            assert_eq!(gradient[0], Tensor::from_slice(&[times as f32; 3]));
        }
        {
            let _inner = Casts::keep();
            assert_ne!(weight_like(&weight, &x)?.data_ptr(), first.data_ptr());
        }
        assert_eq!(weight_like(&weight, &x)?.data_ptr(), first.data_ptr());
        Ok(())
    }
}
