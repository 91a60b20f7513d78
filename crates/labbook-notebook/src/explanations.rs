use labbook_charts::{ColorMap, Figure, ImageGrid, heat_pictures, overlay};
use labbook_nn::{Explanation, Model};
use ndarray::{Array3, Array4, Axis};
use tch::Tensor;

use crate::error::NotebookError;
use crate::html::Preformatted;
use crate::matrix::classes;
use crate::render::shown_as;
use crate::tensors::{heat, images, table};

/// More images than this do not fit a figure that anybody reads.
const MOST: usize = 60;
/// Pairs of pictures per row.
const COLUMNS: usize = 4;
/// Share of a pixel that the heat takes when it is laid over an image.
const OPACITY: f64 = 0.5;
/// A saliency map is scaled so that this share of its pixels is below full heat: single pixels
/// with a very large gradient would leave the rest dark.
const SCALED_TO: f64 = 0.99;

/// Where a layer finds what speaks for the predicted class: each image, and beside it the same in
/// grey under its Grad-CAM heat map. Below stand the predicted class and its probability, green
/// where it is the true one.
///
/// `images` are what the model takes, (N, height, width, channels) with numbers from 0 to 1; `labels`
/// their classes, (N,) or (N, 1). The last convolution tells most.
///
/// # Errors
/// [`NotebookError::Model`] for a layer without pixels or a model that was not built;
/// [`NotebookError::Tensor`] for other images, or more than 60; [`NotebookError::Chart`] when a
/// class has no name.
pub fn show_grad_cam(
    model: &Model,
    images: &Tensor,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
    layer: &str,
) -> Result<Figure, NotebookError> {
    let pictures = few(images)?;
    let explanation = model.grad_cam(images, layer, None)?;
    let heat = heat(&explanation.heat)?;
    let beside = overlay(&pictures, &heat, ColorMap::Inferno, OPACITY)?;
    let title = format!("Grad-CAM of {layer}");
    explained(&pictures, &beside, &explanation, labels, class_names)?
        .title(title)
        .figure()
        .map_err(NotebookError::from)
}

/// Which pixels the predicted class's score reacts to: each image, and beside it its saliency map.
/// Below stand the predicted class and its probability, green where it is the true one.
///
/// `images` are what the model takes, (N, height, width, channels) with numbers from 0 to 1; `labels`
/// their classes, (N,) or (N, 1). Each map is scaled by itself, to the 99th percentile of its
/// pixels.
///
/// # Errors
/// Those of [`show_grad_cam`].
pub fn show_saliency(
    model: &Model,
    images: &Tensor,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Figure, NotebookError> {
    let pictures = few(images)?;
    let explanation = model.saliency(images, None)?;
    let heat = scaled(heat(&explanation.heat)?);
    let beside = heat_pictures(&heat, ColorMap::Inferno);
    explained(&pictures, &beside, &explanation, labels, class_names)?
        .title("Saliency")
        .figure()
        .map_err(NotebookError::from)
}

fn few(tensor: &Tensor) -> Result<Array4<u8>, NotebookError> {
    let pictures = images(tensor)?;
    match pictures.dim().0 {
        0..=MOST => Ok(pictures),
        count => Err(NotebookError::Tensor {
            what: "images",
            expected: format!("at most {MOST}; choose some with narrow(0, 0, 8)"),
            received: count.to_string(),
        }),
    }
}

/// Each map divided by its 99th percentile.
fn scaled(mut heat: Array3<f32>) -> Array3<f32> {
    for mut map in heat.axis_iter_mut(Axis(0)) {
        let mut values: Vec<f32> = map.iter().copied().collect();
        values.sort_unstable_by(f32::total_cmp);
        let place = (SCALED_TO * (values.len().saturating_sub(1)) as f64) as usize;
        let full = values.get(place).copied().unwrap_or(0.0);
        if full > 0.0 {
            map /= full;
        }
    }
    heat
}

/// Images and heat maps side by side with what the model says.
fn explained(
    pictures: &Array4<u8>,
    beside: &Array4<u8>,
    explanation: &Explanation,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ImageGrid, NotebookError> {
    let truth = classes(labels, "labels")?;
    let predicted = classes(&explanation.classes, "predicted classes")?;
    let predictions = table(&explanation.predictions, "predictions")?;
    let probabilities: Vec<f64> = predictions
        .rows()
        .into_iter()
        .zip(&predicted)
        .filter_map(|(row, &class)| row.get(usize::try_from(class).ok()?).copied())
        .map(f64::from)
        .collect();
    Ok(ImageGrid::new(pictures)
        .beside(beside)
        .columns(COLUMNS)
        .predictions(&predicted, &truth, class_names)
        .probabilities(&probabilities))
}

shown_as!(Explanation => |explanation| Preformatted(format!(
    "explanation of {} predictions, with a heat map of {:?} for each",
    explanation.classes.numel(),
    explanation.heat.size().get(1..).unwrap_or_default()
)));

#[cfg(test)]
mod tests {
    use labbook_nn::Activation::{Relu, Softmax};
    use labbook_nn::{Conv2D, Dense, Flatten};
    use tch::{Device, Kind};

    use labbook_nn::Sequential;

    use super::*;
    use crate::some_images::some_images;

    fn model() -> Sequential {
        let mut model = Sequential::on(Device::Cpu).seeded(1);
        model.add(
            Conv2D::new(3, 3)
                .activation(Relu)
                .name("conv")
                .input_shape((14, 12, 3)),
        );
        model.add(Flatten::new());
        model.add(Dense::new(10).activation(Softmax));
        model
    }

    #[test]
    fn every_image_stands_beside_its_heat_and_names_its_class() {
        let model = model();
        let images = some_images(10);
        let x = images.images_tensor().to_kind(Kind::Float) / 255.0;
        let (labels, names) = (images.labels_tensor(), &images.class_names);
        let cam = show_grad_cam(&model, &x, &labels, names, "conv").unwrap();
        let saliency = show_saliency(&model, &x, &labels, names).unwrap();
        for figure in [&cam, &saliency] {
            assert!(figure.alt().contains("10 in 4 columns"), "{}", figure.alt());
            assert!(figure.alt().contains(" %"), "{}", figure.alt());
        }
        assert_ne!(cam, saliency);
        let error = show_grad_cam(&model, &x, &labels, names, "dense").unwrap_err();
        assert!(matches!(error, NotebookError::Model(_)), "{error}");
        let many = Tensor::zeros([61, 14, 12, 3], (Kind::Float, Device::Cpu));
        let error = show_saliency(&model, &many, &labels, names).unwrap_err();
        assert!(error.to_string().contains("narrow(0, 0, 8)"), "{error}");
    }

    #[test]
    fn a_map_is_scaled_by_itself_and_a_dark_one_stays_dark() {
        let mut heat = Array3::zeros((2, 10, 10));
        heat.index_axis_mut(Axis(0), 0).fill(4.0);
        heat[[0, 0, 0]] = 400.0;
        let heat = scaled(heat);
        assert_eq!((heat[[0, 5, 5]], heat[[0, 0, 0]]), (1.0, 100.0));
        assert!(
            heat.index_axis(Axis(0), 1)
                .iter()
                .all(|&value| value == 0.0)
        );
    }
}
