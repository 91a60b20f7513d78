//! Reuters-21578 (Lewis 1997): news articles of 1987 by their topic.

use std::path::Path;

use labbook_data::{DataError, Provenance, TextSet, TextSets, TrainTestSplit};
use polars::frame::DataFrame;
use polars::prelude::{DataType, StringChunked};

use super::files::found;
use super::grammar::{self, Topic};
use crate::{TableError, read_csv};

/// How many training and test texts are generated where no file is found.
pub const GENERATED_TEXTS: (usize, usize) = (4_000, 1_000);

/// Loads `data/reuters.csv`, packed or not, or generates a stand-in of [`GENERATED_TEXTS`] where that
/// is missing.
///
/// The file has the columns topic, title and body, one article of one topic in each row; it is
/// looked for as [`penguins`](super::penguins::load_data) are. A text is title and body, classes are
/// the topics by name. A fifth of each topic's articles, drawn from seed 0, is the test set.
///
/// ```no_run
/// use labbook_tables::datasets::reuters;
///
/// println!("{}", reuters::load_data()?);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// A file that is found but has not these columns, or a topic with one article.
pub fn load_data() -> Result<TextSets, TableError> {
    match found("reuters.csv")? {
        Some(path) => read(path),
        None => generated(GENERATED_TEXTS.0, GENERATED_TEXTS.1, 0),
    }
}

/// Reads one file.
///
/// # Errors
/// As [`read_csv`], and for other columns, gaps among the topics, or a topic with one article.
pub fn read(path: impl AsRef<Path>) -> Result<TextSets, TableError> {
    let path = path.as_ref();
    let frame = read_csv(path)?;
    let topics = texts(path, &frame, "topic")?;
    let (titles, bodies) = (texts(path, &frame, "title")?, texts(path, &frame, "body")?);
    let mut names: Vec<&str> = topics.iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    let mut labels = Vec::with_capacity(frame.height());
    let mut articles = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        let Some(topic) = topics.get(row) else {
            let found = format!("a gap in row {}", row + 1);
            return Err(problem(path, "a topic in each row", found));
        };
        labels.push(names.binary_search(&topic).unwrap_or_default() as i64);
        let parts = [titles.get(row), bodies.get(row)];
        articles.push(
            parts
                .into_iter()
                .flatten()
                .collect::<Vec<&str>>()
                .join("\n"),
        );
    }
    let all = TextSet::new(articles, labels, &names)?;
    let split = TrainTestSplit::new().test_size(0.2).stratify(&all.labels);
    let (train, test) = split.split(all.len())?.of(&all)?;
    let folder = path.parent().unwrap_or(path);
    let provenance = Provenance::files("articles of Reuters-21578", folder);
    Ok(TextSets::new(train, test, provenance))
}

fn texts(path: &Path, frame: &DataFrame, name: &str) -> Result<StringChunked, TableError> {
    let Ok(column) = frame.column(name) else {
        let found = frame.get_column_names_owned();
        let found: Vec<&str> = found.iter().map(|name| name.as_str()).collect();
        return Err(problem(path, &format!("a column {name}"), found.join(", ")));
    };
    Ok(column.cast(&DataType::String)?.str()?.clone())
}

fn problem(path: &Path, expected: &str, found: String) -> TableError {
    DataError::file(
        path,
        expected,
        found,
        "it is another table: correct the file",
    )
    .into()
}

/// The stand-in: short reports of a small grammar, as unevenly shared among the topics as the articles.
///
/// ```
/// use labbook_tables::datasets::reuters;
///
/// let articles = reuters::generated(100, 50, 0)?;
/// assert_eq!(articles.class_names[1], "coffee");
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn generated(train: usize, test: usize, seed: u64) -> Result<TextSets, TableError> {
    Ok(grammar::generated(
        &TOPICS,
        "Reuters-21578",
        (train, test),
        seed,
    )?)
}

