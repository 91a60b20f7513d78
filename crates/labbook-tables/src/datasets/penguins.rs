//! Palmer penguins (Gorman, Williams, Fraser 2014; Horst, Hill, Gorman 2020): bills, flippers and
//! masses of three species.

use std::path::Path;

use polars::df;

use super::TableSet;
use super::files::Holds::{Numbers, Text};
use super::files::Layout;
use crate::TableError;
use crate::random::Random;

const LAYOUT: Layout = Layout {
    file: "penguins.csv",
    title: "Palmer penguins",
    columns: &[
        ("species", Text),
        ("island", Text),
        ("bill_length_mm", Numbers),
        ("bill_depth_mm", Numbers),
        ("flipper_length_mm", Numbers),
        ("body_mass_g", Numbers),
        ("sex", Text),
        ("year", Numbers),
    ],
};

/// As many rows as the table has.
const ROWS: usize = 344;

/// Loads `data/penguins.csv`, packed or not, or generates a stand-in where that is missing.
///
/// The file is looked for in the folder that
/// [`DIRECTORY_VARIABLE`](labbook_data::datasets::DIRECTORY_VARIABLE) names; without it in `data`
/// of the working directory and of those above it, as far as the project's root. Columns are
/// species, island, bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g, sex and year.
///
/// ```no_run
/// use labbook_tables::datasets::penguins;
///
/// let penguins = penguins::load_data()?;
/// println!("{penguins}");
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// A file that is found but has not these columns.
pub fn load_data() -> Result<TableSet, TableError> {
    LAYOUT.load(ROWS, generated)
}

/// Reads one file.
///
/// # Errors
/// A file without these columns, or as [`read_csv`](crate::read_csv).
pub fn read(path: impl AsRef<Path>) -> Result<TableSet, TableError> {
    LAYOUT.read(path.as_ref())
}

/// Species, share, islands, and means of bill length and depth, flipper and mass.
const SPECIES: [(&str, f64, &[&str], [f64; 4]); 3] = [
    (
        "Adelie",
        0.44,
        &["Biscoe", "Dream", "Torgersen"],
        [38.8, 18.3, 190.0, 3700.0],
    ),
    ("Chinstrap", 0.2, &["Dream"], [48.8, 18.4, 196.0, 3730.0]),
    ("Gentoo", 0.36, &["Biscoe"], [47.5, 15.0, 217.0, 5080.0]),
];

/// The stand-in: each species has its means, and its islands. Males are larger by 3.4 mm and 1.5 mm of
/// bill, 7 mm of flipper and 680 g, females smaller by half of it and the males larger by the other
/// half. A bird's size moves all four together: flipper = mean + 4 size + noise of deviation 4, mass =
/// mean + 250 size + noise of 180. One bird in 170 was not measured, of one in 40 the sex is missing.
///
/// # Errors
/// None that happens.
pub fn generated(rows: usize, seed: u64) -> Result<TableSet, TableError> {
    let mut random = Random::new(seed);
    let (mut species, mut islands, mut sexes) = (Vec::new(), Vec::new(), Vec::new());
    let mut years: Vec<i64> = Vec::new();
    let mut lengths: Vec<Option<f64>> = Vec::new();
    let mut depths: Vec<Option<f64>> = Vec::new();
    let mut flippers: Vec<Option<i64>> = Vec::new();
    let mut masses: Vec<Option<i64>> = Vec::new();
    for row in 0..rows {
        let (name, _, homes, means) = SPECIES[random.by_share(&SPECIES.map(|kind| kind.1))];
        let male = random.unit() < 0.5;
        let half = if male { 0.5 } else { -0.5 };
        let size = random.normal(0.0, 1.0);
        let [length, depth, flipper, mass] = means;
        let values = [
            length + 3.4 * half + 1.2 * size + random.normal(0.0, 1.6),
            depth + 1.5 * half + 0.4 * size + random.normal(0.0, 0.6),
            flipper + 7.0 * half + 4.0 * size + random.normal(0.0, 4.0),
            mass + 680.0 * half + 250.0 * size + random.normal(0.0, 180.0),
        ];
        let measured = row % 170 != 3;
        let known = |value: f64| measured.then_some(value);
        species.push(name);
        islands.push(*random.pick(homes));
        lengths.push(known((values[0] * 10.0).round() / 10.0));
        depths.push(known((values[1] * 10.0).round() / 10.0));
        flippers.push(known(values[2].round()).map(|value| value as i64));
        masses.push(known((values[3] / 25.0).round() * 25.0).map(|value| value as i64));
        let sex = if male { "male" } else { "female" };
        sexes.push((measured && row % 40 != 11).then_some(sex));
        years.push(2007 + random.below(3) as i64);
    }
    let frame = df!(
        "species" => species, "island" => islands, "bill_length_mm" => lengths,
        "bill_depth_mm" => depths, "flipper_length_mm" => flippers, "body_mass_g" => masses,
        "sex" => sexes, "year" => years,
    )?;
    Ok(LAYOUT.stand_in(frame, seed))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::read_csv;

    #[test]
    fn the_stand_in_has_the_columns_and_gaps_of_the_table() {
        let made = generated(344, 0).unwrap();
        assert_eq!(made, generated(344, 0).unwrap());
        assert_ne!(made.frame, generated(344, 1).unwrap().frame);
        let names: Vec<&str> = LAYOUT.columns.iter().map(|(name, _)| *name).collect();
        let found: Vec<String> = made
            .frame
            .get_column_names_owned()
            .iter()
            .map(|n| n.to_string())
            .collect();
        assert_eq!(found, names);
        let gaps = |name: &str| made.frame.column(name).unwrap().null_count();
        assert_eq!((gaps("body_mass_g"), gaps("species")), (3, 0));
        assert!((9..13).contains(&gaps("sex")), "{}", gaps("sex"));
        assert!(
            made.to_string()
                .contains("344 rows of 8 columns: generated stand-in (not Palmer")
        );
    }

    #[test]
    fn a_file_needs_the_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("penguins.csv");
        let head = "rowid,species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year";
        fs::write(
            &path,
            format!(
                "{head}\n1,Adelie,Dream,39.1,18.7,181,3750,male,2007\n2,Adelie,Dream,,,,,,2007\n"
            ),
        )
        .unwrap();
        let read_table = read(&path).unwrap();
        assert_eq!(read_table.frame.shape(), (2, 8));
        assert!(!read_table.provenance.is_drawn());
        assert_eq!(read_csv(&path).unwrap().width(), 9);
        fs::write(
            &path,
            format!("{head}\n1,Adelie,Dream,long,18.7,181,3750,male,2007\n"),
        )
        .unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains("bill_length_mm of numbers") && error.contains("kind str"),
            "{error}"
        );
        fs::write(&path, "species,island\na,b\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("the column bill_length_mm"), "{error}");
    }
}
