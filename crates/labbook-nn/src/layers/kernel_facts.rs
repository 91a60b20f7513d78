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
