use std::collections::BTreeMap;
use std::path::Path;

use labbook_data::{DataError, read_file};
use labbook_files::write_file;
use polars::frame::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::column::texts;
use crate::error::TableError;
use crate::fitted::{Fitted, Transform};

/// Most bytes of a saved recipe.
const MOST: u64 = 1 << 28;

/// What takes the place of a gap in a column of numbers, as `SimpleImputer`'s strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The training rows' mean.
    Mean,
    /// Their median.
    Median,
    /// What they hold most often, the smallest of several.
    MostFrequent,
}

/// How columns become numbers, learned from training rows: scikit-learn's `ColumnTransformer` with
/// imputers, scalers and encoders.
///
/// Gaps are filled first. Categories are sorted; a gap among them is the most frequent one. A
/// category that no training row has is all zeros, or -1 by index. The same serves for the target,
/// whose predictions [`inverse`](Self::inverse) brings back.
///
/// ```
/// use labbook_tables::TablePreprocessor;
/// use polars::df;
///
/// let train = df!("mass" => [Some(3.0), None, Some(5.0)], "island" => ["A", "B", "A"])?;
/// let mut recipe = TablePreprocessor::new().standard(&["mass"]).one_hot(&["island"]);
/// let x = recipe.fit_transform(&train)?;
/// assert_eq!(x.size(), [3, 3]);
/// assert_eq!(recipe.feature_names(), ["mass", "island_A", "island_B"]);
///
/// let new = df!("mass" => [4.0], "island" => ["C"])?;
/// assert_eq!(Vec::<f32>::try_from(recipe.transform(&new)?.reshape([-1]))?, [0.0, 0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablePreprocessor {
    format: u32,
    fill: Fill,
    /// What single columns have in place of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fills: BTreeMap<String, Fill>,
    mark_gaps: bool,
    columns: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    column: String,
    transform: Transform,
    fitted: Option<Fitted>,
    /// Whether training rows had gaps, so that a column tells of them.
    marked: bool,
}

impl Default for TablePreprocessor {
    fn default() -> Self {
        Self {
            format: 1,
            fill: Fill::Mean,
            fills: BTreeMap::new(),
            mark_gaps: false,
            columns: Vec::new(),
        }
    }
}

