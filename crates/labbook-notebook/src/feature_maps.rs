use labbook_charts::{FeatureMaps, Figure};
use tch::Tensor;

use crate::error::NotebookError;
use crate::tensors::array;

/// What the channels of a layer answer to one image: every channel standardised, eight per row,
/// in Viridis, titled with the layer's name.
///
/// `activation` is (1, height, width, channels) or (height, width, channels), as `activations`
/// gives it for one image.
///
/// # Errors
/// [`NotebookError::Chart`] for another shape, such as that of several images.
pub fn feature_maps(activation: &Tensor, layer: &str) -> Result<Figure, NotebookError> {
    let activation = array(activation, "activation")?;
    Ok(FeatureMaps::new(&activation).title(layer).figure()?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn one_image_s_activation_becomes_a_grid() {
        let activation = Tensor::rand([1, 6, 6, 16], (Kind::Float, Device::Cpu));
        let figure = feature_maps(&activation, "conv2d").unwrap();
        assert_eq!(figure.title(), "conv2d");
        assert!(figure.alt().contains("16 channels of 6 x 6, 8 per row"));
        assert_eq!(feature_maps(&activation.get(0), "conv2d").unwrap(), figure);
        let two = Tensor::zeros([2, 6, 6, 16], (Kind::Float, Device::Cpu));
        let error = feature_maps(&two, "conv2d").unwrap_err().to_string();
        assert!(error.contains("choose one image"), "{error}");
    }
}
