use std::fs;
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_tsne.py");

/// What t-SNE is compared with.
const PEERS: [&str; 5] = [
    "joblib==1.6.0",
    "numpy==2.4.6",
    "openTSNE==1.0.4",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
];

/// The sizes that t-SNE is timed at unless others are asked for.
const POINTS: &str = "1000,10000,50000";

/// Times t-SNE beside scikit-learn and openTSNE, and scores all maps.
pub(crate) fn run(places: &Places, points: Option<&str>) -> Result<()> {
    let points = points.unwrap_or(POINTS);
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
        "tsne",
        &PEERS,
        "Installing scikit-learn and openTSNE",
    )?;
    let ours = |verb: &str| {
        let mut command = Command::new(env::cargo());
        command.args([verb, "--release", "--quiet", "--locked"]);
        command.args(["-p", "labbook-analysis", "--example", "bench_tsne"]);
        command.current_dir(&places.root);
        command
    };
    process::run(&mut ours("build"), "the benchmark did not compile (above)")?;
    let folder = places.cache.join("bench-tsne");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = folder.join("bench_tsne.py");
    fs::write(&script, SCRIPT).at("write", &script)?;
    let run = ours("run");
    process::run(
        Command::new(python)
            .arg(&script)
            .arg(&folder)
            .arg(points)
            .arg(run.get_program())
            .args(run.get_args())
            .arg("--")
            // As a notebook has it; the peers get the same.
            .envs(setup::tuning())
            .current_dir(&places.root),
        "t-SNE could not be timed (its message is above)",
    )
}
