use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::random::Rng;
use crate::{BuildContext, Result, Shape};

/// A layer whose options, besides its name, are one value, which a file keeps.
pub(crate) trait Registered: Layer + Sized + 'static {
    type Settings: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned;

    /// Whether it is nothing but its options, so that it serves inputs of any shape that they fit.
    const IS_PLAIN: bool;

    /// The layer with these options, not built yet.
    fn of(settings: Self::Settings) -> Self;
}

/// The output of a layer that is nothing but its options, for inputs of other shapes than those it
/// was built for.
pub(crate) fn output_shape<L: Registered>(
    settings: &L::Settings,
    inputs: &[Shape],
    context: &BuildContext<'_>,
) -> Result<Option<Shape>> {
    if !L::IS_PLAIN {
        return Ok(None);
    }
    let mut context = BuildContext {
        name: context.name,
        class_name: context.class_name,
        rng: &mut Rng::new(0, 0),
        device: context.device,
        room: &mut None,
    };
    let mut layer = L::of(settings.clone());
    layer.build_many(inputs, &mut context).map(Some)
}

/// Joins a layer's options to it; further fields follow with what they are at first.
macro_rules! registered {
    ($layer:ident $(, $field:ident: $value:expr)*) => {
        impl $crate::layers::registry::Registered for $layer {
            type Settings = Settings;

            const IS_PLAIN: bool = {
                let fields: &[&str] = &[$(stringify!($field)),*];
                fields.is_empty()
            };

            fn of(settings: Settings) -> Self {
                Self {
                    settings,
                    options: $crate::LayerOptions::default(),
                    $($field: $value,)*
                }
            }
        }
    };
}
pub(super) use registered;

/// What every registered layer answers in the same way. Examples do not influence each other in it.
macro_rules! layer_facts {
    ($layer:ident) => {
        $crate::layers::registry::layer_facts!($layer, whole_batch_or_not);

        fn needs_whole_batch(&self) -> bool {
            false
        }
    };
    // For a layer that says itself whether it needs the whole batch.
    ($layer:ident, whole_batch_or_not) => {
        $crate::layers::registry::layer_facts!($layer, names);

        fn compute_output_shape(
            &self,
            inputs: &[$crate::Shape],
            context: &$crate::BuildContext<'_>,
        ) -> $crate::Result<Option<$crate::Shape>> {
            $crate::layers::registry::output_shape::<Self>(&self.settings, inputs, context)
        }
    };
    // For a layer that tells its output for other inputs itself, too.
    ($layer:ident, names) => {
        fn class_name(&self) -> &'static str {
            stringify!($layer)
        }

        fn options(&self) -> &$crate::LayerOptions {
            &self.options
        }

        fn config(&self) -> Option<$crate::LayerConfig> {
            let settings = self.settings.clone();
            let registered = $crate::layers::registry::Registry::$layer(settings);
            Some($crate::LayerConfig($crate::layers::ConfigKind::Registered(
                registered,
            )))
        }
    };
}
pub(super) use layer_facts;

macro_rules! registry {
    ($($layer:ident),+ $(,)?) => {
        /// The options of registered layers by the layers' names in Keras.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "class_name", content = "config", deny_unknown_fields)]
        #[expect(clippy::upper_case_acronyms, reason = "Keras's names")]
        pub(crate) enum Registry {
            $($layer(<$layer as Registered>::Settings),)+
        }

        impl Registry {
            pub(crate) const NAMES: &[&str] = &[$(stringify!($layer)),+];

            /// The layer that has these options and this name.
            pub(crate) fn into_layer(self, name: &str) -> Box<dyn Layer> {
                match self {
                    $(Self::$layer(settings) => Box::new($layer::of(settings).name(name)),)+
                }
            }
        }
    };
}

// One line for each layer.
registry![
    ActivityRegularization,
    AdditiveAttention,
    AlphaDropout,
    Attention,
    AveragePooling1D,
    AveragePooling3D,
    Bidirectional,
    CategoryEncoding,
    CenterCrop,
    Conv1D,
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3D,
    ConvLSTM1D,
    Cropping1D,
    Cropping2D,
    DepthwiseConv2D,
    Discretization,
    ELU,
    Embedding,
    FeatureSlice,
    GRU,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling3D,
    GroupNormalization,
    IntegerLookup,
    LSTM,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    MaxPooling3D,
    MultiHeadAttention,
    PReLU,
    Permute,
    PositionEmbedding,
    RandomBrightness,
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    RNN,
    ReLU,
    RecurrentPart,
    RepeatVector,
    Reshape,
    Resizing,
    SeparableConv2D,
    SimpleRNN,
    SinePositionEncoding,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    StochasticDepth,
    TimeDistributed,
    TransformerDecoder,
    TransformerEncoder,
    UnitNormalization,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Concatenate, Dense, Flatten, Input, Model};

    #[test]
    fn a_layer_without_weights_serves_inputs_of_other_shapes() -> Result<()> {
        let (small, large) = (Input::new((8, 8, 3)), Input::new((12, 10, 3)));
        let doubled = UpSampling2D::new(2).shared();
        let cut = Cropping2D::new(1).shared();
        let both = [&small, &large].map(|image| {
            let image = cut.call(&doubled.call(image));
            Flatten::new().call(&image)
        });
        let joined = Concatenate::new().call(&both);
        let model = Model::new([&small, &large], &Dense::new(1).call(&joined))?;
        let weights = 14 * 14 * 3 + 22 * 18 * 3 + 1;
        assert_eq!(model.count_params()?, weights);
        let tiny = Input::new((1, 1, 3));
        let wrong = Cropping2D::new(1).shared();
        let _ = Model::new(&small, &wrong.call(&small))?;
        assert!(Model::new(&tiny, &wrong.call(&tiny)).is_err());
        Ok(())
    }
}
