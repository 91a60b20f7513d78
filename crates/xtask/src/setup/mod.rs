//! The set-up: each step looks first, does only what is missing, and leaves nothing half-written.

mod evcxr;
mod far;
mod job;
mod kernel;
mod kernelspec;
mod log;
mod private;
mod profile;
mod python;
mod screen;
mod shim;
mod step;
mod system;
mod workspace;

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

pub(crate) use kernel::{SETTINGS_FILE, of_copy, template_target, tuning};
pub(crate) use kernelspec::{KERNEL_NAME, kernelspecs};
pub(crate) use python::private_environment;
pub(crate) use shim::shim_folder;
pub(crate) use system::missing;
pub(crate) use workspace::library_path;

use screen::Screen;

use crate::environment::{self, Jupyter, Libtorch};
use crate::failure::{At, Failure, Result};
use crate::places::Places;

/// Everything that the commands need once the set-up is done.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) libtorch: Libtorch,
    pub(crate) jupyter: Jupyter,
    /// Folder of `libtch.so`, tch's C++ half.
    pub(crate) shim: PathBuf,
}

const STEPS: u32 = 6;

/// Does whatever set-up is missing.
pub(crate) fn all(places: &Places) -> Result<Ready> {
    private::make_private(&places.cache)?;
    let _lock = lock(places)?;
    let start = Instant::now();
    let wanted = environment::wanted_torch(places)?;
    let screen = screen(places);

    system::install_needed(&screen)?;
    let evcxr = evcxr::place(places);
    let compile = |ready: &Ready| {
        workspace::build(places, &screen, ready)?;
        kernel::prepare(places, &screen, ready, &evcxr)
    };
    let beside = compilers_may_be_two();
    let ready = thread::scope(|scope| {
        // Downloads wait for the network, compilers for the processor: side by side neither waits for both.
        scope.spawn(|| system::install_optional(&screen));
        let installed = scope.spawn(|| screen.heed(evcxr::install(places, &screen, &evcxr)));
        let ready = libraries(places, &screen, wanted).and_then(|ready| {
            if beside {
                compile(&ready)?;
            }
            Ok(ready)
        });
        let ready = screen.heed(ready);
        installed.join().ok().flatten().and(ready)
    });
    let ready = ready.ok_or_else(|| screen.failure())?;
    if !beside {
        compile(&ready)?;
    }

    let seconds = start.elapsed().as_secs();
    if seconds >= 5 {
        screen.say(&format!("Set-up done in {}.\n", minutes(seconds)));
    }
    Ok(ready)
}

/// Does whatever set-up is missing and compiles the experiments' program.
pub(crate) fn experiments(places: &Places) -> Result<Ready> {
    let ready = all(places)?;
    workspace::build_experiments(places, &screen(places))?;
    Ok(ready)
}

/// libtorch with what tch needs of it, and Jupyter.
fn libraries(places: &Places, screen: &Screen, wanted: &str) -> Result<Ready> {
    let (libtorch, jupyter) = python::prepare(places, screen, wanted)?;
    let shim = shim::build(places, screen, &libtorch)?;
    Ok(Ready {
        libtorch,
        jupyter,
        shim,
    })
}

/// Whether evcxr_jupyter and the notebook's libraries may be compiled at once. On two cores that saves nothing;
/// four of the larger crates at a time take up to 6 GB.
fn compilers_may_be_two() -> bool {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    cores >= 4 && environment::free_memory().is_some_and(|bytes| bytes >= 8 << 30)
}

/// Where the set-up says what it does; the rest is in the cache's `setup.log`.
fn screen(places: &Places) -> Screen {
    Screen::new(places.cache.join("setup.log"))
}

/// One set-up at a time in one cache: a second waits for the first.
pub(crate) fn lock(places: &Places) -> Result<File> {
    let path = places.cache.join("setup.lock");
    let file = File::create(&path).at("create", &path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!(
                "Another set-up is at work in {}; waiting for it.",
                places.cache.display()
            );
            file.lock().at("lock", &path)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).at("lock", &path),
    }
    Ok(file)
}

/// Fails before a download or build that the disk cannot hold.
pub(crate) fn need_space(places: &Places, gigabytes: f64, what: &str) -> Result<()> {
    let free = environment::free_space(&places.cache).unwrap_or(u64::MAX) as f64 / 1e9;
    if free >= gigabytes {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what} needs {gigabytes:.1} GB in {}, where {free:.1} GB is free; free some space, or set \
         LABBOOK_CACHE to a folder on a larger disk",
        places.cache.display()
    )))
}

pub(crate) fn minutes(seconds: u64) -> String {
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
