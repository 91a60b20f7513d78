//! Downloads CIFAR-10 into the folder named, showing how far it is. `cargo xtask data` calls it.

use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use labbook_fetch::{Options, Progress, fetch_cifar10};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (Some(folder), None) = (words.next(), words.next()) else {
        eprintln!("usage: labbook-fetch FOLDER");
        return ExitCode::FAILURE;
    };
    match fetch(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn fetch(folder: &Path) -> Result<(), String> {
    println!(
        "Downloading CIFAR-10 (162 MiB) into {}. The server can be slow, up to an hour; an \
         interrupted download goes on where it stopped.",
        folder.display()
    );
    let style = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let bar = ProgressBar::no_length();
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    let mut stage = None;
    let mut show = |progress: Progress| match progress {
        Progress::Downloading { received, total } => {
            bar.set_length(total);
            bar.set_position(received);
        }
        other => {
            if stage != Some(std::mem::discriminant(&other)) {
                stage = Some(std::mem::discriminant(&other));
                bar.suspend(|| println!("{other}"));
            }
        }
    };
    let folder =
        fetch_cifar10(folder, &Options::default(), &mut show).map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    println!("CIFAR-10 is in {}.", folder.display());
    Ok(())
}
