//! The project's commands. `cargo xtask help` lists them.

mod bench_data;
mod bench_example;
mod bench_kernel;
mod bench_maps;
mod bench_networks;
mod bench_study;
mod bench_texts;
mod bench_train;
mod browser;
mod data;
mod docs;
mod doctor;
mod environment;
mod failure;
mod fuzz;
mod house;
mod install;
mod lab;
mod labbook;
mod new;
mod one_build;
mod pictures;
mod places;
mod process;
mod publishing;
mod report;
mod report_target;
mod sanitize;
mod scratch;
mod setup;
mod short_hash;
mod soak;
mod study;
mod test;
mod tools;
mod torture;
mod uninstall;

use std::path::Path;
use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::places::Places;

const HELP: &str = "\
Usage: cargo xtask COMMAND, or labbook COMMAND from any folder once
       `cargo xtask install` has installed it

  report [NOTEBOOK] [--set NAME=VALUE] [--scale SCALE] [--format html,pdf,md] [--no-run]
         [--output FOLDER]
              run a notebook (cifar10 unless named) and write reports/NOTEBOOK.html and .pdf, for a
              notebook that is elsewhere beside it, or into the folder named (. is this one);
              --set gives it an environment variable (may be given several times), --scale smoke,
              laptop or full is short for --set LABBOOK_SCALE=...; with --no-run the report is
              made of the outputs that the notebook was saved with
  test        run every check: formatting, lints, unit tests, documentation, whole notebooks
  run, list, compare, speed
              run single experiments without a notebook, list and compare their records;
              `cargo xtask run --help` says more
  run STUDY.toml --case N --record FILE
              run one case of a study: a Rust file of your own with settings and seeds
  study run|list|results|program STUDY.toml
              run a study's cases on this machine, list them, compare their results, compile its
              program for a workflow engine
  new NAME [--kind table|yes_no|branches|images|empty]
              write a first notebook that runs as it is (table unless asked) into the current folder
  lab [FOLDER]
              open JupyterLab in a folder, else in the current one, with the kernel; within the
              project on its notebooks
  setup       do the set-up alone; the commands above do it by themselves
  install     install the program `labbook`, where cargo installs programs
  uninstall [--yes] [--all]
              remove what the set-up and `install` put outside the clone; what other clones use stays
              unless --all is given; --yes asks no question
  doctor      say what is found, what is missing and how to mend it
  data [NAME] download CIFAR-10 (162 MiB) into data/, or another set: cifar100, mnist, fashion_mnist,
              imdb, ag_news, diamonds, penguins
  pair        write the notebooks anew from their .rs scripts (outputs are kept)
  browser     use a notebook in JupyterLab with a headless browser, as a person would; screenshots
              go to target/browser (two minutes; installs playwright into the cache)
  fuzz [MINUTES] [TARGET,...|all]
              give hostile bytes to the readers of files, a minute each if nothing else is said; those
              of tables, which take ten minutes more to compile, where they are named
  torture [KILLS]
              kill trainings at random moments (a hundred times if nothing else is said, half a minute
              for ten) and compare what comes of them with a quiet one
  sanitize    run the tests of our own loops over numbers under AddressSanitizer (needs Rust's nightly
              compiler; five minutes the first time)
  soak [MINUTES]
              train models of several kinds in one kernel, again and again, for an hour if nothing else is
              said; fails if its memory grows
  docs        build the book of docs/book into target/book with mdBook, which is compiled the first
              time where the machine has none
  spelling    look for misspelled words in everything that is written here (installs typos into the cache)
  deny [licenses bans sources advisories]
              look at the dependencies' licences, sources and known faults with cargo-deny, which is
              compiled the first time; the list of known faults comes from the network
  pictures    run a first notebook and take the README's pictures of it and of its report, into docs/
  bench kernel [--starts 3] [--cold] [--cells]
              time the kernel's starts and fifty cells beside a plain evcxr and a Python kernel with
              Keras, and a start after an edit (a quarter of an hour, the first time half an hour
              and 8 GB); --cold has the plain evcxr compile all anew, --cells lists every cell
  bench maps [--points 1000,10000,50000] [--images FOLDER,...]
              time and score PCA, t-SNE, UMAP and PaCMAP beside scikit-learn, scikit-learn-intelex,
              openTSNE, umap-learn, pacmap and the crate bhtsne (a quarter of an hour, more with
              images); a folder holds images in MNIST's files
  bench networks [NAME,...] [--rounds 3]
              time epochs of networks that courses train beside Keras on TensorFlow and JAX and
              PyTorch, in f32 and bfloat16 (an hour and a half for all seven, 9 GB)
  bench texts FILE [NETWORK,...]
              classify a table of news (topic, title, body), such as Reuters-21578, with four networks
              beside Keras on TensorFlow and JAX and PyTorch (a quarter of an hour, 9 GB)
  bench data [PYTHON]
              time how images, MNIST's files and tables become tensors beside Keras, PyTorch, pandas
              and polars (10 minutes; installs them into the cache unless PYTHON has them)
  bench study [CASES]
              time a study's queue and the reading of its records with 10,000 cases that do nothing
              (a minute)
  bench train time training steps beside Keras/TensorFlow and PyTorch (half an hour, 8 GB)
