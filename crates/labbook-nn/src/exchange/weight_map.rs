use std::collections::HashSet;
use std::fmt;

use tch::Tensor;

use super::orders::held_inputs;
use super::pytorch;
use super::weight_layout::WeightLayout;
use crate::tensors::shape::tuple;
use crate::{Error, Model, Result};

/// One change on the way from a weight of Keras's shape to that of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The first axis in another order: that of a flattened image.
    Reorder(Vec<i64>),
    Permute(Vec<i64>),
    Reshape {
        from: Vec<i64>,
        to: Vec<i64>,
    },
}

impl Step {
    fn shape(&self, shape: &[i64]) -> Vec<i64> {
        match self {
            Self::Reorder(_) => shape.to_vec(),
            Self::Permute(axes) => axes.iter().map(|&axis| shape[axis as usize]).collect(),
            Self::Reshape { to, .. } => to.clone(),
        }
    }

    fn apply(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Reorder(order) => tensor.f_index_select(0, &index(order, tensor))?,
            Self::Permute(axes) => tensor.f_permute(axes)?,
            Self::Reshape { to, .. } => tensor.f_reshape(to)?,
        })
    }

    fn undo(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Reorder(order) => tensor.f_index_select(0, &index(&inverse(order), tensor))?,
            Self::Permute(axes) => tensor.f_permute(inverse(axes))?,
            Self::Reshape { from, .. } => tensor.f_reshape(from)?,
        })
    }
}

fn index(order: &[i64], like: &Tensor) -> Tensor {
    Tensor::from_slice(order).to_device(like.device())
}

fn inverse(order: &[i64]) -> Vec<i64> {
    let mut inverse = vec![0; order.len()];
    for (place, &from) in order.iter().enumerate() {
        inverse[from as usize] = place as i64;
    }
    inverse
}

/// Where one weight of a model stands in a file of another library.
///
/// ```
/// use labbook_nn::{Conv2D, Sequential, WeightLayout};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv2D::new(8, 3).name("stem").input_shape((9, 9, 1)));
/// let map = model.weight_map(WeightLayout::PyTorch)?;
/// let row = &map.rows()[0];
/// assert_eq!(row.change, "axes (3, 2, 0, 1)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightMapRow {
    /// The weight's name here, as [`Model::weights`] gives it: `stem/kernel:0`.
    pub weight: String,
    /// Its shape here, which is Keras's.
    pub weight_shape: Vec<i64>,
    /// Its name in the file.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<i64>,
    /// What is done to it on the way to the file, in words; empty for nothing.
    pub change: String,
    pub(super) layer: String,
    pub(super) part: String,
    pub(super) steps: Vec<Step>,
}

impl WeightMapRow {
    /// The layer's name here.
    fn own(&self) -> &str {
        self.weight.rsplit_once('/').map_or("", |(layer, _)| layer)
    }

    pub(super) fn to_file(&self, weight: &Tensor) -> Result<Tensor> {
        let mut tensor = weight.shallow_clone();
        for step in &self.steps {
            tensor = step.apply(&tensor)?;
        }
        Ok(tensor)
    }

    pub(super) fn as_here(&self, tensor: &Tensor) -> Result<Tensor> {
        let mut tensor = tensor.shallow_clone();
        for step in self.steps.iter().rev() {
            tensor = step.undo(&tensor)?;
        }
        Ok(tensor)
    }
}

/// Which weight of a model is which tensor of a file, and in what shape.
///
/// [`Model::weight_map`] makes it. It prints as a table, and other names can be put into it
/// before [`export_weights`](Model::export_weights) or
/// [`import_weights`](Model::import_weights) take it.
///
/// ```
/// use labbook_nn::Activation::Relu;
/// use labbook_nn::{Dense, Sequential, WeightLayout};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(8).activation(Relu).input_shape(4));
/// model.add(Dense::new(3));
/// // torch.nn.Sequential(Linear(4, 8), ReLU(), Linear(8, 3)) counts its parts.
/// let map = model.weight_map(WeightLayout::PyTorch)?.layers(["0", "2"])?;
/// assert_eq!(map.rows()[2].name, "2.weight");
/// println!("{map}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WeightMap {
    layout: WeightLayout,
    pub(super) rows: Vec<WeightMapRow>,
    constants: Vec<Constant>,
    prefix: String,
}

