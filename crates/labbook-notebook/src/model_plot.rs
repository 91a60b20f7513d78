use std::collections::HashMap;

use labbook_charts::{Figure, FilterGrid, ImageGrid, ModelPlot};
use labbook_nn::Model;
use tch::Tensor;

use crate::error::NotebookError;
use crate::tensors::{array, images};

/// Pictures of a node's weights: so many at most, so many in a row, and their size in CSS pixels.
const MOST_NODES: i64 = 256;
const NODE_COLUMNS: usize = 8;
const NODE_SIZE: u32 = 84;

/// The model's layers from top to bottom with arrows from each to those that take what it gives,
/// as Keras's `plot_model` draws them: name and class of each layer and, with `show_shapes`, the
/// shapes of what goes in and comes out.
///
/// # Errors
/// [`NotebookError::Model`] when the model is not built; [`NotebookError::Chart`] when the figure
/// cannot be drawn, such as for a model too large for one picture.
pub fn plot_model(model: &Model, show_shapes: bool) -> Result<Figure, NotebookError> {
    let layers = model.layers()?;
    let mut plot = ModelPlot::new()
        .title(model.name())
        .show_shapes(show_shapes);
    let sequential = model.class_name() == "Sequential";
    // What each input is called in the picture, and the shape that each layer gives.
    let mut shown = HashMap::new();
    let mut shapes = HashMap::new();
    // Keras counts an input as a layer of its own.
    for (name, shape) in model.input_names().into_iter().zip(model.input_shapes()?) {
        let own = match layers.first() {
            Some(first) if sequential => format!("{}_input", first.name),
            _ => name.clone(),
        };
        plot = plot.input(&own, shape.to_string());
        shapes.insert(name.clone(), shape.to_string());
        shown.insert(name, own);
    }
    for layer in &layers {
        shapes.insert(layer.name.clone(), layer.output_shape.to_string());
    }
    for layer in &layers {
        let input_shape = match layer.inputs.as_slice() {
            [] | [_] => layer.input_shape.to_string(),
            inputs => several(inputs.iter().filter_map(|name| shapes.get(name))),
        };
        let inputs: Vec<&String> = layer
            .inputs
            .iter()
            .map(|name| shown.get(name).unwrap_or(name))
            .collect();
        plot = plot
            .layer(
                &layer.name,
                &layer.class_name,
                input_shape,
                layer.output_shape.to_string(),
            )
            .connected_to(&inputs);
    }
    Ok(plot.figure()?)
}

/// Shapes as Keras lists them, the first few of many.
fn several<'a>(shapes: impl Iterator<Item = &'a String>) -> String {
    let shapes: Vec<&str> = shapes.map(String::as_str).collect();
    match shapes.len() {
        0..=3 => format!("[{}]", shapes.join(", ")),
        count => format!("[{}, … {} more]", shapes[..2].join(", "), count - 2),
    }
}

/// The kernels of a convolution over colour or grey images, such as the first one, as little
/// pictures; grey is 0.
///
/// # Errors
/// [`NotebookError::Model`] when the model is not built or has no such layer;
/// [`NotebookError::Tensor`] when the layer has no kernel; [`NotebookError::Chart`] when the
/// kernel has more than three channels.
pub fn plot_filters(model: &Model, layer: &str) -> Result<Figure, NotebookError> {
    let kernel = kernel(model, layer)?;
    let expected = "a Conv2D, such as the first one";
    let filters = array(&kernel, "kernel")?.into_dimensionality();
    let filters = filters.map_err(|_| another_layer(layer, &kernel, expected))?;
    Ok(FilterGrid::new(&filters).title(layer).figure()?)
}

