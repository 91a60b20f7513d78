use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::interpolation::Interpolation;
use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Scales images to one size.
///
/// Pixels come about between the centres of pixels, without smoothing where images become smaller, as
/// in Keras.
///
/// ```
/// use labbook_nn::{Resizing, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Resizing::new(16, 24).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [16, 24, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
#[derive(Debug)]
pub struct Resizing {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    height: i64,
    width: i64,
    interpolation: Interpolation,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    fill_value: f64,
}

registered!(Resizing);

impl Resizing {
    /// To this height and width.
    #[must_use]
    pub fn new(height: i64, width: i64) -> Self {
        Self::of(Settings {
            height,
            width,
            interpolation: Interpolation::Bilinear,
            crop_to_aspect_ratio: false,
            pad_to_aspect_ratio: false,
            fill_value: 0.0,
        })
    }

    /// Sets how pixels come about; the default is [`Interpolation::Bilinear`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.settings.interpolation = interpolation;
        self
    }

    /// Says whether to cut off what would be distorted; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn crop_to_aspect_ratio(mut self, crop_to_aspect_ratio: bool) -> Self {
        self.settings.crop_to_aspect_ratio = crop_to_aspect_ratio;
        self
    }

    /// Says whether to add a border so that nothing is distorted; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pad_to_aspect_ratio(mut self, pad_to_aspect_ratio: bool) -> Self {
        self.settings.pad_to_aspect_ratio = pad_to_aspect_ratio;
        self
    }

    /// Sets what that border is of; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn fill_value(mut self, fill_value: f64) -> Self {
        self.settings.fill_value = fill_value;
        self
    }

    layer_options!();
}

impl Layer for Resizing {
    layer_facts!(Resizing);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings { height, width, .. } = self.settings;
        check_sizes("height and width", &[height, width], 1, context)?;
        if self.settings.crop_to_aspect_ratio && self.settings.pad_to_aspect_ratio {
            return Err(context.error(
                "crop_to_aspect_ratio or pad_to_aspect_ratio",
                "both",
                "leave one of them out",
            ));
        }
        let fill_value = self.settings.fill_value;
        if !fill_value.is_finite() {
            return Err(context.error("a finite fill_value", fill_value, "leave it out for 0"));
        }
        let (_, channels) = axes(input, 2, context)?;
        output_shape(vec![height, width, channels], context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let target = [self.settings.height, self.settings.width];
        let size = x.size();
        let x = match (
            self.settings.crop_to_aspect_ratio,
            self.settings.pad_to_aspect_ratio,
        ) {
            (true, _) => cropped(x, target)?,
            (_, true) => {
                let [rows, columns] = fitting([size[1], size[2]], target);
                let above = (rows.max(size[1]) - size[1]) / 2;
                let left = (columns.max(size[2]) - size[2]) / 2;
                let pads = [0, 0, left, left, above, above];
                x.f_pad(pads, "constant", self.settings.fill_value)?
            }
            _ => x.shallow_clone(),
        };
        self.settings.interpolation.resize(&x, target)
    }
}

/// How high an image of its width would be, and how wide one of its height, if it had the sides'
/// ratio of the target.
fn fitting([height, width]: [i64; 2], target: [i64; 2]) -> [i64; 2] {
    let [to_height, to_width] = target.map(|size| size as f64);
    [
        (width as f64 * to_height / to_width) as i64,
        (height as f64 * to_width / to_height) as i64,
    ]
}

/// The largest part from the middle of images whose sides have the ratio of the target.
pub(super) fn cropped(x: &Tensor, target: [i64; 2]) -> Result<Tensor> {
    let size = x.size();
    let [rows, columns] = fitting([size[1], size[2]], target);
    let (rows, columns) = (rows.min(size[1]).max(1), columns.min(size[2]).max(1));
    let x = x.f_narrow(1, (size[1] - rows) / 2, rows)?;
    Ok(x.f_narrow(2, (size[2] - columns) / 2, columns)?)
}
