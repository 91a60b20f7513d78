use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::saved_graph::SavedGraph;
use crate::losses::registry;
use crate::metrics::MetricChoice;
use crate::model::compiled::OutputMetrics;
use crate::model::shared_layer::SharedLayer;
use crate::names::unique_name;
use crate::saving::archive::{Format, write};
use crate::saving::file_name::{existing, with_extension};
use crate::saving::opened::{Opened, open};
use crate::{
    Compile, DtypePolicy, Error, History, LayerConfig, LossConfig, MetricConfig, Metrics, Model,
    OptimizerConfig, OptimizerState, Result, Sequential, Shape,
};

const MODEL: Format = Format {
    name: "labbook-nn model 1",
    advice: "it was damaged or cut short: save the model again, or use an earlier copy",
};
const WEIGHTS: Format = Format {
    name: "labbook-nn weights 1",
    advice: "it was damaged or cut short: save the weights again, or use an earlier copy",
};

/// What a file says of a model, besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelManifest {
    name: String,
    seed: u64,
    trainings: u64,
    #[serde(default, skip_serializing_if = "DtypePolicy::is_default")]
    dtype_policy: DtypePolicy,
    /// Of a chain of layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    input_shape: Vec<i64>,
    layers: Vec<SavedLayer>,
    /// Of any other model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    graph: Option<SavedGraph>,
    weights: Vec<String>,
    compiled: Option<SavedCompiled>,
    history: Option<History>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    assets: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedLayer {
    name: String,
    layer: LayerConfig,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    trainable: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_yes(value: &bool) -> bool {
    *value
}

/// Optimizer, its state, loss and metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCompiled {
    optimizer: OptimizerConfig,
    state: SavedOptimizerState,
    /// The first output's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss: Option<LossConfig>,
    /// The others', and how much each of all counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_losses: Vec<LossConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    loss_weights: Vec<f64>,
    metrics: Vec<SavedMetric>,
}

/// A metric: by its name alone, as all were at first, or with its options and its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum SavedMetric {
    Name(String),
    Metric(SavedMetricOf),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedMetricOf {
    output: usize,
    weighted: bool,
    metric: MetricConfig,
}

/// Names of the slots; their tensors stand under these names with `optimizer/` before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedOptimizerState {
    step: i64,
    pub(crate) slots: Vec<String>,
}

/// What a file of weights says: their names in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightsManifest {
    weights: Vec<String>,
}

