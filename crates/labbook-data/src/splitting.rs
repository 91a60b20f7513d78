//! Parts of a data set: to train on and to test on, once or in folds.

use std::collections::BTreeMap;

use crate::DataError;
use crate::rng::Rng;
use crate::rows::Rows;

/// Numbers of the rows of two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Rows to learn from.
    pub train: Vec<usize>,
    /// Rows to judge what was learned by.
    pub test: Vec<usize>,
}

impl Parts {
    /// The rows of both parts, training rows first, of anything with as many rows.
    ///
    /// # Errors
    /// When a part's row is not there.
    pub fn of<R: Rows>(&self, rows: &R) -> Result<(R, R), DataError> {
        Ok((rows.pick(&self.train)?, rows.pick(&self.test)?))
    }
}

/// The numbers of the rows to train on and to test on.
impl From<Parts> for (Vec<usize>, Vec<usize>) {
    fn from(parts: Parts) -> Self {
        (parts.train, parts.test)
    }
}

/// Splits rows at random into a training and a test part, as scikit-learn's `train_test_split`.
///
/// ```
/// use labbook_data::TrainTestSplit;
///
/// let labels = vec!["cat", "cat", "cat", "cat", "dog", "dog", "dog", "dog"];
/// let parts = TrainTestSplit::new().test_size(0.25).stratify(&labels).seed(7).split(8)?;
/// let (train, test) = parts.of(&labels)?;
/// assert_eq!((train.len(), test.len()), (6, 2));
/// assert!(test.contains(&"cat") && test.contains(&"dog"));
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainTestSplit {
    test_size: f64,
    seed: u64,
    strata: Option<Vec<usize>>,
    groups: Option<Vec<usize>>,
}

impl Default for TrainTestSplit {
    fn default() -> Self {
        Self {
            test_size: 0.25,
            seed: 0,
            strata: None,
            groups: None,
        }
    }
}

impl TrainTestSplit {
    /// A quarter of the rows to test on, drawn from seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The share of the rows to test on, between 0 and 1; the number of rows is rounded up.
    #[must_use]
    pub fn test_size(mut self, share: f64) -> Self {
        self.test_size = share;
        self
    }

    /// Another seed, another draw.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Gives both parts the same share of each label.
    #[must_use]
    pub fn stratify<L: Ord>(mut self, labels: &[L]) -> Self {
        self.strata = Some(codes(labels));
        self
    }

    /// Keeps rows of one group, such as one patient's, in one part; the share is then one of the
    /// groups.
    #[must_use]
    pub fn groups<G: Ord>(mut self, groups: &[G]) -> Self {
        self.groups = Some(codes(groups));
        self
    }

    /// Splits so many rows.
    ///
    /// # Errors
    /// For a share that leaves a part empty, labels or groups of another number, a label of one row, too
    /// few rows in a part for one of each label, and labels together with groups.
    pub fn split(&self, rows: usize) -> Result<Parts, DataError> {
        for (name, given) in [("stratify", &self.strata), ("groups", &self.groups)] {
            if let Some(given) = given.as_ref().filter(|given| given.len() != rows) {
                let expected = format!("{rows} of them, one for each row");
                return Err(DataError::option(
                    name,
                    expected,
                    given.len(),
                    "give one for each row",
                ));
            }
        }
        match (&self.strata, &self.groups) {
            (Some(_), Some(_)) => Err(DataError::option(
                "groups",
                "groups or stratify",
                "both",
                "leave one of them out",
            )),
            (None, None) => {
                let test = self.tests(rows, "rows")?;
                let order = self.order(rows);
                Ok(Parts {
                    train: order[test..].to_vec(),
                    test: order[..test].to_vec(),
                })
            }
            (None, Some(groups)) => {
                let count = groups.iter().max().map_or(0, |last| last + 1);
                let test = self.tests(count, "groups")?;
                let mut tested = vec![false; count];
                for &group in &self.order(count)[..test] {
                    tested[group] = true;
                }
                let order = self.order(rows);
                let (test, train) = order.into_iter().partition(|&row| tested[groups[row]]);
                Ok(Parts { train, test })
            }
            (Some(strata), None) => self.stratified(rows, strata),
        }
    }

