use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::random::Rng;
use crate::saving::archive::{Format, write};
use crate::saving::number;
use crate::saving::opened::open;
use crate::saving::saved::{
    SavedOptimizerState, join_state, sizes_under, split_state, take, under, unfit,
};
use crate::saving::saved_graph::SavedGraph;
use crate::{CallbackState, Error, FitParams, History, Model, Result};

const FORMAT: Format = Format {
    name: "labbook-nn checkpoint 1",
    advice: "it was damaged or cut short: remove this file, or use .resume(false), to begin anew",
};

/// The setting that stands for the data.
const DATA: &str = "data";

/// Examples whose numbers tell one data set from another.
const SAMPLE: i64 = 64;

/// A training as it stood at the end of an epoch.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) history: History,
    pub(crate) randomness: Rng,
    /// Whether a callback ended the training.
    pub(crate) stopped: bool,
    pub(crate) callbacks: Vec<CallbackState>,
}

/// What the file says besides its tensors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// What has to be the same when the training goes on.
    settings: Value,
    seed: u64,
    trainings: u64,
    randomness: Rng,
    stopped: bool,
    #[serde(with = "number::columns")]
    learning_rate: Vec<(String, Vec<f64>)>,
    weights: Vec<String>,
    optimizer: SavedOptimizerState,
    history: History,
    callbacks: Vec<SavedCallback>,
}

/// A callback's state; its tensors stand under `callback` and its number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCallback {
    #[serde(with = "number::columns")]
    values: Vec<(String, Vec<f64>)>,
    tensors: Vec<String>,
}

/// What decides how a training goes, apart from the weights that it begins with.
///
/// The number of epochs may differ: a finished training may be made longer.
pub(crate) fn settings(
    model: &Model,
    params: &FitParams,
    options: Value,
    data: &[&Tensor],
) -> Result<Value> {
    let compiled = model.compiled()?;
    let mut digest = Sha256::new();
    for tensor in data {
        digest.update(format!("{:?}{:?}", tensor.size(), tensor.f_kind()?));
        let count = tensor.size().first().copied().unwrap_or_default();
        let sample = count.min(SAMPLE);
        for start in [0, count - sample] {
            let sample = tensor.f_narrow(0, start, sample)?;
            let sample = sample.f_detach()?.f_to_device(Device::Cpu)?;
            let sample = sample.f_to_kind(Kind::Double)?.f_contiguous()?;
            let mut bytes = vec![0; sample.numel() * Kind::Double.elt_size_in_bytes()];
            sample.f_copy_data_u8(&mut bytes, sample.numel())?;
            digest.update(&bytes);
        }
    }
    let digest: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let layers: Vec<Value> = model
        .layers()?
        .iter()
        .zip(model.layer_configs())
        .map(|(info, config)| match config {
            Some(config) => serde_json::json!(config),
            None => serde_json::json!([info.class_name, info.params]),
        })
        .collect();
    let losses = compiled.losses.iter().map(|output| {
        let loss = serde_json::json!([output.loss.name(), output.loss.config()]);
        match output.weight == 1.0 {
            true => loss,
            false => serde_json::json!([loss, output.weight]),
        }
    });
    let losses: Vec<Value> = losses.collect();
    let losses = match <[Value; 1]>::try_from(losses) {
        Ok([loss]) => loss,
        Err(losses) => Value::from(losses),
    };
    let mut settings = serde_json::json!({
        "layers": layers,
        "input shape": input_shape(model)?,
        "optimizer": [compiled.optimizer.name(), serde_json::json!(compiled.as_compiled)],
        "loss": losses,
        "metrics": compiled.metric_names(),
        "batch_size": params.batch_size,
        "initial_epoch": params.initial_epoch,
        "examples": params.examples,
        "validation examples": params.validation_examples,
        DATA: digest,
        "options": options,
    });
    // Told only where they say something, so that older files still fit.
    if model.class_name() != "Sequential" {
        settings["graph"] = serde_json::json!(SavedGraph::of(&model.graph).joints());
    }
    let frozen = model.graph.layers().into_iter().enumerate();
    let frozen: Vec<usize> = frozen
        .filter(|(_, (_, node))| !node.layer.is_trainable())
        .map(|(index, _)| index)
        .collect();
    if !frozen.is_empty() {
        settings["frozen layers"] = serde_json::json!(frozen);
    }
    let policy = model.dtype_policy();
    if !policy.is_default() {
        settings["dtype policy"] = serde_json::json!(policy);
    }
    Ok(settings)
}