impl Model {
    /// Saves the whole model to one safetensors file: layers and how they are joined, weights,
    /// optimizer with its state, losses, metrics, the history of the last training, and the
    /// [texts](Self::set_asset) that belong to it.
    ///
    /// `.safetensors` is added to the name if it is not there; the path that was written is
    /// given back. Folders are made. The file is written beside and renamed, so that a file of
    /// this name is whole at any time.
    ///
    /// # Errors
    /// When the model is not built, has layers, an optimizer, a loss or a metric of its own kind,
    /// or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = with_extension(path.as_ref())?;
        self.built()?;
        let configs = self.layer_configs();
        let mut saved = Vec::new();
        for ((_, node), config) in self.graph.layers().into_iter().zip(configs) {
            let layer = &node.layer;
            let config =
                config.ok_or_else(|| cannot_keep(&path, layer.class_name(), layer.name()))?;
            saved.push(SavedLayer {
                name: layer.name().to_owned(),
                layer: config,
                trainable: layer.is_trainable(),
            });
        }
        let weights = self.weights()?;
        let mut tensors = under("weights", &weights);
        let compiled = match &self.compiled {
            Some(compiled) => {
                let optimizer = compiled.optimizer.config();
                let name = compiled.optimizer.name();
                let optimizer = optimizer.ok_or_else(|| cannot_keep(&path, "optimizer", name))?;
                let losses = compiled.losses.iter().map(|output| {
                    let config = output.loss.config();
                    config.ok_or_else(|| cannot_keep(&path, "loss", output.loss.name()))
                });
                let mut losses = losses.collect::<Result<Vec<_>>>()?.into_iter();
                let weights: Vec<f64> =
                    compiled.losses.iter().map(|output| output.weight).collect();
                let (state, slots) = split_state(&compiled.optimizer.state()?);
                tensors.extend(slots);
                Some(SavedCompiled {
                    optimizer,
                    state,
                    loss: losses.next(),
                    more_losses: losses.collect(),
                    loss_weights: match weights.iter().all(|&weight| weight == 1.0) {
                        true => Vec::new(),
                        false => weights,
                    },
                    metrics: saved_metrics(&path, &compiled.metrics.borrow())?,
                })
            }
            None => None,
        };
        let chain = self.class_name() == "Sequential";
        let manifest = ModelManifest {
            name: self.name().to_owned(),
            seed: self.seed(),
            trainings: self.trainings,
            dtype_policy: self.dtype_policy(),
            input_shape: match chain {
                true => self.built_for()?.dims().to_vec(),
                false => Vec::new(),
            },
            layers: saved,
            graph: match chain {
                true => None,
                false => Some(SavedGraph::of(&self.graph)),
            },
            weights: weights.into_iter().map(|(name, _)| name).collect(),
            compiled,
            history: self.history().cloned(),
            assets: self.assets.clone(),
        };
        write(&path, MODEL, &manifest, &tensors)?;
        Ok(path)
    }

    /// Loads a model that [`save`](Self::save) wrote, on the GPU if there is one.
    ///
    /// Names of layers are those of the saved model. Training goes on as if the model had
    /// never left the memory.
    ///
    /// # Errors
    /// When the file is damaged or of another kind, or its parts do not fit together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, Device::cuda_if_available())
    }

    /// [`load`](Self::load) on a chosen device.
    ///
    /// # Errors
    /// When the file is damaged or of another kind, or its parts do not fit together.
    pub fn load_on(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        let path = existing(path.as_ref());
        let (manifest, file) = open::<ModelManifest>(&path, MODEL)?;
        let loaded = Self::from_manifest(manifest, file, device);
        loaded.map_err(|error| unfit(&path, error, MODEL.advice))
    }

    fn from_manifest(manifest: ModelManifest, file: Opened, device: Device) -> Result<Self> {
        // The weights are made before they are filled: no more of them than the file holds.
        let mut room = 0_i64;
        for name in &manifest.weights {
            let name = format!("weights/{name}");
            let sizes = file.shape_of(&name).ok_or_else(|| missing(&name))?;
            room = room.saturating_add(sizes.iter().product());
        }
        let layers = manifest.layers.into_iter().map(|saved| {
            let layer = SharedLayer::named(&saved.name, saved.layer.into_layer(&saved.name)?);
            layer.set_trainable(saved.trainable)?;
            Ok(layer)
        });
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let mut model = match manifest.graph {
            Some(graph) => {
                let name = unique_name("Functional");
                let mut model = Self::empty(name, "Functional", device);
                model.set_seed(manifest.seed);
                model.set_room(Some(room));
                model.graph = graph.into_graph(&manifest.name, layers)?;
                model.build_all()?;
                model
            }
            None => {
                let mut chain = Sequential::on(device).seeded(manifest.seed);
                chain.set_room(Some(room));
                for layer in layers {
                    chain.add_shared(layer);
                }
                chain.build(Shape::from(manifest.input_shape))?;
                chain.into_model()
            }
        };
        model.set_name(manifest.name);
        model.trainings = manifest.trainings;
        model.set_dtype_policy(&manifest.dtype_policy.to_string())?;
        // All that the file says fits before its numbers are read.
        let sizes = model.weight_sizes()?;
        check_names(&sizes, &manifest.weights, |own, saved| own == saved)?;
        let mut expected = sizes_under("weights", sizes);
        if let Some(compiled) = &manifest.compiled {
            let slots = model.slot_sizes(&compiled.state.slots)?;
            expected.extend(sizes_under("optimizer", slots));
        }
        file.check_tensors(&expected)?;
        let mut tensors = file.read()?;
        model.set_weights(&take("weights", &manifest.weights, &mut tensors)?)?;
        if let Some(compiled) = manifest.compiled {
            let state = join_state(&compiled.state, &mut tensors)?;
            model.compile_with(compiled.into_compile(&model.output_names())?)?;
            model.set_optimizer_state(&state)?;
        }
        if manifest.history.as_ref().is_some_and(|h| !h.is_sound()) {
            return Err(Error::weights(
                "a history with a figure per epoch",
                "columns of other lengths",
                "save the model again",
            ));
        }
        model.set_history(manifest.history);
        model.assets = manifest.assets;
        model.set_room(None);
        Ok(model)
    }

    /// Saves the weights alone to a safetensors file, as [`save`](Self::save) does.
    ///
    /// # Errors
    /// When the model is not built or the file cannot be written.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = with_extension(path.as_ref())?;
        let weights = self.weights()?;
        let tensors = under("weights", &weights);
        let weights = weights.into_iter().map(|(name, _)| name).collect();
        write(&path, WEIGHTS, &WeightsManifest { weights }, &tensors)?;
        Ok(path)
    }

    /// Overwrites all weights with those that [`save_weights`](Self::save_weights) wrote.
    ///
    /// Number, shapes and names have to be those of this model; the numbers at the end of
    /// counted names, such as `dense_3`, do not matter. Nothing changes if something does not
    /// fit.
    ///
    /// # Errors
    /// When the file is damaged or of another kind, or a weight does not fit.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = existing(path.as_ref());
        let (manifest, file) = open::<WeightsManifest>(&path, WEIGHTS)?;
        let loaded = self.weight_sizes().and_then(|sizes| {
            let alike = |own: &str, saved: &str| uncounted(own) == uncounted(saved);
            check_names(&sizes, &manifest.weights, alike)?;
            let named = manifest.weights.iter().zip(sizes);
            let named = named.map(|(saved, (_, sizes))| (saved.clone(), sizes));
            file.check_tensors(&sizes_under("weights", named.collect()))?;
            self.set_weights(&take("weights", &manifest.weights, &mut file.read()?)?)
        });
        let advice = "pass the file of a model of the same architecture";
        loaded.map_err(|error| unfit(&path, error, advice))
    }
}

