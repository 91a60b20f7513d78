//! How a run ends when somebody asks it to: after its batch, its state written, within ten seconds.

use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use labbook_nn::interrupt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The signal that came, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Batches that take longer are given up: the state of the last epoch is on the disk.
const PATIENCE: Duration = Duration::from_secs(8);

/// Makes Ctrl-C and SIGTERM end the training that runs, and the process eight seconds later whatever it
/// does.
pub(crate) fn listen() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let first = SIGNAL.swap(signal, Ordering::SeqCst) == 0;
            if !first {
                continue;
            }
            thread::spawn(move || {
                thread::sleep(PATIENCE);
                // Without exit handlers, which might wait for a computation.
                signal_hook::low_level::exit(128 + signal);
            });
            interrupt::keep_requesting();
        }
    });
    Ok(())
}

/// The signal that asked this process to stop.
pub(crate) fn signal() -> Option<i32> {
    Some(SIGNAL.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}
