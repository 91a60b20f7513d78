//! The study file: strict reading, so that a misspelt key is no other study.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::entries::{Entries, shown};
use crate::search::{Halving, Search};
use crate::setting::{Domain, Range, Sampling, SettingValue};
use crate::study::{Direction, Study};
use crate::{Result, StudyError};

/// A longer file is no study.
const MAX_BYTES: u64 = 1 << 20;
/// More cases than anybody runs; their numbers are as wide as a file's name has room for.
const MAX_CASES: usize = 1_000_000;
/// Whole numbers beyond are no longer exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

const DIRECTIONS: [(&str, Direction); 2] = [("max", Direction::Max), ("min", Direction::Min)];
const SAMPLINGS: [(&str, Sampling); 3] = [
    ("linear", Sampling::Linear),
    ("log", Sampling::Log),
    ("reverse_log", Sampling::ReverseLog),
];

#[derive(Clone, Copy)]
enum Kind {
    Grid,
    Random,
    Tpe,
}
const KINDS: [(&str, Kind); 3] = [
    ("grid", Kind::Grid),
    ("random", Kind::Random),
    ("tpe", Kind::Tpe),
];

/// Reads a study.
pub(crate) fn read(path: &Path) -> Result<Study> {
    let text = text(path)?;
    let table: Table = toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|&byte| byte == b'\n')
                .count()
        });
        StudyError::File {
            file: path.to_owned(),
            key: format!("line {line}"),
            expected: "TOML".to_owned(),
            received: error.message().replace('\n', ", "),
            advice: "correct this line".to_owned(),
        }
    })?;
    let mut top = Entries::new(path, "", table);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = match top.text("name")? {
        Some(name) => name,
        None => default_name(path),
    };
    if name.contains(['/', '\\']) || name.starts_with('.') || name.len() > 80 {
        return Err(top.fault(
            "name",
            "a name that a folder may have",
            format!("\"{name}\""),
            "choose another",
        ));
    }
    let program = top.text("program")?;
    let program = top.needed(
        "program",
        program,
        "the training program, such as \"train.rs\"",
    )?;
    let seeds = seeds(&mut top)?;
    let metric = top.text("metric")?;
    let metric = top.needed(
        "metric",
        metric,
        "the figure to compare, such as \"val_accuracy\"",
    )?;
    let direction = top.word("direction", &DIRECTIONS)?;
    let direction = top.needed("direction", direction, "\"max\" or \"min\"")?;
    let records = top.text("records")?;
    let save_models = match top.take("save_models") {
        None => false,
        Some(Value::Boolean(value)) => value,
        Some(other) => {
            return Err(top.fault(
                "save_models",
                "true or false",
                shown(&other),
                "write it without quotes",
            ));
        }
    };
    let settings = match top.table("settings")? {
        Some(entries) => domains(entries)?,
        None => Vec::new(),
    };
    let search = match top.table("search")? {
        Some(entries) => search(entries, &settings)?,
        None => Search::Grid,
    };
    let halving = match top.table("halving")? {
        Some(entries) => Some(halving(entries, &search, &settings)?),
        None => None,
    };
    top.end()?;
    if matches!(search, Search::Grid) {
        countable(path, &settings)?;
    }
    let records = records.unwrap_or_else(|| format!("runs/{name}"));
    let study = Study {
        file: path.to_owned(),
        program: folder.join(program),
        records: folder.join(records),
        save_models,
        name,
        seeds,
        metric,
        direction,
        settings,
        search,
        halving,
    };
    match study.checked_cases() {
        Some(cases) if cases <= MAX_CASES => Ok(study),
        _ => Err(StudyError::File {
            file: path.to_owned(),
            key: "settings".to_owned(),
            expected: format!("at most {MAX_CASES} cases"),
            received: "more".to_owned(),
            advice: "search at random, [search] kind = \"random\", or shorten lists and ranges"
                .to_owned(),
        }),
    }
}

fn text(path: &Path) -> Result<String> {
    let cannot = |source| StudyError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(cannot(std::io::Error::other("it is no regular file")));
    }
    let file = File::open(path).map_err(cannot)?;
    let read = file
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    match read as u64 > MAX_BYTES {
        true => Err(cannot(std::io::Error::other("it is longer than 1 MiB"))),
        false => Ok(text),
    }
}

/// The file's own name, or that of its folder where the file is just called a study.
fn default_name(path: &Path) -> String {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if !stem.eq_ignore_ascii_case("study") {
        return stem;
    }
    let folder = path.canonicalize().ok();
    let folder = folder
        .as_deref()
        .and_then(Path::parent)
        .and_then(Path::file_name);
    folder.map_or(stem, |name| name.to_string_lossy().into_owned())
}

