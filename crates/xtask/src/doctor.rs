use std::path::Path;
use std::process::ExitCode;

use crate::environment::{self as env, Jupyter, Libtorch};
use crate::failure::Result;
use crate::places::Places;
use crate::setup::{self, KERNEL_NAME, SETTINGS_FILE};

/// What was found about one thing, and how to mend it when it is missing.
struct Finding {
    what: &'static str,
    found: std::result::Result<String, String>,
    needed: bool,
}

/// Says what is found, what is missing and how to mend it. Changes nothing.
pub(crate) fn run(places: &Places) -> Result<ExitCode> {
    let findings = look(places);
    for finding in &findings {
        let (mark, text) = match (&finding.found, finding.needed) {
            (Ok(text), _) => ("ok     ", text),
            (Err(text), true) => ("MISSING", text),
            (Err(text), false) => ("without", text),
        };
        println!("{mark}  {:<18} {text}", finding.what);
    }
    let missing = findings
        .iter()
        .filter(|f| f.needed && f.found.is_err())
        .count();
    if missing == 0 {
        println!("\nAll is there: `cargo xtask lab` opens JupyterLab.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\n{missing} of {} missing. `cargo xtask setup` mends what is not the system's.",
        findings.len()
    );
    Ok(ExitCode::FAILURE)
}

fn look(places: &Places) -> Vec<Finding> {
    const SETUP: &str = "run `cargo xtask setup`";
    let mut findings = Vec::new();
    let mut add = |what, found: std::result::Result<String, String>, needed| {
        findings.push(Finding {
            what,
            found,
            needed,
        });
    };
    let shown = |path: &Path| path.display().to_string();
    let lacking = |what: &str| setup::missing().into_iter().find(|m| m.what.contains(what));
    let remedy = |what: &str| lacking(what).map(|m| m.remedy()).unwrap_or_default();

    let rust = env::rustc_version().map_err(|e| e.to_string());
    add(
        "Rust",
        rust.map(|text| text.lines().next().unwrap_or_default().to_owned()),
        true,
    );
    let src = env::has_rust_src();
    add(
        "rust-src",
        src.then(|| "found".to_owned())
            .ok_or_else(|| remedy("rust-src")),
        true,
    );
    let compiler = env::cpp_compiler();
    add(
        "C++ compiler",
        compiler.map(|p| shown(&p)).ok_or_else(|| remedy("C++")),
        true,
    );
    let python = env::python();
    add(
        "Python",
        python.map(|p| shown(&p)).ok_or_else(|| remedy("Python")),
        true,
    );
    let browser = env::chromium();
    add(
        "chromium",
        browser.map(|p| shown(&p)).ok_or_else(|| remedy("chromium")),
        false,
    );

    let wanted = env::wanted_torch(places).map_err(|e| e.to_string());
    let libtorch = wanted.clone().and_then(|wanted| libtorch(places, wanted));
    let shim = libtorch
        .clone()
        .and_then(|torch| shim(places, &torch).ok_or(SETUP.to_owned()));
    let text = libtorch.map(|t| {
        let half = if t.has_cuda() && env::has_nvidia_driver() {
            "CUDA"
        } else {
            "CPU"
        };
        format!("{} for the {half}, {}", t.version, shown(&t.home))
    });
    add("libtorch", text, true);
    add("libtch", shim, true);
    let jupyter = wanted.and_then(|wanted| jupyter(places, wanted).ok_or(SETUP.to_owned()));
    add("Jupyter", jupyter.map(|j| shown(&j.prefix)), true);
    add("kernel", kernel(places).ok_or(SETUP.to_owned()), true);
    add("data", data(places), false);
    findings
}

fn libtorch(places: &Places, wanted: &str) -> std::result::Result<Libtorch, String> {
    if let Some(found) = env::offered_libtorch(wanted).map_err(|e| e.to_string())? {
        return Ok(found);
    }
    let prefix = setup::private_environment(places, wanted, true).map_err(|e| e.to_string())?;
    env::site_packages(&prefix)
        .and_then(|site| Libtorch::at(&site.join("torch")))
        .filter(|_| prefix.join("complete").is_file())
        .ok_or_else(|| format!("{wanted} is not installed yet; run `cargo xtask setup`"))
}

fn jupyter(places: &Places, wanted: &str) -> Option<Jupyter> {
    if let Some(found) = env::active_environment().and_then(|prefix| Jupyter::at(&prefix)) {
        return Some(found);
    }
    let needs_torch = env::offered_libtorch(wanted).ok()?.is_none();
    let prefix = setup::private_environment(places, wanted, needs_torch).ok()?;
    Jupyter::at(&prefix).filter(|_| prefix.join("complete").is_file())
}

fn shim(places: &Places, libtorch: &Libtorch) -> Option<String> {
    let lock = std::fs::read_to_string(places.root.join("Cargo.lock")).ok()?;
    let version = env::locked_version(&lock, "torch-sys")?;
    let library = setup::shim_folder(places, libtorch, &version).join("libtch.so");
    library.is_file().then(|| library.display().to_string())
}

fn kernel(places: &Places) -> Option<String> {
    let spec = places
        .jupyter_path()
        .join("kernels")
        .join(KERNEL_NAME)
        .join("kernel.json");
    let settings =
        labbook_kernel_files::Settings::read(&places.kernel().join(SETTINGS_FILE)).ok()?;
    let warm = settings
        .template()
        .join(labbook_kernel_files::STAMP)
        .is_file();
    let whole = spec.is_file() && settings.evcxr.is_file() && warm;
    whole.then(|| format!("\"{KERNEL_NAME}\", warm"))
}

/// Where CIFAR-10 is, by its first file; the notebook's reader checks the rest.
fn data(places: &Places) -> std::result::Result<String, String> {
    crate::data::find(places).map(|folder| folder.display().to_string()).ok_or_else(|| {
        "no CIFAR-10 (the notebooks run on a drawn stand-in set); `cargo xtask data` downloads it"
            .to_owned()
    })
}