";

/// How much of its work the paper's notebook does, and what says so to it.
const SCALES: [&str; 3] = ["smoke", "laptop", "full"];
const SCALE_VARIABLE: &str = "LABBOOK_SCALE";

/// What the experiments' program does.
const EXPERIMENTS: [&str; 4] = ["run", "speed", "list", "compare"];

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let first = arguments.first().and_then(|word| word.to_str());
    let first = first.unwrap_or_default();
    if study::is_meant(&arguments) {
        return study::run(&Places::find()?, &arguments).map(|()| ExitCode::SUCCESS);
    }
    if first == "labbook" || EXPERIMENTS.contains(&first) {
        if first == "labbook" {
            arguments.remove(0);
        }
        return labbook::run(&Places::find()?, &arguments).map(|()| ExitCode::SUCCESS);
    }
    let mut words = Vec::new();
    let mut wishes = report::Wishes::default();
    let mut maps = bench_maps::Wishes::default();
    let mut rounds = None;
    let mut kind = None;
    let mut kernel = bench_kernel::Wishes::default();
    let mut removal = uninstall::Wishes::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(Failure::usage)? {
        match argument {
            lexopt::Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            lexopt::Arg::Long("scale") => {
                let value = parser.value().map_err(Failure::usage)?;
                let value = value.to_string_lossy().into_owned();
                if !SCALES.contains(&value.as_str()) {
                    return Err(Failure::new(format!(
                        "the scale is smoke, laptop or full; received \"{value}\""
                    )));
                }
                wishes.variables.push((SCALE_VARIABLE.to_owned(), value));
            }
            lexopt::Arg::Long("set") => {
                let value = parser.value().map_err(Failure::usage)?;
                let value = value.to_string_lossy();
                let variable = value.split_once('=').filter(|(name, _)| !name.is_empty());
                let (name, value) = variable.ok_or_else(|| {
                    Failure::new(format!("--set takes NAME=VALUE; received \"{value}\""))
                })?;
                wishes.variables.push((name.to_owned(), value.to_owned()));
            }
            lexopt::Arg::Long("format") => {
                let value = parser.value().map_err(Failure::usage)?;
                wishes.formats = Some(report::Format::parse(&value.to_string_lossy())?);
            }
            lexopt::Arg::Long("no-run") => wishes.no_run = true,
            lexopt::Arg::Long("output") => {
                let value = parser.value().map_err(Failure::usage)?;
                wishes.output = Some(value.into());
            }
            lexopt::Arg::Long("points") => {
                let value = parser.value().map_err(Failure::usage)?;
                maps.points = Some(value.to_string_lossy().into_owned());
            }
            lexopt::Arg::Long("images") => {
                let value = parser.value().map_err(Failure::usage)?;
                maps.images = Some(value.to_string_lossy().into_owned());
            }
            lexopt::Arg::Long("starts") => {
                let value = parser.value().map_err(Failure::usage)?;
                kernel.starts = Some(count("--starts", &value.to_string_lossy())?);
            }
            lexopt::Arg::Long("rounds") => {
                let value = parser.value().map_err(Failure::usage)?;
                rounds = Some(count("--rounds", &value.to_string_lossy())?);
            }
            lexopt::Arg::Long("kind") => {
                let value = parser.value().map_err(Failure::usage)?;
                kind = Some(value.to_string_lossy().into_owned());
            }
            lexopt::Arg::Long("yes") => removal.yes = true,
            lexopt::Arg::Long("all") => removal.all = true,
            lexopt::Arg::Long("cold") => kernel.cold = true,
            lexopt::Arg::Long("cells") => kernel.cells = true,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(Failure::usage(other.unexpected())),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if wishes != report::Wishes::default() && words.first() != Some(&"report") {
        return Err(Failure::new(
            "--set, --scale, --format, --no-run and --output belong to `cargo xtask report`",
        ));
    }
    if kind.is_some() && words.first() != Some(&"new") {
        return Err(Failure::new("--kind belongs to `cargo xtask new`"));
    }
    if maps != bench_maps::Wishes::default() && words != ["bench", "maps"] {
        return Err(Failure::new(
            "--points and --images belong to `cargo xtask bench maps`",
        ));
    }
    if kernel != bench_kernel::Wishes::default() && words != ["bench", "kernel"] {
        return Err(Failure::new(
            "--starts, --cold and --cells belong to `cargo xtask bench kernel`",
        ));
    }
    if rounds.is_some() && !words.starts_with(&["bench", "networks"]) {
        return Err(Failure::new(
            "--rounds belongs to `cargo xtask bench networks`",
        ));
    }
    if removal != uninstall::Wishes::default() && words != ["uninstall"] {
        return Err(Failure::new(
            "--yes and --all belong to `cargo xtask uninstall`",
        ));
    }
    let places = Places::find()?;
    match words.as_slice() {
        [] | ["help", ..] => print!("{HELP}"),
        ["setup"] => setup::all(&places).map(|_| ())?,
        ["install"] => install::run(&places)?,
        ["uninstall"] => uninstall::run(&places, &removal)?,
        ["doctor"] => return doctor::run(&places),
        ["lab"] => lab::run(&places, None)?,
        ["lab", folder] => lab::run(&places, Some(Path::new(folder)))?,
        ["new", name] => new::run(name, kind.as_deref())?,
        ["report"] => report::run(&places, "cifar10", &wishes).map(drop)?,
        ["report", notebook] => report::run(&places, notebook, &wishes).map(drop)?,
        ["test"] => test::run(&places)?,
        ["pair"] => test::pair(&places)?,
        ["data"] => data::run(&places, "cifar10")?,
        ["data", name] => data::run(&places, name)?,
        ["docs"] => docs::run(&places)?,
        ["spelling"] => publishing::spelling(&places)?,
        ["deny", what @ ..] => publishing::deny(&places, what)?,
        ["browser"] => browser::run(&places)?,
        ["fuzz"] => fuzz::run(&places, 1, None)?,
        ["fuzz", minutes] => fuzz::run(&places, count("MINUTES", minutes)?, None)?,
        ["fuzz", minutes, names] => {
            fuzz::run(&places, count("MINUTES", minutes)?, Some(names))?;
        }
        ["torture"] => torture::run(&places, 100)?,
        ["torture", kills] => torture::run(&places, number_of(kills)?)?,
        ["sanitize"] => sanitize::run(&places)?,
        ["soak"] => soak::run(&places, 60)?,
        ["soak", minutes] => soak::run(&places, count("MINUTES", minutes)?)?,
        ["pictures"] => pictures::run(&places)?,
        ["bench", "kernel"] => bench_kernel::run(&places, &kernel)?,
        ["bench", "networks"] => bench_networks::run(&places, None, rounds)?,
        ["bench", "networks", list] => bench_networks::run(&places, Some(list), rounds)?,
        ["bench", "texts", file] => bench_texts::run(&places, file, None)?,
        ["bench", "texts", file, list] => bench_texts::run(&places, file, Some(list))?,
        ["bench", "data"] => bench_data::run(&places, None)?,
        ["bench", "data", python] => bench_data::run(&places, Some(python))?,
        ["bench", "maps"] => bench_maps::run(&places, &maps)?,
        ["bench", "study"] => bench_study::run(&places, None)?,
        ["bench", "study", cases] => bench_study::run(&places, Some(cases))?,
        ["bench", "train"] => bench_train::run(&places)?,
        other => {
            let text = other.join(" ");
            return Err(Failure::new(format!("unknown command `{text}`\n\n{HELP}")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn number_of(kills: &str) -> Result<u32> {
    let number = kills.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Failure::new(format!("expected a number of kills; received \"{kills}\"")))
}

/// How often an option asks for something to be done.
fn count(option: &str, text: &str) -> Result<u32> {
    let number = text.parse().ok().filter(|n| (1..=100).contains(n));
    number.ok_or_else(|| {
        Failure::new(format!(
            "expected {option} to be a number from 1 to 100; received \"{text}\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_number_that_a_command_can_do() {
        assert_eq!(count("--starts", "1").unwrap(), 1);
        for wrong in ["0", "101", "three"] {
            let error = count("--starts", wrong).unwrap_err().to_string();
            assert!(
                error.contains("--starts") && error.contains(wrong),
                "{error}"
            );
        }
    }
}
