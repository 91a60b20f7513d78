use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench_example::{example, figures, last_line, median};
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_texts.py");

/// The programs to compare with; pip takes the newest of each.
const PACKAGES: [&str; 5] = ["keras", "tensorflow-cpu", "jax", "torch", "numpy"];

/// A peer's name in the table, the script's word for it, Keras's backend, and the seeds that it trains
/// from: one where another peer computes the same. Keras on TensorFlow does not compute what Keras on JAX
/// does where a batch holds a word more than once: Adam takes the squares of the word's gradients apart
/// (seen in 3.15.1), so its steps are longer.
const PEERS: [(&str, &str, &str, &str); 4] = [
    ("keras-tf", "keras", "tensorflow", "3"),
    ("keras-tf-xla", "keras_jit", "tensorflow", "1"),
    ("keras-jax", "keras_jit", "jax", "3"),
    ("torch", "torch", "", "1"),
];

/// The networks, and after how many epochs they have learned most of what they will.
const NETWORKS: [(&str, &str); 4] = [
    ("dense", "3"),
    ("conv", "4"),
    ("lstm", "10"),
    ("transformer", "5"),
];

/// What a program tells of a network.
struct Figures {
    accuracy: Vec<f64>,
    f1: Vec<f64>,
    seconds: Vec<f64>,
}

/// Classifies the articles of a file with all networks or some, beside Keras on two backends and
/// PyTorch.
pub(crate) fn run(places: &Places, file: &str, networks: Option<&str>) -> Result<()> {
    let chosen = chosen(networks)?;
    let file = fs::canonicalize(file).at("find", Path::new(file))?;
    let file = file.to_string_lossy();
    setup::all(places)?;
    let python = scratch::python(
        places,
        "networks",
        &PACKAGES,
        "Installing Keras, TensorFlow, JAX and PyTorch (several minutes, 9 GB)",
    )?;
    let script = places.clone_folder().join("bench_texts.py");
    fs::write(&script, SCRIPT).at("write", &script)?;
    let folder = places.clone_folder().join("bench_texts");
    fs::create_dir_all(&folder).at("make", &folder)?;
    let arrays = folder.to_string_lossy();
    let name = ("labbook", "bench_texts");
    let ours = |options: &[&str]| example(&places.root, name, &["run", "--quiet"], options);
    process::run(
        &mut ours(&["arrays", &file, &arrays]),
        "the example could not read the file (its message is above)",
    )?;
    println!("{HEAD}");
    for (network, epochs) in chosen {
        let told = told(&mut ours(&[
            network, &file, "--epochs", epochs, "--seeds", "3",
        ]));
        let told =
            told.ok_or_else(|| Failure::new(format!("the example could not train {network}")))?;
        println!("{}", line(network, "labbook", &told, None));
        let ours = median(&told.seconds);
        for (peer, program, backend, seeds) in PEERS {
            let mut command = Command::new(&python);
            command.arg(&script).args([program, network, &arrays]);
            command.args(["--epochs", epochs, "--seeds", seeds]);
            command
                .env("KERAS_BACKEND", backend)
                .env("TF_CPP_MIN_LOG_LEVEL", "3");
            match self::told(&mut command) {
                Some(told) => println!("{}", line(network, peer, &told, ours)),
                None => println!("{network:<12} {peer:<13} -"),
            }
        }
    }
    Ok(())
}

/// The networks of these names.
fn chosen(names: Option<&str>) -> Result<Vec<(&'static str, &'static str)>> {
    let Some(names) = names else {
        return Ok(NETWORKS.to_vec());
    };
    let found = names.split(',').map(|name| {
        let network = NETWORKS.into_iter().find(|(known, _)| *known == name);
        network.ok_or_else(|| {
            let known = NETWORKS.map(|(name, _)| name).join(", ");
            Failure::new(format!(
                "there is no network {name:?}; the networks are {known}"
            ))
        })
    });
    found.collect()
}

fn told(command: &mut Command) -> Option<Figures> {
    let line = last_line(command)?;
    Some(Figures {
        accuracy: figures(&line, "accuracy")?,
        f1: figures(&line, "f1")?,
        seconds: figures(&line, "seconds")?,
    })
}

const HEAD: &str = "Test accuracy and macro F1: mean +- standard error over seeds; seconds an epoch: \
median; share: labbook's seconds of the peer's";

fn line(network: &str, program: &str, figures: &Figures, ours: Option<f64>) -> String {
    let seconds = median(&figures.seconds);
    let share = match (ours, seconds) {
        (Some(ours), Some(seconds)) => format!("  share {:.2}", ours / seconds),
        _ => String::new(),
    };
    format!(
        "{network:<12} {program:<13} accuracy {}  F1 {}  seconds {}{share}",
        spread(&figures.accuracy),
        spread(&figures.f1),
        seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.2}")),
    )
}

/// Mean and standard error, in percent.
fn spread(figures: &[f64]) -> String {
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    match figures.len() {
        0 | 1 => format!("{:.2}", 100.0 * mean),
        _ => {
            let error = (squares / (count - 1.0) / count).sqrt();
            format!("{:.2} +- {:.2}", 100.0 * mean, 100.0 * error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_chosen_by_name() {
        assert_eq!(chosen(None).unwrap().len(), 4);
        assert_eq!(chosen(Some("lstm,dense")).unwrap()[1], ("dense", "3"));
        assert!(
            chosen(Some("gru"))
                .unwrap_err()
                .to_string()
                .contains("no network \"gru\"")
        );
    }

    #[test]
    fn a_row_tells_means_their_errors_and_the_share_of_the_seconds() {
        let figures = Figures {
            accuracy: vec![0.9, 0.92, 0.94],
            f1: vec![0.8],
            seconds: vec![2.0, 1.0, 4.0],
        };
        assert_eq!(
            line("conv", "torch", &figures, Some(1.0)),
            "conv         torch         accuracy 92.00 +- 1.15  F1 80.00  seconds 2.00  share 0.50"
        );
        assert_eq!(
            line("conv", "labbook", &figures, None),
            "conv         labbook       accuracy 92.00 +- 1.15  F1 80.00  seconds 2.00"
        );
    }
}