/// The sizes of one example, or those of each input.
fn input_shape(model: &Model) -> Result<Value> {
    let shapes = model.input_shapes()?;
    Ok(match shapes.as_slice() {
        [shape] => serde_json::json!(shape.dims()),
        shapes => shapes
            .iter()
            .map(|shape| serde_json::json!(shape.dims()))
            .collect(),
    })
}

impl Manifest {
    /// The tensors that belong to this model, with their sizes where the model knows them.
    fn expected_tensors(&self, model: &Model) -> Result<Vec<(String, Option<Vec<i64>>)>> {
        let sizes = model.weight_sizes()?;
        if sizes.len() != self.weights.len() {
            return Err(Error::weights(
                format!("{} weights", sizes.len()),
                self.weights.len().to_string(),
                "take them from a model of the same architecture",
            ));
        }
        let weights = self.weights.iter().cloned();
        let weights = weights.zip(sizes.into_iter().map(|(_, sizes)| sizes));
        let mut expected = sizes_under("weights", weights.collect());
        let slots = model.slot_sizes(&self.optimizer.slots)?;
        expected.extend(sizes_under("optimizer", slots));
        for (index, callback) in self.callbacks.iter().enumerate() {
            let names = callback.tensors.iter();
            expected.extend(names.map(|name| (format!("callback{index}/{name}"), None)));
        }
        Ok(expected)
    }
}

impl Checkpoint {
    /// Writes the state of a training, in place of the file's last one.
    pub(crate) fn write(&self, path: &Path, settings: &Value, model: &Model) -> Result<()> {
        let weights = model.weights()?;
        let mut tensors = under("weights", &weights);
        let (optimizer, slots) = split_state(&model.optimizer_state()?);
        tensors.extend(slots);
        let mut callbacks = Vec::new();
        for (index, state) in self.callbacks.iter().enumerate() {
            tensors.extend(under(&format!("callback{index}"), &state.tensors));
            let values = state.values.iter();
            callbacks.push(SavedCallback {
                values: values
                    .map(|(name, value)| (name.clone(), vec![*value]))
                    .collect(),
                tensors: state.tensors.iter().map(|(name, _)| name.clone()).collect(),
            });
        }
        let rate = model.learning_rate_override()?;
        let manifest = Manifest {
            settings: settings.clone(),
            seed: model.seed,
            trainings: model.trainings,
            randomness: self.randomness.clone(),
            stopped: self.stopped,
            learning_rate: rate
                .map(|rate| ("constant".to_owned(), vec![rate]))
                .into_iter()
                .collect(),
            weights: weights.into_iter().map(|(name, _)| name).collect(),
            optimizer,
            history: self.history.clone(),
            callbacks,
        };
        write(path, FORMAT, &manifest, &tensors)
    }

    /// Brings the model to where the training of a file was, if there is one.
    ///
    /// Nothing changes unless everything fits.
    pub(crate) fn restore(
        path: &Path,
        settings: &Value,
        model: &mut Model,
    ) -> Result<Option<Self>> {
        labbook_files::remove_leftovers(path);
        if !path.exists() {
            return Ok(None);
        }
        let (manifest, file) = open::<Manifest>(path, FORMAT)?;
        // Only what fits the model is read. The settings are told first where they explain why it
        // does not, and else only when the file is known to be whole.
        let fits = manifest.expected_tensors(model).and_then(|expected| {
            let fits = file.check_tensors(&expected);
            fits.map_err(|error| unfit(path, error, FORMAT.advice))
        });
        if let Err(error) = fits {
            check_settings(path, &manifest.settings, settings)?;
            return Err(unfit(path, error, FORMAT.advice));
        }
        let mut tensors = file.read()?;
        check_settings(path, &manifest.settings, settings)?;
        if model.has_own_seed() && model.seed != manifest.seed {
            return Err(other_setting(
                path,
                "seed",
                &manifest.seed.into(),
                &model.seed.into(),
            ));
        }
        let history = manifest.history;
        let sound = history.is_sound() && history.epoch.is_sorted();
        let checkpoint = (|| {
            if !sound {
                return Err(Error::weights(
                    "a history with a figure per epoch",
                    "columns of other lengths",
                    "remove the file",
                ));
            }
            let weights = take("weights", &manifest.weights, &mut tensors)?;
            let state = join_state(&manifest.optimizer, &mut tensors)?;
            let mut callbacks = Vec::new();
            for (index, saved) in manifest.callbacks.into_iter().enumerate() {
                let group = format!("callback{index}");
                let values = saved.values.into_iter();
                callbacks.push(CallbackState {
                    values: values
                        .flat_map(|(name, values)| {
                            values.into_iter().map(move |value| (name.clone(), value))
                        })
                        .collect(),
                    tensors: take(&group, &saved.tensors, &mut tensors)?,
                });
            }
            // The optimizer checks the kinds of slots, so it goes first.
            model.set_weights(&weights)?;
            model.set_optimizer_state(&state)?;
            Ok(Self {
                history,
                randomness: manifest.randomness,
                stopped: manifest.stopped,
                callbacks,
            })
        })()
        .map_err(|error| unfit(path, error, FORMAT.advice))?;
        for (_, rates) in &manifest.learning_rate {
            for rate in rates {
                model.set_learning_rate(*rate)?;
            }
        }
        model.seed = manifest.seed;
        model.trainings = manifest.trainings;
        Ok(Some(checkpoint))
    }
}

