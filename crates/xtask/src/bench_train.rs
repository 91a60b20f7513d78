use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench_example::{example, last_line};
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process;
use crate::scratch;
use crate::setup;

const SCRIPT: &str = include_str!("../scripts/bench_train.py");

/// The programs to compare with; pip takes the newest of each.
const PEERS: [&str; 5] = ["keras", "tensorflow-cpu", "torch", "numpy", "safetensors"];

/// The last two show where labbook's time goes. `autograd` is labbook without kernels and convolutions
/// of its own. `products` is no program but a floor: all multiplications of a step, zeros too, at the
/// rate of a large matrix product, and nothing else. What takes less leaves multiplications out.
const PROGRAMS: [&str; 5] = ["labbook", "keras", "torch", "autograd", "products"];

/// After so many steps the losses have to agree within `TOLERANCE`.
const CHECKED_STEPS: &str = "20";
const TOLERANCE: f64 = 1e-3;

/// A network to time at batch 512, the steps to time, and how its losses are compared.
struct Work {
    experiment: &'static str,
    /// The programs take turns this often: on a shared machine a minute may be busier than the next.
    rounds: usize,
    steps: &'static str,
    checked: &'static [&'static str],
}

const fn work(
    experiment: &'static str,
    rounds: usize,
    steps: &'static str,
    checked: &'static [&'static str],
) -> Work {
    Work {
        experiment,
        rounds,
        steps,
        checked,
    }
}

/// At full width the losses of Experiments 3, 4 and 13 differ by hundredths after 20 steps, because
/// Adam magnifies rounding there: the `CONTROLS` show it.
const QUARTER: &[&str] = &["--batch", "64", "--divisor", "4"];

/// With convolutions Adam's usual rate does the same at a quarter of the widths.
const SLOWLY: &[&str] = &[
    "--batch",
    "64",
    "--divisor",
    "4",
    "--learning-rate",
    "0.0001",
];

/// Trained at full width, by Keras once more from initial weights that differ by rounding.
const CONTROLS: [(&str, &str); 2] = [("3", "64"), ("13", "256")];

const WORKS: [Work; 6] = [
    work("1", 5, "20", &["--batch", "512"]),
    work("2", 5, "20", &["--batch", "512"]),
    work("3", 2, "3", SLOWLY),
    work("4", 2, "3", SLOWLY),
    work("9", 5, "12", &["--batch", "512"]),
    work("13", 3, "4", QUARTER),
];

/// Times training steps beside Keras/TensorFlow and PyTorch, and compares their losses.
pub(crate) fn run(places: &Places) -> Result<()> {
    setup::all(places)?;
    let bench = Bench {
        python: scratch::python(
            places,
            "peers",
            &PEERS,
            "Installing Keras, TensorFlow and PyTorch (several minutes, 8 GB)",
        )?,
        folder: places.clone_folder().join("bench_train"),
        root: places.root.clone(),
    };
    fs::create_dir_all(&bench.folder).at("create", &bench.folder)?;
    let script = bench.script();
    fs::write(&script, SCRIPT).at("write", &script)?;
    process::run(
        &mut bench.ours(&["build", "--quiet"], &[]),
        "the example that trains did not compile (the compiler's message is above)",
    )?;
    println!("{HEADER}");
    let mut agree = true;
    for work in &WORKS {
        let checked = bench.losses(work)?;
        let timed = bench.times(work)?;
        print!("{}", rows(work.experiment, &timed, &checked));
        agree &= differences(&checked).iter().all(|d| *d <= TOLERANCE);
    }
    println!();
    for (experiment, batch) in CONTROLS {
        println!("{}", bench.control(experiment, batch)?);
    }
    if agree {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the losses after {CHECKED_STEPS} steps differ by more than {TOLERANCE} (see the table)"
    )))
}

struct Bench {
    python: PathBuf,
    folder: PathBuf,
    root: PathBuf,
}

/// What each program printed, in the order of `PROGRAMS`.
type Printed = Vec<Value>;

impl Bench {
    fn script(&self) -> PathBuf {
        self.folder.join("bench_train.py")
    }

    fn ours(&self, cargo: &[&str], options: &[&str]) -> Command {
        example(&self.root, ("labbook-nn", "bench_train"), cargo, options)
    }

    /// Ours goes first, because it writes the weights and batches that the others read.
    fn all(&self, experiment: &str, options: &[&str]) -> Result<Printed> {
        let folder = self.folder.to_string_lossy();
        let keep = [&[experiment, "--folder", &folder], options].concat();
        let mut printed = vec![figures(&mut self.ours(&["run", "--quiet"], &keep))?];
        for program in &PROGRAMS[1..3] {
            printed.push(self.peer(program, experiment, options)?);
        }
        Ok(printed)
    }

