use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::bench_example::{example, figures, last_line, median};
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_networks.py");

/// The programs to compare with; pip takes the newest of each.
const PACKAGES: [&str; 5] = ["keras", "tensorflow-cpu", "jax", "torch", "numpy"];

/// A peer's name in the table, the script's word for it, and Keras's backend.
const PEERS: [(&str, &str, &str); 5] = [
    ("keras-tf", "keras", "tensorflow"),
    ("keras-tf-xla", "keras_jit", "tensorflow"),
    ("keras-jax", "keras_jit", "jax"),
    ("torch", "torch", ""),
    ("torch-compile", "torch_compile", ""),
];

/// The script's word for the multiplications alone, which no peer is: what is left of an epoch when all else
/// costs nothing.
const PRODUCTS: &str = "products";

const NETWORKS: [&str; 7] = [
    "mlp",
    "mnist_cnn",
    "small_cnn",
    "table",
    "vgg",
    "autoencoder",
    "mobilenet",
];

/// The programs take turns this often if nothing else is asked for: on a shared machine a minute may be
/// busier than the next.
const ROUNDS: u32 = 3;
const EPOCHS: &str = "2";

/// Times epochs of networks that courses train, beside Keras on two backends and PyTorch.
pub(crate) fn run(places: &Places, networks: Option<&str>, rounds: Option<u32>) -> Result<()> {
    let rounds = rounds.unwrap_or(ROUNDS);
    let chosen: Vec<&str> = match networks {
        None => NETWORKS.to_vec(),
        Some(list) => list.split(',').collect(),
    };
    if let Some(unknown) = chosen.iter().find(|name| !NETWORKS.contains(name)) {
        return Err(Failure::new(format!(
            "there is no network {unknown:?}; the networks are {}",
            NETWORKS.join(", ")
        )));
    }
    setup::all(places)?;
    let bench = Bench {
        python: scratch::python(
            places,
            "networks",
            &PACKAGES,
            "Installing Keras, TensorFlow, JAX and PyTorch (several minutes, 9 GB)",
        )?,
        script: places.clone_folder().join("bench_networks.py"),
        root: places.root.clone(),
        rounds,
    };
    fs::write(&bench.script, SCRIPT).at("write", &bench.script)?;
    process::run(
        &mut bench.ours(&["build", "--quiet"], &[]),
        "the example that trains did not compile (the compiler's message is above)",
    )?;
    println!(
        "Seconds an epoch: median of {rounds} rounds; share: labbook's of the fastest peer's;"
    );
    println!("products: the multiplications alone, as PyTorch calls oneDNN for them");
    for network in chosen {
        for bfloat16 in [false, true] {
            println!("{}", bench.row(network, bfloat16)?);
        }
    }
    Ok(())
}

struct Bench {
    python: PathBuf,
    script: PathBuf,
    root: PathBuf,
    rounds: u32,
}

impl Bench {
    fn ours(&self, cargo: &[&str], options: &[&str]) -> Command {
        example(&self.root, ("labbook-nn", "bench_networks"), cargo, options)
    }

    fn row(&self, network: &str, bfloat16: bool) -> Result<String> {
        let mut options = vec!["--epochs", EPOCHS];
        if bfloat16 {
            options.push("--bfloat16");
        }
        let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); PEERS.len() + 1];
        let mut products = Vec::new();
        let python = |program: &str, backend: &str| {
            let mut command = Command::new(&self.python);
            command
                .arg(&self.script)
                .arg(program)
                .arg(network)
                .args(&options);
            command
                .env("KERAS_BACKEND", backend)
                .env("TF_CPP_MIN_LOG_LEVEL", "3");
            seconds_of(&mut command)
        };
        for _ in 0..self.rounds {
            let words = [&[network], options.as_slice()].concat();
            let ours = seconds_of(&mut self.ours(&["run", "--quiet"], &words));
            let ours =
                ours.ok_or_else(|| Failure::new(format!("the example could not train {network}")))?;
            seconds[0].extend(ours);
            for (index, (_, program, backend)) in PEERS.iter().enumerate() {
                // A peer that cannot do it has no figure.
                seconds[index + 1].extend(python(program, backend).unwrap_or_default());
            }
            products.extend(python(PRODUCTS, "").unwrap_or_default());
        }
        let precision = if bfloat16 { "bfloat16" } else { "float32" };
        Ok(line(network, precision, &seconds, &products))
    }
}

/// The figures that a program ends with.
fn seconds_of(command: &mut Command) -> Option<Vec<f64>> {
    figures(&last_line(command)?, "seconds")
}

fn line(network: &str, precision: &str, seconds: &[Vec<f64>], products: &[f64]) -> String {
    let medians: Vec<Option<f64>> = seconds.iter().map(|all| median(all)).collect();
    let told =
        |median: &Option<f64>| median.map_or("-".to_owned(), |median| format!("{median:.3}"));
    let ours = medians.first().copied().flatten();
    let fastest = medians
        .iter()
        .skip(1)
        .flatten()
        .copied()
        .min_by(f64::total_cmp);
    let share = match (ours, fastest) {
        (Some(ours), Some(fastest)) => format!("{:.2}", ours / fastest),
        _ => "-".to_owned(),
    };
    let peers = PEERS.iter().zip(&medians[1..]);
    let peers: Vec<String> = peers
        .map(|((name, ..), median)| format!("{name} {}", told(median)))
        .collect();
    format!(
        "{network:<12} {precision:<9} labbook {}  share {share}  {}  products {}",
        medians.first().map(told).unwrap_or_default(),
        peers.join("  "),
        told(&median(products))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_medians_and_the_share_of_the_fastest() {
        let seconds = [&[0.2, 0.1, 0.3][..], &[0.5], &[], &[0.4], &[0.9], &[1.0]];
        let seconds: Vec<Vec<f64>> = seconds.iter().map(|all| all.to_vec()).collect();
        assert_eq!(
            line("mlp", "float32", &seconds, &[0.15]),
            "mlp          float32   labbook 0.200  share 0.50  keras-tf 0.500  keras-tf-xla -  \
             keras-jax 0.400  torch 0.900  torch-compile 1.000  products 0.150"
        );
    }
}