fn check_settings(path: &Path, saved: &Value, settings: &Value) -> Result<()> {
    let (Some(saved), Some(settings)) = (saved.as_object(), settings.as_object()) else {
        return Err(Error::file(
            path,
            "the settings of a training",
            "none",
            "remove the file to begin anew",
        ));
    };
    // A wrong size tells more than that the data differ.
    let names: BTreeSet<&String> = settings.keys().chain(saved.keys()).collect();
    let (data, others): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|name| *name == DATA);
    for name in others.into_iter().chain(data) {
        let of = |settings: &Map<String, Value>| settings.get(name).cloned().unwrap_or_default();
        let (before, value) = (of(saved), of(settings));
        if before != value {
            return Err(other_setting(path, name, &before, &value));
        }
    }
    Ok(())
}

fn other_setting(path: &Path, name: &str, saved: &Value, value: &Value) -> Error {
    let (expected, received) = match name {
        DATA => (
            "a training on these data".to_owned(),
            "one on others".to_owned(),
        ),
        _ => {
            let mut name = name.to_owned();
            let (saved, value) = difference(&mut name, saved, value);
            (
                format!("a training with {name} = {}", short(value)),
                format!("one with {}", short(saved)),
            )
        }
    };
    Error::file(
        path,
        expected,
        received,
        "go on with the settings of before, or choose another file to begin anew",
    )
}

/// The innermost values that differ; adds their place to the name.
fn difference<'a>(name: &mut String, saved: &'a Value, value: &'a Value) -> (&'a Value, &'a Value) {
    let inner = match (saved, value) {
        (Value::Object(saved), Value::Object(value)) if saved.len() == value.len() => {
            let mut pairs = saved.iter().filter_map(|(key, before)| {
                let after = value.get(key)?;
                (before != after).then(|| (key.clone(), before, after))
            });
            pairs.next().filter(|_| pairs.next().is_none())
        }
        (Value::Array(saved), Value::Array(value)) if saved.len() == value.len() => {
            let mut pairs = (1..).zip(saved.iter().zip(value));
            pairs
                .find(|(_, (before, after))| before != after)
                .map(|(place, (before, after))| (format!("{place}"), before, after))
        }
        _ => None,
    };
    match inner {
        Some((key, saved, value)) => {
            *name += &format!(" {key}");
            difference(name, saved, value)
        }
        None => (saved, value),
    }
}

/// A value in a few words.
fn short(value: &Value) -> String {
    match value {
        Value::Array(list) if list.iter().any(|item| !item.is_number()) => {
            format!("{} entries", list.len())
        }
        Value::Null => "none".to_owned(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(saved: Value, settings: Value) -> String {
        match check_settings(Path::new("kept"), &saved, &settings) {
            Err(error) => error.to_string(),
            Ok(()) => String::new(),
        }
    }

    #[test]
    fn what_differs_is_told_in_a_few_words() {
        let layers = |units: i64| json!({"layers": [{"units": 1}, {"units": units, "name": "x"}]});
        assert_eq!(told(layers(5), layers(5)), "");
        let error = told(layers(5), layers(6));
        assert!(
            error.contains("with layers 2 units = 6, received one with 5;"),
            "{error}"
        );
        let error = told(layers(5), json!({"layers": [{"units": 1}]}));
        assert!(
            error.contains("layers = 1 entries, received one with 2 entries"),
            "{error}"
        );
        let error = told(
            json!({"data": "ab", "size": 1}),
            json!({"data": "cd", "size": 1}),
        );
        assert!(
            error.contains("on these data, received one on others"),
            "{error}"
        );
        // A setting that only one of them has differs, too.
        let error = told(json!({"size": 1, "policy": "x"}), json!({"size": 1}));
        assert!(
            error.contains("policy = none, received one with \"x\""),
            "{error}"
        );
    }
}
