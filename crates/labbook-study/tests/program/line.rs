//! A training program of a study, as small as can be: a network learns the sum of two numbers.
//!
//! A setting `pause` has it wait after every epoch, so many milliseconds, and a setting `fault` has it fail.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use labbook_nn::Activation::Relu;
use labbook_nn::{Adam, Callback, Control, Dense, Fit, Logs, Sequential};
use labbook_study::{Case, Training};
use tch::{Device, Kind, Tensor};

/// Every beginning of a training becomes a line of the file that this variable names.
const BEGINNINGS: &str = "STUDY_BEGINNINGS";

fn main() -> ExitCode {
    labbook_study::main(train, "of the example")
}

fn train(hp: &Case) -> Result<Training, Box<dyn Error>> {
    match hp.choice("fault").unwrap_or("none") {
        "panic" => panic!("as asked for"),
        "memory" => return Err("can't allocate memory: as asked for".into()),
        "setting" => drop(hp.int("no_such_setting")?),
        _ => {}
    }
    if let Some(path) = std::env::var_os(BEGINNINGS) {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{}", hp.number())?;
    }
    let x = Tensor::arange(200, (Kind::Float, Device::Cpu)).reshape([100, 2]) / 200.0;
    let y = x.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(hp.int("units")?).activation(Relu).input_shape(2));
    model.add(Dense::new(1));
    model.compile(
        Adam::new().learning_rate(hp.float("learning_rate")?),
        "mse",
        [],
    )?;
    let pause = Duration::from_millis(hp.int("pause").unwrap_or(0).unsigned_abs());
    let epochs = usize::try_from(hp.int("epochs")?)?;
    let options = Fit::new()
        .epochs(epochs)
        .batch_size(16)
        .validation_split(0.2)
        .verbose(2);
    Ok(Training::new(model, &x, &y)
        .fit(options.callbacks(Pause(pause)))
        .test(&x, &y)
        .data("a hundred sums"))
}

struct Pause(Duration);

impl Callback for Pause {
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, _control: &mut Control<'_>) {
        thread::sleep(self.0);
    }
}
