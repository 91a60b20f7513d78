//! Downloads a data set into the folder named, showing how far it is. `cargo xtask data` calls it.

use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use labbook_fetch::{DataSet, Progress};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (Some(name), Some(folder), None) = (words.next(), words.next(), words.next()) else {
        eprintln!("usage: labbook-fetch NAME FOLDER");
        return ExitCode::FAILURE;
    };
    match fetch(&name.to_string_lossy(), Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn fetch(name: &str, folder: &Path) -> Result<(), String> {
    let set = DataSet::named(name).ok_or_else(|| {
        let names: Vec<&str> = DataSet::names().collect();
        let names = names.join(", ");
        format!(
            "The data set should be one of {names}. Received: {name:?}. Of others that a notebook \
             can load its load_data says where it looks for their files"
        )
    })?;
    println!(
        "Downloading {} ({:.1} MB) into {}. A server can be slow, up to an hour; an interrupted \
         download goes on where it stopped.",
        set.title,
        set.bytes() as f64 / 1e6,
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
    let files = set
        .fetch(folder, &mut show)
        .map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    for file in files {
        println!("{} is there.", file.display());
    }
    Ok(())
}
