use super::model::Model;
use crate::{Error, Result};

/// A layer of a model: its name, its number counted from 0, or counted from the end, -1 being the
/// last one.
///
/// ```
/// use labbook_nn::{Dense, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(8).input_shape(4));
/// model.add(Dense::new(8).name("middle"));
/// model.add(Dense::new(1));
/// model.unfreeze_from("middle")?;
/// model.unfreeze_from(1)?;
/// model.unfreeze_from(-2)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlace(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Name(String),
    Number(i64),
}

impl From<&str> for LayerPlace {
    fn from(name: &str) -> Self {
        Self(Place::Name(name.to_owned()))
    }
}

impl From<String> for LayerPlace {
    fn from(name: String) -> Self {
        Self(Place::Name(name))
    }
}

impl From<i64> for LayerPlace {
    fn from(number: i64) -> Self {
        Self(Place::Number(number))
    }
}

impl From<i32> for LayerPlace {
    fn from(number: i32) -> Self {
        Self(Place::Number(number.into()))
    }
}

impl From<usize> for LayerPlace {
    fn from(number: usize) -> Self {
        Self(Place::Number(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl Model {
    /// Says whether training changes the weights of all layers of this model, in whichever
    /// models they are.
    ///
    /// Compile again afterwards, as in Keras: an optimizer keeps what it remembers for the
    /// weights that it began with.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn set_trainable(&mut self, trainable: bool) -> Result<()> {
        for node in &self.graph.nodes {
            node.layer.set_trainable(trainable)?;
        }
        Ok(())
    }

    /// Says whether training changes the weights of one layer; see
    /// [`set_trainable`](Self::set_trainable).
    ///
    /// # Errors
    /// When no layer has this name.
    pub fn set_layer_trainable(&mut self, name: &str, trainable: bool) -> Result<()> {
        let index = self.node_of(name)?;
        self.graph.nodes[index].layer.set_trainable(trainable)
    }

    /// Trains the layers from this one on and leaves all before as they are: the upper part of a
    /// network that others trained.
    ///
    /// Layers count in the order of [`summary`](Self::summary), inputs left out; those of models
    /// within this one one by one. Batch normalizations learn, too, unless
    /// [`freeze_batch_normalization`](Self::freeze_batch_normalization) follows. Compile again
    /// afterwards.
    ///
    /// ```
    /// use labbook_nn::applications::ResNet18;
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let resnet = ResNet18::new().include_top(false).input_shape((32, 32, 3));
    /// let mut base = resnet.build()?;
    /// base.unfreeze_from("layer4.0.conv1")?;
    /// base.freeze_batch_normalization()?;
    /// let trained = base.trainable_weights()?;
    /// assert_eq!(trained[0], "layer4.0.conv1/kernel:0");
    /// assert_eq!(trained.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn unfreeze_from(&mut self, layer: impl Into<LayerPlace>) -> Result<()> {
        let first = self.place_of(&layer.into())?;
        // A layer that is called again later learns.
        for (index, node) in self.graph.nodes.iter().enumerate() {
            node.layer.set_trainable(index >= first)?;
        }
        Ok(())
    }

    /// Leaves all batch normalizations as they are: their scales, shifts and statistics, by which
    /// they normalize in training, too.
    ///
    /// Small batches of a new kind would otherwise undo what a network learned.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn freeze_batch_normalization(&mut self) -> Result<()> {
        for node in &self.graph.nodes {
            if node.layer.class_name() == "BatchNormalization" {
                node.layer.set_trainable(false)?;
            }
        }
        Ok(())
    }

    /// The full names of the weights that training changes.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn trainable_weights(&self) -> Result<Vec<String>> {
        self.built()?;
        let parameters = self.parameters().into_iter();
        let trained = parameters.filter(|(_, parameter)| parameter.trainable);
        Ok(trained.map(|(name, _)| name).collect())
    }

    /// The full names of the layers from a place on.
    pub(crate) fn names_from(&self, layer: &LayerPlace) -> Result<Vec<String>> {
        let first = self.place_of(layer)?;
        let nodes = self.graph.nodes[first..].iter();
        Ok(nodes.map(|node| node.full_name()).collect())
    }

    fn place_of(&self, layer: &LayerPlace) -> Result<usize> {
        let count = self.graph.nodes.len();
        match &layer.0 {
            Place::Name(name) => self.node_of(name),
            Place::Number(number) => {
                let from_end = if *number < 0 { count as i64 } else { 0 };
                let place = usize::try_from(number.saturating_add(from_end));
                let place = place.ok().filter(|place| *place < count);
                place.ok_or_else(|| {
                    Error::option(
                        "layer",
                        format!("a name, or a number from -{count} to {}", count as i64 - 1),
                        number,
                        "see model.summary() for the layers",
                    )
                })
            }
        }
    }
}