/// The ten topics that have the most articles.
const TOPICS: [Topic; 10] = [
    Topic {
        name: "acq",
        share: 0.28,
        subjects: &[
            "the group",
            "an investor",
            "the holding",
            "a bidder",
            "the board",
        ],
        verbs: &[
            "acquired",
            "bid for",
            "agreed to sell",
            "withdrew its offer for",
            "completed the purchase of",
        ],
        objects: &[
            "all outstanding shares",
            "a subsidiary",
            "a stake of ten pct",
            "the rival",
            "the division",
        ],
        ends: &[
            "for cash",
            "in a merger",
            "subject to approval",
            "for 20 mln dlrs",
            "",
        ],
    },
    Topic {
        name: "coffee",
        share: 0.03,
        subjects: &[
            "the coffee board",
            "exporters",
            "the roasters",
            "coffee producers",
            "growers",
        ],
        verbs: &[
            "discussed",
            "suspended",
            "registered",
            "defended",
            "lowered",
        ],
        objects: &[
            "export quotas",
            "the price of arabica",
            "robusta sales",
            "the bean harvest",
            "the coffee pact",
        ],
        ends: &[
            "after the frost",
            "in bags of 60 kilos",
            "for May shipment",
            "at the talks",
            "",
        ],
    },
    Topic {
        name: "crude",
        share: 0.05,
        subjects: &[
            "opec",
            "the oil minister",
            "refiners",
            "the pipeline operator",
            "producers",
        ],
        verbs: &["kept", "raised", "cut", "pumped", "defended"],
        objects: &[
            "crude output",
            "the posted price of oil",
            "barrels a day",
            "the ceiling",
            "exports from the gulf",
        ],
        ends: &[
            "at 18 dlrs a barrel",
            "by one mln barrels",
            "at its meeting",
            "after the shutdown",
            "",
        ],
    },
    Topic {
        name: "earn",
        share: 0.45,
        subjects: &[
            "the company",
            "the bank's parent",
            "the chain",
            "the manufacturer",
            "the insurer",
        ],
        verbs: &["reported", "declared", "expects", "posted", "recorded"],
        objects: &[
            "a quarterly dividend",
            "net income",
            "a loss per share",
            "revenues",
            "a stock split",
        ],
        ends: &[
            "for the first quarter",
            "against a year before",
            "of 12 cts a share",
            "payable in April",
            "",
        ],
    },
    Topic {
        name: "gold",
        share: 0.02,
        subjects: &[
            "the mine",
            "bullion dealers",
            "miners",
            "the mint",
            "a drilling crew",
        ],
        verbs: &["found", "produced", "fixed", "assayed", "sold"],
        objects: &[
            "ounces of gold",
            "the bullion price",
            "ore reserves",
            "gold coins",
            "a vein",
        ],
        ends: &[
            "per ton of ore",
            "in the second shaft",
            "at the fixing",
            "below the old level",
            "",
        ],
    },
    Topic {
        name: "interest",
        share: 0.04,
        subjects: &[
            "the central bank",
            "commercial banks",
            "the reserve",
            "the treasury",
            "lenders",
        ],
        verbs: &["cut", "raised", "left unchanged", "lowered", "lifted"],
        objects: &[
            "the prime rate",
            "its discount rate",
            "lending rates",
            "the base rate",
            "yields",
        ],
        ends: &[
            "by half a point",
            "effective today",
            "to 7.5 pct",
            "after the money supply grew",
            "",
        ],
    },
    Topic {
        name: "money-fx",
        share: 0.05,
        subjects: &[
            "the central bank",
            "dealers",
            "finance ministers",
            "the reserve",
            "traders",
        ],
        verbs: &[
            "bought",
            "sold",
            "supported",
            "intervened to steady",
            "watched",
        ],
        objects: &[
            "dollars against yen",
            "the mark",
            "the exchange rate",
            "sterling",
            "the money market",
        ],
        ends: &[
            "in early trading",
            "by 1.80 marks",
            "under the accord",
            "to offset a shortage",
            "",
        ],
    },
    Topic {
        name: "ship",
        share: 0.03,
        subjects: &[
            "the port",
            "a tanker",
            "seamen",
            "the shipping line",
            "dockers",
        ],
        verbs: &[
            "unloaded",
            "escorted",
            "delayed",
            "struck against",
            "loaded",
        ],
        objects: &[
            "vessels",
            "the container terminal",
            "cargo",
            "the convoy",
            "freighters",
        ],
        ends: &[
            "in the strait",
            "at the docks",
            "because of ice",
            "under a foreign flag",
            "",
        ],
    },
    Topic {
        name: "sugar",
        share: 0.02,
        subjects: &[
            "the sugar exchange",
            "beet farmers",
            "cane mills",
            "traders",
            "the commission",
        ],
        verbs: &["tendered for", "crushed", "licensed", "planted", "exported"],
        objects: &[
            "white sugar",
            "tonnes of raws",
            "the beet crop",
            "cane",
            "export rebates",
        ],
        ends: &[
            "at the weekly tender",
            "for the new campaign",
            "in ecus per 100 kilos",
            "before the rains",
            "",
        ],
    },
    Topic {
        name: "trade",
        share: 0.04,
        subjects: &[
            "the trade minister",
            "congress",
            "both countries",
            "negotiators",
            "the government",
        ],
        verbs: &["imposed", "threatened", "opposed", "negotiated", "lifted"],
        objects: &[
            "tariffs on chips",
            "the trade bill",
            "import barriers",
            "the deficit",
            "an export agreement",
        ],
        ends: &[
            "in retaliation",
            "under the general agreement",
            "to open the market",
            "after talks failed",
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
    fn words_tell_most_articles_of_the_stand_in_apart() {
        let articles = generated(1500, 500, 0).unwrap();
        let counts = articles.train.counts();
        assert!(
            counts.iter().all(|&count| count > 0) && counts[3] > counts[0],
            "{counts:?}"
        );
        let right = by_words(&articles);
        assert!((0.85..1.0).contains(&right), "{right}");
        assert!(articles.class_names.is_sorted());
    }

    #[test]
    fn a_table_of_articles_is_split_within_its_topics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reuters.csv");
        let row = |n: i32| {
            format!(
                "{n},{},Title {n},\"Body, {n}\"\n",
                if n % 2 == 0 { "earn" } else { "acq" }
            )
        };
        let rows: String = (0..20).map(row).collect();
        fs::write(&path, format!("id,topic,title,body\n{rows}")).unwrap();
        let articles = read(&path).unwrap();
        assert_eq!(articles.class_names, ["acq", "earn"]);
        assert_eq!(
            (articles.train.counts(), articles.test.counts()),
            (vec![8, 8], vec![2, 2])
        );
        for (text, label) in articles.train.texts.iter().zip(&articles.train.labels) {
            let number: i64 = text.lines().next().unwrap()[6..].parse().unwrap();
            assert_eq!(*text, format!("Title {number}\nBody, {number}"));
            assert_eq!(*label, (number + 1) % 2);
        }
        fs::write(&path, "topic,title\nearn,a\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("a column body"), "{error}");
        fs::write(&path, "topic,title,body\nearn,a,b\n,c,d\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("a gap in row 2"), "{error}");
    }
}
