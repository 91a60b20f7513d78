use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use labbook_paper::{Experiment, ExperimentRuns, Scale, SpeedRun};
use lexopt::{Arg, Parser, ValueExt};

use crate::failure::{Failure, Result};

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    runs: Option<PathBuf>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Run(RunArguments),
    Speed(SpeedArguments),
    List,
    Compare(Selection),
}

/// Which runs to do and how.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RunArguments {
    /// In the order given, each once.
    pub(crate) experiments: Vec<&'static Experiment>,
    pub(crate) scale: Option<Scale>,
    pub(crate) seed: u64,
    pub(crate) data: Option<OsString>,
    pub(crate) images: Option<usize>,
    pub(crate) epochs: Option<usize>,
    pub(crate) again: bool,
    pub(crate) no_resume: bool,
}

/// Which short trainings to do.
#[derive(Debug, PartialEq)]
pub(crate) struct SpeedArguments {
    pub(crate) trainings: Vec<SpeedRun>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) scale: Option<Scale>,
    pub(crate) data: Option<OsString>,
    pub(crate) epochs: Option<usize>,
    pub(crate) again: bool,
    pub(crate) no_resume: bool,
}

/// Which records to compare.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selection {
    /// All if there are none.
    pub(crate) numbers: Vec<u32>,
    pub(crate) scale: Option<Scale>,
    pub(crate) seed: Option<u64>,
}

/// The options as given; which of them belong to a command is decided at the end.
#[derive(Debug, Default)]
struct Given {
    words: Vec<String>,
    experiments: Vec<String>,
    scale: Option<Scale>,
    seed: Option<u64>,
    seeds: Option<Vec<u32>>,
    data: Option<OsString>,
    runs: Option<PathBuf>,
    images: Option<usize>,
    epochs: Option<usize>,
    again: bool,
    no_resume: bool,
}

impl Arguments {
    pub(crate) fn parse(parser: Parser) -> Result<Self> {
        let Some(mut given) = Given::read(parser)? else {
            return Ok(Self {
                command: Command::Help,
                runs: None,
            });
        };
        let runs = given.runs.take();
        let mut words = std::mem::take(&mut given.words).into_iter();
        let command = match words.next().as_deref() {
            None | Some("help") => Command::Help,
            Some("run") => Command::Run(given.run()?),
            Some("speed") => Command::Speed(given.speed()?),
            Some("list") => {
                given.only("list", &[])?;
                Command::List
            }
            Some("compare") => {
                given.only("compare", &["--scale", "--seed"])?;
                let numbers: Result<Vec<Vec<u32>>> = words.by_ref().map(|w| numbers(&w)).collect();
                Command::Compare(Selection {
                    numbers: numbers?.concat(),
                    scale: given.scale,
                    seed: given.seed,
                })
            }
            Some(other) => {
                return Err(Failure::usage(format!(
                    "expected run, speed, list or compare, received `{other}`"
                )));
            }
        };
        match words.next() {
            Some(word) if command != Command::Help => {
                Err(Failure::usage(format!("received an unexpected `{word}`")))
            }
            _ => Ok(Self { command, runs }),
        }
    }

    /// The folder of records.
    pub(crate) fn runs(&self) -> Result<ExperimentRuns> {
        match &self.runs {
            Some(path) => Ok(ExperimentRuns::at(path)),
            None => Ok(ExperimentRuns::locate()?),
        }
    }
}

impl Given {
    /// `None` when help is asked for.
    fn read(mut parser: Parser) -> Result<Option<Self>> {
        let mut given = Self::default();
        while let Some(argument) = parser.next().map_err(Failure::usage)? {
            match argument {
                Arg::Value(word) => given.words.push(word.string().map_err(Failure::usage)?),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("experiment") => given.experiments.push(text(&mut parser)?),
                Arg::Long("scale") => {
                    let name = text(&mut parser)?;
                    let scale = Scale::named(&name).map_err(|_| {
                        Failure::usage(format!(
                            "--scale: expected smoke, laptop or full, received `{name}`"
                        ))
                    })?;
                    given.scale = Some(scale);
                }
                Arg::Long("seed") => given.seed = Some(number("--seed", &text(&mut parser)?)?),
                Arg::Long("seeds") => given.seeds = Some(numbers(&text(&mut parser)?)?),
                Arg::Long("images") => given.images = Some(count("--images", &mut parser)?),
                Arg::Long("epochs") => given.epochs = Some(count("--epochs", &mut parser)?),
                Arg::Long("data") => given.data = Some(value(&mut parser)?),
                Arg::Long("runs") => given.runs = Some(value(&mut parser)?.into()),
                Arg::Long("again") => given.again = true,
                Arg::Long("no-resume") => given.no_resume = true,
                other => return Err(Failure::usage(other.unexpected())),
            }
        }
        Ok(Some(given))
    }

