//! Random changes of images, several views of one, what a prediction looks at.

mod augmentation;
pub(crate) mod augmenter;
mod saliency;
mod test_time_augmentation;

pub use augmentation::Augmentation;
pub use saliency::Explanation;
pub use test_time_augmentation::TestTimeAugmentation;
