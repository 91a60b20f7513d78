use std::collections::BTreeMap;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use labbook_kernel_files::{CELL_RUSTC, Docs, STAMP, Settings, mirror};

use super::screen::Screen;
use super::{Ready, far, job, kernelspec, workspace};
use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::{self, Places};
use crate::short_hash::short_hash;

pub(crate) const SETTINGS_FILE: &str = "settings.json";

/// Manifest folder of the crate that notebooks depend on, in the clone.
const FACADE: &str = "crates/labbook";

/// The lock file that the template was built from; cargo drops from its own what a cell does not need.
const LOCK_SOURCE: &str = "Cargo.lock.source";

/// What evcxr writes for a cell that depends on the facade alone.
const CELL: &str = "\
[package]
name = \"ctx\"
version = \"1.0.0\"
edition = \"2024\"

[lib]
crate-type = [\"cdylib\"]
path = \"src/lib.rs\"

[profile.dev]
opt-level = 2
debug = false
strip = \"debuginfo\"
rpath = true
lto = false
debug-assertions = true
codegen-units = 16
panic = 'unwind'
incremental = true
overflow-checks = true

[dependencies]
";

/// Cells mostly call compiled crates: unoptimised they compile in half the time. `:opt 2` changes
/// that for a cell that computes by itself, and recompiles nothing else.
const EVCXR: &str = "[evcxr]\nopt_level = \"0\"\n";

/// Compiles the template that kernels start from and installs the kernelspec.
pub(super) fn prepare(places: &Places, screen: &Screen, ready: &Ready, evcxr: &Path) -> Result<()> {
    let settings = settings(places, ready, evcxr)?;
    let settings_file = furnish(places, screen, ready, &settings)?;
    // What is compiled of the workspace later, and another clone, find the dependencies there.
    workspace::seed(&settings.template().join("target"), &places.target())?;
    kernelspec::install(places, &program(places)?, &settings_file)
}

/// A kernel in a folder of its own for a copy of the clone, which the benchmark may edit. Returns its
/// settings file; no kernelspec names it.
pub(crate) fn of_copy(
    places: &Places,
    ready: &Ready,
    copy: &Path,
    folder: PathBuf,
) -> Result<PathBuf> {
    let own = places.kernel().join(SETTINGS_FILE);
    let settings = Settings::read(&own).map_err(|error| Failure::new(error.to_string()))?;
    let settings = Settings {
        folder,
        facade: copy.join(FACADE),
        ..settings
    };
    furnish(places, &super::screen(places), ready, &settings)
}

/// Fills a kernel's folder with all that its starts need.
fn furnish(
    places: &Places,
    screen: &Screen,
    ready: &Ready,
    settings: &Settings,
) -> Result<PathBuf> {
    let settings_file = settings.folder.join(SETTINGS_FILE);
    let text = settings
        .to_json()
        .map_err(|error| Failure::new(format!("cannot describe the kernel: {error}")))?;

    let libtch = workspace::libtch_config(ready, &env::host_triple()?);
    let profile = super::profile::of_cells();
    let config = format!("# Written by `cargo xtask setup`.\n{libtch}\n{profile}");
    places::write(&settings.folder.join(".cargo/config.toml"), &config)?;
    places::write(&settings_file, &text)?;
    places::write(&settings.folder.join("config/evcxr.toml"), EVCXR)?;
    let program = program(places)?;
    for name in ["cargo", "rustc", "rustup", CELL_RUSTC] {
        link(&program, &settings.stand_ins().join(name))?;
    }
    link_sysroot(&settings.sysroot())?;
    build_template(places, screen, settings, &text)?;
    Ok(settings_file)
}

/// The program that starts kernels.
pub(super) fn program(places: &Places) -> Result<PathBuf> {
    let target = places.target().join(env::host_triple()?);
    Ok(target.join("debug/labbook-kernel"))
}

/// Whether a template was built from the dependencies that are locked now.
fn is_built(places: &Places, template: &Path) -> bool {
    let built_from = fs::read_to_string(template.join(LOCK_SOURCE));
    let locked = fs::read_to_string(places.root.join("Cargo.lock"));
    template.join(STAMP).is_file()
        && matches!((built_from, locked), (Ok(built_from), Ok(locked)) if built_from == locked)
}

/// The target folder of the template, which holds the facade as cells link it.
pub(crate) fn template_target(places: &Places) -> PathBuf {
    places.kernel().join("template/target")
}

/// What libtorch's processes should find in their environment.
pub(crate) fn tuning() -> BTreeMap<String, String> {
    // glibc returns large blocks to the system at every step otherwise, and each new tensor is
    // faulted in page by page: a training step of dense layers takes twice as long.
    let malloc = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"];
    let mut variables: BTreeMap<String, String> = malloc
        .iter()
        .map(|name| (name.to_string(), (4u64 << 30).to_string()))
        .collect();
    // OpenMP's idle threads spin; where anything else wants the core, a step takes ten times as long.
    variables.insert("GOMP_SPINCOUNT".to_owned(), "10000".to_owned());
    // On a GPU, matrix products in TF32, as libtorch's convolutions and TensorFlow's both are.
    let products = "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE";
    variables.insert(products.to_owned(), "1".to_owned());
    variables
}

fn settings(places: &Places, ready: &Ready, evcxr: &Path) -> Result<Settings> {
    let mut variables = tuning();
    // A panic in a cell is to be one message, not a page of the kernel's own functions.
    variables.insert("RUST_BACKTRACE".to_owned(), "0".to_owned());
    Ok(Settings {
        folder: places.kernel(),
        evcxr: evcxr.to_owned(),
        cargo: env::cargo(),
        rustc: env::rustc(),
        facade: places.root.join(FACADE),
        rustflags: workspace::RUSTFLAGS.to_owned(),
        env: variables,
        library_path: workspace::library_path(ready),
    })
}

/// Compiles one cell's worth of dependencies; a kernel starts from a copy of the result.
fn build_template(
    places: &Places,
    screen: &Screen,
    settings: &Settings,
    identity: &str,
) -> Result<()> {
    let template = settings.template();
    let warm = is_built(places, &template);
    if !warm {
        workspace::seed(&places.target(), &template.join("target"))?;
    }
    let (title, about) = match (warm, holds_polars(&template)?) {
        (true, _) => ("Kernel: compiling what changed", ""),
        (false, true) => (
            "Kernel: compiling the facade of the notebook's libraries",
            "1 min",
        ),
        (false, false) => {
            super::need_space(places, 4.0, "compiling the kernel's libraries")?;
            let title = "Kernel: compiling tch, polars, plotters, ndarray and the facade over them";
            (title, "6 min")
        }
    };
    let step = if warm {
        screen.quiet_step(6, title, about)
    } else {
        screen.step(6, title, about)
    };
    let manifest = format!("{CELL}labbook = {{ path = {:?} }}\n", settings.facade);
    places::write(&template.join("Cargo.toml"), &manifest)?;
    places::write(&template.join("src/lib.rs"), "use labbook as _;\n")?;
    let lock = places.root.join("Cargo.lock");
    let locked = fs::read_to_string(&lock).at("read", &lock)?;
    if !warm {
        places::write(&settings.lock_file(), &locked)?;
    }
    let mut build = Command::new(&settings.cargo);
    build
        .args(["build", "--target", &env::host_triple()?])
        .current_dir(&template)
        .env("CARGO_TARGET_DIR", "target")
        .env("CARGO_BUILD_BUILD_DIR", "target")
        .env("RUSTC", &settings.rustc)
        .env("RUSTFLAGS", &settings.rustflags);
    job::run(
        &step,
        job::with_bar(&mut build),
        far::of_cargo,
        "the notebook's crate did not compile as a cell's dependency (cargo's message is below)",
    )?;
    places::write(&template.join(LOCK_SOURCE), &locked)?;
    let facade = facade_time(&template)?;
    let stamp = short_hash(format!("{identity}{}{facade:?}", env::rustc_version()?).as_bytes());
    places::write(&template.join(STAMP), &stamp)?;
    step.done();
    Ok(())
}

/// Whether the largest of the dependencies is there, compiled by an earlier set-up or another clone.
fn holds_polars(template: &Path) -> Result<bool> {
    let folder = template
        .join("target")
        .join(env::host_triple()?)
        .join("debug/deps");
    let mut names = fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(names.any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libpolars_core-") && name.ends_with(".rlib")
    }))
}

