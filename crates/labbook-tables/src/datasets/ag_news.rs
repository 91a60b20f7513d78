//! AG's news (Zhang, Zhao, LeCun 2015): headlines and first sentences of four kinds.

use std::path::{Path, PathBuf};

use labbook_data::datasets::locate as locate_folder;
use labbook_data::{DataError, Provenance, TextSet, TextSets};
use polars::prelude::DataType;

use super::grammar::{self, Topic};
use crate::{ReadCsv, TableError};

/// The classes' names, by label.
pub const CLASS_NAMES: [&str; 4] = ["World", "Sports", "Business", "Sci/Tech"];

/// How many training and test texts are generated where no files are found.
pub const GENERATED_TEXTS: (usize, usize) = (4_000, 1_000);

/// Loads `data/ag_news`, or generates a stand-in of [`GENERATED_TEXTS`] where that is missing.
///
/// The folder holds `train.csv` and `test.csv` without a first line of names: a class from 1 to 4,
/// a headline, a description. It is looked for as [`penguins`](super::penguins::load_data) are. A
/// text is the headline and the description.
///
/// ```no_run
/// use labbook_tables::datasets::ag_news;
///
/// println!("{}", ag_news::load_data()?);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// A folder that is found but incomplete or not as it should be.
pub fn load_data() -> Result<TextSets, TableError> {
    match locate_folder("ag_news")? {
        Some(folder) => read(folder),
        None => generated(GENERATED_TEXTS.0, GENERATED_TEXTS.1, 0),
    }
}

/// Reads the two files of one folder.
///
/// # Errors
/// As [`read_csv`](crate::read_csv), and for other columns or classes.
pub fn read(folder: impl AsRef<Path>) -> Result<TextSets, TableError> {
    let folder = folder.as_ref();
    let provenance = Provenance::files("AG's news in the official layout", folder);
    let train = part(&folder.join("train.csv"))?;
    Ok(TextSets::new(
        train,
        part(&folder.join("test.csv"))?,
        provenance,
    ))
}

fn part(path: &PathBuf) -> Result<TextSet, TableError> {
    let frame = ReadCsv::new().no_header().read(path)?;
    let problem = |found: String| {
        let expected = "three columns: a class from 1 to 4, a headline, a description";
        let advice = "it is not AG's news: copy the file anew";
        TableError::from(DataError::file(path, expected, found, advice))
    };
    if frame.width() != 3 {
        return Err(problem(format!("{} columns", frame.width())));
    }
    let classes = frame.column("0")?;
    let classes = classes
        .i64()
        .map_err(|_| problem(format!("classes of kind {}", classes.dtype())))?;
    let mut labels = Vec::with_capacity(frame.height());
    for (row, class) in classes.iter().enumerate() {
        match class {
            Some(class @ 1..=4) => labels.push(class - 1),
            other => {
                let class = other.map_or_else(|| "none".to_owned(), |class| class.to_string());
                return Err(problem(format!("class {class} in row {}", row + 1)));
            }
        }
    }
    let column = |name: &str| frame.column(name)?.cast(&DataType::String);
    let (titles, texts) = (column("1")?, column("2")?);
    let (titles, texts) = (titles.str()?, texts.str()?);
    let joined = (0..frame.height()).map(|row| {
        let parts = [titles.get(row), texts.get(row)];
        parts.into_iter().flatten().collect::<Vec<&str>>().join(" ")
    });
    Ok(TextSet::new(
        joined.collect::<Vec<String>>(),
        labels,
        &CLASS_NAMES,
    )?)
}

/// The stand-in: short reports of a small grammar, most of whose sentences are about their topic.
///
/// ```
/// use labbook_tables::datasets::ag_news;
///
/// let news = ag_news::generated(40, 20, 0)?;
/// assert_eq!((news.train.len(), news.class_names.len()), (40, 4));
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn generated(train: usize, test: usize, seed: u64) -> Result<TextSets, TableError> {
    Ok(grammar::generated(
        &TOPICS,
        "AG's news",
        (train, test),
        seed,
    )?)
}