/// What each node of a dense layer over an image looks for: its weights at their pixels, as pictures with
/// the nodes' numbers, counted from 1; grey is 0, bright speaks for the node, dark against it.
///
/// `image_shape` is (height, width, channels) of the image that was flattened, with 1 or 3 channels.
///
/// ```
/// use labbook_nn::{Dense, Sequential};
/// use labbook_notebook::plot_node_weights;
///
/// let mut model = Sequential::new();
/// model.add(Dense::new(5).name("hidden").input_shape(28 * 28));
/// let figure = plot_node_weights(&model, "hidden", (28, 28, 1))?;
/// assert!(figure.alt().contains("What each of the 5 nodes of hidden looks for"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Model`] when the model is not built or has no such layer;
/// [`NotebookError::Tensor`] when the layer has no kernel, one of another number of inputs, or more than 256
/// nodes; [`NotebookError::Chart`] for other channels.
pub fn plot_node_weights(
    model: &Model,
    layer: &str,
    image_shape: (i64, i64, i64),
) -> Result<Figure, NotebookError> {
    let kernel = kernel(model, layer)?;
    let (height, width, channels) = image_shape;
    let inputs = height
        .checked_mul(width)
        .and_then(|n| n.checked_mul(channels));
    let nodes = match *kernel.size().as_slice() {
        [rows, nodes] if Some(rows) == inputs && rows > 0 => nodes,
        _ => {
            let expected =
                format!("a Dense layer over an image of {height} x {width} x {channels}");
            return Err(another_layer(layer, &kernel, &expected));
        }
    };
    if nodes > MOST_NODES {
        let expected = format!("a Dense layer of at most {MOST_NODES} nodes");
        return Err(another_layer(layer, &kernel, &expected));
    }
    let pictures = kernel.f_reshape([height, width, channels, nodes])?;
    let largest = pictures
        .f_abs()?
        .f_max()?
        .f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
    let pictures = (pictures.f_div(&largest)? * 0.5 + 0.5).f_nan_to_num(0.5, 1.0, 0.0)?;
    let numbers = (1..=nodes).map(|node| node.to_string());
    Ok(ImageGrid::new(&images(&pictures.f_permute([3, 0, 1, 2])?)?)
        .columns(NODE_COLUMNS)
        .image_size(NODE_SIZE)
        .captions(numbers)
        .title(format!("What each of the {nodes} nodes of {layer} looks for: bright speaks for it, dark against"))
        .figure()?)
}

/// The kernel of a layer in Keras's shape.
fn kernel(model: &Model, layer: &str) -> Result<Tensor, NotebookError> {
    let info = model.layer(layer)?;
    let name = format!("{layer}/kernel:0");
    let mut weights = model.weights()?.into_iter();
    let found = weights.find(|(weight, _)| *weight == name);
    found
        .map(|(_, kernel)| kernel)
        .ok_or_else(|| NotebookError::Tensor {
            what: "layer",
            expected: "one with a kernel, such as Dense or Conv2D".to_owned(),
            received: format!("{layer} ({}) without a kernel", info.class_name),
        })
}

fn another_layer(layer: &str, kernel: &Tensor, expected: &str) -> NotebookError {
    NotebookError::Tensor {
        what: "layer",
        expected: expected.to_owned(),
        received: format!("{layer} with the kernel {:?}", kernel.size()),
    }
}

#[cfg(test)]
mod tests {
    use labbook_nn::{Add, Concatenate, Conv2D, Dense, Flatten, Input, Sequential};
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
    fn a_model_with_branches_is_drawn_with_its_inputs_and_skips() {
        let (x, other) = (Input::named("x", 4), Input::named("other", 2));
        let hidden = Dense::new(4).name("hidden").call(&x);
        let sum = Add::new().name("sum").call([&hidden, &x]);
        let both = Concatenate::new().name("both").call([&sum, &other]);
        let first = Dense::new(1).name("first").call(&both);
        let second = Dense::new(3).name("second").call(&both);
        let model = Model::new([&x, &other], [&first, &second]).unwrap();
        let figure = plot_model(&model, true).unwrap();
        let alt = figure.alt();
        for layer in [
            "of 7 layers",
            "other (InputLayer) from (None, 2) to (None, 2);",
            "sum (Add) from [(None, 4), (None, 4)] to (None, 4) after hidden, x;",
            "both (Concatenate) from [(None, 4), (None, 2)] to (None, 6) after sum, other;",
            "second (Dense) from (None, 6) to (None, 3) after both",
        ] {
            assert!(alt.contains(layer), "{layer} in {alt}");
        }
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

    #[test]
    fn the_nodes_of_a_dense_layer_are_pictures_of_its_image() {
        let mut model = Sequential::on(Device::Cpu).named("nodes");
        model.add(Flatten::new().name("flat").input_shape((4, 6, 3)));
        model.add(Dense::new(5).name("hidden").use_bias(false));
        let figure = plot_node_weights(&model, "hidden", (4, 6, 3)).unwrap();
        assert!(
            figure.alt().contains("5 in 5 columns: 1, 2, 3, 4, 5"),
            "{}",
            figure.alt()
        );
        let mut wide = Sequential::on(Device::Cpu);
        wide.add(Dense::new(257).name("hidden").input_shape(16));
        let error = plot_node_weights(&wide, "hidden", (4, 4, 1)).unwrap_err();
        assert!(error.to_string().contains("at most 256 nodes"), "{error}");
        let error = |layer: &str, shape| {
            plot_node_weights(&model, layer, shape)
                .unwrap_err()
                .to_string()
        };
        assert!(error("hidden", (4, 6, 1)).contains("the kernel [72, 5]"));
        assert!(error("hidden", (i64::MAX, 6, 3)).contains("the kernel [72, 5]"));
        assert!(error("flat", (4, 6, 3)).contains("without a kernel"));
        assert!(plot_node_weights(&model, "hidden", (6, 6, 2)).is_err());
    }
}
