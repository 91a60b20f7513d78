use labbook_nn::Activation;
use serde::{Deserialize, Serialize};

/// A layer as a record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Name within the model, such as `conv2d_1`.
    pub name: String,
    /// Kind of layer, such as `Conv2D`.
    pub class_name: String,
    /// Shape of the output with the batch axis, such as `(None, 30, 30, 64)`.
    pub output_shape: String,
    /// Number of weights.
    pub params: i64,
    /// The function that the layer ends with.
    pub activation: Activation,
    /// Floating-point operations for one example, twice the multiplications of the kernels;
    /// `None` in records of earlier versions.
    #[serde(default)]
    pub flops: Option<i64>,
}

impl LayerRecord {
    /// The sizes of the output without the batch axis, which is no number.
    #[must_use]
    pub fn sizes(&self) -> Vec<i64> {
        let shape = self.output_shape.trim_matches(['(', ')']);
        let sizes = shape.split(',').filter_map(|size| size.trim().parse().ok());
        sizes.collect()
    }

    /// [`flops`](Self::flops); where they are missing, two for each weight and place where the
    /// layer applies it.
    pub(crate) fn operations(&self) -> f64 {
        if let Some(flops) = self.flops {
            return flops as f64;
        }
        if !["Conv2D", "Dense", "Whitening"].contains(&self.class_name.as_str()) {
            return 0.0;
        }
        // The last size is that of filters or units.
        let sizes = self.sizes();
        let places: f64 = sizes
            .iter()
            .rev()
            .skip(1)
            .map(|&size| size as f64)
            .product();
        2.0 * places * self.params as f64
    }
}
