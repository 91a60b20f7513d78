use std::fs;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_maps.py");

/// What maps and components are compared with.
const PEERS: [&str; 7] = [
    "faiss-cpu==1.15.1",
    "numpy==2.4.6",
    "openTSNE==1.0.4",
    "pacmap==0.9.1",
    "scikit-learn==1.9.1",
    "scikit-learn-intelex==2026.2.0",
    "umap-learn==0.5.12",
];

/// The sizes that t-SNE is timed at unless others are asked for.
const POINTS: &str = "1000,10000,50000";

/// What is asked for.
#[derive(Default, PartialEq)]
pub(crate) struct Wishes {
    /// The sizes that t-SNE is timed at, separated by commas.
    pub(crate) points: Option<String>,
    /// Folders of images in MNIST's files, separated by commas.
    pub(crate) images: Option<String>,
}

/// Times maps and components beside their peers, and scores all maps.
pub(crate) fn run(places: &Places, wishes: &Wishes) -> Result<()> {
    let points = wishes.points.as_deref().unwrap_or(POINTS);
    let images = wishes.images.as_deref().unwrap_or_default();
    let sound = |number: &str| {
        number
            .parse::<usize>()
            .is_ok_and(|n| (200..=50_000).contains(&n))
    };
    if !points.split(',').all(sound) {
        return Err(Failure::new(format!(
            "expected --points to be numbers from 200 to 50000, separated by commas; received \
             \"{points}\""
        )));
    }
    setup::all(places)?;
    let python = scratch::python(
        places,
        "maps",
        &PEERS,
        "Installing scikit-learn, openTSNE, umap-learn and pacmap (1 GB)",
    )?;
    let ours = |verb: &str| {
        let mut command = Command::new(env::cargo());
        command.args([verb, "--release", "--quiet", "--locked"]);
        command.args(["-p", "labbook-analysis", "--example", "bench_maps"]);
        command.current_dir(&places.root);
        command
    };
    process::run(&mut ours("build"), "the benchmark did not compile (above)")?;
    let folder = places.cache.join("bench-maps");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = folder.join("bench_maps.py");
    fs::write(&script, SCRIPT).at("write", &script)?;
    let run = ours("run");
    process::run(
        Command::new(python)
            .arg(&script)
            .arg(&folder)
            .arg(points)
            .arg(images)
            .arg(run.get_program())
            .args(run.get_args())
            .arg("--")
            // As a notebook has it; the peers get the same.
            .envs(setup::tuning())
            .current_dir(&places.root),
        "the maps could not be timed (its message is above)",
    )
}
