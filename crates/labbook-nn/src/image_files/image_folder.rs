use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tch::Tensor;

use super::aspect_ratio::AspectRatio;
use super::color_mode::ColorMode;
use super::form::Form;
use super::interpolation::ImageInterpolation;
use super::label_mode::LabelMode;
use super::listing::list;
use crate::data::guard::at;
use crate::random::Rng;
use crate::tensors::shape::Size2D;
use crate::{Batch, Batches, Dataset, Error, Order, RandomAccess, Result};

/// Images in files, with their classes, that are read while a training goes on.
///
/// [`image_dataset_from_directory`] and [`image_dataset_from_files`] make it. It gives single
/// examples until [`batch`](Dataset::batch): an image of `f32` numbers from 0 to 255, of shape
/// (height, width, channels), and its class. Only the images of a batch are in memory. They are
/// decoded by all of the process's threads, and with [`prefetch`](Dataset::prefetch) ahead of the
/// training.
///
/// JPEG, PNG, BMP, GIF (its first frame) and WebP of any size are turned as their EXIF says; 16
/// bits become 8. Nothing is shuffled unless [`shuffle`](Dataset::shuffle) says so.
///
/// ```no_run
/// use labbook_nn::{Dataset, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let photos = image_dataset_from_directory("photos", (180, 180))?;
/// println!("{:?}", photos.class_names());
/// let (train, validation) = photos.validation_split(0.2, 123)?;
/// let train = train.shuffle(10_000).batch(32).prefetch(2);
/// let validation = validation.batch(32).prefetch(2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ImageFolder {
    files: Arc<Vec<(PathBuf, i64)>>,
    class_names: Arc<Vec<String>>,
    form: Form,
    labels: LabelMode,
}

/// The images in the folders of `directory`, each of which is a class, made (height, width) in
/// size; as Keras's function of this name.
///
/// Classes and files are in the order of their names. Folders within a class belong to it; files
/// of other kinds and hidden ones are left alone.
///
/// ```
/// use labbook_nn::{Dataset, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// # let photos = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/folder");
/// let data = image_dataset_from_directory(photos, (12, 16))?;
/// assert_eq!(data.class_names(), ["cat", "dog"]);
/// let batch = data.batch(3).first()?;
/// assert_eq!(batch.inputs[0].size(), [3, 12, 16, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// For a size that is none, a directory without folders of images, and for what is called an image
/// but is a folder, a pipe or a device.
pub fn image_dataset_from_directory(
    directory: impl AsRef<Path>,
    image_size: impl Into<Size2D>,
) -> Result<ImageFolder> {
    let form = Form::new(image_size.into())?;
    let (files, class_names) = list(directory.as_ref())?;
    Ok(ImageFolder::new(files, class_names, form))
}

/// Images by their paths, with the name of each one's class, made (height, width) in size.
///
/// The classes are the names in their order. This is for lists in a file, such as two columns of a
/// table.
///
/// ```no_run
/// use labbook_nn::image_dataset_from_files;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (paths, kinds) = (["a.jpg", "b.jpg"], ["dog", "cat"]);
/// let data = image_dataset_from_files(paths, kinds, (180, 180))?;
/// assert_eq!(data.class_names(), ["cat", "dog"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// For a size that is none, no file at all, and as many names as files are not given. Whether the
/// files are there shows when they are read.
pub fn image_dataset_from_files<P: Into<PathBuf>, L: Into<String>>(
    files: impl IntoIterator<Item = P>,
    classes: impl IntoIterator<Item = L>,
    image_size: impl Into<Size2D>,
) -> Result<ImageFolder> {
    let form = Form::new(image_size.into())?;
    let files: Vec<PathBuf> = files.into_iter().map(Into::into).collect();
    let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
    if files.is_empty() || files.len() != classes.len() {
        return Err(Error::data(
            "classes",
            "at least one file, and a class's name for each",
            format!("{} files and {} names", files.len(), classes.len()),
            "take both from the same rows",
        ));
    }
    let names: BTreeSet<&String> = classes.iter().collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let labelled = files.into_iter().zip(&classes).map(|(file, class)| {
        let label = names.binary_search(class).unwrap_or_default();
        (file, label as i64)
    });
    let labelled = labelled.collect();
    Ok(ImageFolder::new(labelled, names, form))
}

impl ImageFolder {
    fn new(files: Vec<(PathBuf, i64)>, class_names: Vec<String>, form: Form) -> Self {
        Self {
            files: Arc::new(files),
            class_names: Arc::new(class_names),
            form,
            labels: LabelMode::default(),
        }
    }

