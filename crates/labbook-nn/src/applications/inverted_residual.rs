use super::blocks::{Parts, activation};
use crate::{
    Activation, Add, Conv2D, GlobalAveragePooling2D, Multiply, Reshape, StochasticDepth,
    SymbolicTensor,
};

/// A block that widens its images, filters each channel by itself, weighs the channels, and makes
/// the images narrow again (Sandler et al. 2018, Howard et al. 2019).
#[derive(Debug, Clone)]
pub(super) struct InvertedResidual {
    pub(super) kernel: i64,
    pub(super) stride: i64,
    pub(super) channels: i64,
    pub(super) wide: i64,
    pub(super) filters: i64,
    pub(super) activation: Activation,
    pub(super) weighing: Option<Weighing>,
    /// How often training skips the block.
    pub(super) drop: f64,
    pub(super) names: Names,
}

/// Squeeze and excitation (Hu et al. 2018): channels are weighed by what all pixels hold.
#[derive(Debug, Clone)]
pub(super) struct Weighing {
    pub(super) squeezed: i64,
    pub(super) inner: Activation,
    pub(super) gate: Activation,
}

/// The names of a block's layers: convolutions with their batch normalizations.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) expand: (String, String),
    pub(super) depthwise: (String, String),
    pub(super) squeeze: (String, String),
    pub(super) project: (String, String),
    /// Of what the block gives, where that is a layer without weights.
    pub(super) out: String,
}

impl Names {
    /// torchvision counts the parts that a block has.
    pub(super) fn torchvision(block: &str, out: &str, expands: bool, weighs: bool) -> Self {
        let pair = |part: usize| (format!("{block}.{part}.0"), format!("{block}.{part}.1"));
        let depthwise = usize::from(expands);
        let squeeze = format!("{block}.{}", depthwise + 1);
        let project = depthwise + 1 + usize::from(weighs);
        Self {
            expand: pair(0),
            depthwise: pair(depthwise),
            squeeze: (format!("{squeeze}.fc1"), format!("{squeeze}.fc2")),
            project: pair(project),
            out: out.to_owned(),
        }
    }

    pub(super) fn timm(block: &str, expands: bool) -> Self {
        let part = |part: &str| format!("{block}.{part}");
        let pair = |conv, norm| (part(conv), part(norm));
        let squeeze = pair("se.conv_reduce", "se.conv_expand");
        let (depthwise, project) = match expands {
            true => (pair("conv_dw", "bn2"), pair("conv_pwl", "bn3")),
            false => (pair("conv_dw", "bn1"), pair("conv_pw", "bn2")),
        };
        Self {
            expand: pair("conv_pw", "bn1"),
            depthwise,
            squeeze,
            project,
            out: block.to_owned(),
        }
    }
}

impl InvertedResidual {
    pub(super) fn call(&self, x: &SymbolicTensor, parts: &Parts) -> SymbolicTensor {
        let names = &self.names;
        fn both((name, norm): &(String, String)) -> (&str, &str) {
            (name, norm)
        }
        let mut y = x.clone();
        if self.wide != self.channels {
            y = parts.convolution(&y, both(&names.expand), self.wide, (1, 1));
            y = activation(&y, self.activation);
        }
        y = parts.depthwise(&y, both(&names.depthwise), (self.kernel, self.stride));
        y = activation(&y, self.activation);
        if let Some(weighing) = &self.weighing {
            y = weighing.call(&y, self.wide, &names.squeeze);
        }
        y = parts.convolution(&y, both(&names.project), self.filters, (1, 1));
        if self.stride != 1 || self.channels != self.filters {
            return y;
        }
        if self.drop > 0.0 {
            y = StochasticDepth::new(self.drop).call(&y);
        }
        Add::new().name(names.out.as_str()).call([x, &y])
    }
}

impl Weighing {
    fn call(
        &self,
        x: &SymbolicTensor,
        channels: i64,
        (reduce, expand): &(String, String),
    ) -> SymbolicTensor {
        let means = GlobalAveragePooling2D::new().call(x);
        let means = Reshape::new((1, 1, channels)).call(&means);
        let dense = |x: &SymbolicTensor, name: &str, filters, activation| {
            let layer = Conv2D::new(filters, 1).activation(activation);
            layer.name(name).call(x)
        };
        let weights = dense(&means, reduce, self.squeezed, self.inner);
        let weights = dense(&weights, expand, channels, self.gate);
        Multiply::new().call([x, &weights])
    }
}

/// The multiple of eight that is nearest to a number of channels, and at least nine tenths of it.
pub(super) fn divisible_by_eight(channels: f64) -> i64 {
    let nearest = ((channels + 4.0) / 8.0).floor().max(1.0) * 8.0;
    match nearest < 0.9 * channels {
        true => nearest as i64 + 8,
        false => nearest as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_the_publishers_round_them() {
        let rounded = [3.0, 12.0, 18.0, 60.0, 66.0, 72.0].map(divisible_by_eight);
        assert_eq!(rounded, [8, 16, 24, 64, 64, 72]);
    }
}
