use std::path::PathBuf;
use std::sync::OnceLock;

use tch::{Device, Tensor};

use super::blocks::Parts;
use super::global_pooling::{GlobalPooling, PoolingChoice};
use super::network::{Head, Network};
use super::publisher::Publisher;
use super::vgg;
use super::weight_file::WeightFile;
use crate::tensors::shape::tuple;
use crate::{Activation, Error, Input, Model, Result, Shape};

/// The smallest side of images that every network has pixels left of.
const SMALLEST: i64 = 32;
/// ImageNet's.
const CLASSES: i64 = 1000;

/// A known network, to be built: the options of the functions of `keras.applications`.
///
/// ```
/// use labbook_nn::applications::{Publisher, ResNet18};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let resnet = ResNet18::new().input_shape((64, 64, 3)).classes(5);
/// let model = resnet.publisher(Publisher::Torchvision).build()?;
/// assert_eq!(model.name(), "resnet18");
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Application {
    network: Network,
    publisher: Option<Publisher>,
    /// Whose network it is, once that is known: a file may be large.
    found: OnceLock<Publisher>,
    include_top: bool,
    input_shape: Shape,
    pooling: Option<GlobalPooling>,
    classes: Option<i64>,
    classifier_activation: Activation,
    weights: Option<PathBuf>,
    device: Device,
    problem: Option<Error>,
}

impl Application {
    pub(super) fn of(network: Network) -> Self {
        Self {
            network,
            publisher: None,
            found: OnceLock::new(),
            include_top: true,
            input_shape: Shape::from((224, 224, 3)),
            pooling: None,
            classes: None,
            classifier_activation: Activation::Softmax,
            weights: None,
            device: Device::cuda_if_available(),
            problem: None,
        }
    }

