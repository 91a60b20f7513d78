/// What layers with [kernel options](super::kernel_options::KernelOptions) answer in the same way;
/// told is whether every output or every input sees a whole filter.
macro_rules! kernel_facts {
    ($seen:ident) => {
        fn activation(&self) -> $crate::Activation {
            self.settings.kernel.activation
        }

        fn parameters(&self) -> Vec<$crate::Parameter> {
            let weights = self.built.as_ref().map(|built| &built.weights);
            self.settings.kernel.parameters(weights)
        }

        fn penalty(&self) -> $crate::Result<Option<tch::Tensor>> {
            match &self.built {
                Some(built) => self.settings.kernel.penalty(&built.weights, &self.activity),
                None => Ok(None),
            }
        }

        fn needs_whole_batch(&self) -> bool {
            // The penalty on outputs is a mean over the batch.
            self.settings.kernel.activity_regularizer.is_some()
        }

        $crate::layers::kernel_facts::multiply_adds!($seen);
    };
}
pub(super) use kernel_facts;

/// What convolutions of any rank answer in the same way.
macro_rules! convolution_facts {
    ($layer:ident, $rank:literal, $seen:ident) => {
        $crate::layers::registry::layer_facts!($layer, whole_batch_or_not);

        fn build(
            &mut self,
            input: &$crate::Shape,
            context: &mut $crate::BuildContext<'_>,
        ) -> $crate::Result<$crate::Shape> {
            let (built, output) = self.settings.build($rank, input, context)?;
            self.built = Some(built);
            Ok(output)
        }

        fn forward(
            &self,
            x: &tch::Tensor,
            phase: $crate::Phase,
            activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            let Some(built) = &self.built else {
                let options = &self.options;
                return Err($crate::layers::layer::not_built(self.class_name(), options));
            };
            let settings = &self.settings;
            settings.forward(built, &self.activity, x, phase, activation)
        }

        $crate::layers::kernel_facts::kernel_facts!($seen);
    };
}
pub(super) use convolution_facts;

macro_rules! multiply_adds {
    (output) => {
        fn multiply_adds(&self, output: &$crate::Shape) -> i64 {
            let kernel = self.built.as_ref().map(|built| &built.weights.kernel);
            $crate::layers::conv2d::multiply_adds(kernel, output)
        }
    };
    (input) => {
        fn multiply_adds(&self, output: &$crate::Shape) -> i64 {
            // As many as a convolution of the same kernel over an input as large as the output, for
            // each of its strides.
            let kernel = self.built.as_ref().map(|built| built.weights.kernel.size());
            let channels = kernel.as_deref().and_then(|sizes| sizes.first());
            let field = kernel.iter().flat_map(|sizes| &sizes[2..]);
            let field: i64 = field.product::<i64>() * channels.copied().unwrap_or_default();
            let strides: i64 = self.settings.strides.iter().product();
            let numbers = output.elements().unwrap_or(i64::MAX);
            numbers.saturating_mul(field) / strides.max(1)
        }
    };
}
pub(super) use multiply_adds;
