//! The book in docs/book: its code is here or in a script that other tests run, its links lead somewhere,
//! its commands exist.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use labbook::prelude::*;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_table_becomes_numbers_and_a_model() -> Outcome {
    set_random_seed(1);
    let penguins = datasets::penguins::load_data()?.frame;
    let (train, test) = train_test_split(&penguins, 0.25, 7)?;

    let columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"];
    let mut recipe = TablePreprocessor::new()
        .standard(&columns)
        .one_hot(&["island", "sex"]);
    let (x, x_test) = (recipe.fit_transform(&train)?, recipe.transform(&test)?);
    let mut target = TablePreprocessor::new().standard(&["body_mass_g"]);
    let (y, y_test) = (target.fit_transform(&train)?, target.transform(&test)?);

    let mut model = Sequential::new();
    model.add(Dense::new(16).activation(Relu).input_shape(x.size()[1]));
    model.add(Dense::new(1));
    model.compile(Adam::new().learning_rate(0.01), "mse", ["r2_score"])?;
    model.fit(&x, &y, &Fit::new().epochs(60).verbose(0))?;
    let r2 = model.evaluate(&x_test, &y_test)?.get("r2_score");

    assert!(r2.unwrap() > 0.7, "{r2:?}");
    Ok(())
}

#[test]
fn charts_of_a_frame() -> Outcome {
    let penguins = datasets::penguins::load_data()?.frame;
    let masses = histplot(&penguins, "body_mass_g")
        .hue("species")
        .kde()
        .title("Body mass")
        .figure()?;
    let boxes = boxplot(&penguins, "body_mass_g")
        .x("island")
        .hue("sex")
        .figure()?;
    let counts = countplot(&penguins, "species").figure()?;
    let pairs = pairplot(&penguins)
        .vars(["bill_length_mm", "body_mass_g"])
        .hue("species")
        .figure()?;
    let together = correlation_map(&penguins).figure()?;

    assert!(masses.alt().contains("rows left out"), "{masses:?}");
    assert!(boxes.alt().contains("Biscoe"), "{boxes:?}");
    assert!(counts.alt().contains("of 344 values"), "{counts:?}");
    assert!(
        pairs.alt().contains("bill_length_mm, body_mass_g"),
        "{pairs:?}"
    );
    assert!(together.alt().contains("highest 0."), "{together:?}");

    let columns = Columns::new()
        .with_numbers("mass", [3750.0, 3800.0, 4900.0, 5400.0])
        .with_texts("species", ["Adelie", "Adelie", "Gentoo", "Gentoo"]);
    let figure = BarPlot::new(columns, "mass").x("species").figure()?;
    assert!(figure.alt().contains("Adelie: mean 3775"), "{figure:?}");
    Ok(())
}

#[test]
fn a_map_of_digits() -> Outcome {
    let digits = datasets::mnist::load_data()?.test.take(400);
    let map = Tsne::new()
        .perplexity(20.0)
        .max_iter(300)
        .fit(&digits.images_tensor().flatten(1, -1))?;
    let plot = scatter(&map.embedding, &digits.labels_tensor(), &digits.class_names)?;
    let plot = plot.title("t-SNE of digits").thumbnails(&digits.images);

    let html = plot.to_html();
    assert!(html.contains("data-labbook-scatter") && html.contains("thumbnails"));
    Ok(())
}

#[test]
fn the_table_of_lines_and_characters_is_true() -> Outcome {
    let text = fs::read_to_string(root().join("docs/book/src/from-keras.md"))?;
    let mut counted = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/notebooks"))? {
        let keras = entry?.path();
        if keras.extension().is_none_or(|ending| ending != "py") {
            continue;
        }
        let name = keras.file_stem().unwrap().to_string_lossy().into_owned();
        let (before, here) = (
            typed(&keras, "#")?,
            typed(&keras.with_extension("rs"), "//")?,
        );
        let row = format!(
            "| `{name}` | {} | {} | {} | {} |",
            before.0, before.1, here.0, here.1
        );
        assert!(text.contains(&row), "the book lacks the line {row}");
        counted.insert(name);
    }
    assert!(counted.len() >= 8, "{counted:?}");
    Ok(())
}

