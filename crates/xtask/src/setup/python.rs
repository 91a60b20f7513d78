use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::screen::Screen;
use super::step::Step;
use super::{far, job};
use crate::environment::{self as env, Jupyter, Libtorch};
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::short_hash::short_hash;

const NO_NETWORK: &str = "pip could not install the notebook's Python packages (its message is \
                          below); is the network reachable? Nothing is left half-installed: mend \
                          that and run the command again";

/// Finds libtorch and Jupyter, or makes a private virtual environment that has them.
pub(super) fn prepare(
    places: &Places,
    screen: &Screen,
    wanted: &str,
) -> Result<(Libtorch, Jupyter)> {
    let libtorch = env::offered_libtorch(wanted)?;
    let jupyter = env::active_environment().and_then(|prefix| Jupyter::at(&prefix));
    if let (Some(libtorch), Some(jupyter)) = (&libtorch, &jupyter) {
        return Ok((libtorch.clone(), jupyter.clone()));
    }
    let needs_torch = libtorch.is_none();
    let prefix = private_environment(places, wanted, needs_torch)?;
    if !prefix.join("complete").is_file() {
        create(places, screen, &prefix, wanted, needs_torch)?;
    }
    let broken = || {
        Failure::new(format!(
            "{} is incomplete; delete that folder and run the command again",
            prefix.display()
        ))
    };
    let jupyter = jupyter
        .or_else(|| Jupyter::at(&prefix))
        .ok_or_else(broken)?;
    let libtorch = libtorch.or_else(|| {
        let torch = env::site_packages(&prefix)?.join("torch");
        Libtorch::at(&torch).filter(|found| found.version == wanted)
    });
    Ok((libtorch.ok_or_else(broken)?, jupyter))
}

/// The folder of the private environment; its name follows what is to be installed.
pub(crate) fn private_environment(
    places: &Places,
    wanted: &str,
    needs_torch: bool,
) -> Result<PathBuf> {
    let path = places.root.join("requirements.txt");
    let requirements = fs::read_to_string(&path).at("read", &path)?;
    let kind = match (needs_torch, env::has_nvidia_driver()) {
        (false, _) => "jupyter",
        (true, true) => "cuda",
        (true, false) => "cpu",
    };
    let hash = short_hash(format!("{requirements}{wanted}").as_bytes());
    Ok(places.cache.join(format!("venv-{kind}-{hash}")))
}

/// Fills a fresh environment; a file `complete` in it says that nothing was interrupted.
fn create(
    places: &Places,
    screen: &Screen,
    prefix: &Path,
    wanted: &str,
    needs_torch: bool,
) -> Result<()> {
    let cuda = env::has_nvidia_driver();
    let (what, size, time) = match (needs_torch, cuda) {
        (false, _) => ("JupyterLab".to_owned(), 0.5, "30 s"),
        (true, false) => (
            format!("JupyterLab and libtorch {wanted} for the CPU"),
            2.5,
            "1 min",
        ),
        (true, true) => (
            format!("JupyterLab and libtorch {wanted} with CUDA"),
            9.0,
            "4 min",
        ),
    };
    let step = screen.step(2, &format!("Python: installing {what}"), time);
    step.log(&format!("into {}", prefix.display()));
    super::need_space(places, size, "the Python environment")?;
    let python = env::python().ok_or_else(|| Failure::new("no Python 3.11 or newer"))?;
    if prefix.exists() {
        fs::remove_dir_all(prefix).at("clear", prefix)?;
    }
    job::run(
        &step,
        Command::new(python).args(["-m", "venv"]).arg(prefix),
        job::silent,
        "the virtual environment could not be made; on Debian install python3-venv",
    )?;
    let path = places.root.join("requirements.txt");
    let text = fs::read_to_string(&path).at("read", &path)?;
    pip(&step, prefix, &packages(&text))?;
    if needs_torch {
        let torch = format!("torch=={wanted}");
        if cuda {
            pip(&step, prefix, &[&torch])?;
        } else {
            pip(&step, prefix, &["--no-deps", &torch])?;
            let libraries = cpu_libraries(&torch_metadata(prefix, wanted)?);
            let mut words = vec!["--no-deps"];
            words.extend(libraries.iter().map(String::as_str));
            pip(&step, prefix, &words)?;
        }
    }
    let complete = prefix.join("complete");
    fs::write(&complete, "").at("write", &complete)?;
    step.done();
    Ok(())
}

fn pip(step: &Step, prefix: &Path, words: &[&str]) -> Result<()> {
    let mut command = Command::new(prefix.join("bin/python"));
    command
        .args(["-m", "pip", "--disable-pip-version-check", "install"])
        .args(["--progress-bar", "off"])
        .args(words);
    job::run(step, &mut command, far::of_pip, NO_NETWORK)
}

/// The requirement lines other than torch, which is installed apart.
fn packages(requirements: &str) -> Vec<&str> {
    requirements
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with("torch="))
        .collect()
}

fn torch_metadata(prefix: &Path, wanted: &str) -> Result<String> {
    let site = env::site_packages(prefix).unwrap_or_default();
    let path = site.join(format!("torch-{wanted}.dist-info/METADATA"));
    fs::read_to_string(&path).at("read", &path)
}

/// The two CUDA libraries that the published CPU half of libtorch is linked against (run time and
/// profiling interface), at the versions that torch's own metadata name. The rest, some
/// gigabytes, serves a GPU only.
fn cpu_libraries(metadata: &str) -> Vec<String> {
    let mut libraries = Vec::new();
    for line in metadata
        .lines()
        .filter_map(|l| l.strip_prefix("Requires-Dist: "))
    {
        let requirement = line.split(';').next().unwrap_or_default().trim();
        if let Some((name, version)) = requirement.split_once("==") {
            if name.starts_with("cuda-toolkit[") {
                let series = version
                    .rsplit_once('.')
                    .map_or(version, |(series, _)| series);
                libraries.push(format!("nvidia-cuda-runtime=={series}.*"));
                libraries.push(format!("nvidia-cuda-cupti=={series}.*"));
            } else if name.starts_with("nvidia-cuda-runtime")
                || name.starts_with("nvidia-cuda-cupti")
            {
                libraries.push(requirement.to_owned());
            }
        }
    }
    libraries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torch_is_left_to_the_second_step() {
        let text = "# tools\njupyterlab>=4.4\ntorch==2.13.0  # libtorch\n\nnbconvert\n";
        assert_eq!(packages(text), ["jupyterlab>=4.4", "nbconvert"]);
    }

    #[test]
    fn the_cpu_half_needs_two_libraries_in_both_spellings_of_the_metadata() {
        let new = "Requires-Dist: cuda-toolkit[cublas,cudart,cupti]==13.0.3; \
                   platform_system == \"Linux\"\nRequires-Dist: triton==3.7.1\n";
        assert_eq!(
            cpu_libraries(new),
            ["nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"]
        );
        let old = "Requires-Dist: nvidia-cuda-runtime-cu12==12.8.90; platform_system == \"Linux\"\n\
                   Requires-Dist: nvidia-cuda-cupti-cu12==12.8.90; platform_system == \"Linux\"\n";
        assert_eq!(
            cpu_libraries(old),
            [
                "nvidia-cuda-runtime-cu12==12.8.90",
                "nvidia-cuda-cupti-cu12==12.8.90"
            ]
        );
    }
}
