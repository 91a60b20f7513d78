use labbook_charts::{Figure, FilterGrid, ModelPlot};
use labbook_nn::Sequential;

use crate::error::NotebookError;
use crate::tensors::array;

/// The model's layers from top to bottom, as Keras's `plot_model` draws them: name and class of
/// each layer and, with `show_shapes`, the shapes of what goes in and comes out.
///
/// # Errors
/// [`NotebookError::Model`] when the model is not built; [`NotebookError::Chart`] when the figure
/// cannot be drawn.
pub fn plot_model(model: &Sequential, show_shapes: bool) -> Result<Figure, NotebookError> {
    let layers = model.layers()?;
    let mut plot = ModelPlot::new()
        .title(model.name())
        .show_shapes(show_shapes);
    if let Some(first) = layers.first() {
        // Keras counts the input as a layer of its own.
        let shape = first.input_shape.to_string();
        plot = plot.layer(
            format!("{}_input", first.name),
            "InputLayer",
            &shape,
            &shape,
        );
    }
    for layer in &layers {
        plot = plot.layer(
            &layer.name,
            &layer.class_name,
            layer.input_shape.to_string(),
            layer.output_shape.to_string(),
        );
    }
    Ok(plot.figure()?)
}

/// The kernels of a convolution over colour or grey images, such as the first one, as little
/// pictures; grey is 0.
///
/// # Errors
/// [`NotebookError::Model`] when the model is not built or has no such layer;
/// [`NotebookError::Tensor`] when the layer has no kernel; [`NotebookError::Chart`] when the
/// kernel has more than three channels.
pub fn plot_filters(model: &Sequential, layer: &str) -> Result<Figure, NotebookError> {
    let info = model.layer(layer)?;
    let name = format!("{layer}/kernel:0");
    let weights = model.weights()?;
    let kernel = weights.iter().find(|(weight, _)| *weight == name);
    let received = match kernel {
        Some((_, kernel)) => format!("one with the kernel {:?}", kernel.size()),
        None => format!("{layer} ({}) without a kernel", info.class_name),
    };
    let kernel = match kernel {
        Some((_, kernel)) => array(kernel, "kernel")?.into_dimensionality().ok(),
        None => None,
    };
    let kernel = kernel.ok_or_else(|| NotebookError::Tensor {
        what: "layer",
        expected: "a Conv2D, such as the first one".to_owned(),
        received,
    })?;
    Ok(FilterGrid::new(&kernel).title(layer).figure()?)
}

#[cfg(test)]
mod tests {
    use labbook_nn::{Conv2D, Dense, Flatten};
    use tch::Device;

    use super::*;

    fn model() -> Sequential {
        let mut model = Sequential::on(Device::Cpu).named("small");
        model.add(Conv2D::new(4, 3).name("conv").input_shape((8, 8, 3)));
        model.add(Conv2D::new(4, 3).name("deep"));
        model.add(Flatten::new().name("flat"));
        model.add(Dense::new(2).name("scores"));
        model
    }

    #[test]
    fn the_input_is_a_layer_of_its_own() {
        let figure = plot_model(&model(), true).unwrap();
        let alt = figure.alt();
        assert!(alt.contains("“small” of 5 layers"), "{alt}");
        assert!(
            alt.contains("conv_input (InputLayer) from (None, 8, 8, 3)"),
            "{alt}"
        );
        assert!(
            alt.contains("scores (Dense) from (None, 64) to (None, 2)"),
            "{alt}"
        );
        assert!(plot_model(&model(), false).unwrap().width() < figure.width());
        let unbuilt = plot_model(&Sequential::on(Device::Cpu), true);
        assert!(matches!(unbuilt, Err(NotebookError::Model(_))));
    }

    #[test]
    fn only_kernels_over_images_are_pictures() {
        let figure = plot_filters(&model(), "conv").unwrap();
        assert!(figure.alt().contains("4 filters of 3 x 3"));
        let error = |layer: &str| plot_filters(&model(), layer).unwrap_err().to_string();
        assert!(error("deep").contains("[3, 3, 4, 4]"));
        assert!(error("flat").contains("flat (Flatten) without a kernel"));
        assert!(error("scores").contains("the kernel [64, 2]"));
        assert!(error("third").contains("one of conv, deep"));
    }
}
