//! What a study file may be, and what is said of one that is not.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;

use labbook_study::{Direction, SettingValue, Study};

fn open(text: &str) -> Result<Study, String> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("digits.toml");
    fs::write(&path, text).expect("a file");
    Study::open(&path).map_err(|error| error.to_string())
}

const HEAD: &str = "program = \"train.rs\"\nmetric = \"val_accuracy\"\ndirection = \"max\"\n";

#[test]
fn a_grid_holds_every_value_with_every_other_in_a_fixed_order() {
    let text = "seeds = [5, 7]\n[settings]\nb = [1, 2.5]\na = { min_value = 1, max_value = 3 }\nc = true\n";
    let study = open(&format!("{HEAD}{text}")).unwrap();
    assert_eq!(
        (study.name(), study.direction(), study.cases()),
        ("digits", Direction::Max, 12)
    );
    let case = |number| {
        let case = study.case(number).unwrap();
        (
            case.int("a").unwrap(),
            case.float("b").unwrap(),
            case.seed(),
            case.trial(),
        )
    };
    assert_eq!(case(0), (1, 1.0, 5, 0));
    assert_eq!(case(1), (1, 1.0, 7, 0));
    assert_eq!(case(2), (1, 2.5, 5, 1));
    assert_eq!(case(11), (3, 2.5, 7, 5));
    assert!(
        study
            .case(12)
            .unwrap_err()
            .to_string()
            .contains("from 0 to 11, received 12")
    );
    assert_eq!(study.varied(), ["a", "b"]);
    let hp = study.case(0).unwrap();
    assert!(hp.boolean("c").unwrap());
    let wrong = hp.int("c").unwrap_err().to_string();
    assert!(wrong.contains(".boolean(\"c\")"), "{wrong}");
}