    fn stratified(&self, rows: usize, strata: &[usize]) -> Result<Parts, DataError> {
        let test = self.tests(rows, "rows")?;
        let counts = counted(strata);
        let fewest = counts.iter().min().copied().unwrap_or_default();
        if fewest < 2 {
            return Err(DataError::option(
                "stratify",
                "at least two rows of each label",
                "one of some label",
                "leave rare labels out, or do not stratify",
            ));
        }
        if test < counts.len() || rows - test < counts.len() {
            return Err(DataError::option(
                "test_size",
                format!("parts with room for the {} labels", counts.len()),
                self.test_size,
                "choose another share",
            ));
        }
        // Whole rows of each label first, the rest by largest remainder.
        let exact: Vec<f64> = counts
            .iter()
            .map(|&n| n as f64 * test as f64 / rows as f64)
            .collect();
        let mut wanted: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
        let mut by_rest: Vec<usize> = (0..counts.len()).collect();
        let rest = |label: usize| exact[label] - exact[label].floor();
        by_rest.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)).then(a.cmp(&b)));
        let missing = test - wanted.iter().sum::<usize>();
        for &label in by_rest.iter().take(missing) {
            wanted[label] += 1;
        }
        let (mut train, mut tested) = (Vec::new(), Vec::new());
        for row in self.order(rows) {
            let left = &mut wanted[strata[row]];
            match *left {
                0 => train.push(row),
                _ => {
                    *left -= 1;
                    tested.push(row);
                }
            }
        }
        Ok(Parts {
            train,
            test: tested,
        })
    }

    fn order(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        Rng::keyed(&[self.seed, count as u64]).shuffle(&mut order);
        order
    }

    fn tests(&self, count: usize, what: &str) -> Result<usize, DataError> {
        let share = self.test_size;
        if !(share > 0.0 && share < 1.0) {
            let advice = "0.2 is a fifth of the rows";
            return Err(DataError::option(
                "test_size",
                "a share between 0 and 1",
                share,
                advice,
            ));
        }
        let test = (share * count as f64).ceil() as usize;
        match test > 0 && test < count {
            true => Ok(test),
            false => Err(DataError::option(
                "train_test_split",
                format!("{what} enough for two parts"),
                format!("{count} {what}, {test} of them to test on"),
                "give more, or choose another share",
            )),
        }
    }
}

/// Splits anything with rows at random: `test_size` of them to test on, the others to train on.
///
/// With labels or groups, or for several things with the same rows: [`TrainTestSplit`].
///
/// ```
/// use labbook_data::train_test_split;
///
/// let (train, test) = train_test_split(&vec![1, 2, 3, 4, 5], 0.4, 7)?;
/// assert_eq!((train.len(), test.len()), (3, 2));
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// For a share that leaves a part empty.
pub fn train_test_split<R: Rows>(rows: &R, test_size: f64, seed: u64) -> Result<(R, R), DataError> {
    let split = TrainTestSplit::new().test_size(test_size).seed(seed);
    split.split(rows.count())?.of(rows)
}

/// Splits rows into folds, each tested once on what the others trained, as scikit-learn's.
///
/// ```
/// use labbook_data::KFold;
///
/// let folds = KFold::new(2).split(5)?;
/// assert_eq!((folds[0].test.clone(), folds[1].test.clone()), (vec![0, 1, 2], vec![3, 4]));
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KFold {
    folds: usize,
    seed: Option<u64>,
}

impl KFold {
    /// So many folds of neighbouring rows.
    #[must_use]
    pub fn new(folds: usize) -> Self {
        Self { folds, seed: None }
    }

