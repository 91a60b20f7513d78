use labbook_charts::{BoxPlot, Columns, Figure, panels};
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes;
use crate::tensors::table;

/// More nodes than this make no figure that anybody reads.
const MOST: usize = 12;
/// Size of a panel in CSS pixels: the only one, and one of several.
const ONE: (u32, u32) = (760, 340);
const SEVERAL: (u32, u32) = (470, 280);

/// What the nodes of a layer answer to the images, or whatever they are, of each class: a panel for each node,
/// and in it a box for each class.
///
/// `activations` are (N, nodes), as `activations` gives them for a dense layer, of at most 12 nodes;
/// `labels` are integers, (N,) or (N, 1).
///
/// ```
/// use labbook_notebook::plot_activations;
/// use tch::Tensor;
///
/// let activations = Tensor::from_slice2(&[[0.1, 0.9], [0.2, 0.8], [0.9, 0.5], [0.8, 0.5]]);
/// let labels = Tensor::from_slice(&[0_i64, 0, 1, 1]);
/// let figure = plot_activations(&activations, &labels, ["cat", "dog"])?;
/// assert!(figure.alt().contains("dog: median 0.85"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for other shapes, more nodes, other lengths, or a label without a name;
/// [`NotebookError::Chart`] when there is nothing to draw.
pub fn plot_activations(
    activations: &Tensor,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Figure, NotebookError> {
    drawn(activations, None, labels, class_names)
}

/// The same for some nodes of a layer, chosen by their places; the panels carry the nodes' numbers, counted
/// from 1 as in [`plot_node_weights`](crate::plot_node_weights).
///
/// `nodes` are integers from 0, (n,), at most 12.
///
/// ```
/// use labbook_notebook::plot_activations_of;
/// use tch::Tensor;
///
/// let activations = Tensor::from_slice2(&[[0.1, 0.9, 0.0], [0.2, 0.8, 0.1], [0.9, 0.5, 0.4]]);
/// let labels = Tensor::from_slice(&[0_i64, 0, 1]);
/// let nodes = Tensor::from_slice(&[2_i64, 0]);
/// let figure = plot_activations_of(&activations, &nodes, &labels, ["cat", "dog"])?;
/// assert!(figure.alt().contains("Node 3"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// Those of [`plot_activations`]; [`NotebookError::Tensor`] for a node that there is not.
pub fn plot_activations_of(
    activations: &Tensor,
    nodes: &Tensor,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Figure, NotebookError> {
    drawn(
        activations,
        Some(classes(nodes, "nodes")?),
        labels,
        class_names,
    )
}

fn drawn(
    activations: &Tensor,
    chosen: Option<Vec<i64>>,
    labels: &Tensor,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Figure, NotebookError> {
    let names: Vec<String> = class_names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    let (values, labels) = (
        table(activations, "activations")?,
        classes(labels, "labels")?,
    );
    let named = |&label: &i64| {
        usize::try_from(label)
            .ok()
            .and_then(|label| names.get(label))
    };
    let texts: Vec<&str> = labels
        .iter()
        .filter_map(named)
        .map(String::as_str)
        .collect();
    let columns = values.ncols();
    let places = match &chosen {
        None => (0..columns).collect(),
        Some(chosen) if !(1..=MOST).contains(&chosen.len()) => {
            return Err(NotebookError::Tensor {
                what: "nodes",
                expected: format!("1 to {MOST} of them"),
                received: chosen.len().to_string(),
            });
        }
        Some(chosen) => {
            let place = |&node: &i64| usize::try_from(node).ok().filter(|&node| node < columns);
            let places: Option<Vec<usize>> = chosen.iter().map(place).collect();
            places.ok_or_else(|| NotebookError::Tensor {
                what: "nodes",
                expected: format!("places below {columns}, the number of nodes"),
                received: format!("{chosen:?}"),
            })?
        }
    };
    let nodes = places.len();
    if texts.len() != values.nrows() || !(1..=MOST).contains(&nodes) {
        return Err(NotebookError::Tensor {
            what: "activations",
            expected: format!(
                "shape [N, nodes] with 1 to {MOST} nodes, chosen by narrow(1, 0, 4) perhaps, and a named label for \
                 each row"
            ),
            received: format!(
                "{:?}, {} labels, {} of them named",
                values.dim(),
                labels.len(),
                texts.len()
            ),
        });
    }
    let (width, height) = if nodes == 1 { ONE } else { SEVERAL };
    let panel = |&node: &usize| {
        let columns = Columns::new()
            .with_numbers(
                "activation",
                values.column(node).iter().map(|&v| f64::from(v)),
            )
            .with_texts("class", texts.iter().copied());
        let plot = BoxPlot::new(columns, "activation").x("class").order(&names);
        let title = match (nodes, &chosen) {
            (1, None) => "Activation by class".to_owned(),
            _ => format!("Node {}", node + 1),
        };
        plot.title(title).size(width, height).figure()
    };
    let figures = places
        .iter()
        .map(panel)
        .collect::<Result<Vec<Figure>, _>>()?;
    match figures.as_slice() {
        [one] => Ok(one.clone()),
        several => Ok(panels(&several.iter().collect::<Vec<_>>(), 2)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_nodes_carry_their_numbers() {
        let activations = Tensor::arange(60, (tch::Kind::Float, tch::Device::Cpu)).view([3, 20]);
        let labels = Tensor::from_slice(&[0_i64, 1, 1]);
        let of = |nodes: &[i64]| {
            plot_activations_of(
                &activations,
                &Tensor::from_slice(nodes),
                &labels,
                ["cat", "dog"],
            )
        };
        let figure = of(&[19, 4]).unwrap();
        let (last, fifth) = (figure.alt().find("Node 20"), figure.alt().find("Node 5"));
        assert!(last < fifth && last.is_some(), "{}", figure.alt());
        assert!(of(&[6]).unwrap().alt().contains("Node 7"));
        let refused = |nodes: &[i64]| of(nodes).unwrap_err().to_string();
        assert!(
            refused(&[20]).contains("places below 20"),
            "{}",
            refused(&[20])
        );
        assert!(refused(&[-1]).contains("places below 20"));
        let many: Vec<i64> = (0..13).collect();
        assert!(
            refused(&many).contains("1 to 12 of them"),
            "{}",
            refused(&many)
        );
        assert!(refused(&[]).contains("1 to 12 of them"));
    }

    #[test]
    fn each_node_has_a_panel_and_each_class_a_box() {
        let activations = Tensor::from_slice2(&[[0.0, 5.0, 1.0], [2.0, 6.0, 1.0], [9.0, 7.0, 1.0]]);
        let labels = Tensor::from_slice(&[1_i64, 1, 0]).view([3, 1]);
        let figure = plot_activations(&activations, &labels, ["<cat>", "dog"]).unwrap();
        let alt = figure.alt();
        for told in ["Node 1", "<cat>: median 9", "dog: median 1,", "Node 3"] {
            assert!(alt.contains(told), "{told} in {alt}");
        }
        let one =
            plot_activations(&activations.narrow(1, 0, 1), &labels, ["<cat>", "dog"]).unwrap();
        assert!(one.width() < figure.width(), "{}", one.alt());
    }

    #[test]
    fn what_does_not_belong_together_is_told() {
        let activations = Tensor::rand([3, 2], tch::kind::FLOAT_CPU);
        let labels = Tensor::from_slice(&[0_i64, 1, 1]);
        let told = |activations: &Tensor, labels: &Tensor, names: &[&str]| {
            plot_activations(activations, labels, names)
                .unwrap_err()
                .to_string()
        };
        assert!(told(&activations, &labels, &["a"]).contains("1 of them named"));
        assert!(told(&activations, &labels.narrow(0, 0, 2), &["a", "b"]).contains("2 labels"));
        let many = Tensor::rand([3, 13], tch::kind::FLOAT_CPU);
        assert!(told(&many, &labels, &["a", "b"]).contains("narrow(1, 0, 4)"));
        let images = Tensor::rand([3, 2, 2], tch::kind::FLOAT_CPU);
        assert!(plot_activations(&images, &labels, ["a", "b"]).is_err());
    }
}
