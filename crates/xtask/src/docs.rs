use std::process::Command;

use crate::failure::Result;
use crate::places::Places;
use crate::process::{self, find_program};
use crate::tools;

/// The release of mdBook that is compiled where the machine has none.
const VERSION: &str = "0.5.4";

/// Builds the book of `docs/book` into `target/book`.
pub(crate) fn run(places: &Places) -> Result<()> {
    let mdbook = match find_program(&["mdbook"]) {
        Some(found) => found,
        // Neither its server nor its search, which is a script.
        None => tools::compiled(places, "mdbook", VERSION, &["--no-default-features"])?,
    };
    process::run(
        Command::new(mdbook)
            .arg("build")
            .arg(places.root.join("docs/book"))
            .current_dir(&places.root),
        "mdBook could not build the book (its message is above)",
    )?;
    println!("Wrote target/book/index.html");
    Ok(())
}
