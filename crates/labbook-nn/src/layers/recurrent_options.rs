/// The builder methods that recurrent layers share.
macro_rules! recurrent_options {
    () => {
        /// Says whether the outputs of all steps come out, (N, steps, units); the default is
        /// `false`, the last one's alone.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn return_sequences(mut self, return_sequences: bool) -> Self {
            self.settings.return_sequences = return_sequences;
            self
        }

        /// Says whether the steps are seen from the last to the first; the default is `false`.
        /// Outputs of all steps are then in that order, too, as in Keras.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn go_backwards(mut self, go_backwards: bool) -> Self {
            self.settings.go_backwards = go_backwards;
            self
        }

        /// Sets the share of the inputs that is dropped in training, the same in all steps; the
        /// default is 0.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn dropout(mut self, dropout: f64) -> Self {
            self.settings.dropout = dropout;
            self
        }

        /// Sets the share of the state that is dropped in training, the same in all steps; the
        /// default is 0. Slow: libtorch has no loop for it.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_dropout(mut self, recurrent_dropout: f64) -> Self {
            self.settings.recurrent_dropout = recurrent_dropout;
            self
        }

        /// Sets what the kernel of the state is before training; the default is an orthogonal
        /// matrix.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.settings.recurrent_initializer = initializer;
            self
        }

        /// Adds a penalty on the kernel of the state to the loss.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_regularizer(
            mut self,
            regularizer: impl Into<$crate::Regularizer>,
        ) -> Self {
            self.settings.recurrent_regularizer = Some(regularizer.into());
            self
        }

        /// Holds the kernel of the state within a [constraint]($crate::Constraint) after each step.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_constraint(mut self, constraint: $crate::Constraint) -> Self {
            self.settings.recurrent_constraint = Some(constraint);
            self
        }
    };
}
pub(super) use recurrent_options;

/// What recurrent layers answer in the same way.
macro_rules! recurrent_facts {
    () => {
        fn build(
            &mut self,
            input: &$crate::Shape,
            context: &mut $crate::BuildContext<'_>,
        ) -> $crate::Result<$crate::Shape> {
            let (weights, output) = self.settings.build(input, context)?;
            self.weights = Some(weights);
            Ok(output)
        }

        $crate::layers::layer::masked_calls!();

        fn forward_masked(
            &self,
            inputs: &[&tch::Tensor],
            masks: &[Option<&tch::Tensor>],
            phase: $crate::Phase,
            _activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            let ([x], Some(weights)) = (inputs, &self.weights) else {
                let options = &self.options;
                return Err($crate::layers::layer::not_built(self.class_name(), options));
            };
            let mask = $crate::layers::layer::first_mask(masks);
            let y = self.settings.forward(weights, x, mask, (phase, false))?;
            let kernel = &self.settings.kernel;
            kernel.seen(&self.activity, y, phase, kernel.activation)
        }

        fn compute_mask(
            &self,
            _inputs: &[&tch::Tensor],
            masks: &[Option<&tch::Tensor>],
        ) -> $crate::Result<Option<tch::Tensor>> {
            let mask = $crate::layers::layer::first_mask(masks);
            let passed = mask.filter(|_| self.settings.return_sequences);
            Ok(passed.map(tch::Tensor::shallow_clone))
        }

        fn parameters(&self) -> Vec<$crate::Parameter> {
            self.settings.parameters(self.weights.as_ref())
        }

        fn penalty(&self) -> $crate::Result<Option<tch::Tensor>> {
            match &self.weights {
                Some(weights) => self.settings.penalty(weights, &self.activity),
                None => Ok(None),
            }
        }

        // A loop over the steps costs the same for few examples as for many.
        fn needs_whole_batch(&self) -> bool {
            true
        }
    };
}
pub(super) use recurrent_facts;
