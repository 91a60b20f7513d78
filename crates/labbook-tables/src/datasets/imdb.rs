//! The large movie review data set (Maas et al. 2011): reviews that like a film, or do not.

use std::fs;
use std::path::{Path, PathBuf};

use labbook_data::datasets::locate as locate_folder;
use labbook_data::{DataError, Provenance, TextSet, TextSets, read_file};

use super::grammar::{self, Topic};
use crate::TableError;

/// The classes' names, by label.
pub const CLASS_NAMES: [&str; 2] = ["neg", "pos"];

/// How many training and test texts are generated where no files are found.
pub const GENERATED_TEXTS: (usize, usize) = (4_000, 1_000);

/// Most bytes of a review.
const MOST: u64 = 1 << 20;

/// Loads `data/aclImdb`, or generates a stand-in of [`GENERATED_TEXTS`] where that is missing.
///
/// The folder is what the official archive unpacks to: `train/pos`, `train/neg`, `test/pos` and
/// `test/neg`, with a text file for each review. It is looked for as
/// [`penguins`](super::penguins::load_data) are. Reviews come in the order of their files' names,
/// those that dislike a film first.
///
/// ```no_run
/// use labbook_tables::datasets::imdb;
///
/// println!("{}", imdb::load_data()?);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// A folder that is found but incomplete, or a review that is no text.
pub fn load_data() -> Result<TextSets, TableError> {
    match locate_folder("aclImdb")? {
        Some(folder) => read(folder),
        None => generated(GENERATED_TEXTS.0, GENERATED_TEXTS.1, 0),
    }
}

/// Reads one folder.
///
/// # Errors
/// A folder without the four, an empty one of these, or a review that is no text.
pub fn read(folder: impl AsRef<Path>) -> Result<TextSets, TableError> {
    let folder = folder.as_ref();
    let provenance = Provenance::files("IMDb reviews in the official layout", folder);
    let train = part(&folder.join("train"))?;
    Ok(TextSets::new(
        train,
        part(&folder.join("test"))?,
        provenance,
    ))
}

fn part(folder: &Path) -> Result<TextSet, DataError> {
    let (mut texts, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in CLASS_NAMES.iter().enumerate() {
        let folder = folder.join(class);
        for path in reviews(&folder)? {
            let bytes = read_file(&path, MOST)?;
            texts.push(String::from_utf8(bytes).map_err(|_| {
                let advice = "unpack the official archive anew";
                DataError::file(&path, "text in UTF-8", "other bytes", advice)
            })?);
            labels.push(label as i64);
        }
    }
    TextSet::new(texts, labels, &CLASS_NAMES)
}

/// The text files of a folder, by name.
fn reviews(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let problem = |found: String| {
        let advice = "unpack the official archive anew";
        DataError::file(
            folder,
            "a folder of reviews, one text file each",
            found,
            advice,
        )
    };
    let listed = fs::read_dir(folder).map_err(|error| problem(error.to_string()))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.map_err(|error| problem(error.to_string()))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    match paths.is_empty() {
        true => Err(problem("none".to_owned())),
        false => Ok(paths),
    }
}

/// The stand-in: short reviews of a small grammar. Both kinds use many of the same words; what is
/// praised and what is not tells them apart.
///
/// ```
/// use labbook_tables::datasets::imdb;
///
/// let reviews = imdb::generated(40, 20, 0)?;
/// assert_eq!(reviews.class_names, ["neg", "pos"]);
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn generated(train: usize, test: usize, seed: u64) -> Result<TextSets, TableError> {
    Ok(grammar::generated(
        &TOPICS,
        "IMDb reviews",
        (train, test),
        seed,
    )?)
}

const SUBJECTS: &[&str] = &[
    "the film",
    "the story",
    "the leading actress",
    "the director",
    "the music",
    "the second half",
];

const TOPICS: [Topic; 2] = [
    Topic {
        name: CLASS_NAMES[0],
        share: 1.0,
        subjects: SUBJECTS,
        verbs: &[
            "never becomes",
            "is not",
            "is hardly",
            "is everything but",
            "turns out to be",
            "remains",
        ],
        objects: &[
            "dull",
            "a waste of time",
            "worth watching",
            "a mess",
            "as good as the book",
            "predictable",
        ],
        ends: &[
            "and I nearly left",
            "from the first scene on",
            "whatever the critics say",
            "sadly",
            "",
        ],
    },
    Topic {
        name: CLASS_NAMES[1],
        share: 1.0,
        subjects: SUBJECTS,
        verbs: &[
            "never becomes",
            "is not",
            "is really",
            "is always",
            "turns out to be",
            "remains",
        ],
        objects: &[
            "boring",
            "a delight",
            "worth watching",
            "a small masterpiece",
            "better than the book",
            "moving",
        ],
        ends: &[
            "and I would see it again",
            "from the first scene on",
            "whatever the critics say",
            "luckily",
            "",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::super::grammar::tests::by_words;
    use super::*;

    #[test]
    fn words_tell_most_reviews_of_the_stand_in_apart() {
        let reviews = generated(600, 300, 0).unwrap();
        let right = by_words(&reviews);
        assert!((0.75..1.0).contains(&right), "{right}");
    }

    #[test]
    fn folders_of_reviews_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["train", "test"] {
            for class in CLASS_NAMES {
                let class_folder = folder.path().join(part).join(class);
                fs::create_dir_all(&class_folder).unwrap();
                for name in ["1_7.txt", "0_9.txt"] {
                    fs::write(class_folder.join(name), format!("{part} {class} {name}")).unwrap();
                }
                fs::write(class_folder.join("urls.html"), "no review").unwrap();
            }
        }
        let reviews = read(folder.path()).unwrap();
        assert_eq!(
            reviews.train.texts[..2],
            ["train neg 0_9.txt", "train neg 1_7.txt"]
        );
        assert_eq!(reviews.test.labels, [0, 0, 1, 1]);
        let broken = folder.path().join("test/pos/0_9.txt");
        fs::write(&broken, [0xff, 0xfe]).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("0_9.txt") && error.contains("UTF-8"),
            "{error}"
        );
        fs::remove_dir_all(folder.path().join("train/neg")).unwrap();
        assert!(
            read(folder.path())
                .unwrap_err()
                .to_string()
                .contains("train/neg")
        );
    }
}
