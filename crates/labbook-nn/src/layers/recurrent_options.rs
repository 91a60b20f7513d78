/// The builder methods of LSTM layers and cells alone.
macro_rules! lstm_options {
    () => {
        /// Sets the function of the gates; the default is the sigmoid.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_activation(mut self, activation: $crate::Activation) -> Self {
            if let $crate::layers::recurrent::Cell::Lstm {
                recurrent_activation,
                ..
            } = &mut self.settings.cell
            {
                *recurrent_activation = activation;
            }
            self
        }

        /// Says whether the biases of the forget gates begin with 1; the default is `true`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn unit_forget_bias(mut self, wanted: bool) -> Self {
            if let $crate::layers::recurrent::Cell::Lstm {
                unit_forget_bias, ..
            } = &mut self.settings.cell
            {
                *unit_forget_bias = wanted;
            }
            self
        }
    };
}
pub(super) use lstm_options;

/// The builder methods of GRU layers and cells alone.
macro_rules! gru_options {
    () => {
        /// Sets the function of the gates; the default is the sigmoid.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn recurrent_activation(mut self, activation: $crate::Activation) -> Self {
            if let $crate::layers::recurrent::Cell::Gru {
                recurrent_activation,
                ..
            } = &mut self.settings.cell
            {
                *recurrent_activation = activation;
            }
            self
        }

        /// Says whether the reset gate is applied after the multiplication; the default is `true`, as in
        /// Keras and cuDNN. With `false` the bias has shape (3 · units,).
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn reset_after(mut self, wanted: bool) -> Self {
            if let $crate::layers::recurrent::Cell::Gru { reset_after, .. } =
                &mut self.settings.cell
            {
                *reset_after = wanted;
            }
            self
        }
    };
}
pub(super) use gru_options;

/// The builder methods that recurrent layers and cells share.
macro_rules! cell_options {
    () => {
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
pub(super) use cell_options;

/// The builder methods of what sees sequences, of one cell or of several.
macro_rules! sequence_options {
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
    };
}
pub(super) use sequence_options;

/// The builder method of layers that keep a state between batches.
macro_rules! stateful_option {
    () => {
        /// Says whether each batch begins with the state that the batch before left: its example i
        /// goes on where that one's example i ended, so `shuffle(false)` belongs to it. The default
        /// is `false`. [`Model::reset_states`]($crate::Model::reset_states) begins anew.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn stateful(mut self, stateful: bool) -> Self {
            self.settings.stateful = stateful;
            self
        }
    };
}
pub(super) use stateful_option;

/// The builder methods that recurrent layers share; with how many tensors a call with states gives.
macro_rules! recurrent_options {
    ($tensors:literal) => {
        $crate::layers::recurrent_options::cell_options!();

        $crate::layers::recurrent_options::sequence_options!();

        $crate::layers::recurrent_options::stateful_option!();

        /// What comes out, and the state after the last step, each (N, units): what `layer(x)` gives
        /// in Keras with `return_state=True`. A layer called on `[&x, &state, ..]` begins with
        /// that state.
        ///
        /// Never fails: what does not fit is told by [`Model::new`]($crate::Model::new).
        pub fn call_with_state(
            mut self,
            inputs: impl Into<$crate::SymbolicTensors>,
        ) -> [$crate::SymbolicTensor; $tensors] {
            self.settings.return_state = true;
            let sequences = self.settings.return_sequences;
            let packed = self.call(inputs);
            std::array::from_fn(|index| {
                $crate::layers::recurrent_part::RecurrentPart::new(sequences, $tensors, index)
                    .call(&packed)
            })
        }
    };
}
pub(super) use recurrent_options;

/// What recurrent layers answer in the same way.
macro_rules! recurrent_facts {
    () => {
        fn build_many(
            &mut self,
            inputs: &[$crate::Shape],
            context: &mut $crate::BuildContext<'_>,
        ) -> $crate::Result<$crate::Shape> {
            let (weights, output) = self.settings.build_called(inputs, context)?;
            self.weights = Some(weights);
            Ok(output)
        }

        $crate::layers::layer::masked_calls!(several);

        fn forward_masked(
            &self,
            inputs: &[&tch::Tensor],
            masks: &[Option<&tch::Tensor>],
            phase: $crate::Phase,
            _activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            let ([x, begin @ ..], Some(weights)) = (inputs, &self.weights) else {
                let options = &self.options;
                return Err($crate::layers::layer::not_built(self.class_name(), options));
            };
            let settings = &self.settings;
            let mut state = match settings.stateful {
                true => self.kept.get(x.size()[0])?,
                false => None,
            };
            if !begin.is_empty() {
                state = Some(begin.iter().map(|part| part.shallow_clone()).collect());
            }
            let given = $crate::layers::recurrent::Given {
                mask: $crate::layers::layer::first_mask(masks),
                state: state.as_deref(),
                wants_state: settings.return_state || settings.stateful,
                ..$crate::layers::recurrent::Given::new(x, phase)
            };
            let (y, left) = settings.forward(weights, &given)?;
            if settings.stateful {
                self.kept.keep(&left)?;
            }
            let y = settings.seen(&self.activity, y, phase)?;
            match settings.return_state {
                true => $crate::layers::recurrent_part::packed(y, &left),
                false => Ok(y),
            }
        }

        fn reset_states(&self) {
            self.kept.forget();
        }

        fn steps_seen(&self) -> $crate::StepsSeen {
            match self.settings.sees_earlier_steps() {
                true => $crate::StepsSeen::Earlier,
                false => $crate::StepsSeen::All,
            }
        }

        fn forward_next(
            &self,
            inputs: &[&tch::Tensor],
            memory: &mut $crate::StepMemory,
            _activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            let ([x, begin @ ..], Some(weights)) = (inputs, &self.weights) else {
                let options = &self.options;
                return Err($crate::layers::layer::not_built(self.class_name(), options));
            };
            if memory.tensors.is_empty() {
                memory.tensors = begin.iter().map(|part| part.shallow_clone()).collect();
            }
            let state = Some(memory.tensors.as_slice()).filter(|state| !state.is_empty());
            let given = $crate::layers::recurrent::Given {
                state,
                wants_state: true,
                ..$crate::layers::recurrent::Given::new(x, $crate::Phase::Infer)
            };
            let (y, left) = self.settings.forward(weights, &given)?;
            memory.tensors = left;
            Ok(y)
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