impl Sequential {
    /// Loads a chain of layers that [`save`](Model::save) wrote, on the GPU if there is one; see
    /// [`Model::load`].
    ///
    /// # Errors
    /// When the file is damaged or of another kind, its parts do not fit together, or its model
    /// has branches.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, Device::cuda_if_available())
    }

    /// [`load`](Self::load) on a chosen device.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_on(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::of(Model::load_on(path, device)?)
    }
}

impl SavedCompiled {
    /// The options of `compile`; the optimizer's state apart.
    fn into_compile(self, outputs: &[String]) -> Result<Compile> {
        let losses = self.loss.iter().chain(&self.more_losses);
        let losses = losses
            .map(registry::from_config)
            .collect::<Result<Vec<_>>>()?;
        let mut compile = Compile::new(self.optimizer.into_optimizer(), losses);
        if !self.loss_weights.is_empty() {
            compile = compile.loss_weights(self.loss_weights);
        }
        let mut of_outputs: Vec<Vec<MetricChoice>> = Vec::new();
        of_outputs.resize_with(outputs.len(), Vec::new);
        for metric in self.metrics {
            let (output, weighted, metric) = match metric {
                SavedMetric::Name(name) => (0, false, MetricChoice::Name(name)),
                SavedMetric::Metric(saved) => {
                    let metric = Metrics::from_configs(&[saved.metric])?.0.into_iter().next();
                    let metric = metric.ok_or_else(|| {
                        Error::weights("a metric", "none", "save the model again")
                    })?;
                    (saved.output, saved.weighted, metric)
                }
            };
            let place = of_outputs.get_mut(output).ok_or_else(|| {
                Error::weights(
                    format!("metrics of {} outputs", outputs.len()),
                    format!("one of output {output}"),
                    "save the model again",
                )
            })?;
            match weighted {
                true => compile = compile.weighted_metric_of(output, metric),
                false => place.push(metric),
            }
        }
        for (output, metrics) in outputs.iter().zip(of_outputs) {
            compile = compile.output_metrics(output, Metrics(metrics));
        }
        Ok(compile)
    }
}