impl TablePreprocessor {
    /// Takes no columns yet, and fills gaps with means.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes numbers as they are.
    #[must_use]
    pub fn passthrough<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Passthrough, columns)
    }

    /// Scales numbers to mean 0 and deviation 1, as `StandardScaler`.
    #[must_use]
    pub fn standard<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Standard, columns)
    }

    /// Takes the natural logarithm of numbers above 0, and scales it as [`standard`](Self::standard): for
    /// prices, weights and the like, which differ by factors. A gap is filled among the logarithms.
    ///
    /// ```
    /// use labbook_tables::TablePreprocessor;
    /// use polars::df;
    ///
    /// let mut target = TablePreprocessor::new().log(&["price"]);
    /// let y = target.fit_transform(&df!("price" => [10.0, 100.0, 1000.0])?)?;
    /// assert!(y.double_value(&[1, 0]).abs() < 1e-9);
    /// let prices = target.inverse(&y)?;
    /// assert!((prices.column("price")?.f64()?.get(2).unwrap() - 1000.0).abs() < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn log<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Log, columns)
    }

    /// Scales numbers to 0 to 1, as `MinMaxScaler`.
    #[must_use]
    pub fn min_max<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::MinMax, columns)
    }

    /// Scales numbers by median and quartiles, as `RobustScaler`.
    #[must_use]
    pub fn robust<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Robust, columns)
    }

    /// Makes a column of zeros and ones of each category, as `OneHotEncoder`.
    #[must_use]
    pub fn one_hot<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::OneHot, columns)
    }

    /// Makes a category its number among all, as `OrdinalEncoder`.
    #[must_use]
    pub fn ordinal<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Ordinal, columns)
    }

    /// Takes dates apart: year, month, day and weekday, and hour and minute if a training row has
    /// them.
    ///
    /// Dates are texts like `2024-02-29`, `2024-02-29 13:45` or `2024-02-29T13:45:00Z`. The year goes
    /// from 0 to 1 over the training rows; month, day, weekday (from Monday), hour and minute go from
    /// 0 to 1 over what they can be. A gap is the training rows' middle date.
    ///
    /// ```
    /// use labbook_tables::TablePreprocessor;
    /// use polars::df;
    ///
    /// let orders = df!("when" => ["2024-01-01", "2024-12-31"])?;
    /// let mut recipe = TablePreprocessor::new().dates(&["when"]);
    /// let x = recipe.fit_transform(&orders)?;
    /// assert_eq!(recipe.feature_names(), ["when_year", "when_month", "when_day", "when_weekday"]);
    /// assert_eq!(Vec::<f32>::try_from(x.select(0, 0))?, [0.0; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dates<S: AsRef<str>>(self, columns: &[S]) -> Self {
        self.with(Transform::Date, columns)
    }

    /// Says what takes the place of gaps among the numbers of these columns, whatever
    /// [`fill`](Self::fill) says of the others.
    #[must_use]
    pub fn fill_columns<S: AsRef<str>>(mut self, columns: &[S], fill: Fill) -> Self {
        let columns = columns
            .iter()
            .map(|column| (column.as_ref().to_owned(), fill));
        self.fills.extend(columns);
        self
    }

    /// Says what takes the place of gaps among numbers.
    #[must_use]
    pub fn fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    /// Adds a column of zeros and ones for each whose training rows have gaps, as
    /// `add_indicator=True`.
    #[must_use]
    pub fn mark_gaps(mut self) -> Self {
        self.mark_gaps = true;
        self
    }

    fn with<S: AsRef<str>>(mut self, transform: Transform, columns: &[S]) -> Self {
        self.columns.extend(columns.iter().map(|column| Step {
            column: column.as_ref().to_owned(),
            transform,
            fitted: None,
            marked: false,
        }));
        self
    }

    /// Learns from training rows.
    ///
    /// # Errors
    /// For a column that is missing, is not of numbers where it should be, or has gaps only; when
    /// no column was named.
    pub fn fit(&mut self, frame: &DataFrame) -> Result<(), TableError> {
        if self.columns.is_empty() {
            let advice = "name some, as in .standard(&[\"mass\"])";
            return Err(TableError::preprocessor(
                "at least one column",
                "none",
                advice,
            ));
        }
        let taken = |name: &String| self.columns.iter().any(|step| step.column == *name);
        if let Some(name) = self.fills.keys().find(|name| !taken(name)) {
            let advice = "name it as well, as in .standard(&[\"mass\"])";
            let expected = format!("fills for columns that are taken, not for {name}");
            return Err(TableError::preprocessor(expected, "no such column", advice));
        }
        // Only once all is learned does it take the place of what was known.
        let mut columns = self.columns.clone();
        let learn = |step: &Step| {
            let fill = self.fills.get(&step.column).copied().unwrap_or(self.fill);
            let fitted = Fitted::learn(frame, &step.column, step.transform, fill)?;
            let marked = self.mark_gaps && gaps(frame, step)?.contains(&1.0);
            Ok((fitted, marked))
        };
        // Of several columns with faults the first is told.
        let learned: Vec<Result<(Fitted, bool), TableError>> =
            columns.par_iter().map(learn).collect();
        for (step, learned) in columns.iter_mut().zip(learned) {
            let (fitted, marked) = learned?;
            (step.fitted, step.marked) = (Some(fitted), marked);
        }
        self.columns = columns;
        Ok(())
    }

    /// The tensor of some rows, (N, features): of 32-bit numbers, or of whole ones where all columns
    /// are [`ordinal`](Self::ordinal).
    ///
    /// # Errors
    /// Before [`fit`](Self::fit), and as there for the columns.
    pub fn transform(&self, frame: &DataFrame) -> Result<Tensor, TableError> {
        let apply = |step: &Step| {
            let fitted = step.fitted()?;
            fitted.apply(frame, &step.column, step.transform)
        };
        let applied: Vec<Result<Vec<Vec<f64>>, TableError>> =
            self.columns.par_iter().map(apply).collect();
        let mut columns = Vec::new();
        for applied in applied {
            columns.extend(applied?);
        }
        for step in self.columns.iter().filter(|step| step.marked) {
            columns.push(gaps(frame, step)?);
        }
        if columns.is_empty() {
            return Err(not_fitted());
        }
        let (features, rows) = (columns.len(), frame.height());
        let whole = self
            .columns
            .iter()
            .all(|step| step.transform == Transform::Ordinal);
        let kind = if whole { Kind::Int64 } else { Kind::Float };
        let values = Tensor::f_from_slice(&columns.concat())?;
        let values = values.f_reshape([features as i64, rows as i64])?;
        Ok(values.f_transpose(0, 1)?.f_to_kind(kind)?.f_contiguous()?)
    }

    /// [`fit`](Self::fit), and then [`transform`](Self::transform) of the same rows.
    ///
    /// # Errors
    /// As these.
    pub fn fit_transform(&mut self, frame: &DataFrame) -> Result<Tensor, TableError> {
        self.fit(frame)?;
        self.transform(frame)
    }

    /// The columns again, of what [`transform`](Self::transform) made of them or a model predicts:
    /// shape (N, features). Marks of gaps are left out.
    ///
    /// # Errors
    /// Before [`fit`](Self::fit), and for another shape.
    pub fn inverse(&self, values: &Tensor) -> Result<DataFrame, TableError> {
        let features = self.feature_names().len();
        if self.columns.iter().any(|step| step.fitted.is_none()) || features == 0 {
            return Err(not_fitted());
        }
        let size = values.size();
        if size.len() != 2 || size[1] != features as i64 {
            let expected = format!("shape (N, {features})");
            let advice = "give it what transform(..) gives, or predictions of that shape";
            return Err(TableError::preprocessor(
                expected,
                format!("{size:?}"),
                advice,
            ));
        }
        let rows = size[0] as usize;
        let flat = values
            .f_to_kind(Kind::Double)?
            .f_transpose(0, 1)?
            .f_contiguous()?;
        let flat = Vec::<f64>::try_from(flat.f_reshape([-1])?)?;
        let mut numbers = (0..features).map(|at| flat[at * rows..(at + 1) * rows].to_vec());
        let mut columns = Vec::new();
        for step in &self.columns {
            let fitted = step.fitted()?;
            let count = fitted.names(&step.column, step.transform).len();
            let own: Vec<Vec<f64>> = numbers.by_ref().take(count).collect();
            columns.push(fitted.inverse(&step.column, step.transform, &own));
        }
        Ok(DataFrame::new(rows, columns)?)
    }

    /// What the tensor's features are called; those of columns that were not fitted are missing.
    #[must_use]
    pub fn feature_names(&self) -> Vec<String> {
        let own = self.columns.iter().flat_map(|step| {
            let fitted = step.fitted.as_ref();
            fitted.map_or_else(Vec::new, |fitted| {
                fitted.names(&step.column, step.transform)
            })
        });
        let marks = self.columns.iter().filter(|step| step.marked);
        own.chain(marks.map(|step| format!("{}_missing", step.column)))
            .collect()
    }

    /// The categories of a column by their numbers, as `OneHotEncoder`'s `categories_`: sorted names,
    /// such as those of classes that a model learns.
    ///
    /// ```
    /// use labbook_tables::TablePreprocessor;
    /// use polars::df;
    ///
    /// let mut target = TablePreprocessor::new().ordinal(&["species"]);
    /// target.fit(&df!("species" => ["Gentoo", "Adelie", "Gentoo"])?)?;
    /// assert_eq!(target.categories("species")?, ["Adelie", "Gentoo"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Before [`fit`](Self::fit), and for a column that is not among those made of categories.
    pub fn categories(&self, column: &str) -> Result<Vec<String>, TableError> {
        let mut steps = self.columns.iter().filter(|step| step.column == column);
        let step = steps.find(|step| step.transform.is_of_categories());
        let step = step.ok_or_else(|| {
            let expected = "a column that one_hot(..) or ordinal(..) took";
            TableError::column(column, expected, "none of this name", "name it there")
        })?;
        match step.fitted()? {
            Fitted::Categories { names, .. } => Ok(names.clone()),
            Fitted::Numbers { .. } | Fitted::Dates(_) => Err(not_fitted()),
        }
    }

    /// Writes the recipe as JSON, beside its place and renamed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TableError> {
        let path = path.as_ref();
        write_file(path, self.to_json()?.as_bytes()).map_err(|error| file(path, error))
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// For a file that is no recipe.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TableError> {
        let path = path.as_ref();
        Self::read(&read_file(path, MOST)?).map_err(|error| file(path, error))
    }

    /// The recipe as JSON, for instance to be kept in a model's file.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn to_json(&self) -> Result<String, TableError> {
        serde_json::to_string_pretty(self).map_err(|error| no_recipe(&error))
    }

    /// What [`to_json`](Self::to_json) gave.
    ///
    /// # Errors
    /// For a text that is no recipe.
    pub fn from_json(text: &str) -> Result<Self, TableError> {
        Self::read(text.as_bytes()).map_err(|error| no_recipe(&error))
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let sound = read.columns.iter().all(Step::is_sound);
        match read.format == 1 && sound {
            true => Ok(read),
            false => Err("another format, or columns that cannot be used".to_owned()),
        }
    }
}

