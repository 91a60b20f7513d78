use std::path::PathBuf;
use std::process::Command;

use crate::environment as env;
use crate::failure::Result;
use crate::places::Places;
use crate::process;

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

/// Downloads a data set into `data/`. What needs a network is a program of its own, compiled here at its
/// first use.
pub(crate) fn run(places: &Places, name: &str) -> Result<()> {
    println!("Compiling the downloader where it is new (about 1 min).");
    process::run(
        Command::new(env::cargo())
            .args([
                "run",
                "--quiet",
                "--locked",
                "--package",
                "labbook-fetch",
                "--",
                name,
            ])
            .arg(places.root.join("data"))
            .current_dir(&places.root),
        &format!("{name} is not there (the reason is above)"),
    )
}