    /// Says whether the layers that tell ImageNet's classes are there; the default is `true`.
    ///
    /// Without them the network gives images of many channels, for layers of one's own.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn include_top(mut self, include_top: bool) -> Self {
        self.include_top = include_top;
        self
    }

    /// Sets the shape of an image, (height, width, channels); the default is (224, 224, 3).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn input_shape(mut self, input_shape: impl Into<Shape>) -> Self {
        self.input_shape = input_shape.into();
        self
    }

    /// Makes a row of each example where there is no top: `"avg"` or `"max"` of each channel.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pooling(mut self, pooling: impl Into<PoolingChoice>) -> Self {
        match pooling.into().0 {
            Ok(pooling) => self.pooling = Some(pooling),
            Err(error) => {
                self.problem.get_or_insert(error);
            }
        }
        self
    }

    /// Sets how many classes the top tells; the default is as many as the file of weights, or
    /// ImageNet's 1000.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn classes(mut self, classes: i64) -> Self {
        self.classes = Some(classes);
        self
    }

    /// Sets the function at the end of the top; the default is softmax, whoever published the
    /// weights.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn classifier_activation(mut self, activation: Activation) -> Self {
        self.classifier_activation = activation;
        self
    }

    /// Takes the weights from a file, instead of drawing them: the state dictionary of a network
    /// of torchvision or timm, or Keras's weights as safetensors (see
    /// [`Model::import_weights`]).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weights(mut self, path: impl Into<PathBuf>) -> Self {
        self.weights = Some(path.into());
        self.found = OnceLock::new();
        self
    }

    /// Says whose network it is; the default is what the names in the file of weights tell, and
    /// without a file Keras.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn publisher(mut self, publisher: Publisher) -> Self {
        self.publisher = Some(publisher);
        self.found = OnceLock::new();
        self
    }

    /// Sets where the weights live; the default is the GPU if there is one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Whose network it is: as asked for, or as the file of weights tells.
    ///
    /// # Errors
    /// When the file cannot be read, or that publisher has no such network.
    pub fn found_publisher(&self) -> Result<Publisher> {
        if let Some(found) = self.found.get() {
            return Ok(*found);
        }
        let file = self.weights.as_deref().map(WeightFile::open).transpose()?;
        let found = self.publisher_of(file.as_ref())?;
        Ok(*self.found.get_or_init(|| found))
    }

    /// What the network wants of images of shape (N, height, width, 3) or (height, width, 3), red
    /// first, with numbers from 0 to 255; `f32`.
    ///
    /// torchvision and timm scale to 0..1, take off ImageNet's mean and divide by its deviation.
    /// In Keras ResNet and VGG swap red and blue and take off the mean, MobileNetV2 scales to
    /// -1..1, and the others leave it to their first layers.
    ///
    /// ```
    /// use labbook_nn::applications::MobileNetV2;
    /// use tch::{Device, Kind, Tensor};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let white = Tensor::full([1, 32, 32, 3], 255, (Kind::Uint8, Device::Cpu));
    /// let x = MobileNetV2::new().preprocess_input(&white)?;
    /// assert_eq!(x.double_value(&[0, 0, 0, 0]), 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the last axis has other than three channels, or [`found_publisher`] fails.
    ///
    /// [`found_publisher`]: Self::found_publisher
    pub fn preprocess_input(&self, images: &Tensor) -> Result<Tensor> {
        let size = images.size();
        if size.last() != Some(&3) {
            return Err(Error::data(
                "images",
                "images of three channels, the last axis",
                tuple(&size),
                "repeat a grey channel three times",
            ));
        }
        self.found_publisher()?.preprocess(self.network, images)
    }

    /// The network, with the weights of the file if there is one.
    ///
    /// Layers are called as the publisher calls them, so that
    /// [`export_weights`](Model::export_weights) writes a file that the publisher's own network
    /// takes.
    ///
    /// # Errors
    /// When an option does not fit, or the file has not all weights, weights of other shapes, or
    /// some that the network has no place for.
    pub fn build(&self) -> Result<Model> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let file = self.weights.as_deref().map(WeightFile::open).transpose()?;
        let publisher = self.publisher_of(file.as_ref())?;
        self.check_images(publisher, file.is_some())?;
        let classes = self.classes_of(publisher, file.as_ref())?;
        let parts = self.parts(publisher, file.as_ref())?;

        let images = Input::new(&self.input_shape);
        let mut x = self.network.features(images.clone(), &parts);
        if self.include_top {
            let head = Head {
                classes,
                activation: self.classifier_activation,
            };
            x = self.network.top(x, &parts, &head);
        } else if let Some(pooling) = self.pooling {
            x = pooling.call(&x);
        }
        let name = self.network.class_name().to_lowercase();
        let mut model = Model::on(self.device, &images, &x)?.named(name);
        if let Some(file) = &file {
            let unused = match self.include_top {
                true => &[],
                false => self.network.top_layers(publisher),
            };
            file.load(&mut model, publisher, unused)?;
        }
        Ok(model)
    }

    fn publisher_of(&self, file: Option<&WeightFile>) -> Result<Publisher> {
        let known = self.network.publishers();
        let found = file.map(WeightFile::publisher);
        let publisher = self.publisher.or(found).unwrap_or(known[0]);
        if known.contains(&publisher) {
            return Ok(publisher);
        }
        let known: Vec<String> = known.iter().map(Publisher::to_string).collect();
        Err(Error::option(
            "publisher",
            format!(
                "one who has weights of {}: {}",
                self.network.class_name(),
                known.join(" or ")
            ),
            publisher,
            "take a file of theirs, or another network",
        ))
    }

    fn check_images(&self, publisher: Publisher, trained: bool) -> Result<()> {
        let wrong = |expected: &str, advice: &str| {
            Error::option(
                "input_shape",
                expected,
                tuple(self.input_shape.dims()),
                advice,
            )
        };
        let &[height, width, channels] = self.input_shape.dims() else {
            return Err(wrong("(height, width, channels)", "use (224, 224, 3)"));
        };
        if height < SMALLEST || width < SMALLEST {
            return Err(wrong(
                "images of at least 32 x 32",
                "make them larger first",
            ));
        }
        if trained && channels != 3 {
            return Err(wrong(
                "three channels, as the file was trained for",
                "repeat a grey channel three times",
            ));
        }
        let fits = self.network != Network::VGG16 || vgg::top_takes(publisher, height, width);
        if self.include_top && !fits {
            return Err(wrong(
                "images of 224 to 255 pixels, for this top",
                "resize them, or use include_top(false)",
            ));
        }
        Ok(())
    }

    /// How many classes the top tells.
    fn classes_of(&self, publisher: Publisher, file: Option<&WeightFile>) -> Result<i64> {
        let last = self.network.top_layers(publisher).last();
        let found = file.zip(last).and_then(|(file, last)| file.classes(last));
        match (self.classes, found) {
            (Some(classes), _) if classes < 1 => Err(Error::option(
                "classes",
                "at least 1",
                classes,
                "leave it out for ImageNet's 1000",
            )),
            (Some(classes), Some(found)) if classes != found && self.include_top => {
                Err(Error::option(
                    "classes",
                    format!("{found}, as the file of weights has"),
                    classes,
                    "use include_top(false) and put Dense::new(..) behind it",
                ))
            }
            (classes, found) => Ok(classes.or(found).unwrap_or(CLASSES)),
        }
    }

    fn parts(&self, publisher: Publisher, file: Option<&WeightFile>) -> Result<Parts> {
        use Network::{MobileNetV2, MobileNetV3Small, ResNet18, ResNet50};
        let (epsilon, momentum) = match (publisher, self.network) {
            (Publisher::Keras, ResNet18 | ResNet50) => (1.001e-5, 0.99),
            (Publisher::Keras, MobileNetV2 | MobileNetV3Small) => (1e-3, 0.999),
            (Publisher::Keras, _) => (1e-3, 0.99),
            (Publisher::Torchvision, MobileNetV3Small) => (1e-3, 0.99),
            _ => (1e-5, 0.9),
        };
        let (image_mean, image_variance) = match file {
            Some(file) => file.image_statistics()?,
            None => (vec![0.0; 3], vec![1.0; 3]),
        };
        Ok(Parts {
            publisher,
            epsilon,
            momentum,
            bias: publisher == Publisher::Keras && self.network == ResNet50,
            image_mean,
            image_variance,
        })
    }
}

/// The type that a network is called by.
macro_rules! application {
    ($(#[$doc:meta])* $network:ident) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use labbook_nn::applications::", stringify!($network), ";")]
        ///
        /// # fn main() -> labbook_nn::Result<()> {
        #[doc = concat!("let base = ", stringify!($network), "::new().include_top(false);")]
        /// // .weights("the file.safetensors")
        /// let mut base = base.input_shape((32, 32, 3)).build()?;
        /// base.set_trainable(false)?;
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Debug, Clone, Copy)]
        pub struct $network;

        impl $network {
            /// The options, to be [built](super::Application::build).
            #[expect(
                clippy::new_ret_no_self,
                reason = "all networks have the same options"
            )]
            #[must_use]
            pub fn new() -> Application {
                Application::of(Network::$network)
            }
        }
    };
}
pub(super) use application;
