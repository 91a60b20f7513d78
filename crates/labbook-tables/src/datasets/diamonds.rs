//! Diamonds (Wickham, ggplot2): prices of round-cut diamonds by weight, cut, colour and clarity.

use std::path::Path;

use polars::df;

use super::TableSet;
use super::files::Holds::{Numbers, Text};
use super::files::Layout;
use crate::TableError;
use crate::random::Random;

const LAYOUT: Layout = Layout {
    file: "diamonds.csv",
    title: "the diamonds of ggplot2",
    columns: &[
        ("carat", Numbers),
        ("cut", Text),
        ("color", Text),
        ("clarity", Text),
        ("depth", Numbers),
        ("table", Numbers),
        ("price", Numbers),
        ("x", Numbers),
        ("y", Numbers),
        ("z", Numbers),
    ],
};

/// How many rows are generated where no file is found; the table has 53,940.
pub const GENERATED_ROWS: usize = 5_000;

/// Loads `data/diamonds.csv`, packed or not, or generates a stand-in where that is missing.
///
/// The file is looked for as [`penguins`](super::penguins::load_data) are. Columns are carat, cut,
/// color, clarity, depth (percent), table (percent), price (dollars), x, y and z (millimetres).
///
/// ```no_run
/// use labbook_tables::datasets::diamonds;
///
/// println!("{}", diamonds::load_data()?);
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

const CUTS: [(&str, f64); 5] = [
    ("Fair", 0.03),
    ("Good", 0.09),
    ("Very Good", 0.22),
    ("Premium", 0.26),
    ("Ideal", 0.4),
];
const COLORS: [(&str, f64); 7] = [
    ("J", 0.05),
    ("I", 0.1),
    ("H", 0.15),
    ("G", 0.21),
    ("F", 0.18),
    ("E", 0.18),
    ("D", 0.13),
];
const CLARITIES: [(&str, f64); 8] = [
    ("I1", 0.02),
    ("SI2", 0.17),
    ("SI1", 0.24),
    ("VS2", 0.23),
    ("VS1", 0.15),
    ("VVS2", 0.09),
    ("VVS1", 0.07),
    ("IF", 0.03),
];

/// The stand-in, by a known law: with the numbers of cut, color and clarity counted from the worst, 0,
///
/// ln price = 7.7 + 1.85 ln carat + 0.03 cut + 0.08 color + 0.12 clarity + noise of deviation 0.1,
///
/// where ln carat is uniform from ln 0.2 to ln 3. The width x is 6.45 times the cube root of carat, y
/// the same but for noise, and z follows from the depth in percent of their mean.
///
/// ```
/// use labbook_tables::datasets::diamonds;
///
/// assert_eq!(diamonds::generated(100, 0)?.frame.shape(), (100, 10));
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn generated(rows: usize, seed: u64) -> Result<TableSet, TableError> {
    let mut random = Random::new(seed);
    let (mut cuts, mut colors, mut clarities) = (Vec::new(), Vec::new(), Vec::new());
    let mut prices: Vec<i64> = Vec::new();
    let mut numbers: [Vec<f64>; 6] = Default::default();
    let hundredths = |value: f64| (value * 100.0).round() / 100.0;
    for _ in 0..rows {
        let carat = hundredths(random.between(0.2_f64.ln(), 3.0_f64.ln()).exp());
        let cut = random.by_share(&CUTS.map(|kind| kind.1));
        let color = random.by_share(&COLORS.map(|kind| kind.1));
        let clarity = random.by_share(&CLARITIES.map(|kind| kind.1));
        let quality = 0.03 * cut as f64 + 0.08 * color as f64 + 0.12 * clarity as f64;
        let price = 7.7 + 1.85 * carat.ln() + quality + random.normal(0.0, 0.1);
        let depth = (random.normal(61.7, 1.2) * 10.0).round() / 10.0;
        let table = random.normal(57.5, 2.0).round();
        let x = hundredths(6.45 * carat.cbrt());
        let y = hundredths(x + random.normal(0.0, 0.03));
        let z = hundredths(depth / 100.0 * (x + y) / 2.0);
        cuts.push(CUTS[cut].0);
        colors.push(COLORS[color].0);
        clarities.push(CLARITIES[clarity].0);
        prices.push(price.exp().round() as i64);
        for (column, value) in numbers.iter_mut().zip([carat, depth, table, x, y, z]) {
            column.push(value);
        }
    }
    let [carats, depths, tables, x, y, z] = numbers;
    let frame = df!(
        "carat" => carats, "cut" => cuts, "color" => colors, "clarity" => clarities,
        "depth" => depths, "table" => tables, "price" => prices, "x" => x, "y" => y, "z" => z,
    )?;
    Ok(LAYOUT.stand_in(frame, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_follow_the_law() {
        let frame = generated(2000, 0).unwrap().frame;
        let column = |name: &str| {
            let values = frame.column(name).unwrap();
            let values = values.cast(&polars::prelude::DataType::Float64).unwrap();
            values
                .f64()
                .unwrap()
                .to_vec()
                .into_iter()
                .flatten()
                .collect::<Vec<f64>>()
        };
        let place = |of: &[(&str, f64)], name: &str, row: usize| {
            let text = frame.column(name).unwrap().str().unwrap().get(row).unwrap();
            of.iter().position(|(known, _)| *known == text).unwrap() as f64
        };
        let (carats, prices) = (column("carat"), column("price"));
        let noise: Vec<f64> = (0..2000)
            .map(|row| {
                let quality = 0.03 * place(&CUTS, "cut", row)
                    + 0.08 * place(&COLORS, "color", row)
                    + 0.12 * place(&CLARITIES, "clarity", row);
                prices[row].ln() - (7.7 + 1.85 * carats[row].ln() + quality)
            })
            .collect();
        let mean = noise.iter().sum::<f64>() / 2000.0;
        let deviation = (noise.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 2000.0).sqrt();
        assert!(
            mean.abs() < 0.01 && (deviation - 0.1).abs() < 0.01,
            "{mean} {deviation}"
        );
        assert!(column("x").iter().zip(column("z")).all(|(x, z)| z < *x));
    }
}