fn seeds(top: &mut Entries) -> Result<Vec<u64>> {
    const EXPECTED: &str = "a list of whole numbers, such as [0, 1, 2]";
    let Some(value) = top.take("seeds") else {
        return Ok(vec![0]);
    };
    let Value::Array(values) = &value else {
        return Err(top.fault("seeds", EXPECTED, shown(&value), "write it in brackets"));
    };
    let mut seeds = Vec::new();
    for value in values {
        let seed = value.as_integer().and_then(|seed| u64::try_from(seed).ok());
        match seed {
            Some(seed) if !seeds.contains(&seed) => seeds.push(seed),
            Some(seed) => {
                return Err(top.fault(
                    "seeds",
                    "seeds that differ",
                    format!("{seed} twice"),
                    "remove one",
                ));
            }
            None => {
                return Err(top.fault(
                    "seeds",
                    EXPECTED,
                    shown(value),
                    "use numbers of at least 0",
                ));
            }
        }
    }
    match seeds.is_empty() {
        true => Err(top.fault(
            "seeds",
            EXPECTED,
            "an empty list",
            "leave the line out for seed 0 alone",
        )),
        false => Ok(seeds),
    }
}

fn domains(entries: Entries) -> Result<Vec<(String, Domain)>> {
    let (file, table) = entries.rest();
    let mut domains = Vec::new();
    for (name, value) in table {
        let domain = domain(&file, &name, value)?;
        domains.push((name, domain));
    }
    Ok(domains)
}

fn domain(file: &Path, name: &str, value: Value) -> Result<Domain> {
    let at = Entries::new(file, "settings", Table::new());
    match value {
        Value::Array(values) => {
            let values: Option<Vec<SettingValue>> = values.iter().map(single).collect();
            match values {
                Some(values) if !values.is_empty() => match twice(&values) {
                    None => Ok(Domain::Values(values)),
                    Some(value) => Err(at.fault(
                        name,
                        "values that differ",
                        format!("{value} twice"),
                        "remove one",
                    )),
                },
                _ => Err(at.fault(
                    name,
                    "a list of numbers, words, true and false",
                    "an empty list, or one of other things",
                    "correct the list",
                )),
            }
        }
        Value::Table(table) => {
            range(Entries::new(file, &format!("settings.{name}"), table)).map(Domain::Range)
        }
        other => match single(&other) {
            Some(value) => Ok(Domain::Values(vec![value])),
            None => Err(at.fault(
                name,
                "a value, a list of values, or { min_value = .., max_value = .. }",
                shown(&other),
                "correct the line",
            )),
        },
    }
}

/// A value that stands alone; numbers have to be finite.
fn single(value: &Value) -> Option<SettingValue> {
    match value {
        Value::Boolean(value) => Some(SettingValue::Boolean(*value)),
        Value::Integer(value) => Some(SettingValue::Int(*value)),
        Value::Float(value) if value.is_finite() => Some(SettingValue::Float(*value)),
        Value::String(text) => Some(SettingValue::Text(text.clone())),
        _ => None,
    }
}

fn twice(values: &[SettingValue]) -> Option<&SettingValue> {
    let again = values.iter().enumerate();
    let mut again = again.filter(|(index, value)| values[..*index].contains(value));
    again.next().map(|(_, value)| value)
}