#[test]
fn random_settings_follow_from_seed_and_number_alone() {
    let study = |trials: usize, seed: u64| {
        let text = format!(
            "[settings]\nrate = {{ min_value = 1e-4, max_value = 0.1, sampling = \"log\" }}\nkind = [\"a\", \"b\"]\n\
             [search]\nkind = \"random\"\nmax_trials = {trials}\nseed = {seed}\n"
        );
        open(&format!("{HEAD}{text}")).unwrap()
    };
    let settings = |study: &Study| -> Vec<_> {
        (0..study.cases())
            .map(|case| study.case(case).unwrap().settings().clone())
            .collect()
    };
    let (few, many) = (settings(&study(20, 1)), settings(&study(200, 1)));
    assert_eq!(few, many[..20]);
    assert_ne!(few, settings(&study(20, 2)));
    // A third of a range over three decades lies in each of them.
    let number = |name: &str, of: &SettingValue| match of {
        SettingValue::Float(value) => *value,
        other => panic!("{name}: {other}"),
    };
    let low = many
        .iter()
        .filter(|settings| number("rate", &settings["rate"]) < 1e-3)
        .count();
    assert!((45..90).contains(&low), "{low}");
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_that_names_file_and_key() {
    let settings = |line: &str| format!("{HEAD}[settings]\n{line}\n");
    let search = |lines: &str| format!("{HEAD}[settings]\na = [1, 2]\n[search]\n{lines}\n");
    for (text, key, part) in [
        (String::new(), "program", "received nothing"),
        ("program = 3".to_owned(), "program", "received 3"),
        ("= 3".to_owned(), "line 1", "expected TOML"),
        (format!("{HEAD}x = = 2\n"), "line 4", "expected TOML"),
        (
            format!("{HEAD}seed = [1]\n"),
            "seed",
            "one of name, program, seeds",
        ),
        (
            format!("{HEAD}seeds = 3\n"),
            "seeds",
            "a list of whole numbers",
        ),
        (format!("{HEAD}seeds = []\n"), "seeds", "an empty list"),
        (format!("{HEAD}seeds = [1, 1]\n"), "seeds", "1 twice"),
        (format!("{HEAD}seeds = [-1]\n"), "seeds", "received -1"),
        (
            format!("name = \"../up\"\n{HEAD}"),
            "name",
            "a folder may have",
        ),
        (
            HEAD.replace("max", "up"),
            "direction",
            "\"max\" or \"min\", received \"up\"",
        ),
        (settings("a = []"), "settings.a", "an empty list"),
        (settings("a = [1, 1]"), "settings.a", "1 twice"),
        (settings("a = nan"), "settings.a", "received NaN"),
        (settings("a = 2026-11-28"), "settings.a", "a date or time"),
        (
            settings("a = { min_value = 1 }"),
            "settings.a.min_value",
            "received 1 and nothing",
        ),
        (
            settings("a = { min_value = 1, max_value = 2.5 }"),
            "settings.a.min_value",
            "both in the same way",
        ),
        (
            settings("a = { min_value = 2, max_value = 1 }"),
            "settings.a.max_value",
            "above min_value, which is 2",
        ),
        (
            settings("a = { min_value = 0.0, max_value = 1.0, sampling = \"log\" }"),
            "settings.a.min_value",
            "above 0",
        ),
        (
            settings("a = { min_value = 0.0, max_value = 1.0, step = 0 }"),
            "settings.a.step",
            "above 0",
        ),
        (
            settings("a = { min_value = 1, max_value = 8, step = 1, sampling = \"log\" }"),
            "settings.a.step",
            "above 1",
        ),
        (
            settings("a = { min_value = 0.0, max_value = 1.0, sampling = \"normal\" }"),
            "settings.a.sampling",
            "\"reverse_log\"",
        ),
        (
            settings("a = { min_value = 0.0, max_value = 1.0, steps = 3 }"),
            "settings.a.steps",
            "one of min_value",
        ),
        (
            settings("a = { min_value = 0.0, max_value = 1.0 }"),
            "settings.a",
            "[search] kind = \"random\"",
        ),
        (
            settings("a = { min_value = 0, max_value = 9000000 }"),
            "settings",
            "at most 1000000 cases",
        ),
        (
            search("kind = \"grid\"\nmax_trials = 3"),
            "search.kind",
            "which tries everything",
        ),
        (search("max_trials = 3"), "search.kind", "received nothing"),
        (
            search("kind = \"tpe\""),
            "search.max_trials",
            "received nothing",
        ),
        (
            search("kind = \"tpe\"\nmax_trials = 0"),
            "search.max_trials",
            "from 1 to",
        ),
        (
            search("kind = \"random\"\nmax_trials = 3\nstartup = 3"),
            "search.startup",
            "one of kind, max_trials, seed",
        ),
        (
            format!("{HEAD}[search]\nkind = \"random\"\nmax_trials = 3\n"),
            "search.kind",
            "more than one value",
        ),
        (
            search("kind = \"tpe\"\nmax_trials = 3\n[halving]\nsetting = \"epochs\""),
            "halving.setting",
            "different lengths",
        ),
        (
            format!(
                "{HEAD}[settings]\nepochs = [1, 2]\n[halving]\nsetting = \"epochs\"\nmin_value = 1\nmax_value = 2\n"
            ),
            "halving.setting",
            "does not have",
        ),
        (
            format!("{HEAD}[halving]\nsetting = \"epochs\"\nmin_value = 3\nmax_value = 2\n"),
            "halving.max_value",
            "at least 3",
        ),
    ] {
        let sentence = open(&text).expect_err(&text);
        let start = sentence
            .split_once("digits.toml: ")
            .map_or("", |(_, rest)| rest);
        assert!(
            start.starts_with(&format!("{key}: expected ")),
            "{text}\n{sentence}"
        );
        assert!(sentence.contains(part), "{text}\n{sentence}");
    }
    let missing = Study::open("/nowhere/STUDY.toml").unwrap_err().to_string();
    assert!(
        missing.contains("cannot read /nowhere/STUDY.toml"),
        "{missing}"
    );
    let folder = Study::open("/").unwrap_err().to_string();
    assert!(folder.contains("no regular file"), "{folder}");
}

#[test]
fn blind_changes_give_a_study_or_a_sentence() {
    let whole = format!(
        "{HEAD}seeds = [0, 1]\n[settings]\na = [1, \"b\", true]\nr = {{ min_value = 1e-3, max_value = 0.1, sampling = \"log\" }}\n\
         [search]\nkind = \"tpe\"\nmax_trials = 5\nbatch = 2\n"
    );
    assert!(open(&whole).is_ok());
    let letters = b"=[]{}\"\n.-19eaz# ,";
    for at in 0..whole.len() {
        for (step, &letter) in letters
            .iter()
            .enumerate()
            .filter(|(step, _)| (at + step) % 5 == 0)
        {
            let mut bytes = whole.clone().into_bytes();
            match step % 2 {
                0 => bytes[at] = letter,
                _ => bytes.truncate(at),
            }
            if let Ok(text) = String::from_utf8(bytes) {
                // No panic, and whatever is a study has cases that can be asked for.
                if let Ok(study) = open(&text) {
                    let _ = study.case(0).and_then(|_| study.case(study.cases() - 1));
                }
            }
        }
    }
}

#[test]
fn the_projects_studies_are_studies_and_the_readme_shows_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, cases) in [("paper", 48), ("search", 12), ("digits", 90)] {
        let study = Study::open(root.join("studies").join(name).join("STUDY.toml")).unwrap();
        assert_eq!((study.name(), study.cases()), (name, cases));
        assert!(study.program().is_file(), "{name}");
    }
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for file in ["STUDY.toml", "train.rs"] {
        let text = fs::read_to_string(root.join("studies/digits").join(file)).unwrap();
        assert!(readme.contains(&text), "{file}");
    }
}