/// Lines and characters of a script without its comments and empty lines.
fn typed(path: &Path, comment: &str) -> std::io::Result<(usize, usize)> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with(comment))
        .collect();
    let characters = lines.iter().map(|line| line.chars().count()).sum();
    Ok((lines.len(), characters))
}

#[test]
fn texts_become_pieces_of_words() -> Outcome {
    let news = datasets::ag_news::generated(40, 10, 0)?;

    let tokenizer = Tokenizer::bpe(1000).train(&news.train.texts)?;
    let x = tokenizer.encode_batch(&news.train.texts, 60)?;
    let words = tokenizer.vocabulary_size();

    assert_eq!(x.size(), [40, 60]);
    assert!(i64::try_from(x.max())? < words, "{words}");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The book's pages by their names.
fn pages() -> Vec<(String, String)> {
    let folder = root().join("docs/book/src");
    let mut pages: Vec<(String, String)> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    pages.sort();
    assert!(pages.len() > 8, "{}", pages.len());
    pages
}

/// The blocks of code in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let code = page.split(&fence).skip(1);
    code.map(|rest| &rest[..rest.find("\n```").unwrap()])
        .collect()
}

/// Code without white space and the commas that go with line ends.
fn bare(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",)", ")").replace(",]", "]")
}

#[test]
fn every_block_of_code_stands_in_a_script_that_is_run() {
    let folder = root().join("tests/notebooks");
    let scripts = fs::read_dir(folder).unwrap();
    let scripts = scripts.map(|entry| entry.unwrap().path());
    let scripts: Vec<(PathBuf, String)> = scripts
        .chain([root().join("crates/labbook/tests/book.rs")])
        .map(|path| (path.clone(), bare(&fs::read_to_string(path).unwrap())))
        .collect();
    let mut seen = 0;
    for (name, page) in pages() {
        for (language, ending) in [("rust", "rs"), ("python", "py")] {
            for block in blocks(&page, language) {
                let stands = scripts.iter().any(|(path, script)| {
                    path.extension().is_some_and(|e| e == ending) && script.contains(&bare(block))
                });
                assert!(stands, "{name}: no script has\n{block}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_in_the_summary() {
    let pages = pages();
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    let mut linked = BTreeSet::from(["SUMMARY.md"]);
    for (name, page) in &pages {
        for (_, rest) in page
            .match_indices("](")
            .map(|(at, _)| page.split_at(at + 2))
        {
            let address = &rest[..rest.find(')').unwrap()];
            if address.starts_with("https://") {
                continue;
            }
            let target = address.split('#').next().unwrap();
            assert!(names.contains(target), "{name}: {address} leads nowhere");
            if name == "SUMMARY.md" {
                linked.insert(names.get(target).unwrap());
            }
        }
    }
    assert_eq!(linked, names);
}

#[test]
fn every_command_and_every_function_in_a_table_exists() {
    let help = fs::read_to_string(root().join("crates/xtask/src/main.rs")).unwrap();
    let facade = fs::read_to_string(root().join("crates/labbook/src/lib.rs")).unwrap();
    let words: BTreeSet<&str> = facade
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let mut commands = 0;
    for (name, page) in pages() {
        for line in blocks(&page, "sh").into_iter().flat_map(str::lines) {
            let line = line.split('#').next().unwrap().trim();
            let rest = line
                .strip_prefix("cargo xtask ")
                .or_else(|| line.strip_prefix("labbook "));
            if let Some(word) = rest.and_then(|rest| rest.split(' ').next()) {
                assert!(
                    help.contains(&format!("\n  {word} ")),
                    "{name}: no command {word}"
                );
                commands += 1;
            }
        }
        // Right columns of tables that begin with a call.
        for row in page.lines().filter(|line| line.starts_with("| `sns.")) {
            let ours = row.rsplit(" | `").next().unwrap();
            let function = ours.split('(').next().unwrap();
            assert!(words.contains(function), "{name}: no function {function}");
        }
    }
    assert!(commands > 4, "{commands}");
}
