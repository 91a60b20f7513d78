//! Tensors' numbers as slices, and memory that is used again.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use crate::Result;

/// The numbers of a tensor of this crate's arguments: f32, on the CPU, contiguous.
///
/// # Panics
/// If it is of another kind, elsewhere or not contiguous, which is checked before.
pub(crate) fn values(tensor: &Tensor) -> &[f32] {
    let Some(first) = first(tensor) else {
        return &[];
    };
    // SAFETY: `first` points to `numel` numbers, one after the other, which the tensor keeps alive
    // as long as the slice borrows it. Nothing in this crate writes to an argument, and a caller
    // waits for the call to end before it does.
    unsafe { std::slice::from_raw_parts(first, tensor.numel()) }
}

/// The first of a contiguous tensor's numbers; `None` if it has none.
///
/// libtorch allocates, so the compiler takes numbers that were never written for some numbers.
fn first(tensor: &Tensor) -> Option<*mut f32> {
    assert!(
        tensor.kind() == Kind::Float && tensor.device() == Device::Cpu && tensor.is_contiguous(),
        "a contiguous f32 tensor on the CPU"
    );
    if tensor.numel() == 0 {
        return None;
    }
    let first = tensor.data_ptr().cast::<f32>();
    assert!(!first.is_null() && first.is_aligned(), "numbers in memory");
    Some(first)
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
        let Some(first) = first(&self.0) else {
            return &mut [];
        };
        // SAFETY: as in `values`. The tensor was made here and `&mut self` excludes other slices.
        // Views of it, from `matrix`, are read and written by libtorch alone, in functions that
        // hold no slice.
        unsafe { std::slice::from_raw_parts_mut(first, self.0.numel()) }
    }

    /// `rows` x `columns` numbers from number `start` on, as libtorch sees them.
    pub(crate) fn matrix(&self, start: usize, rows: usize, columns: usize) -> Result<Tensor> {
        let part = self.0.f_narrow(0, start as i64, (rows * columns) as i64)?;
        Ok(part.f_view([rows as i64, columns as i64])?)
    }

    pub(crate) fn into_tensor(self) -> Tensor {
        self.0
    }
}

/// Scratch memory of past calls. The system clears every page that it hands out, which takes
/// longer than computing what is written there; so the pages stay.
static SPARE: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());

/// A buffer that is kept for the next call when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch(Option<Buffer>);

impl Scratch {
    /// At least `count` numbers in one dimension, to be written before they are read.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let spare = {
            let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
            // The smallest that is large enough, or else the largest to be replaced.
            spare.sort_by_key(|buffer| buffer.0.numel());
            let index = spare.iter().position(|buffer| buffer.0.numel() >= count);
            match index {
                Some(index) => Some(spare.remove(index)),
                None => {
                    spare.pop();
                    None
                }
            }
        };
        match spare {
            Some(buffer) => Ok(Self(Some(buffer))),
            None => Ok(Self(Some(Buffer::new(&[count as i64])?))),
        }
    }
}

impl std::ops::Deref for Scratch {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        match &self.0 {
            Some(buffer) => buffer,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl std::ops::DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Buffer {
        match &mut self.0 {
            Some(buffer) => buffer,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        spare.extend(self.0.take());
    }
}

/// Gives back the scratch memory that is kept from call to call.
pub fn release_memory() {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
