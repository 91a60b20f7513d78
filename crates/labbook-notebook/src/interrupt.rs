use std::sync::Once;
use std::thread;
use std::time::Duration;

use labbook_nn::interrupt;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// How long a batch may take before a person is told that it is being waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a shell reports of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// Makes an interrupt end a training after its current batch. A second one before the first has been
/// seen to ends the process: the cell stops at once and its variables are lost.
///
/// The kernel ends it, too, at a second interrupt of one cell within five seconds, and passes none on
/// while no cell runs.
pub(crate) fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        // Without a handler an interrupt stops the cell at once, as without this crate.
        if let Ok(signals) = Signals::new([SIGINT]) {
            thread::spawn(move || answer(signals));
        }
    });
}

fn answer(mut signals: Signals) {
    for _ in &mut signals {
        if interrupt::is_requested() {
            std::process::exit(INTERRUPTED);
        }
        if !interrupt::is_computing() {
            println!(
                "Interrupted: this cell cannot be stopped and keep its variables. Interrupt again \
                 within five seconds to stop it at once and lose them."
            );
            continue;
        }
        interrupt::request();
        thread::spawn(|| {
            thread::sleep(PATIENCE);
            if interrupt::is_requested() {
                println!(
                    "Interrupted: a training ends after its current batch. Interrupt again to stop \
                     the cell at once and lose its variables."
                );
            }
        });
    }
}