const TOPICS: [Topic; 4] = [
    Topic {
        name: CLASS_NAMES[0],
        share: 1.0,
        subjects: &[
            "the president",
            "a minister",
            "the parliament",
            "rebels",
            "the embassy",
            "both governments",
        ],
        verbs: &[
            "condemned",
            "discussed",
            "rejected",
            "signed",
            "prepared",
            "called off",
        ],
        objects: &[
            "the peace talks",
            "a new treaty",
            "the election",
            "an attack at the border",
            "the sanctions",
            "the visit",
        ],
        ends: &[
            "in the capital",
            "after months of protest",
            "on Sunday",
            "despite warnings",
            "before the vote",
            "",
        ],
    },
    Topic {
        name: CLASS_NAMES[1],
        share: 1.0,
        subjects: &[
            "the home team",
            "the champion",
            "a young striker",
            "the coach",
            "the goalkeeper",
            "both runners",
        ],
        verbs: &[
            "won",
            "lost",
            "missed",
            "decided",
            "dominated",
            "looked forward to",
        ],
        objects: &[
            "the final",
            "the second half",
            "the season's first match",
            "a penalty",
            "the race",
            "the cup",
        ],
        ends: &[
            "in overtime",
            "by two points",
            "on Sunday",
            "before a full stadium",
            "despite an injury",
            "",
        ],
    },
    Topic {
        name: CLASS_NAMES[2],
        share: 1.0,
        subjects: &[
            "the company",
            "shareholders",
            "a large bank",
            "the retailer",
            "analysts",
            "the central bank",
        ],
        verbs: &[
            "raised",
            "cut",
            "reported",
            "expected",
            "sold",
            "criticised",
        ],
        objects: &[
            "the forecast",
            "quarterly profits",
            "its shares",
            "interest rates",
            "oil prices",
            "the merger",
        ],
        ends: &[
            "after a weak quarter",
            "by three percent",
            "on Monday",
            "despite rising costs",
            "before the markets opened",
            "",
        ],
    },
    Topic {
        name: CLASS_NAMES[3],
        share: 1.0,
        subjects: &[
            "researchers",
            "the space agency",
            "a software maker",
            "engineers",
            "the laboratory",
            "astronomers",
        ],
        verbs: &[
            "presented",
            "tested",
            "launched",
            "discovered",
            "patched",
            "measured",
        ],
        objects: &[
            "a faster processor",
            "the telescope",
            "a flaw in the browser",
            "the new satellite",
            "a search engine",
            "an unknown planet",
        ],
        ends: &[
            "after ten years of work",
            "with open source code",
            "on Monday",
            "despite a tight budget",
            "for the first time",
            "",
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::grammar::tests::by_words;
    use super::*;

    #[test]
    fn words_tell_most_texts_of_the_stand_in_apart() {
        let news = generated(600, 300, 0).unwrap();
        assert_eq!(news, generated(600, 300, 0).unwrap());
        assert_ne!(
            news.train.texts,
            generated(600, 300, 1).unwrap().train.texts
        );
        let right = by_words(&news);
        assert!((0.85..1.0).contains(&right), "{right}");
        assert!(news.to_string().contains("not AG's news"));
    }

    #[test]
    fn the_official_layout_is_read_strictly() {
        let folder = tempfile::tempdir().unwrap();
        let write = |train: &str| fs::write(folder.path().join("train.csv"), train).unwrap();
        fs::write(folder.path().join("test.csv"), "\"4\",\"A\",\"b, c\"\n").unwrap();
        write("\"3\",\"Head\",\"Said \"\"no\"\"\"\n\"1\",\"Other\",\"\"\n");
        let news = read(folder.path()).unwrap();
        assert_eq!(news.train.texts, ["Head Said \"no\"", "Other"]);
        assert_eq!((news.train.labels, news.test.labels), (vec![2, 0], vec![3]));
        let error = || read(folder.path()).unwrap_err().to_string();
        write("5,a,b\n");
        assert!(error().contains("class 5 in row 1"), "{}", error());
        write("1,a\n");
        assert!(error().contains("2 columns"), "{}", error());
        write("x,a,b\n");
        assert!(error().contains("classes of kind"), "{}", error());
        fs::remove_file(folder.path().join("test.csv")).unwrap();
        write("1,a,b\n");
        assert!(error().contains("nothing there"), "{}", error());
    }
}