    /// Shuffles the rows first.
    #[must_use]
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The parts of each fold.
    ///
    /// # Errors
    /// For fewer than two folds, or fewer rows than folds.
    pub fn split(&self, rows: usize) -> Result<Vec<Parts>, DataError> {
        checked_folds(self.folds, rows, "rows")?;
        let mut order: Vec<usize> = (0..rows).collect();
        if let Some(seed) = self.seed {
            Rng::new(seed).shuffle(&mut order);
        }
        let mut fold_of = vec![0; rows];
        let mut start = 0;
        for fold in 0..self.folds {
            let size = rows / self.folds + usize::from(fold < rows % self.folds);
            for &row in &order[start..start + size] {
                fold_of[row] = fold;
            }
            start += size;
        }
        Ok(parts(&fold_of, self.folds))
    }
}

/// [`KFold`] that gives each fold the same share of each label.
///
/// ```
/// use labbook_data::StratifiedKFold;
///
/// let folds = StratifiedKFold::new(2).split(&["a", "a", "a", "a", "b", "b"])?;
/// assert_eq!(folds[0].test, [0, 1, 4]);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StratifiedKFold {
    folds: usize,
    seed: Option<u64>,
}

impl StratifiedKFold {
    /// So many folds.
    #[must_use]
    pub fn new(folds: usize) -> Self {
        Self { folds, seed: None }
    }

    /// Shuffles the rows of each label first.
    #[must_use]
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The parts of each fold, for rows with these labels.
    ///
    /// # Errors
    /// For fewer than two folds, or fewer rows of every label than folds.
    pub fn split<L: Ord>(&self, labels: &[L]) -> Result<Vec<Parts>, DataError> {
        let labels = by_first(&codes(labels));
        let counts = counted(&labels);
        checked_folds(
            self.folds,
            counts.iter().max().copied().unwrap_or_default(),
            "rows of a label",
        )?;
        // Dealing out the sorted labels like cards evens both labels and sizes.
        let mut places = vec![Vec::new(); counts.len()];
        let mut dealt = 0;
        for (label, &count) in counts.iter().enumerate() {
            let mut folds: Vec<usize> = (dealt..dealt + count).map(|n| n % self.folds).collect();
            folds.sort_unstable();
            if let Some(seed) = self.seed {
                Rng::keyed(&[seed, label as u64]).shuffle(&mut folds);
            }
            folds.reverse();
            places[label] = folds;
            dealt += count;
        }
        let fold_of: Vec<usize> = labels
            .iter()
            .map(|&label| places[label].pop().unwrap_or_default())
            .collect();
        Ok(parts(&fold_of, self.folds))
    }
}

fn parts(fold_of: &[usize], folds: usize) -> Vec<Parts> {
    (0..folds)
        .map(|fold| {
            let (test, train) = (0..fold_of.len()).partition(|&row| fold_of[row] == fold);
            Parts { train, test }
        })
        .collect()
}

fn checked_folds(folds: usize, rows: usize, what: &str) -> Result<(), DataError> {
    match (2..=rows).contains(&folds) {
        true => Ok(()),
        false => Err(DataError::option(
            "folds",
            format!("2 to {rows}, as there are {rows} {what}"),
            folds,
            "choose another number of folds",
        )),
    }
}

/// The labels as numbers, in their order.
fn codes<L: Ord>(labels: &[L]) -> Vec<usize> {
    let mut known: BTreeMap<&L, usize> = labels.iter().map(|label| (label, 0)).collect();
    for (code, place) in known.values_mut().enumerate() {
        *place = code;
    }
    labels.iter().map(|label| known[label]).collect()
}

/// The same labels, numbered in the order in which they are met.
fn by_first(codes: &[usize]) -> Vec<usize> {
    let mut known = BTreeMap::new();
    codes
        .iter()
        .map(|&code| {
            let next = known.len();
            *known.entry(code).or_insert(next)
        })
        .collect()
}

