//! Networks that others have trained, to be trained further: `keras.applications`.
//!
//! Each network is as its publisher built it, since weights fit nothing else, and takes its weights
//! from a file that a person has.
//!
//! ```
//! use labbook_nn::applications::MobileNetV3Small;
//! use labbook_nn::{Dense, Input, Model};
//!
//! # fn main() -> labbook_nn::Result<()> {
//! let mobile = MobileNetV3Small::new().include_top(false).pooling("avg").input_shape((32, 32, 3));
//! // .weights("mobilenet_v3_small.safetensors")
//! let mut base = mobile.build()?;
//! base.set_trainable(false)?;
//!
//! let photographs = Input::new((32, 32, 3));
//! let outputs = Dense::new(5).call(&base.call(&photographs));
//! let model = Model::new(&photographs, &outputs)?;
//! assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5)");
//! # Ok(())
//! # }
//! ```

mod application;
mod blocks;
mod efficientnet;
mod global_pooling;
mod inverted_residual;
mod mobilenet_v2;
mod mobilenet_v3;
mod network;
mod publisher;
mod resnet;
mod vgg;
mod weight_file;

pub use application::Application;
pub use efficientnet::EfficientNetB0;
pub use global_pooling::{GlobalPooling, PoolingChoice};
pub use mobilenet_v2::MobileNetV2;
pub use mobilenet_v3::MobileNetV3Small;
pub use publisher::Publisher;
pub use resnet::{ResNet18, ResNet50};
pub use vgg::VGG16;