    /// The classes' names, by number.
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        self.class_names.to_vec()
    }

    /// The files in the order of the examples.
    #[must_use]
    pub fn file_paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// The number of the class of each file.
    #[must_use]
    pub fn labels(&self) -> Vec<i64> {
        self.files.iter().map(|(_, label)| *label).collect()
    }

    /// Says what the targets are; whole numbers unless told.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn label_mode(mut self, mode: LabelMode) -> Self {
        self.labels = mode;
        self
    }

    /// Says which channels images have; red, green and blue unless told.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn color_mode(mut self, mode: ColorMode) -> Self {
        self.form.color = mode;
        self
    }

    /// Says how pixels of another size are computed; bilinear unless told.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn interpolation(mut self, interpolation: ImageInterpolation) -> Self {
        self.form.interpolation = interpolation;
        self
    }

    /// Says whether shrinking looks at all pixels, as Pillow does; the default is `false`, as in
    /// Keras. Slower, and smoother for photographs that are shrunk a lot.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn antialias(mut self, antialias: bool) -> Self {
        self.form.antialias = antialias;
        self
    }

    /// Says what becomes of images of other proportions; they are stretched unless told.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn aspect_ratio(mut self, aspect_ratio: AspectRatio) -> Self {
        self.form.aspect_ratio = aspect_ratio;
        self
    }

    /// Refuses images of more pixels than this; 89,478,485 unless told, of which Pillow warns.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_pixels(mut self, pixels: u64) -> Self {
        self.form.max_pixels = pixels;
        self
    }

    /// A part to train on and one to validate on, with `share` of the files drawn from `seed`.
    ///
    /// # Errors
    /// For a share that leaves a part empty.
    pub fn validation_split(self, share: f64, seed: u64) -> Result<(Self, Self)> {
        let count = self.files.len();
        let validation = (share.clamp(0.0, 1.0) * count as f64) as usize;
        if validation == 0 || validation >= count {
            return Err(Error::option(
                "validation_split",
                format!("a share of {count} files that leaves both parts some"),
                share,
                "0.2 is a fifth of the files",
            ));
        }
        let order = Rng::new(seed, 0).permutation(count as i64);
        let file = |&number: &i64| self.files.get(number as usize).cloned();
        let mut files: Vec<(PathBuf, i64)> = order.iter().filter_map(file).collect();
        let train = files.split_off(validation);
        let part = |files: Vec<(PathBuf, i64)>| Self {
            files: Arc::new(files),
            ..self.clone()
        };
        Ok((part(train), part(files)))
    }

    /// Reads every file once and leaves out those that cannot be decoded, with the reasons, each
    /// of which names its file. Without this a damaged file ends the epoch with its error.
    ///
    /// # Errors
    /// When none is left.
    pub fn skip_damaged(self) -> Result<(Self, Vec<Error>)> {
        let count = self.form.count();
        let read: Vec<Result<()>> = self
            .files
            .par_iter()
            .map_init(
                || vec![0.0; count],
                |numbers, (path, _)| self.form.read(path, numbers),
            )
            .collect();
        let kept = self
            .files
            .iter()
            .zip(&read)
            .filter(|(_, read)| read.is_ok());
        let files: Vec<(PathBuf, i64)> = kept.map(|(file, _)| file.clone()).collect();
        let damaged: Vec<Error> = read.into_iter().filter_map(Result::err).collect();
        match (files.is_empty(), damaged.first()) {
            (true, Some(first)) => Err(first.clone()),
            _ => Ok((
                Self {
                    files: Arc::new(files),
                    ..self
                },
                damaged,
            )),
        }
    }

    /// One image of any file as a batch of one, made what the others are: `f32`, of shape
    /// (1, height, width, channels).
    ///
    /// # Errors
    /// For what is no image, or one that is damaged or too large.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Tensor> {
        let mut numbers = vec![0.0; self.form.count()];
        self.form.read(path.as_ref(), &mut numbers)?;
        let [height, width, channels] = self.form.shape();
        Ok(Tensor::f_from_slice(&numbers)?.f_reshape([1, height, width, channels])?)
    }

    /// The images of these numbers and their classes.
    fn batch_of(&self, numbers: &[i64]) -> Result<Batch> {
        let file = |&number: &i64| {
            let place = usize::try_from(number).ok();
            place
                .and_then(|place| self.files.get(place))
                .ok_or_else(|| {
                    let expected = format!("numbers of {} files", self.files.len());
                    Error::data("example", expected, number.to_string(), "ask for those")
                })
        };
        let files: Vec<&(PathBuf, i64)> = numbers.iter().map(file).collect::<Result<_>>()?;
        let mut values = vec![0.0; numbers.len() * self.form.count()];
        let images = values.par_chunks_exact_mut(self.form.count());
        images
            .zip(&files)
            .zip(numbers)
            .try_for_each(|((image, (path, _)), number)| {
                let read = self.form.read(path, image);
                read.map_err(|cause| at("source", number.unsigned_abs(), cause))
            })?;
        let [height, width, channels] = self.form.shape();
        let shape = [numbers.len() as i64, height, width, channels];
        let labels: Vec<i64> = files.iter().map(|(_, label)| *label).collect();
        Ok(Batch {
            inputs: vec![Tensor::f_from_slice(&values)?.f_reshape(shape)?],
            targets: self.labels.targets(&labels, self.class_names.len())?,
            sample_weight: None,
        })
    }
}

impl Dataset for ImageFolder {
    fn len(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn is_batched(&self) -> bool {
        false
    }

    fn epoch(&self, _seed: u64) -> Result<Batches> {
        Ok(self.in_order().examples())
    }

    fn order(&self, _seed: u64) -> Result<Option<Order>> {
        Ok(Some(self.in_order()))
    }

    fn describe(&self) -> String {
        let (files, classes) = (self.files.len(), self.class_names.len());
        format!("ImageFolder of {files} files in {classes} classes")
    }
}

impl ImageFolder {
    fn in_order(&self) -> Order {
        Order::new((0..self.files.len() as i64).map(Ok), self.clone())
    }
}

impl RandomAccess for ImageFolder {
    fn example(&mut self, number: i64) -> Result<Batch> {
        let batch = self.batch_of(&[number])?;
        batch.each(|tensor| Ok(tensor.f_squeeze_dim(0)?))
    }

    fn batch(&mut self, numbers: &[i64]) -> Result<Batch> {
        self.batch_of(numbers)
    }
}

impl fmt::Debug for ImageFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}
