use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::archive::{self, Archive, number};
use crate::random::Rng;
use crate::saved::{SavedOptimizerState, join_state, split_state, take, under, unfit};
use crate::{CallbackState, Error, FitParams, History, Result, Sequential};

const FORMAT: &str = "labbook-nn checkpoint 1";

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
    model: &Sequential,
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
    let mut settings = serde_json::json!({
        "layers": layers,
        "input shape": model.built_for()?.dims(),
        "optimizer": [compiled.optimizer.name(), serde_json::json!(compiled.as_compiled)],
        "loss": [compiled.loss.name(), serde_json::json!(compiled.loss.config())],
        "metrics": compiled.metrics.names(),
        "batch_size": params.batch_size,
        "initial_epoch": params.initial_epoch,
        "examples": params.examples,
        "validation examples": params.validation_examples,
        "data": digest,
        "options": options,
    });
    let policy = model.dtype_policy();
    if !policy.is_default() {
        settings["dtype policy"] = serde_json::json!(policy);
    }
    Ok(settings)
}

impl Checkpoint {
    /// Writes the state of a training, in place of the file's last one.
    pub(crate) fn write(&self, path: &Path, settings: &Value, model: &Sequential) -> Result<()> {
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
        archive::write(path, FORMAT, &manifest, &tensors)
    }

    /// Brings the model to where the training of a file was, if there is one.
    ///
    /// Nothing changes unless everything fits.
    pub(crate) fn restore(
        path: &Path,
        settings: &Value,
        model: &mut Sequential,
    ) -> Result<Option<Self>> {
        archive::sweep(path);
        if !path.exists() {
            return Ok(None);
        }
        let Archive {
            manifest,
            mut tensors,
        } = archive::read::<Manifest>(path, FORMAT)?;
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
            model.check_slots(&state)?;
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
        .map_err(|error| unfit(path, &error))?;
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
    let (data, others): (Vec<_>, Vec<_>) = settings.iter().partition(|(name, _)| *name == "data");
    for (name, value) in others.into_iter().chain(data) {
        let before = saved.get(name).unwrap_or(&Value::Null);
        if before != value {
            return Err(other_setting(path, name, before, value));
        }
    }
    Ok(())
}

fn other_setting(path: &Path, name: &str, saved: &Value, value: &Value) -> Error {
    Error::file(
        path,
        format!("a training with {name} = {value}"),
        format!("one with {saved}"),
        "go on with the settings of before, or choose another file to begin anew",
    )
}