    fn run(self) -> Result<RunArguments> {
        if self.seeds.is_some() {
            return Err(Failure::usage(
                "--seeds belongs to `labbook speed`; here it is --seed",
            ));
        }
        let mut experiments: Vec<&'static Experiment> = Vec::new();
        for list in &self.experiments {
            let chosen: Vec<&'static Experiment> = match list.as_str() {
                "all" => Experiment::all().iter().collect(),
                list => {
                    let numbers = numbers(list)?.into_iter();
                    numbers
                        .map(Experiment::numbered)
                        .collect::<labbook_paper::Result<_>>()?
                }
            };
            for experiment in chosen {
                if !experiments.contains(&experiment) {
                    experiments.push(experiment);
                }
            }
        }
        if experiments.is_empty() {
            return Err(Failure::usage(
                "expected an experiment to run, such as --experiment 16, received none",
            ));
        }
        Ok(RunArguments {
            experiments,
            scale: self.scale,
            seed: self.seed.unwrap_or_default(),
            data: self.data,
            images: self.images,
            epochs: self.epochs,
            again: self.again,
            no_resume: self.no_resume,
        })
    }

    fn speed(self) -> Result<SpeedArguments> {
        self.only(
            "speed",
            &[
                "--experiment",
                "--scale",
                "--seeds",
                "--data",
                "--epochs",
                "--again",
                "--no-resume",
            ],
        )?;
        let mut trainings = Vec::new();
        for list in &self.experiments {
            for number in numbers(list)? {
                trainings.push(SpeedRun::numbered(number)?);
            }
        }
        if trainings.is_empty() {
            trainings = vec![SpeedRun::numbered(18)?, SpeedRun::numbered(19)?];
        }
        let seeds = self.seeds.unwrap_or_else(|| vec![0, 1, 2]);
        Ok(SpeedArguments {
            trainings,
            seeds: seeds.into_iter().map(u64::from).collect(),
            scale: self.scale,
            data: self.data,
            epochs: self.epochs,
            again: self.again,
            no_resume: self.no_resume,
        })
    }

    /// Refuses the options that do not belong to a command.
    fn only(&self, command: &str, allowed: &[&str]) -> Result<()> {
        let given = [
            ("--experiment", !self.experiments.is_empty()),
            ("--scale", self.scale.is_some()),
            ("--seed", self.seed.is_some()),
            ("--seeds", self.seeds.is_some()),
            ("--data", self.data.is_some()),
            ("--images", self.images.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--again", self.again),
            ("--no-resume", self.no_resume),
        ];
        let stray = given
            .iter()
            .find(|(name, given)| *given && !allowed.contains(name));
        match stray {
            Some((name, _)) => Err(Failure::usage(format!(
                "{name} does not belong to `labbook {command}`"
            ))),
            None => Ok(()),
        }
    }
}

/// Numbers separated by commas.
fn numbers(list: &str) -> Result<Vec<u32>> {
    let parts = list.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| number("experiment", part.trim()))
        .collect()
}

fn number<T: FromStr>(option: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| {
        Failure::usage(format!(
            "{option}: expected a whole number, received `{text}`"
        ))
    })
}

/// How many of something that there has to be some of.
fn count(option: &str, parser: &mut Parser) -> Result<usize> {
    match number(option, &text(parser)?)? {
        0 => Err(Failure::usage(format!(
            "{option}: expected at least 1, received 0"
        ))),
        count => Ok(count),
    }
}

fn text(parser: &mut Parser) -> Result<String> {
    value(parser)?.string().map_err(Failure::usage)
}

fn value(parser: &mut Parser) -> Result<OsString> {
    parser.value().map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(Arguments::parse(Parser::from_args(words))?.command)
    }

    fn run(line: &str) -> RunArguments {
        match parse(line).unwrap() {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn experiments_are_listed_once_in_the_order_given() {
        let numbers =
            |line: &str| -> Vec<u32> { run(line).experiments.iter().map(|e| e.number()).collect() };
        assert_eq!(numbers("run --experiment 16"), [16]);
        assert_eq!(numbers("run --experiment 5,1 --experiment 1,2"), [5, 1, 2]);
        assert_eq!(numbers("run --experiment all").len(), 16);
    }

    #[test]
    fn options_are_read() {
        let run = run("run --experiment 16 --seed 3 --scale full --images 64 --epochs 2 --data d");
        assert_eq!((run.seed, run.scale), (3, Some(Scale::full())));
        assert_eq!((run.images, run.epochs), (Some(64), Some(2)));
        assert_eq!(run.data, Some("d".into()));
        let compare = parse("compare 1,2 16 --scale full").unwrap();
        let expected = Selection {
            numbers: vec![1, 2, 16],
            scale: Some(Scale::full()),
            seed: None,
        };
        assert_eq!(compare, Command::Compare(expected));
        assert_eq!(parse("").unwrap(), Command::Help);
        assert_eq!(parse("run --help").unwrap(), Command::Help);
    }

    #[test]
    fn short_trainings_have_defaults() {
        let speed = |line: &str| match parse(line).unwrap() {
            Command::Speed(speed) => {
                let numbers: Vec<u32> = speed.trainings.iter().map(|t| t.experiment).collect();
                (numbers, speed.seeds)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(speed("speed"), (vec![18, 19], vec![0, 1, 2]));
        assert_eq!(
            speed("speed --experiment 20 --seeds 5"),
            (vec![20], vec![5])
        );
    }

    #[test]
    fn what_does_not_fit_is_told_in_a_sentence() {
        for (line, part) in [
            (
                "train",
                "expected run, speed, list or compare, received `train`",
            ),
            ("run", "received none"),
            ("run --experiment 17", "from 1 to 16, received 17"),
            ("run --experiment two", "a whole number, received `two`"),
            ("run --experiment 1 --scale big", "smoke, laptop or full"),
            ("run --experiment 1 --images 0", "at least 1"),
            ("run --experiment 1 16", "unexpected `16`"),
            ("run --experiment", "--experiment"),
            ("list --seed 3", "--seed does not belong to `labbook list`"),
            ("compare --again", "--again does not belong"),
            ("run --what", "--what"),
            ("speed --experiment 17", "18, 19 or 20, received 17"),
            (
                "speed --images 9",
                "--images does not belong to `labbook speed`",
            ),
        ] {
            let text = parse(line).unwrap_err().to_string();
            assert!(text.contains(part), "{line}: {text}");
            assert!(text.contains("--help"), "{line}: {text}");
        }
    }
}