fn counted(codes: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; codes.iter().max().map_or(0, |last| last + 1)];
    for &code in codes {
        counts[code] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &Parts) -> Vec<usize> {
        let mut rows = [parts.train.clone(), parts.test.clone()].concat();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn every_row_is_in_one_part_and_the_seed_decides() {
        let split = |seed| {
            TrainTestSplit::new()
                .test_size(0.3)
                .seed(seed)
                .split(101)
                .unwrap()
        };
        let parts = split(1);
        assert_eq!(parts.test.len(), 31);
        assert_eq!(all(&parts), (0..101).collect::<Vec<_>>());
        assert_eq!(parts, split(1));
        assert_ne!(parts, split(2));
    }

    #[test]
    fn strata_keep_their_shares() {
        let labels: Vec<usize> = (0..90).map(|row| usize::from(row % 3 == 0)).collect();
        let parts = TrainTestSplit::new()
            .test_size(0.2)
            .stratify(&labels)
            .split(90)
            .unwrap();
        assert_eq!(all(&parts), (0..90).collect::<Vec<_>>());
        let rare = parts.test.iter().filter(|&&row| labels[row] == 1).count();
        assert_eq!((parts.test.len(), rare), (18, 6));
    }

    #[test]
    fn groups_stay_together() {
        let groups: Vec<usize> = (0..60).map(|row| row / 6).collect();
        let parts = TrainTestSplit::new()
            .test_size(0.3)
            .groups(&groups)
            .split(60)
            .unwrap();
        assert_eq!(parts.test.len(), 18);
        let of = |rows: &[usize]| rows.iter().map(|&row| groups[row]).collect::<Vec<_>>();
        let train = of(&parts.train);
        assert!(of(&parts.test).iter().all(|group| !train.contains(group)));
    }

    #[test]
    fn folds_are_those_of_scikit_learn() {
        // Of scikit-learn 1.9.1, as tests/fixtures/folds.py prints them.
        let tests = |folds: Vec<Parts>| folds.into_iter().map(|f| f.test).collect::<Vec<_>>();
        assert_eq!(
            tests(KFold::new(3).split(7).unwrap()),
            [vec![0, 1, 2], vec![3, 4], vec![5, 6]]
        );
        let labels = [1, 1, 0, 0, 0, 2, 2, 2, 0, 1, 0];
        let folds = StratifiedKFold::new(3).split(&labels).unwrap();
        assert_eq!(tests(folds), STRATIFIED);
        let shuffled = StratifiedKFold::new(3).shuffle(1).split(&labels).unwrap();
        let mut rows = tests(shuffled).concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..11).collect::<Vec<_>>());
    }

    const STRATIFIED: [&[usize]; 3] = [&[0, 2, 3, 5], &[1, 4, 6, 8], &[7, 9, 10]];

    #[test]
    fn impossible_splits_are_refused() {
        let split = |share: f64, rows| TrainTestSplit::new().test_size(share).split(rows);
        for (share, rows) in [
            (0.0, 9),
            (1.0, 9),
            (f64::NAN, 9),
            (0.5, 1),
            (0.5, 0),
            (0.99, 3),
        ] {
            assert!(split(share, rows).is_err(), "{share} of {rows}");
        }
        let labels = TrainTestSplit::new().stratify(&[1, 2, 2, 2]);
        assert!(
            labels
                .split(4)
                .unwrap_err()
                .to_string()
                .contains("two rows of each")
        );
        assert!(
            labels
                .split(5)
                .unwrap_err()
                .to_string()
                .contains("5 of them")
        );
        assert!(labels.clone().groups(&[1, 2, 2, 2]).split(4).is_err());
        assert!(KFold::new(1).split(4).is_err() && KFold::new(5).split(4).is_err());
        assert!(StratifiedKFold::new(3).split(&[1, 1, 2]).is_err());
        let none: [u8; 0] = [];
        assert!(StratifiedKFold::new(2).split(&none).is_err());
    }
}
