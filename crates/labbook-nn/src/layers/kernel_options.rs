use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Parameter, Phase, Regularizer, Result,
};

/// The options that all layers with a kernel share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KernelOptions {
    pub(crate) activation: Activation,
    pub(crate) use_bias: bool,
    pub(crate) kernel_initializer: Initializer,
    pub(crate) bias_initializer: Initializer,
    pub(crate) kernel_regularizer: Option<Regularizer>,
    pub(crate) bias_regularizer: Option<Regularizer>,
    pub(crate) activity_regularizer: Option<Regularizer>,
    pub(crate) kernel_constraint: Option<Constraint>,
    pub(crate) bias_constraint: Option<Constraint>,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::default(),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
        }
    }
}

/// A kernel and a bias, and what the layer adds to the loss by its outputs.
#[derive(Debug)]
pub(super) struct KernelWeights {
    pub(super) kernel: Tensor,
    /// Where the kernel's axes are in Keras.
    pub(super) keras_axes: Option<Vec<i64>>,
    pub(super) bias: Option<Tensor>,
}

impl KernelOptions {
    /// Checks the options for kernels of this rank.
    pub(super) fn check(&self, rank: usize, context: &BuildContext<'_>) -> Result<()> {
        let kernel = ("kernel", self.kernel_regularizer, self.kernel_constraint);
        let bias = ("bias", self.bias_regularizer, self.bias_constraint);
        for ((weight, regularizer, constraint), rank) in [(kernel, rank), (bias, 1)] {
            if let Some(regularizer) = regularizer {
                regularizer.check(&format!("{weight}_regularizer"), Some(rank), context)?;
            }
            if let Some(constraint) = constraint {
                constraint.check(&format!("{weight}_constraint"), rank, context)?;
            }
        }
        if let Some(regularizer) = self.activity_regularizer {
            regularizer.check("activity_regularizer", None, context)?;
        }
        self.kernel_initializer
            .check("kernel_initializer", context)?;
        self.bias_initializer.check("bias_initializer", context)
    }

    /// The bias, if there is to be one.
    pub(super) fn bias(&self, size: i64, context: &mut BuildContext<'_>) -> Result<Option<Tensor>> {
        if !self.use_bias {
            return Ok(None);
        }
        let fans = (size as f64, size as f64);
        let bias = context.weight(self.bias_initializer, &[size], fans)?;
        Ok(Some(bias.f_set_requires_grad(true)?))
    }

    /// The output, of which the activity regularizer may want to know.
    pub(super) fn seen(
        &self,
        activity: &Activity,
        y: Tensor,
        phase: Phase,
        ended_with: Activation,
    ) -> Result<Tensor> {
        if let Some(regularizer) = self.activity_regularizer {
            // The model may have left the function to a pool or to the loss.
            let whole = match ended_with == self.activation {
                true => y.shallow_clone(),
                false => self.activation.of(&y)?,
            };
            activity.see(regularizer, &whole, phase)?;
        }
        Ok(y)
    }

    /// What kernel, bias and outputs add to the loss.
    pub(super) fn penalty(
        &self,
        weights: &KernelWeights,
        activity: &Activity,
    ) -> Result<Option<Tensor>> {
        let mut terms = Vec::new();
        if let Some(regularizer) = self.kernel_regularizer {
            terms.push(regularizer.penalty(&weights.kernel)?);
        }
        if let (Some(regularizer), Some(bias)) = (self.bias_regularizer, &weights.bias) {
            terms.push(regularizer.penalty(bias)?);
        }
        if self.activity_regularizer.is_some() {
            terms.push(activity.penalty(weights.kernel.device())?);
        }
        let mut terms = terms.into_iter();
        let Some(first) = terms.next() else {
            return Ok(None);
        };
        let sum = terms.try_fold(first, |sum, term| sum.f_add(&term));
        Ok(Some(sum?))
    }

    /// The weights as a model lists them.
    pub(super) fn parameters(&self, weights: Option<&KernelWeights>) -> Vec<Parameter> {
        let Some(weights) = weights else {
            return Vec::new();
        };
        let kernel = Parameter {
            keras_axes: weights.keras_axes.clone(),
            constraint: self.kernel_constraint,
            ..Parameter::new("kernel", &weights.kernel)
        };
        let bias = weights.bias.iter().map(|bias| Parameter {
            constraint: self.bias_constraint,
            ..Parameter::new("bias", bias)
        });
        [kernel].into_iter().chain(bias).collect()
    }
}

impl KernelWeights {
    /// The bias in the precision of an input.
    pub(super) fn bias_like(&self, x: &Tensor) -> Result<Option<Tensor>> {
        let bias = self.bias.as_ref();
        bias.map(|bias| weight_like(bias, x)).transpose()
    }
}

/// The builder methods of layers with a kernel; where the options are in the layer is told.
macro_rules! kernel_options {
    ($($place:ident).+) => {
        /// Sets the function at the end.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn activation(mut self, activation: $crate::Activation) -> Self {
            self.$($place).+.activation = activation;
            self
        }

        /// Adds a penalty on the kernel to the loss: an [`L1L2`]($crate::L1L2) or an
        /// [`OrthogonalRegularizer`]($crate::OrthogonalRegularizer).
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_regularizer(
            mut self,
            regularizer: impl Into<$crate::Regularizer>,
        ) -> Self {
            self.$($place).+.kernel_regularizer = Some(regularizer.into());
            self
        }

        /// Sets what the kernel is before training; the default is Glorot uniform.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.$($place).+.kernel_initializer = initializer;
            self
        }

        /// Holds the kernel within a [constraint]($crate::Constraint) after each step.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_constraint(mut self, constraint: $crate::Constraint) -> Self {
            self.$($place).+.kernel_constraint = Some(constraint);
            self
        }

        $crate::layers::kernel_options::bias_options!($($place).+);
    };
}
pub(super) use kernel_options;

/// Those of the bias and the outputs, for layers with kernels of other names, too.
macro_rules! bias_options {
    ($($place:ident).+) => {
        /// Says whether there is a bias; the default is `true`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn use_bias(mut self, use_bias: bool) -> Self {
            self.$($place).+.use_bias = use_bias;
            self
        }

        /// Sets what the bias is before training; the default is zeros.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn bias_initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.$($place).+.bias_initializer = initializer;
            self
        }

        /// Adds a penalty on the bias to the loss.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn bias_regularizer(
            mut self,
            regularizer: impl Into<$crate::Regularizer>,
        ) -> Self {
            self.$($place).+.bias_regularizer = Some(regularizer.into());
            self
        }

        /// Adds a penalty on the outputs to the loss: that of all of them, divided by the
        /// number of examples in the batch, as in Keras.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn activity_regularizer(
            mut self,
            regularizer: impl Into<$crate::Regularizer>,
        ) -> Self {
            self.$($place).+.activity_regularizer = Some(regularizer.into());
            self
        }

        /// Holds the bias within a [constraint]($crate::Constraint) after each step.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn bias_constraint(mut self, constraint: $crate::Constraint) -> Self {
            self.$($place).+.bias_constraint = Some(constraint);
            self
        }
    };
}
pub(super) use bias_options;
