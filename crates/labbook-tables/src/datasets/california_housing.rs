//! California housing (Pace and Barry 1997): median house values of the districts of 1990.

use std::path::Path;

use polars::df;

use super::TableSet;
use super::files::Holds::Numbers;
use super::files::Layout;
use crate::TableError;
use crate::random::Random;

const LAYOUT: Layout = Layout {
    file: "california_housing.csv",
    title: "California housing",
    columns: &[
        ("MedInc", Numbers),
        ("HouseAge", Numbers),
        ("AveRooms", Numbers),
        ("AveBedrms", Numbers),
        ("Population", Numbers),
        ("AveOccup", Numbers),
        ("Latitude", Numbers),
        ("Longitude", Numbers),
        ("MedHouseVal", Numbers),
    ],
};

/// How many rows are generated where no file is found; the table has 20,640.
pub const GENERATED_ROWS: usize = 5_000;

/// Loads `data/california_housing.csv`, packed or not, or generates a stand-in where that is missing.
///
/// The columns are those of scikit-learn's `fetch_california_housing(as_frame=True).frame`, which
/// writes the file with `.to_csv("california_housing.csv", index=False)`; it is looked for as
/// [`penguins`](super::penguins::load_data) are. The target, MedHouseVal, is in 100,000 dollars.
///
/// ```no_run
/// use labbook_tables::datasets::california_housing;
///
/// println!("{}", california_housing::load_data()?);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// A file that is found but has not these columns.
pub fn load_data() -> Result<TableSet, TableError> {
    LAYOUT.load(GENERATED_ROWS, generated)
}

/// Reads one file.
///
/// # Errors
/// A file without these columns, or as [`read_csv`](crate::read_csv).
pub fn read(path: impl AsRef<Path>) -> Result<TableSet, TableError> {
    LAYOUT.read(path.as_ref())
}

/// How far from the coast a place is, in degrees of longitude: the coast is taken as straight.
fn inland(latitude: f64, longitude: f64) -> f64 {
    (longitude - (-117.2 - 0.95 * (latitude - 32.5))).max(0.0)
}

/// The stand-in, by a known law:
///
/// MedHouseVal = 0.3 + 0.42 MedInc + 0.008 HouseAge - 0.12 (AveOccup - 3) + 1.2 / (1 + 2 inland) + noise
/// of deviation 0.3, from 0.15 to 5.0001 (where the census, too, cut),
///
/// with inland the degrees of longitude behind a straight coast from (32.5, -117.2) to (42, -126.2).
///
/// ```
/// use labbook_tables::datasets::california_housing;
///
/// assert_eq!(california_housing::generated(100, 0)?.frame.shape(), (100, 9));
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn generated(rows: usize, seed: u64) -> Result<TableSet, TableError> {
    let mut random = Random::new(seed);
    let mut columns: [Vec<f64>; 9] = Default::default();
    for _ in 0..rows {
        let income = (1.2 + random.unit() * random.unit() * 9.0 + random.normal(0.8, 0.4)).max(0.5);
        let age = random.between(1.0, 53.0).floor();
        let rooms = (random.normal(4.0, 0.7) + 0.35 * income).max(1.0);
        let bedrooms = (rooms / 5.0 + random.normal(0.05, 0.08)).max(0.4);
        let population = (300.0 + 3500.0 * random.unit() * random.unit()).round();
        let occupants = random.normal(3.0, 0.6).max(1.0);
        let latitude = random.between(32.6, 41.8);
        let coast = -117.2 - 0.95 * (latitude - 32.5);
        let longitude = coast + 4.0 * random.unit() * random.unit();
        let value = 0.3 + 0.42 * income + 0.008 * age - 0.12 * (occupants - 3.0)
            + 1.2 / (1.0 + 2.0 * inland(latitude, longitude))
            + random.normal(0.0, 0.3);
        let row = [
            income,
            age,
            rooms,
            bedrooms,
            population,
            occupants,
            latitude,
            longitude,
            value.clamp(0.15, 5.0001),
        ];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push((value * 1e4).round() / 1e4);
        }
    }
    let [
        income,
        age,
        rooms,
        bedrooms,
        population,
        occupants,
        latitude,
        longitude,
        value,
    ] = columns;
    let frame = df!(
        "MedInc" => income, "HouseAge" => age, "AveRooms" => rooms, "AveBedrms" => bedrooms,
        "Population" => population, "AveOccup" => occupants, "Latitude" => latitude,
        "Longitude" => longitude, "MedHouseVal" => value,
    )?;
    Ok(LAYOUT.stand_in(frame, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_law_and_are_cut_as_in_the_census() {
        let frame = generated(2000, 0).unwrap().frame;
        let column = |name: &str| -> Vec<f64> {
            frame
                .column(name)
                .unwrap()
                .f64()
                .unwrap()
                .to_vec()
                .into_iter()
                .flatten()
                .collect()
        };
        let names = [
            "MedInc",
            "HouseAge",
            "AveOccup",
            "Latitude",
            "Longitude",
            "MedHouseVal",
        ];
        let [income, age, occupants, latitude, longitude, value] = names.map(column);
        let noise = (0..2000).filter(|&row| value[row] < 5.0).map(|row| {
            let near = 1.2 / (1.0 + 2.0 * inland(latitude[row], longitude[row]));
            let law = 0.3 + 0.42 * income[row] + 0.008 * age[row] - 0.12 * (occupants[row] - 3.0);
            value[row] - law - near
        });
        let noise: Vec<f64> = noise.collect();
        let squares = noise.iter().map(|n| n * n).sum::<f64>() / noise.len() as f64;
        assert!((squares.sqrt() - 0.3).abs() < 0.02, "{squares}");
        assert!(noise.len() > 1800 && value.iter().all(|v| (0.15..=5.0001).contains(v)));
    }
}
