//! Tensors' numbers as slices, and memory that is used again.
#![allow(unsafe_code)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tch::{Device, Kind, Tensor};

use crate::Result;

/// Gives the numbers of one of this crate's arguments, f32, on the CPU and contiguous, to a
/// function. Nothing may change them meanwhile, also not by another handle to the tensor.
///
/// # Panics
/// If it is of another kind, elsewhere or not contiguous, which is checked before.
pub(crate) fn with_values<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> R {
    let Some(first) = first(tensor) else {
        return read(&[]);
    };
    // SAFETY: `first` points to `numel` numbers, one after the other, which the tensor keeps alive
    // longer than the function runs. Nothing in this crate writes to an argument.
    read(unsafe { std::slice::from_raw_parts(first, tensor.numel()) })
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
        let Some(first) = first(&self.0) else {
            return &[];
        };
        // SAFETY: `first` points to `numel` numbers, one after the other, which live as long as
        // this buffer. The tensor was made here, and while the slice borrows the buffer nobody
        // gets another that could be written to. Views of it, from `matrix`, are read and written
        // by libtorch alone, in functions that hold no slice.
        unsafe { std::slice::from_raw_parts(first, self.0.numel()) }
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        let Some(first) = first(&self.0) else {
            return &mut [];
        };
        // SAFETY: as above; `&mut self` excludes other slices.
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
///
/// All convolutions that there are share one pool, which goes with the last of them.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Buffer>>);

static SHARED: Mutex<Weak<Pool>> = Mutex::new(Weak::new());

impl Pool {
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let pool = Arc::default();
            *shared = Arc::downgrade(&pool);
            pool
        })
    }

    /// At least `count` numbers in one dimension, to be written before they are read.
    pub(crate) fn take(&self, count: usize) -> Result<Scratch<'_>> {
        let spare = {
            let mut spare = self.spare();
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
        let buffer = match spare {
            Some(buffer) => buffer,
            None => Buffer::new(&[count as i64])?,
        };
        Ok(Scratch {
            buffer: Some(buffer),
            pool: self,
        })
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Buffer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that is kept for the next call when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    buffer: Option<Buffer>,
    pool: &'a Pool,
}

impl std::ops::Deref for Scratch<'_> {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        match &self.buffer {
            Some(buffer) => buffer,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl std::ops::DerefMut for Scratch<'_> {
    fn deref_mut(&mut self) -> &mut Buffer {
        match &mut self.buffer {
            Some(buffer) => buffer,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.pool.spare().extend(self.buffer.take());
    }
}

/// Gives back the scratch memory that is kept from call to call, and says how many bytes it was.
///
/// Without a call it is given back when the last [`Convolution`](crate::Convolution) is dropped.
pub fn release_memory() -> usize {
    let pool = SHARED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .upgrade();
    let spare = pool.map_or_else(Vec::new, |pool| std::mem::take(&mut *pool.spare()));
    let numbers: usize = spare.iter().map(|buffer| buffer.0.numel()).sum();
    numbers * size_of::<f32>()
}