impl Step {
    fn fitted(&self) -> Result<&Fitted, TableError> {
        self.fitted.as_ref().ok_or_else(not_fitted)
    }

    /// Whether what was read fits together: sorted names for categories, a scale for numbers.
    fn is_sound(&self) -> bool {
        match &self.fitted {
            None => true,
            Some(Fitted::Numbers { scale, .. }) => {
                let of_numbers = !self.transform.is_of_texts();
                of_numbers && *scale > 0.0
            }
            Some(Fitted::Categories { names, .. }) => {
                let sorted = names.windows(2).all(|pair| pair[0] < pair[1]);
                self.transform.is_of_categories() && sorted && !names.is_empty()
            }
            Some(Fitted::Dates(dates)) => self.transform == Transform::Date && dates.is_sound(),
        }
    }
}

/// 1 where a row has a gap.
fn gaps(frame: &DataFrame, step: &Step) -> Result<Vec<f64>, TableError> {
    let gap = |missing: bool| f64::from(u8::from(missing));
    Ok(match step.transform.is_of_texts() {
        true => texts(frame, &step.column)?
            .iter()
            .map(|t| gap(t.is_none()))
            .collect(),
        false => {
            let numbers = crate::column::numbers(frame, &step.column)?;
            numbers.iter().map(|n| gap(n.is_none())).collect()
        }
    })
}

