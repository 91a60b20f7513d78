use std::path::{Path, PathBuf};

use crate::{Contents, FetchError, Options, Progress, fetch};

/// A data set that can be downloaded, by its name in `datasets`.
///
/// ```
/// use labbook_fetch::DataSet;
///
/// let mnist = DataSet::named("mnist").unwrap();
/// assert_eq!((mnist.folder, mnist.downloads.len()), ("mnist", 4));
/// assert!(DataSet::named("nothing").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// Its name in a notebook.
    pub name: &'static str,
    /// Its name in words.
    pub title: &'static str,
    /// The folder in `data` that its files are put into; empty for `data` itself.
    pub folder: &'static str,
    /// Its files.
    pub downloads: Vec<Options>,
}

/// A data set's name and the function that describes it.
type Named = (&'static str, fn() -> DataSet);

/// Those there are, by name.
const SETS: [Named; 8] = [
    ("cifar10", cifar10),
    ("cifar100", cifar100),
    ("mnist", mnist),
    ("fashion_mnist", fashion_mnist),
    ("imdb", imdb),
    ("ag_news", ag_news),
    ("diamonds", diamonds),
    ("penguins", penguins),
];

impl DataSet {
    /// The names of all.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SETS.iter().map(|(name, _)| *name)
    }

    /// The data set of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = SETS.iter().find(|(known, _)| *known == name);
        found.map(|(_, set)| set())
    }

    /// Bytes to download.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.downloads.iter().map(|download| download.bytes).sum()
    }

    /// Puts all its files into `data`; those that are there stay. Gives the files and folders.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch(
        &self,
        data: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<PathBuf>, FetchError> {
        let folder = data.join(self.folder);
        let downloads = self.downloads.iter();
        downloads
            .map(|download| fetch(&folder, download, progress))
            .collect()
    }
}

fn cifar10() -> DataSet {
    // Each file has 10,000 records of a label and 3 x 32 x 32 pixels.
    let members = [
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
    ];
    DataSet {
        name: "cifar10",
        title: "CIFAR-10",
        folder: "",
        downloads: vec![Options::new(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            Contents::Members {
                folder: "cifar-10-batches-bin",
                members: members.map(|name| (name, 30_730_000)).to_vec(),
            },
        )],
    }
}

fn cifar100() -> DataSet {
    // A record has two labels.
    DataSet {
        name: "cifar100",
        title: "CIFAR-100",
        folder: "",
        downloads: vec![Options::new(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            Contents::Members {
                folder: "cifar-100-binary",
                members: vec![("train.bin", 153_700_000), ("test.bin", 30_740_000)],
            },
        )],
    }
}

/// Four gzipped IDX files: their names, lengths and checksums.
fn idx(base: &str, files: [(&'static str, u64, &str); 4]) -> Vec<Options> {
    let files = files.into_iter().map(|(name, bytes, sha256)| {
        Options::new(
            &format!("{base}/{name}"),
            bytes,
            sha256,
            Contents::File(name),
        )
    });
    files.collect()
}

fn mnist() -> DataSet {
    DataSet {
        name: "mnist",
        title: "MNIST",
        folder: "mnist",
        // The authors' page refuses programs; the files are theirs, to the byte.
        downloads: idx(
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            [
                (
                    "train-images-idx3-ubyte.gz",
                    9_912_422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                (
                    "train-labels-idx1-ubyte.gz",
                    28_881,
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
                (
                    "t10k-images-idx3-ubyte.gz",
                    1_648_877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                (
                    "t10k-labels-idx1-ubyte.gz",
                    4_542,
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ],
        ),
    }
}

fn fashion_mnist() -> DataSet {
    DataSet {
        name: "fashion_mnist",
        title: "Fashion-MNIST",
        folder: "fashion_mnist",
        downloads: idx(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            [
                (
                    "train-images-idx3-ubyte.gz",
                    26_421_880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                (
                    "train-labels-idx1-ubyte.gz",
                    29_515,
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
                (
                    "t10k-images-idx3-ubyte.gz",
                    4_422_102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                (
                    "t10k-labels-idx1-ubyte.gz",
                    5_148,
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ],
        ),
    }
}

fn imdb() -> DataSet {
    DataSet {
        name: "imdb",
        title: "IMDb's reviews",
        folder: "",
        downloads: vec![Options::new(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            84_125_825,
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
            Contents::Texts {
                folder: "aclImdb",
                places: &["train/neg", "train/pos", "test/neg", "test/pos"],
                files: 12_500,
                // With the 50,000 reviews without a class, and tar's own rows.
                most: 600_000_000,
            },
        )],
    }
}

fn ag_news() -> DataSet {
    // The copy that torchtext names, at the version that the checksums were taken of.
    let base = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/\
                555590db4219b1243abb1918effd6a7425a2d75f/data/ag_news_csv";
    let file = |name: &'static str, bytes, sha256| {
        Options::new(
            &format!("{base}/{name}"),
            bytes,
            sha256,
            Contents::File(name),
        )
    };
    DataSet {
        name: "ag_news",
        title: "AG's news",
        folder: "ag_news",
        downloads: vec![
            file(
                "train.csv",
                29_470_338,
                "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
            ),
            file(
                "test.csv",
                1_857_427,
                "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
            ),
        ],
    }
}

/// The tables are the authors', at the version that the checksum was taken of.
fn diamonds() -> DataSet {
    DataSet {
        name: "diamonds",
        title: "the diamonds of ggplot2",
        folder: "",
        downloads: vec![Options::new(
            "https://raw.githubusercontent.com/tidyverse/ggplot2/\
             c655e414be108797d7acaab3a96a93b407debad0/data-raw/diamonds.csv",
            2_772_143,
            "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4",
            Contents::File("diamonds.csv"),
        )],
    }
}

fn penguins() -> DataSet {
    DataSet {
        name: "penguins",
        title: "Palmer penguins",
        folder: "",
        downloads: vec![Options::new(
            "https://raw.githubusercontent.com/allisonhorst/palmerpenguins/\
             8957207b78d6ccd1b4654a9dd9c9041b657478ab/inst/extdata/penguins.csv",
            15_241,
            "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93",
            Contents::File("penguins.csv"),
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_safe_and_every_checksum_whole() {
        for name in DataSet::names() {
            let set = DataSet::named(name).unwrap();
            assert_eq!(set.name, name);
            for download in &set.downloads {
                crate::address::Address::new(&download.url).unwrap();
                assert!(download.url.starts_with("https://"), "{}", download.url);
                assert_eq!(download.sha256.len(), 64);
                assert!(download.sha256.chars().all(|c| c.is_ascii_hexdigit()));
            }
        }
    }
}
