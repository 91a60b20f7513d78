use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::Value;

use super::screen::Screen;
use super::step::Step;
use super::{far, job};
use crate::environment::{self as env, Libtorch};
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process::ask;
use crate::short_hash::short_hash;

/// What `libtch.so` holds besides tch's own C++.
const MKL_VENDOR: &str = include_str!("../../shim/mkl_vendor.cpp");

/// Where `libtch.so` for this libtorch is kept.
pub(crate) fn shim_folder(places: &Places, libtorch: &Libtorch, torch_sys: &str) -> PathBuf {
    let identity = format!("{}{MKL_VENDOR}", libtorch.home.display());
    let home = short_hash(identity.as_bytes());
    places.cache.join(format!("libtch-{torch_sys}-{home}"))
}

/// Builds tch's C++ half as a shared library, once for a libtorch.
///
/// tch's own build makes a static library, and once for each profile and folder. As one shared
/// library its C functions can be reached from a cell as well as from the facade.
pub(super) fn build(places: &Places, screen: &Screen, libtorch: &Libtorch) -> Result<PathBuf> {
    let lock = places.root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).at("read", &lock)?;
    let version = env::locked_version(&lock, "torch-sys").unwrap_or_default();
    let folder = shim_folder(places, libtorch, &version);
    let library = folder.join("libtch.so");
    if library.is_file() {
        return Ok(folder);
    }
    let step = screen.step(
        3,
        &format!("libtch: compiling the C++ half of tch {version}"),
        "1 min",
    );
    let sources = sources(places, &step)?;
    let compiler = env::cpp_compiler().ok_or_else(|| Failure::new("no C++ compiler"))?;
    let work = places
        .cache
        .join(format!("libtch-build-{}", std::process::id()));
    fs::create_dir_all(&work).at("create", &work)?;
    let built = compile(&step, &compiler, &sources, libtorch, &work);
    if built.is_ok() {
        fs::create_dir_all(&folder).at("create", &folder)?;
        fs::rename(work.join("libtch.so"), &library).at("rename to", &library)?;
    }
    fs::remove_dir_all(&work).at("remove", &work)?;
    built?;
    step.done();
    Ok(folder)
}

/// The folder `libtch` of the locked torch-sys.
fn sources(places: &Places, step: &Step) -> Result<PathBuf> {
    let otherwise = || {
        Failure::new(
            "cargo could not fetch the workspace's dependencies; is the network reachable? Mend \
             that and run the command again",
        )
    };
    job::run(
        step,
        Command::new(env::cargo())
            .args(["fetch", "--locked"])
            .current_dir(&places.root),
        far::of_cargo,
        "cargo could not fetch the workspace's dependencies (its message is below); is the \
         network reachable? Mend that and run the command again",
    )?;
    step.far(String::new());
    let mut command = Command::new(env::cargo());
    command
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(&places.root);
    let metadata = ask(&mut command).ok_or_else(otherwise)?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|_| otherwise())?;
    let packages = metadata["packages"].as_array().ok_or_else(otherwise)?;
    packages
        .iter()
        .find(|package| package["name"] == "torch-sys")
        .and_then(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .map(|folder| folder.join("libtch"))
        .ok_or_else(otherwise)
}

fn compile(
    step: &Step,
    compiler: &Path,
    sources: &Path,
    libtorch: &Libtorch,
    work: &Path,
) -> Result<()> {
    let include = libtorch.home.join("include");
    let object = |name: &str| work.join(format!("{name}.o"));
    let vendor = work.join("mkl_vendor.cpp");
    fs::write(&vendor, MKL_VENDOR).at("write", &vendor)?;
    let names = ["torch_api", "torch_api_generated", "mkl_vendor"];
    let source = |name: &str| match name {
        "mkl_vendor" => vendor.clone(),
        _ => sources.join(format!("{name}.cpp")),
    };
    let otherwise = format!(
        "the C++ half of tch did not compile against libtorch {} (the compiler's message is below); its \
         headers want a compiler with C++17, such as g++ 11 or newer",
        libtorch.version
    );
    let one = |name: &str| {
        let mut command = Command::new(compiler);
        command
            .args(["-O2", "-fPIC", "-std=c++17", "-w"])
            .args(["-D_GLIBCXX_USE_CXX11_ABI=1", "-DGLOG_USE_GLOG_EXPORT"])
            .arg("-I")
            .arg(&include)
            .arg("-I")
            .arg(include.join("torch/csrc/api/include"))
            .arg("-c")
            .arg(source(name))
            .arg("-o")
            .arg(object(name));
        job::run(step, &mut command, job::silent, &otherwise)
    };
    thread::scope(|scope| {
        let one = &one;
        let children = names.map(|name| scope.spawn(move || one(name)));
        let panicked = || Err(Failure::new("a thread of the set-up panicked"));
        // All are waited for; the first failure is told.
        let ended = children.map(|child| child.join().unwrap_or_else(|_| panicked()));
        ended.into_iter().collect::<Result<()>>()
    })?;
    let libraries = libtorch.libraries();
    let mut link = Command::new(compiler);
    link.arg("-shared")
        .arg("-o")
        .arg(work.join("libtch.so"))
        .args(names.map(object));
    // Nothing in the shim names a CUDA symbol, yet libtorch finds a GPU only when that half is loaded.
    link.args(["-Wl,--no-as-needed", "-ltorch_cpu", "-lc10"]);
    if libtorch.has_cuda() && env::has_nvidia_driver() {
        link.arg("-ltorch_cuda");
    }
    link.arg("-L")
        .arg(&libraries)
        .arg(format!("-Wl,-rpath,{}", libraries.display()));
    job::run(
        step,
        &mut link,
        job::silent,
        "the C++ half of tch could not be linked (the linker's message is below)",
    )
}
