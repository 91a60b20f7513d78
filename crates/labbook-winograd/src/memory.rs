//! A tensor's numbers as a slice.
#![allow(unsafe_code)]

use tch::{Device, Kind, Tensor};

use crate::Result;

/// The numbers of a tensor of this crate's arguments: f32, on the CPU, contiguous.
///
/// # Panics
/// If it is of another kind, elsewhere or not contiguous, which is checked before.
pub(crate) fn values(tensor: &Tensor) -> &[f32] {
    check(tensor);
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: a contiguous tensor's numbers lie one after the other from its data pointer, and
    // the tensor keeps them alive. Nothing in this crate writes to an argument.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}

fn check(tensor: &Tensor) {
    assert!(
        tensor.kind() == Kind::Float && tensor.device() == Device::Cpu && tensor.is_contiguous(),
        "a contiguous f32 tensor on the CPU"
    );
}

/// A tensor of this crate's own, which nobody else sees before it is complete.
#[derive(Debug)]
pub(crate) struct Buffer(Tensor);

impl Buffer {
    /// Numbers to be written before they are read.
    pub(crate) fn new(shape: &[i64]) -> Result<Self> {
        Ok(Self(Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?))
    }

    pub(crate) fn values(&self) -> &[f32] {
        values(&self.0)
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        check(&self.0);
        if self.0.numel() == 0 {
            return &mut [];
        }
        // SAFETY: as in `values`. The tensor was made here, its views are private to this crate
        // and live in single statements, and `&mut self` excludes other slices.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr().cast::<f32>(), self.0.numel()) }
    }

    /// `count` rows from `start` on, as libtorch sees them.
    pub(crate) fn rows(&self, start: usize, count: usize) -> Result<Tensor> {
        Ok(self.0.f_narrow(0, start as i64, count as i64)?)
    }

    pub(crate) fn into_tensor(self) -> Tensor {
        self.0
    }
}