/// A tensor that the other library has and that is no weight.
#[derive(Debug)]
struct Constant {
    /// The layer's name here.
    own: String,
    layer: String,
    part: String,
    value: Tensor,
}

impl Clone for Constant {
    fn clone(&self) -> Self {
        Self {
            own: self.own.clone(),
            layer: self.layer.clone(),
            part: self.part.clone(),
            value: self.value.shallow_clone(),
        }
    }
}

impl Model {
    /// The names and shapes that the weights of this model have in another library.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn weight_map(&self, layout: WeightLayout) -> Result<WeightMap> {
        self.built()?;
        let separator = layout.separator().to_string();
        let held = held_inputs(self);
        let mut map = WeightMap {
            layout,
            rows: Vec::new(),
            constants: Vec::new(),
            prefix: String::new(),
        };
        for (index, node) in self.graph.layers() {
            let own = node.full_name();
            let layer = own.replace('/', &separator);
            let mut names = Vec::new();
            for parameter in node.layer.parameters() {
                let shape = parameter.keras_view(&parameter.value)?.size();
                let (part, steps) = match layout {
                    WeightLayout::Keras => (parameter.name.clone(), Vec::new()),
                    WeightLayout::PyTorch => {
                        pytorch::form(&node.layer, &parameter.name, &shape, &held[index])
                    }
                };
                let in_file = steps
                    .iter()
                    .fold(shape.clone(), |shape, step| step.shape(&shape));
                map.rows.push(WeightMapRow {
                    weight: format!("{own}/{}:0", parameter.name),
                    name: String::new(),
                    shape: in_file,
                    change: change(&steps),
                    weight_shape: shape,
                    layer: layer.clone(),
                    part,
                    steps,
                });
                names.push(parameter.name);
            }
            if layout == WeightLayout::PyTorch {
                let constants = pytorch::constants(&node.layer, &names).into_iter();
                map.constants
                    .extend(constants.map(|(part, value)| Constant {
                        own: own.clone(),
                        layer: layer.clone(),
                        part,
                        value,
                    }));
            }
        }
        map.name_all()?;
        Ok(map)
    }
}

impl WeightMap {
    /// The library whose names and shapes these are.
    #[must_use]
    pub fn layout(&self) -> WeightLayout {
        self.layout
    }

    /// One row for each weight, in the order of [`Model::weights`].
    #[must_use]
    pub fn rows(&self) -> &[WeightMapRow] {
        &self.rows
    }

    /// Calls a layer, or a single weight, otherwise in the file.
    ///
    /// `rename("conv2d", "features.0")` names all weights of a layer, and
    /// `rename("conv2d/kernel:0", "features.0.weight")` one.
    ///
    /// # Errors
    /// When the model has no such layer or weight, or two weights have one name then.
    pub fn rename(mut self, layer_or_weight: &str, name: &str) -> Result<Self> {
        let separator = self.layout.separator();
        if let Some(row) = self
            .rows
            .iter_mut()
            .find(|row| row.weight == layer_or_weight)
        {
            let (layer, part) = name.rsplit_once(separator).unwrap_or(("", name));
            (row.layer, row.part) = (layer.to_owned(), part.to_owned());
            return self.named();
        }
        let known = self.own_layers();
        if !known.iter().any(|own| own == layer_or_weight) {
            return Err(Error::UnknownLayer {
                name: layer_or_weight.to_owned(),
                known: known.join(", "),
            });
        }
        self.name_layers(|own| (own == layer_or_weight).then(|| name.to_owned()));
        self.named()
    }

