//! `labbook` in a terminal: long runs of the paper's experiments, their list and comparison.
//!
//! It writes and reads the same records of runs as the notebook does.

mod arguments;
mod compare;
mod failure;
mod list;
mod progress;
mod run;
mod speed;
mod study;
mod text_table;
mod workplace;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::failure::Result;

const HELP: &str = "\
Usage: labbook COMMAND [OPTIONS]

  run       train and test experiments of the paper, and put the runs on record
  speed     train the small networks that go beyond the paper (Experiments 18 to 20) on all 50,000
            training images with several seeds; tell test accuracy and time, mean and spread
  list      list the records
  compare [NUMBERS]
            set the newest records beside the published figures: differences, a diagnosis of
            each run, the paper's conclusions, a recommendation
  run STUDY.toml --case N [--record FILE] [--threads T]
            run one case of a study of your own: a training program with settings and seeds; ends with
            0 done, 1 failed for good, 75 try again later, 143 stopped (the same command goes on)
  study run STUDY.toml [--jobs N] [--threads T] [--retries N] [--again]
            run all cases that are not on record, N at a time; --again also those that failed
  study list STUDY.toml
            list a study's cases
  study results STUDY.toml
            list its trials, the best first, with mean and spread over seeds
  study program STUDY.toml
            compile its training program and tell where it is, for workflow engines
  study plan STUDY.toml
            tell its cases, and which wait for which, as JSON for workflow engines
  study run STUDY.toml --profile local|slurm|FOLDER
            run it through Snakemake, which has to be installed (workflow/Snakefile)

Options of run:
  --experiment N[,N...]|all   which of the sixteen experiments (may be given several times)
  --scale smoke|laptop|full   how much of the paper's work to do; without it what LABBOOK_SCALE
                              says, else laptop where CIFAR-10 is found, else smoke
  --seed N                    seed of everything random (0)
  --data DIR                  the folder that is or holds cifar-10-batches-bin, or `drawn` for the
                              drawn stand-in set; without it what LABBOOK_DATA says, else data/ of
                              the project
  --images N                  train on N images, and validate and test on a quarter as many
  --epochs N                  train for N epochs
  --again                     run also what is on record already
  --no-resume                 do not keep the state of the training after every epoch

Options of speed:
  --experiment N[,N...]       18 (made for 85 %), 19 (90 %), 20 (92.5 %); 18 and 19 if not given
  --seeds N[,N...]            0,1,2 if not given
  --scale, --data, --epochs, --again, --no-resume
                              as above

Options of compare:
  --scale, --seed             only records of this scale or seed; without them those that go with
                              the newest record

Options of all commands:
  --runs DIR                  the folder of records; without it what LABBOOK_RUNS says, else runs/
                              of the project
  --help                      this text

A run that was stopped (Ctrl-C) or killed goes on where it was when the same command is given again.
What is on record already is not run again.
";

fn main() -> ExitCode {
    match act() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code()
        }
    }
}

fn act() -> Result<()> {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == "study").is_some() {
        return study::study(lexopt::Parser::from_args(words));
    }
    let arguments = Arguments::parse(lexopt::Parser::from_env())?;
    match &arguments.command {
        Command::Help => failure::printed(print_all(HELP)),
        Command::Run(options) => run::run(options, &arguments.runs()?),
        Command::Speed(options) => speed::speed(options, &arguments.runs()?),
        Command::List => list::list(&arguments.runs()?),
        Command::Compare(selection) => compare::compare(selection, &arguments.runs()?),
    }
}

/// Prints text as it is.
fn print_all(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes())
}
