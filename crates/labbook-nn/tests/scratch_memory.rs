//! What a training leaves in memory; a process of its own, so that no other test allocates.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{Adam, Dense, Fit, Flatten, Result, Sequential, SparseCategoricalCrossentropy};
use tch::{Device, Kind, Tensor};

/// The system's allocator, which counts what is in use, and the most that ever was. libtorch's
/// tensors are not among it.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all work is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const VARIABLE: &str = "LABBOOK_INSTRUCTIONS";

#[test]
fn a_training_gives_back_its_scratch_memory() -> Result<()> {
    if env::var(VARIABLE).as_deref() != Ok("plain") {
        // The network of our own is used on any processor when asked for before the first use.
        let program = env::current_exe().expect("the test's own program");
        let result = Command::new(program).env(VARIABLE, "plain").output();
        let result = result.expect("the same test once more");
        let printed = String::from_utf8_lossy(&result.stdout);
        assert!(result.status.success(), "{printed}");
        return Ok(());
    }
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(Dense::new(64).activation(Relu));
    model.add(Flatten::new());
    model.add(Dense::new(20).activation(Softmax));
    model.compile(
        Adam::new(),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )?;
    let x = Tensor::ones([16, 24, 24, 3], (Kind::Float, Device::Cpu));
    let y = Tensor::arange(16, (Kind::Int64, Device::Cpu));
    let options = Fit::new().epochs(1).batch_size(16).verbose(0);
    // Threads and other things that stay are there after the first.
    model.fit(&x, &y, &options)?;
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    model.fit(&x, &y, &options)?;
    let (after, most) = (IN_USE.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed));
    // The outputs of all images' pixels alone.
    let scratch = 16 * 24 * 24 * 64 * size_of::<f32>();
    assert!(most > before + scratch, "{before}, at most {most}");
    assert!(after < before + scratch / 10, "{before}, {after}");
    Ok(())
}