/// The metrics with their options, as far as a file can keep them.
fn saved_metrics(path: &Path, outputs: &[OutputMetrics]) -> Result<Vec<SavedMetric>> {
    let mut saved = Vec::new();
    for (output, metrics) in outputs.iter().enumerate() {
        for (weighted, metrics) in [(false, &metrics.metrics), (true, &metrics.weighted)] {
            for (_, metric) in metrics {
                let config = metric.config();
                let metric = config.ok_or_else(|| cannot_keep(path, "metric", metric.name()))?;
                saved.push(SavedMetric::Metric(SavedMetricOf {
                    output,
                    weighted,
                    metric,
                }));
            }
        }
    }
    Ok(saved)
}

/// Names tensors as the file does.
pub(crate) fn under(group: &str, tensors: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    let tensors = tensors.iter();
    tensors
        .map(|(name, tensor)| (format!("{group}/{name}"), tensor.shallow_clone()))
        .collect()
}

/// The tensors of these names, in this order, out of those of a file.
pub(crate) fn take(
    group: &str,
    names: &[String],
    tensors: &mut BTreeMap<String, Tensor>,
) -> Result<Vec<(String, Tensor)>> {
    let names = names.iter();
    names
        .map(|name| match tensors.remove(&format!("{group}/{name}")) {
            Some(tensor) => Ok((name.clone(), tensor)),
            None => Err(missing(&format!("{group}/{name}"))),
        })
        .collect()
}

fn missing(name: &str) -> Error {
    Error::weights(format!("a tensor {name}"), "none", "save the model again")
}

/// Names and sizes as the file has them.
pub(crate) fn sizes_under(
    group: &str,
    sizes: Vec<(String, impl Into<Option<Vec<i64>>>)>,
) -> Vec<(String, Option<Vec<i64>>)> {
    let sizes = sizes.into_iter();
    sizes
        .map(|(name, sizes)| (format!("{group}/{name}"), sizes.into()))
        .collect()
}

pub(crate) fn split_state(state: &OptimizerState) -> (SavedOptimizerState, Vec<(String, Tensor)>) {
    let slots = state.slots.iter().map(|(name, _)| name.clone()).collect();
    let step = state.step;
    let tensors = under("optimizer", &state.slots);
    (SavedOptimizerState { step, slots }, tensors)
}

pub(crate) fn join_state(
    saved: &SavedOptimizerState,
    tensors: &mut BTreeMap<String, Tensor>,
) -> Result<OptimizerState> {
    if saved.step < 0 {
        return Err(Error::weights(
            "a number of steps",
            saved.step.to_string(),
            "save the model again",
        ));
    }
    Ok(OptimizerState {
        step: saved.step,
        slots: take("optimizer", &saved.slots, tensors)?,
    })
}

/// An error about what a file holds, with the file's name.
pub(crate) fn unfit(path: &Path, error: Error, advice: &str) -> Error {
    match error {
        told @ (Error::File { .. } | Error::Io { .. }) => told,
        error => Error::file(
            path,
            "parts that fit together and fit the model",
            format!("one that does not ({error})"),
            advice,
        ),
    }
}

fn cannot_keep(path: &Path, class: &str, name: &str) -> Error {
    Error::file(
        path,
        "a model whose parts can be told",
        format!("{class} {name}, which a file cannot describe"),
        "give it a config() and register it (register_layer, register_loss, register_metric), or \
         save the weights alone with save_weights",
    )
}

fn check_names(
    own: &[(String, Vec<i64>)],
    saved: &[String],
    alike: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    let mut pairs = own.iter().zip(saved);
    match own.len() == saved.len() && pairs.all(|((own, _), saved)| alike(own, saved)) {
        true => Ok(()),
        false => {
            let own: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
            Err(Error::weights(
                own.join(", "),
                saved.join(", "),
                "take them from a model of the same architecture",
            ))
        }
    }
}

