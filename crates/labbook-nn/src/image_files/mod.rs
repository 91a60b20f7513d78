//! Images in files: folders of them for training, and single ones.

mod aspect_ratio;
mod color_mode;
mod decode;
mod form;
mod image_folder;
mod interpolation;
mod jpeg_end;
mod label_mode;
mod listing;
mod load_img;
mod resample;
mod save_img;

pub use aspect_ratio::AspectRatio;
pub use color_mode::ColorMode;
pub use image_folder::{ImageFolder, image_dataset_from_directory, image_dataset_from_files};
pub use interpolation::ImageInterpolation;
pub use label_mode::LabelMode;
pub use load_img::load_img;
pub use save_img::save_img;