/// When the facade's library was linked: a new one means that slots are out of date.
fn facade_time(template: &Path) -> Result<SystemTime> {
    let library = template
        .join("target")
        .join(env::host_triple()?)
        .join("debug/deps")
        .join(format!("{DLL_PREFIX}labbook{DLL_SUFFIX}"));
    fs::metadata(&library)
        .and_then(|file| file.modified())
        .at("find", &library)
}

/// Parts of the standard library's sources that no variable's type comes from; stdarch alone is more
/// than the rest together.
const UNREAD: [&str; 7] = [
    "alloctests",
    "backtrace",
    "compiler-builtins",
    "coretests",
    "portable-simd",
    "stdarch",
    "test",
];

/// Makes a sysroot like rustc's own of links, but for the sources: those in [`UNREAD`] are not there, of the
/// others what types come from.
fn link_sysroot(sysroot: &Path) -> Result<()> {
    let real = env::sysroot()?;
    let sources = Path::new("lib/rustlib/src/rust/library");
    let mut folder = PathBuf::new();
    for part in sources {
        link_entries(
            &real.join(&folder),
            &sysroot.join(&folder),
            &[&part.to_string_lossy()],
        )?;
        folder.push(part);
    }
    let (from, to) = (real.join(sources), sysroot.join(sources));
    for entry in fs::read_dir(&from).at("read", &from)?.flatten() {
        let name = entry.file_name();
        let (own, other) = (entry.path(), to.join(&name));
        let source = own.join("src");
        if UNREAD.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if !source.is_dir() {
            link(&own, &other)?;
            continue;
        }
        if other.is_symlink() {
            fs::remove_file(&other).at("remove", &other)?;
        }
        link_entries(&own, &other, &["src"])?;
        let skeleton = other.join("src");
        mirror(&source, &skeleton, Docs::Begin).at("write", &skeleton)?;
    }
    Ok(())
}

/// Links every entry of one folder into another, except some.
fn link_entries(from: &Path, to: &Path, except: &[&str]) -> Result<()> {
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        let name = entry.file_name();
        if !except.iter().any(|skipped| name == *skipped) {
            link(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

fn link(program: &Path, name: &Path) -> Result<()> {
    if fs::read_link(name).is_ok_and(|target| target == program) {
        return Ok(());
    }
    if let Some(parent) = name.parent() {
        fs::create_dir_all(parent).at("create", parent)?;
    }
    let _ = fs::remove_file(name);
    symlink(program, name).at("link", name)
}
