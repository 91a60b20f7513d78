//! Draws the README's gallery into a folder, of data that the project makes itself:
//!
//! ```text
//! cargo run --package labbook --example gallery -- docs
//! ```

use std::error::Error;
use std::path::PathBuf;

use labbook::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: gallery FOLDER")?;
    let folder = PathBuf::from(folder);
    let penguins = datasets::penguins::generated(344, 0)?.frame;
    let diamonds = datasets::diamonds::generated(5_000, 0)?.frame;

    let masses = histplot(&penguins, "body_mass_g").hue("species").kde();
    let masses = masses.title("histplot").size(560, 360).figure()?;
    let violins = violinplot(&penguins, "bill_length_mm")
        .x("species")
        .hue("sex");
    let violins = violins.title("violinplot").size(560, 360).figure()?;
    let boxes = boxplot(&diamonds, "price").x("cut");
    let boxes = boxes.title("boxplot").size(560, 360).figure()?;
    let carats = scatterplot(&diamonds, "carat", "price").hue("depth");
    let carats = carats.title("scatterplot").size(560, 360).figure()?;
    panels(&[&masses, &violins, &boxes, &carats], 2)?.save(folder.join("gallery-columns.png"))?;

    let vars = ["bill_length_mm", "bill_depth_mm", "body_mass_g"];
    let pairs = pairplot(&penguins)
        .vars(vars)
        .hue("species")
        .title("pairplot");
    let numbers = correlation_map(&penguins).title("correlation_map");
    panels(&[&pairs.figure()?, &numbers.figure()?], 2)?.save(folder.join("gallery-pairs.png"))?;
    Ok(())
}