fn not_fitted() -> TableError {
    let advice = "call fit(..) with the training rows first";
    TableError::preprocessor("a fitted one", "one that has learned nothing", advice)
}

fn no_recipe(found: &impl ToString) -> TableError {
    let advice = "give the text that to_json() gave, or fit the recipe anew";
    TableError::preprocessor("a recipe's JSON", found.to_string(), advice)
}

fn file(path: &Path, found: impl ToString) -> TableError {
    let advice = "save the recipe anew, where you may write";
    DataError::file(path, "a recipe as save(..) writes it", found, advice).into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use polars::df;

    use super::*;

    const GIVEN: [Option<f64>; 6] = [Some(1.0), Some(2.0), None, Some(4.0), Some(10.0), Some(4.0)];

    fn train() -> DataFrame {
        df!(
            "a" => GIVEN, "b" => GIVEN, "c" => GIVEN, "d" => GIVEN, "one" => [7.0; 6],
            "k" => [Some("y"), Some("x"), None, Some("y"), Some("z"), Some("x")],
        )
        .unwrap()
    }

    fn column(values: &Tensor, at: i64) -> Vec<f64> {
        Vec::try_from(values.select(1, at).to_kind(Kind::Double)).unwrap()
    }

    fn close(found: &[f64], expected: &[f64]) {
        let near = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(
            near && found.len() == expected.len(),
            "{found:?} {expected:?}"
        );
    }

    #[test]
    fn numbers_are_those_of_scikit_learn() {
        let fixture = include_str!("../tests/fixtures/scaling.json");
        let expected: serde_json::Value = serde_json::from_str(fixture).unwrap();
        for (name, fill) in [
            ("mean", Fill::Mean),
            ("median", Fill::Median),
            ("most_frequent", Fill::MostFrequent),
        ] {
            let recipe = TablePreprocessor::new()
                .standard(&["a"])
                .min_max(&["b"])
                .robust(&["c"]);
            let mut recipe = recipe.standard(&["one"]).log(&["d"]).fill(fill);
            let x = recipe.fit_transform(&train()).unwrap();
            for (at, scaler) in ["standard", "min_max", "robust", "constant", "log"]
                .iter()
                .enumerate()
            {
                let values = &expected[name][scaler];
                let values: Vec<f64> = serde_json::from_value(values.clone()).unwrap();
                close(&column(&x, at as i64), &values);
            }
        }
    }

    #[test]
    fn categories_gaps_and_marks() {
        let mut recipe = TablePreprocessor::new()
            .one_hot(&["k"])
            .ordinal(&["k"])
            .mark_gaps();
        let x = recipe.fit_transform(&train()).unwrap();
        assert_eq!(
            recipe.feature_names(),
            ["k_x", "k_y", "k_z", "k", "k_missing", "k_missing"]
        );
        // x and y come twice: the first of them fills the gap.
        close(&column(&x, 0), &[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
        close(&column(&x, 3), &[1.0, 0.0, 0.0, 1.0, 2.0, 0.0]);
        close(&column(&x, 4), &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        let new = df!("k" => [Some("new"), None]).unwrap();
        let x = recipe.transform(&new).unwrap();
        close(&column(&x, 0), &[0.0, 1.0]);
        close(&column(&x, 3), &[-1.0, 0.0]);
    }

    #[test]
    fn targets_come_back() {
        let mut price = TablePreprocessor::new().standard(&["one"]).one_hot(&["k"]);
        let frame = train();
        let y = price.fit_transform(&frame).unwrap();
        let back = price.inverse(&y).unwrap();
        assert_eq!(back.column("one").unwrap().f64().unwrap().get(0), Some(7.0));
        assert_eq!(back.column("k").unwrap().str().unwrap().get(4), Some("z"));
        assert!(price.inverse(&y.narrow(1, 0, 2)).is_err());
        let mut species = TablePreprocessor::new().ordinal(&["k"]);
        let y = species.fit_transform(&frame).unwrap();
        assert_eq!(y.kind(), Kind::Int64);
        let back = species.inverse(&y).unwrap();
        assert_eq!(back.column("k").unwrap().str().unwrap().get(0), Some("y"));
    }

    #[test]
    fn a_saved_recipe_does_the_same_and_a_damaged_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recipe.json");
        let mut recipe = TablePreprocessor::new()
            .robust(&["a"])
            .one_hot(&["k"])
            .mark_gaps();
        recipe.fit(&train()).unwrap();
        recipe.save(&path).unwrap();
        assert_eq!(TablePreprocessor::load(&path).unwrap(), recipe);
        let text = recipe.to_json().unwrap();
        assert_eq!(TablePreprocessor::from_json(&text).unwrap(), recipe);
        let wrong = TablePreprocessor::from_json(&text[1..]).unwrap_err();
        assert!(wrong.to_string().contains("to_json()"), "{wrong}");
        let text = fs::read_to_string(&path).unwrap();
        for broken in [
            text[..text.len() / 2].to_owned(),
            text.replace("\"format\": 1", "\"format\": 2"),
            text.replace("robust", "ordinal"),
            text.replace("\"y\"", "\"a\""),
        ] {
            fs::write(&path, broken).unwrap();
            assert!(TablePreprocessor::load(&path).is_err());
        }
    }

    #[test]
    fn single_columns_have_their_own_fills() {
        let recipe = TablePreprocessor::new()
            .passthrough(&["a", "b"])
            .fill(Fill::MostFrequent);
        let mut recipe = recipe.fill_columns(&["b"], Fill::Mean);
        let x = recipe.fit_transform(&train()).unwrap();
        assert_eq!(
            (column(&x, 0)[2], column(&x, 1)[2]),
            (4.0, 4.199_999_809_265_137)
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recipe.json");
        recipe.save(&path).unwrap();
        assert_eq!(TablePreprocessor::load(&path).unwrap(), recipe);
        let mut other = recipe.fill_columns(&["q"], Fill::Mean);
        let error = other.fit(&train()).unwrap_err().to_string();
        assert!(error.contains("not for q"), "{error}");
    }

    #[test]
    fn logarithms_come_back_as_numbers() {
        let mut recipe = TablePreprocessor::new().log(&["a", "one"]);
        let x = recipe.fit_transform(&train()).unwrap();
        let back = recipe.inverse(&x).unwrap();
        let back = back.column("a").unwrap().f64().unwrap().to_vec();
        for (given, found) in GIVEN.iter().zip(back) {
            let found = found.unwrap();
            assert!(
                given.is_none_or(|given| (given - found).abs() < 1e-5),
                "{found}"
            );
        }
        let error = recipe.transform(&df!("a" => [0.0], "one" => [1.0]).unwrap());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("column a") && error.contains("above 0"),
            "{error}"
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recipe.json");
        recipe.save(&path).unwrap();
        assert_eq!(TablePreprocessor::load(&path).unwrap(), recipe);
    }

    #[test]
    fn categories_are_told_by_their_numbers() {
        let mut recipe = TablePreprocessor::new().standard(&["a"]).one_hot(&["k"]);
        let error = recipe.categories("k").unwrap_err().to_string();
        assert!(error.contains("fit(..)"), "{error}");
        recipe.fit(&train()).unwrap();
        assert_eq!(recipe.categories("k").unwrap(), ["x", "y", "z"]);
        let error = recipe.categories("a").unwrap_err().to_string();
        assert!(error.contains("one_hot(..)"), "{error}");
    }

    #[test]
    fn dates_come_apart_and_back() {
        let days = df!("when" => [
            Some("2023-01-01"), Some("2024-02-29 13:45"), None, Some("2025-12-31T23:59:00Z"),
        ])
        .unwrap();
        let mut recipe = TablePreprocessor::new().dates(&["when"]).mark_gaps();
        let x = recipe.fit_transform(&days).unwrap();
        let parts = [
            "year", "month", "day", "weekday", "hour", "minute", "missing",
        ];
        assert_eq!(
            recipe.feature_names(),
            parts.map(|part| format!("when_{part}"))
        );
        // A Sunday, a leap day, the same for the gap, and a Wednesday.
        close(&column(&x, 0), &[0.0, 0.5, 0.5, 1.0]);
        close(&column(&x, 1), &[0.0, 1.0 / 11.0, 1.0 / 11.0, 1.0]);
        close(&column(&x, 2), &[0.0, 28.0 / 30.0, 28.0 / 30.0, 1.0]);
        close(&column(&x, 3), &[1.0, 0.5, 0.5, 2.0 / 6.0]);
        close(&column(&x, 4), &[0.0, 13.0 / 23.0, 13.0 / 23.0, 1.0]);
        close(&column(&x, 6), &[0.0, 0.0, 1.0, 0.0]);
        let mut whole = TablePreprocessor::new().dates(&["when"]);
        let back = whole.fit_transform(&days).unwrap();
        let back = whole.inverse(&back).unwrap();
        let texts = back
            .column("when")
            .unwrap()
            .str()
            .unwrap()
            .get(1)
            .map(str::to_owned);
        assert_eq!(texts.as_deref(), Some("2024-02-29 13:45"));
        let later = df!("when" => ["2027-01-04"]).unwrap();
        close(&column(&whole.transform(&later).unwrap(), 0), &[2.0]);
        for wrong in ["2023-02-29", "29.02.2024", "soon"] {
            let error = whole
                .transform(&df!("when" => [wrong]).unwrap())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(wrong) && error.contains("2024-02-29"),
                "{error}"
            );
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recipe.json");
        whole.save(&path).unwrap();
        assert_eq!(TablePreprocessor::load(&path).unwrap(), whole);
    }

    #[test]
    fn wrong_columns_are_named() {
        let frame = train();
        let error = |mut recipe: TablePreprocessor| recipe.fit(&frame).unwrap_err().to_string();
        assert!(error(TablePreprocessor::new().standard(&["q"])).contains("a, b, c, d, one, k"));
        assert!(error(TablePreprocessor::new().standard(&["k"])).contains("one_hot"));
        assert!(error(TablePreprocessor::new()).contains("at least one column"));
        let unfitted = TablePreprocessor::new().standard(&["a"]);
        assert!(
            unfitted
                .transform(&frame)
                .unwrap_err()
                .to_string()
                .contains("fit(..)")
        );
        let gaps = df!("g" => [None::<f64>, None]).unwrap();
        let mut recipe = TablePreprocessor::new().standard(&["g"]);
        assert!(
            recipe
                .fit(&gaps)
                .unwrap_err()
                .to_string()
                .contains("gaps only")
        );
        let infinite = df!("g" => [1.0, f64::INFINITY]).unwrap();
        assert!(
            recipe
                .fit(&infinite)
                .unwrap_err()
                .to_string()
                .contains("finite")
        );
    }
}