    /// Names all layers that have weights, in their order; as for `torch.nn.Sequential`, which
    /// counts its parts.
    ///
    /// # Errors
    /// When there are more or fewer names than such layers, or two are alike.
    pub fn layers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let known = self.own_layers();
        if names.len() != known.len() {
            return Err(Error::weights(
                format!("{} names, for {}", known.len(), known.join(", ")),
                format!("{} names", names.len()),
                "name the layers that have weights, and no others",
            ));
        }
        self.name_layers(|own| {
            let place = known.iter().position(|other| other == own);
            place.and_then(|place| names.get(place)).cloned()
        });
        self.named()
    }

    /// Puts a text before all names, such as `module.` of PyTorch's `DataParallel`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        for row in &mut self.rows {
            row.name = full_name(self.layout, &self.prefix, &row.layer, &row.part);
        }
        self
    }

    /// Tensors that the file has besides the weights, with their names there.
    pub(super) fn constants(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.constants.iter().map(|constant| {
            let Constant {
                layer, part, value, ..
            } = constant;
            (full_name(self.layout, &self.prefix, layer, part), value)
        })
    }

    fn named(mut self) -> Result<Self> {
        self.name_all()?;
        Ok(self)
    }

    fn name_all(&mut self) -> Result<()> {
        let mut known = HashSet::new();
        for row in &mut self.rows {
            row.name = full_name(self.layout, &self.prefix, &row.layer, &row.part);
            if !known.insert(row.name.clone()) {
                return Err(Error::weights(
                    "names in the file that differ",
                    format!("{} twice", row.name),
                    "rename one of the two",
                ));
            }
        }
        Ok(())
    }

    /// The names here of the layers with weights.
    fn own_layers(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in &self.rows {
            if names.last().map(String::as_str) != Some(row.own()) {
                names.push(row.own().to_owned());
            }
        }
        names
    }

    /// Gives layers another name in the file, where there is one for the name here.
    fn name_layers(&mut self, name: impl Fn(&str) -> Option<String>) {
        for row in &mut self.rows {
            if let Some(name) = name(row.own()) {
                row.layer = name;
            }
        }
        for constant in &mut self.constants {
            if let Some(name) = name(&constant.own) {
                constant.layer = name;
            }
        }
    }
}

fn full_name(layout: WeightLayout, prefix: &str, layer: &str, part: &str) -> String {
    match layer {
        "" => format!("{prefix}{part}"),
        _ => format!("{prefix}{layer}{}{part}", layout.separator()),
    }
}

fn change(steps: &[Step]) -> String {
    let words = steps.iter().map(|step| match step {
        Step::Reorder(_) => "rows of a flattened image, channels first".to_owned(),
        Step::Permute(axes) => format!("axes {}", tuple(axes)),
        Step::Reshape { to, .. } => format!("shape {}", tuple(to)),
    });
    words.collect::<Vec<_>>().join(", then ")
}

impl fmt::Display for WeightMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "weight",
            "shape",
            &self.layout.to_string(),
            "shape",
            "change",
        ]
        .map(str::to_owned);
        let mut lines = vec![header];
        lines.extend(self.rows.iter().map(|row| {
            [
                row.weight.clone(),
                tuple(&row.weight_shape),
                row.name.clone(),
                tuple(&row.shape),
                row.change.clone(),
            ]
        }));
        let mut widths = [0; 5];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let cells = line.iter().zip(widths);
            let text: String = cells
                .map(|(cell, width)| format!("{cell:<width$}  "))
                .collect();
            f.write_str(text.trim_end())?;
        }
        Ok(())
    }
}

/// The names that weights have in a file: those of a library, or a map with names of one's own.
///
/// ```
/// use labbook_nn::{WeightLayout, WeightNames};
///
/// let names = WeightNames::from(WeightLayout::PyTorch);
/// assert!(matches!(names, WeightNames::Layout(WeightLayout::PyTorch)));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WeightNames {
    /// Those that the library gives, with the names of the layers here.
    Layout(WeightLayout),
    /// Those of a map.
    Map(WeightMap),
}

impl WeightNames {
    /// The map, which has to be one of this model.
    pub(super) fn of(self, model: &Model) -> Result<WeightMap> {
        let map = match self {
            Self::Layout(layout) => return model.weight_map(layout),
            Self::Map(map) => map,
        };
        let sizes = model.weight_sizes()?;
        let rows = map.rows.iter();
        let same = rows.map(|row| (&row.weight, &row.weight_shape));
        match same.eq(sizes.iter().map(|(name, shape)| (name, shape))) {
            true => Ok(map),
            false => Err(Error::weights(
                format!("a map of the {} weights of {}", sizes.len(), model.name()),
                "a map of another model, or of this one before it was changed",
                "make it with model.weight_map(..)",
            )),
        }
    }
}

impl From<WeightLayout> for WeightNames {
    fn from(layout: WeightLayout) -> Self {
        Self::Layout(layout)
    }
}

impl From<WeightMap> for WeightNames {
    fn from(map: WeightMap) -> Self {
        Self::Map(map)
    }
}

impl From<&WeightMap> for WeightNames {
    fn from(map: &WeightMap) -> Self {
        Self::Map(map.clone())
    }
}