    fn peer(&self, program: &str, experiment: &str, options: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.python);
        command.arg(self.script()).args([program, experiment]);
        figures(command.arg(&self.folder).args(options))
    }

    fn losses(&self, work: &Work) -> Result<Printed> {
        let options = ["--check", "--steps", CHECKED_STEPS];
        self.all(
            work.experiment,
            &[options.as_slice(), work.checked].concat(),
        )
    }

    fn times(&self, work: &Work) -> Result<Vec<Printed>> {
        let steps = ["--steps", work.steps];
        let ours = |options: &[&str]| {
            let options = [&[work.experiment], options].concat();
            figures(&mut self.ours(&["run", "--quiet"], &options))
        };
        let round = |_| -> Result<Printed> {
            let mut printed = self.all(work.experiment, &steps)?;
            printed.push(ours(&[&["--autograd"], steps.as_slice()].concat())?);
            printed.push(ours(&["--products"])?);
            Ok(printed)
        };
        (0..work.rounds).map(round).collect()
    }

    /// How far rounding alone moves the loss.
    fn control(&self, experiment: &str, batch: &str) -> Result<String> {
        let options: &[&str] = &["--check", "--steps", CHECKED_STEPS, "--batch", batch];
        let mut printed = self.all(experiment, options)?;
        printed.push(self.peer("keras", experiment, &[options, &["--nudge"]].concat())?);
        let mut text =
            format!("Experiment {experiment} at full width, loss at step {CHECKED_STEPS}:");
        let names = PROGRAMS[..3]
            .iter()
            .chain(&["keras from weights a rounding away"]);
        for (name, figures) in names.zip(&printed) {
            let loss = figures["loss"].as_f64().unwrap_or(f64::NAN);
            let _ = write!(text, "  {name} {loss:.5}");
        }
        Ok(text)
    }
}

/// The line of JSON that a program ends with.
fn figures(command: &mut Command) -> Result<Value> {
    let program = Path::new(command.get_program()).to_owned();
    last_line(command).ok_or_else(|| {
        Failure::new(format!(
            "a program to time failed ({}); run it by hand to see why: {command:?}",
            program.display()
        ))
    })
}

const HEADER: &str = "\
Exp  program   ms/step: median (min-max)   of labbook's time   peak MiB   loss at step 20
(autograd: labbook without kernels of its own; products: a step's multiplications alone; losses: 3, 4
and 13 at a quarter of the widths, 3 and 4 at a tenth of the learning rate)";

/// How far each loss is from ours.
fn differences(checked: &Printed) -> Vec<f64> {
    let losses = || {
        checked
            .iter()
            .map(|p| p["loss"].as_f64().unwrap_or(f64::NAN))
    };
    let ours = losses().next().unwrap_or(f64::NAN);
    losses()
        .map(|loss| (loss - ours).abs())
        // A loss that is no number agrees with none.
        .map(|difference| {
            if difference.is_nan() {
                f64::INFINITY
            } else {
                difference
            }
        })
        .collect()
}

fn rows(experiment: &str, timed: &[Printed], checked: &Printed) -> String {
    let mut text = String::new();
    let mut ours = f64::NAN;
    for (index, program) in PROGRAMS.iter().enumerate() {
        let runs = || timed.iter().filter_map(|round| round.get(index));
        let steps = runs().filter_map(|run| run["milliseconds"].as_array());
        let mut steps: Vec<f64> = steps.flatten().filter_map(Value::as_f64).collect();
        steps.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            continue;
        };
        let median = steps[steps.len() / 2];
        if index == 0 {
            ours = median;
        }
        let peaks = runs().filter_map(|run| run["peak_mib"].as_u64());
        let loss = checked.get(index).map(|p| p["loss"].as_f64());
        let loss = loss.map_or(String::new(), |loss| {
            format!("{:.5}", loss.unwrap_or(f64::NAN))
        });
        let spread = format!("{median:.0} ({first:.0}-{last:.0})");
        let line = format!(
            "{experiment:>3}  {program:<8}  {spread:<24}   {:<17.2}   {:<8}   {loss}",
            median / ours,
            peaks.max().unwrap_or_default(),
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_hold_medians_ratios_the_largest_peaks_and_losses() {
        let run = |steps: &[f64], peak: u64| json!({"milliseconds": steps, "peak_mib": peak});
        let timed = [
            vec![
                run(&[100.0, 120.0], 300),
                run(&[200.0], 900),
                run(&[400.0], 800),
                run(&[150.0], 350),
                run(&[110.0, 130.0], 100),
            ],
            vec![
                run(&[90.0], 310),
                run(&[220.0], 950),
                run(&[410.0, 420.0], 700),
            ],
        ];
        let checked = [1.5, 1.5005, 1.6]
            .map(|loss| json!({"loss": loss}))
            .to_vec();
        assert_eq!(
            rows("1", &timed, &checked),
            "  1  labbook   100 (90-120)               1.00                310        1.50000\n\
             \x20 1  keras     220 (200-220)              2.20                950        1.50050\n\
             \x20 1  torch     410 (400-420)              4.10                800        1.60000\n\
             \x20 1  autograd  150 (150-150)              1.50                350\n\
             \x20 1  products  130 (110-130)              1.30                100\n"
        );
        let differences = differences(&checked);
        assert!(differences[1] <= TOLERANCE && differences[2] > TOLERANCE);
    }

    #[test]
    fn a_loss_that_is_none_agrees_with_nothing() {
        let checked = vec![json!({"loss": 1.0}), json!({"loss": null})];
        assert_eq!(differences(&checked), [0.0, f64::INFINITY]);
    }
}
