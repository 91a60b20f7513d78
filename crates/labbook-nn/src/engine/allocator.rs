use std::sync::Once;

use tch::{Device, Kind, Tensor};

use crate::Result;

/// The largest block that glibc takes as a hint, less its own bookkeeping.
const HINT_BYTES: i64 = (32 << 20) - (64 << 10);

/// Makes glibc keep freed tensors of up to 32 MiB instead of giving them back to the system.
///
/// Layers put out tensors of a few MiB, step after step. By default most of them are mapped
/// and unmapped each time, and the system clears every page anew, which takes a quarter of
/// the time of small networks. glibc raises its threshold to the size of a mapped block when
/// that block is freed, and starts to trim its heap at twice that size. Other allocators, and
/// thresholds set by environment variables, are left as they are.
pub(crate) fn keep_freed_tensors() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut hint = Ok(());
    ONCE.call_once(|| {
        hint = Tensor::f_empty([HINT_BYTES], (Kind::Uint8, Device::Cpu)).map(drop);
    });
    Ok(hint?)
}