/// `dense_3/kernel:0` becomes `dense/kernel:0`.
fn uncounted(name: &str) -> (&str, &str) {
    let (layer, weight) = name.rsplit_once('/').unwrap_or((name, ""));
    match layer.rsplit_once('_') {
        Some((base, number)) if number.parse::<u64>().is_ok() => (base, weight),
        _ => (layer, weight),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Activation::{Relu, Softmax};
    use crate::{
        Adam, Conv2D, Dense, Dropout, Fit, Flatten, L1L2, Loss, MaxPooling2D, Output,
        SparseCategoricalCrossentropy,
    };

    fn model() -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(1).named("net");
        model.add(
            Conv2D::new(2, (3, 2))
                .name("conv")
                .activation(Relu)
                .input_shape((5, 4, 1)),
        );
        model.add(MaxPooling2D::new(2).name("pool").strides(1));
        model.add(Flatten::new().name("flat"));
        model.add(Dropout::new(0.25).name("drop"));
        let dense = Dense::new(3).name("out").activation(Softmax);
        model.add(dense.kernel_regularizer(L1L2::new(0.01, 0.02)));
        let loss = SparseCategoricalCrossentropy::new().label_smoothing(0.1);
        model.compile(Adam::new().learning_rate(0.01), loss, ["accuracy"])?;
        let x = (Tensor::arange(120, (tch::Kind::Float, Device::Cpu)) * 0.7).sin();
        let y = Tensor::arange(6, (tch::Kind::Int64, Device::Cpu)).remainder(3);
        let options = Fit::new().epochs(2).batch_size(4).verbose(0);
        model.fit(&x.reshape([6, 5, 4, 1]), &y, &options)?;
        Ok(model)
    }

    /// Writes a sound file whose manifest and tensors were changed, and loads it.
    fn load_changed(
        change: impl FnOnce(&mut Value, &mut Vec<(String, Tensor)>),
    ) -> Result<Sequential> {
        reload(&model()?, change)
    }

    fn reload(
        model: &Sequential,
        change: impl FnOnce(&mut Value, &mut Vec<(String, Tensor)>),
    ) -> Result<Sequential> {
        let folder = tempfile::tempdir().unwrap();
        let path = model.save(folder.path().join("model"))?;
        let (mut manifest, file) = open::<Value>(&path, MODEL)?;
        let mut tensors: Vec<_> = file.read()?.into_iter().collect();
        change(&mut manifest, &mut tensors);
        write(&path, MODEL, &manifest, &tensors)?;
        Sequential::load_on(&path, Device::Cpu)
    }

    #[test]
    fn an_unchanged_manifest_gives_the_same_model() -> Result<()> {
        let model = model()?;
        let loaded = reload(&model, |_, _| {})?;
        assert_eq!(loaded.summary()?, model.summary()?);
        assert_eq!(loaded.weights()?, model.weights()?);
        assert_eq!(loaded.layer_configs(), model.layer_configs());
        let (state, expected) = (loaded.optimizer_state()?, model.optimizer_state()?);
        assert_eq!((state.step, state.slots), (expected.step, expected.slots));
        let losses = |model: &Sequential| model.history().unwrap().get("loss");
        assert_eq!(losses(&loaded), losses(&model));
        Ok(())
    }

    #[test]
    fn a_hostile_manifest_is_an_error_before_anything_large_is_made() -> Result<()> {
        let huge = 1_i64 << 62;
        let changes = [
            ("/layers/4/layer/config/units", json!(huge)),
            ("/layers/4/layer/config/units", json!(1_i64 << 40)),
            ("/layers/4/layer/config/units", json!(4)),
            ("/layers/4/layer/config/units", json!(-1)),
            ("/layers/4/layer/config/units", json!(3.5)),
            ("/layers/4/layer/config/units", Value::Null),
            ("/layers/4/layer/config/activation", json!("sotfmax")),
            ("/layers/4/layer/config/kernel_regularizer/l1", json!(-1)),
            ("/layers/4/layer/config/kernel_regularizer/l1", json!("NaN")),
            ("/layers/4/layer/class_name", json!("Lambda")),
            ("/layers/4/name", json!("conv")),
            ("/layers/4/name", json!("other")),
            ("/layers/0/layer/config/filters", json!(huge)),
            ("/layers/0/layer/config/kernel_size/height", json!(huge)),
            ("/layers/0/layer/config/kernel_size/height", json!(0)),
            ("/layers/0/layer/config/strides/width", json!(huge)),
            ("/layers/0/layer/config/strides/width", json!(0)),
            ("/layers/0/layer/config/padding", json!("same")),
            ("/layers/1/layer/config/pool_size/width", json!(i64::MIN)),
            ("/layers/1/layer/config/strides/width", json!(-1)),
            ("/layers/3/layer/config/rate", json!(1.0)),
            ("/input_shape", json!([huge, huge, huge])),
            ("/input_shape", json!([1_i64 << 40, 1 << 20, 1])),
            ("/input_shape", json!([-5, 4, 1])),
            ("/input_shape", json!([])),
            ("/input_shape", json!([5, 4])),
            ("/layers", json!([])),
            ("/weights", json!(["conv/kernel:0"])),
            ("/weights/0", json!("conv/missing:0")),
            ("/compiled/optimizer/config/learning_rate", json!(-1)),
            ("/compiled/optimizer/config/beta_1", json!(1.5)),
            ("/compiled/optimizer/class_name", json!("SGD")),
            ("/compiled/state/step", json!(-1)),
            ("/compiled/state/slots/0", json!("Adam/conv/kernel/v:0")),
            ("/compiled/loss/config/label_smoothing", json!(2)),
            ("/compiled/metrics", json!(["recoil"])),
            ("/history/columns/0/1", json!([0.5])),
            ("/history/columns/0/1/0", json!("many")),
            ("/seed", json!(-1)),
        ];
        for (pointer, value) in changes {
            let case = format!("{pointer} = {value}");
            let loaded = load_changed(|manifest, _| {
                *manifest.pointer_mut(pointer).expect(&case) = value;
            });
            let error = loaded.expect_err(&case).to_string();
            assert!(
                error.contains("model.safetensors: expected"),
                "{case}: {error}"
            );
        }
        Ok(())
    }

    #[test]
    fn tensors_that_do_not_fit_are_an_error() -> Result<()> {
        fn find<'a>(tensors: &'a mut [(String, Tensor)], part: &str) -> &'a mut Tensor {
            let found = tensors.iter_mut().find(|(name, _)| name.contains(part));
            &mut found.expect("a tensor").1
        }
        let float = (tch::Kind::Float, Device::Cpu);
        let errors = [
            load_changed(|_, tensors| {
                let tensor = find(tensors, "weights/out/kernel");
                *tensor = tensor.tr();
            }),
            load_changed(|_, tensors| *find(tensors, "conv/bias/m") = Tensor::zeros([9], float)),
            load_changed(|_, tensors| {
                tensors.push(("weights/more:0".to_owned(), Tensor::zeros([1], float)));
            }),
            load_changed(|_, tensors| {
                tensors.pop();
            }),
            load_changed(|manifest, _| {
                manifest["weights"].as_array_mut().unwrap().swap(1, 3);
            }),
            load_changed(|manifest, _| manifest["more"] = json!(1)),
        ];
        for (case, error) in errors.into_iter().enumerate() {
            assert!(
                matches!(error, Err(Error::File { .. })),
                "{case}: {error:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn manifests_nested_too_deep_are_an_error() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep.safetensors");
        let deep: Value = (0..100).fold(json!(0), |inner, _| json!([inner]));
        write(&path, MODEL, &deep, &[])?;
        let error = Sequential::load_on(&path, Device::Cpu).unwrap_err();
        assert!(
            error.to_string().contains("a manifest that does not fit"),
            "{error}"
        );
        // Deeper than serde_json itself could write down without help.
        let text = "[".repeat(1 << 20);
        let header = format!("{{\"__metadata__\":{{\"format\":{text}");
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        std::fs::write(&path, file).unwrap();
        let error = Sequential::load_on(&path, Device::Cpu).unwrap_err();
        assert!(
            error.to_string().contains("a header that is none"),
            "{error}"
        );
        Ok(())
    }

    /// A loss that only its user knows.
    #[derive(Debug)]
    struct Own;

    impl Loss for Own {
        fn name(&self) -> &str {
            "own"
        }

        fn per_example(&self, targets: &Tensor, _output: &Output) -> Result<Tensor> {
            Ok(targets.f_zeros_like()?)
        }
    }

    #[test]
    fn parts_that_a_file_cannot_describe_are_named() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let mut model = model()?;
        model.compile(Adam::new(), Own, [])?;
        let error = model
            .save(folder.path().join("model"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("loss own, which a file cannot describe"),
            "{error}"
        );
        assert!(model.save_weights(folder.path().join("weights")).is_ok());
        Ok(())
    }
}
