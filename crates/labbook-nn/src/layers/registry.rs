use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;

/// A layer whose options, besides its name, are one value, which a file keeps.
pub(crate) trait Registered: Layer + Sized + 'static {
    type Settings: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned;

    /// The layer with these options, not built yet.
    fn of(settings: Self::Settings) -> Self;
}

/// Joins a layer's options to it; further fields follow with what they are at first.
macro_rules! registered {
    ($layer:ident $(, $field:ident: $value:expr)*) => {
        impl $crate::layers::registry::Registered for $layer {
            type Settings = Settings;

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
    Cropping1D,
    Cropping2D,
    DepthwiseConv2D,
    Discretization,
    ELU,
    Embedding,
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
    ReLU,
    RepeatVector,
    Reshape,
    Resizing,
    SeparableConv2D,
    SimpleRNN,
    SinePositionEncoding,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    TimeDistributed,
    TransformerDecoder,
    TransformerEncoder,
    UnitNormalization,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
];
