use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench_example::last_line;
use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_data.py");

/// What labbook is compared with.
const PEERS: [&str; 7] = [
    "keras",
    "tensorflow-cpu",
    "torch",
    "numpy",
    "pillow",
    "pandas",
    "polars",
];

/// Images of 256 x 256 and rows of a table.
const IMAGES: &str = "10000";
const ROWS: &str = "1000000";

/// Each work, the package and the example of labbook that does it, and the programs beside it.
const WORKS: [(&str, &str, &str, &[&str]); 3] = [
    ("images", "labbook-nn", "bench_images", &["keras", "torch"]),
    ("idx", "labbook-tables", "bench_files", &["numpy"]),
    (
        "csv",
        "labbook-tables",
        "bench_files",
        &["pandas", "polars"],
    ),
];

/// Times how files become tensors beside Keras, PyTorch, pandas and polars; `python` is one that has
/// them, or one is made.
pub(crate) fn run(places: &Places, python: Option<&str>) -> Result<()> {
    setup::all(places)?;
    let python = match python {
        Some(python) => python.into(),
        None => scratch::python(
            places,
            "data",
            &PEERS,
            "Installing the programs to compare with",
        )?,
    };
    let folder = places.cache.join("bench-data");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = folder.join("bench_data.py");
    fs::write(&script, SCRIPT).at("write", &script)?;
    println!("Writing {IMAGES} images and {ROWS} rows where they are new (about 3 min)");
    process::run(
        Command::new(&python).arg(&script).arg("write").args([
            folder.as_os_str(),
            IMAGES.as_ref(),
            ROWS.as_ref(),
        ]),
        "the files to read could not be written (the reason is above)",
    )?;
    let ours = |verb: &str, (work, package, example, _): (&str, &str, &str, &[&str])| {
        let mut command = Command::new(env::cargo());
        command.args([verb, "--quiet", "--locked"]);
        // With the notebooks' settings: there these are dependencies like all others.
        for dependency in ["labbook-data", "labbook-tables"] {
            let setting = format!("profile.dev.package.{dependency}.opt-level=3");
            command.args(["--config", &setting]);
        }
        command.args(["--package", package, "--example", example]);
        if verb == "run" {
            command.arg("--").args(words(work, &folder));
        }
        command.envs(setup::tuning()).current_dir(&places.root);
        command
    };
    for work in WORKS {
        let failed = "the benchmark did not compile (above)";
        process::run(&mut ours("build", work), failed)?;
    }
    println!(
        "\n{:<8} {:<9} {:>9} {:>9} {:>11}",
        "", "", "seconds", "per s", "of labbook"
    );
    for work in WORKS {
        let (name, _, _, peers) = work;
        let labbook = timed(&mut ours("run", work), name, "labbook", None)?;
        for peer in peers {
            let mut command = Command::new(&python);
            command.arg(&script).args([name, peer]).arg(&folder);
            timed(&mut command, name, peer, Some(labbook))?;
        }
    }
    Ok(())
}

fn words(work: &str, folder: &Path) -> Vec<String> {
    let place = |folder: &Path| folder.display().to_string();
    match work {
        "images" => vec![place(&folder.join("images"))],
        _ => vec![work.to_owned(), place(folder)],
    }
}

/// Runs a program, tells what it took beside labbook's seconds, and gives its seconds.
fn timed(command: &mut Command, work: &str, program: &str, beside: Option<f64>) -> Result<f64> {
    let told = last_line(command);
    let number = |name: &str| told.as_ref().and_then(|told| told.get(name)?.as_f64());
    let (Some(examples), Some(seconds)) = (number("examples"), number("seconds")) else {
        return Err(Failure::new(format!(
            "{program} could not be timed at {work}"
        )));
    };
    let beside = beside.map_or(String::new(), |ours| format!("{:.2}", seconds / ours));
    let rate = examples / seconds;
    println!("{work:<8} {program:<9} {seconds:>9.2} {rate:>9.0} {beside:>11}");
    Ok(seconds)
}