fn range(mut entries: Entries) -> Result<Range> {
    let ends = [entries.take("min_value"), entries.take("max_value")];
    let sampling = entries
        .word("sampling", &SAMPLINGS)?
        .unwrap_or(Sampling::Linear);
    let step = entries.take("step");
    let whole = match &ends {
        [Some(Value::Integer(_)), Some(Value::Integer(_))] => true,
        [Some(Value::Float(min)), Some(Value::Float(max))]
            if min.is_finite() && max.is_finite() =>
        {
            false
        }
        [min, max] => {
            let shown = |end: &Option<Value>| end.as_ref().map_or("nothing".to_owned(), shown);
            return Err(entries.fault(
                "min_value",
                "min_value and max_value, both whole numbers or both with a point, such as 1.0",
                format!("{} and {}", shown(min), shown(max)),
                "write both in the same way",
            ));
        }
    };
    let [min, max] = ends.map(|end| number(end.as_ref()).unwrap_or_default());
    if min >= max || (whole && (min.abs() > EXACT || max.abs() > EXACT)) {
        return Err(entries.fault(
            "max_value",
            format!("a number above min_value, which is {min}"),
            format!("{max}"),
            "exchange them, or write a single value instead of a range",
        ));
    }
    if sampling != Sampling::Linear && min <= 0.0 {
        return Err(entries.fault(
            "min_value",
            "a number above 0, as factors count",
            format!("{min}"),
            "use a small number such as 1e-6, or sampling = \"linear\"",
        ));
    }
    let step = match (&step, sampling) {
        (None, Sampling::Linear) if whole => Some(1.0),
        (None, _) => None,
        (Some(_), Sampling::ReverseLog) => {
            return Err(entries.fault(
                "step",
                "no step with reverse_log",
                "one",
                "remove it, or use sampling = \"log\"",
            ));
        }
        (Some(value), _) => {
            let least = if sampling == Sampling::Log { 1.0 } else { 0.0 };
            let step = number(Some(value)).filter(|step| *step > least && step.is_finite());
            let fits = !whole || matches!(value, Value::Integer(_));
            let step = step.filter(|_| fits);
            Some(step.ok_or_else(|| {
                let what = if whole { "a whole number" } else { "a number" };
                entries.fault(
                    "step",
                    format!("{what} above {least}"),
                    shown(value),
                    "with sampling = \"log\" a step is a factor, such as 2",
                )
            })?)
        }
    };
    entries.end()?;
    Ok(Range {
        min,
        max,
        step,
        sampling,
        whole,
    })
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// A grid holds every value of every setting.
fn countable(file: &Path, settings: &[(String, Domain)]) -> Result<()> {
    match settings.iter().find(|(_, domain)| domain.count().is_none()) {
        None => Ok(()),
        Some((name, _)) => Err(StudyError::File {
            file: file.to_owned(),
            key: format!("settings.{name}"),
            expected: "values that can be counted, for a grid".to_owned(),
            received: "a range without a step".to_owned(),
            advice: "give it a step or a list of values, or search with [search] kind = \"random\""
                .to_owned(),
        }),
    }
}

fn search(mut entries: Entries, settings: &[(String, Domain)]) -> Result<Search> {
    let kind = entries.word("kind", &KINDS)?;
    let kind = entries.needed("kind", kind, "\"grid\", \"random\" or \"tpe\"")?;
    if let Kind::Grid = kind {
        if entries.has("max_trials") || entries.has("seed") {
            return Err(entries.fault(
                "kind",
                "\"random\" or \"tpe\", where max_trials or seed is given",
                "\"grid\", which tries everything",
                "remove the other lines, or choose another kind",
            ));
        }
        entries.end()?;
        return Ok(Search::Grid);
    }
    let trials = entries.whole("max_trials", 1, MAX_CASES as i64)?;
    let trials = entries.needed("max_trials", trials, "how many settings to try")? as usize;
    let seed = entries
        .whole("seed", 0, i64::MAX)?
        .unwrap_or(0)
        .unsigned_abs();
    let search = match kind {
        Kind::Tpe => {
            let startup = entries.whole("startup", 1, MAX_CASES as i64)?.unwrap_or(10) as usize;
            let batch = entries.whole("batch", 1, MAX_CASES as i64)?.unwrap_or(4) as usize;
            Search::Tpe {
                trials,
                seed,
                startup,
                batch,
            }
        }
        _ => Search::Random { trials, seed },
    };
    if settings.iter().all(|(_, domain)| domain.count() == Some(1)) {
        return Err(entries.fault(
            "kind",
            "settings with more than one value",
            "none",
            "add lists or ranges to [settings]",
        ));
    }
    entries.end()?;
    Ok(search)
}

fn halving(
    mut entries: Entries,
    search: &Search,
    settings: &[(String, Domain)],
) -> Result<Halving> {
    if let Search::Tpe { .. } = search {
        return Err(entries.fault(
            "setting",
            "halving with [search] kind = \"grid\" or \"random\"",
            "\"tpe\", which would learn from trainings of different lengths",
            "choose one of the two",
        ));
    }
    let setting = entries.text("setting")?;
    let setting = entries.needed(
        "setting",
        setting,
        "what grows from rung to rung, such as \"epochs\"",
    )?;
    let least = entries.whole("min_value", 1, i64::MAX)?;
    let least = entries.needed("min_value", least, "its value for all trials")?;
    let most = entries.whole("max_value", least, i64::MAX)?;
    let most = entries.needed("max_value", most, "its value for the best trials")?;
    let factor = entries.whole("factor", 2, 1000)?.unwrap_or(3);
    if settings.iter().any(|(name, _)| *name == setting) {
        return Err(entries.fault(
            "setting",
            "a name that [settings] does not have",
            format!("\"{setting}\""),
            "remove it from [settings]: halving gives it its values",
        ));
    }
    entries.end()?;
    let mut values = vec![least];
    while let Some(next) = values
        .last()
        .and_then(|last| last.checked_mul(factor))
        .filter(|next| *next <= most)
    {
        values.push(next);
    }
    Ok(Halving {
        setting,
        values,
        factor: factor as usize,
    })
}
