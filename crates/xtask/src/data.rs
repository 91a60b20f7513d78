use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use labbook_fetch::{Options, Progress, fetch_cifar10};

use crate::failure::{Failure, Result};
use crate::places::Places;

/// The folder that the official binary files unpack to.
const FOLDER: &str = "cifar-10-batches-bin";

/// CIFAR-10 where the notebooks look for it: `LABBOOK_DATA`, then `data/`. The value `drawn` asks
/// for the drawn set.
pub(crate) fn find(places: &Places) -> Option<PathBuf> {
    let chosen = std::env::var_os("LABBOOK_DATA")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    let roots = match chosen {
        Some(folder) if folder.as_os_str() == "drawn" => return None,
        Some(folder) => vec![folder.clone(), folder.join(FOLDER)],
        None => vec![places.root.join("data").join(FOLDER)],
    };
    roots
        .into_iter()
        .find(|folder| folder.join("test_batch.bin").is_file())
}

/// Downloads CIFAR-10 into `data/`, showing how far it is.
pub(crate) fn run(places: &Places) -> Result<()> {
    println!(
        "Downloading CIFAR-10 (162 MiB) into data/. The server can be slow, up to an hour; an \
         interrupted download goes on where it stopped."
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
    let folder = fetch_cifar10(&places.root.join("data"), &Options::default(), &mut show)
        .map_err(|error| Failure::new(error.to_string()))?;
    bar.finish_and_clear();
    println!("CIFAR-10 is in {}.", folder.display());
    Ok(())
}
