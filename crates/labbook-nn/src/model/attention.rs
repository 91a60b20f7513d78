use tch::{Device, Kind, Tensor, no_grad_guard};

use super::graph::Source;
use super::model::Model;
use crate::data::tensor_batches::TensorBatches;
use crate::{Error, Phase, Result, Tensors};

impl Model {
    /// How much of each step a layer of attention gathers for each step of `x`, on the CPU: (N, heads,
    /// steps, steps of the value), each row summing to 1.
    ///
    /// The layer is a [`MultiHeadAttention`](crate::MultiHeadAttention), a
    /// [`TransformerEncoder`](crate::TransformerEncoder) or a
    /// [`TransformerDecoder`](crate::TransformerDecoder), whose steps attend to each other; of a layer
    /// that is called several times, its first call. `x` goes through as one batch.
    ///
    /// ```
    /// use labbook_nn::{Embedding, Sequential, TransformerEncoder};
    /// use tch::Tensor;
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Embedding::new(100, 8).input_shape(5));
    /// model.add(TransformerEncoder::new(16, 2).name("block"));
    /// let words = Tensor::from_slice(&[7_i64, 12, 99, 4, 5]).reshape([1, 5]);
    /// assert_eq!(model.attention_scores("block", &words)?.size(), [1, 2, 5, 5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no layer has this name, it has no attention, or `x` does not fit the model.
    pub fn attention_scores(&mut self, layer: &str, x: impl Into<Tensors>) -> Result<Tensor> {
        let x = x.into();
        self.build_for("x", &x)?;
        let wanted = self.node_of(layer)?;
        let spec = self.data_spec()?;
        let batches = TensorBatches::new(&spec, "x", &x)?;
        let batch = batches.slice(0, batches.count())?;
        let _guard = no_grad_guard();
        let known = batch.inputs.iter().enumerate();
        let known = known.map(|(index, x)| Ok((Source::Input(index), self.in_compute_kind(x)?)));
        let known = known.collect::<Result<Vec<_>>>()?;
        let mut scores = None;
        let plan = self.graph.plan();
        plan.run_by(known, self.compute_kind(), |step, inputs, masks| {
            if step.node == wanted {
                scores = step.layer.attention_scores(inputs, masks)?;
            }
            step.layer
                .forward(inputs, masks, Phase::Infer, step.activation)
        })?;
        let scores = scores.ok_or_else(|| {
            Error::option(
                "attention_scores",
                "a layer of attention that the output depends on",
                layer,
                "name a MultiHeadAttention, TransformerEncoder or TransformerDecoder",
            )
        })?;
        Ok(scores.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Dense, Embedding, Input, MultiHeadAttention, TransformerDecoder, TransformerEncoder,
    };

    #[test]
    fn scores_are_those_that_the_output_is_gathered_by() -> Result<()> {
        let words = Input::new(4);
        let x = Embedding::new(9, 6)
            .mask_zero(true)
            .name("table")
            .call(&words);
        let heads = MultiHeadAttention::new(1, 6).use_bias(false).name("heads");
        let encoder = TransformerEncoder::new(8, 2).name("encoder");
        let decoder = TransformerDecoder::new(8, 2).name("decoder");
        let y = decoder.call(&encoder.call(&heads.call(&x)));
        let mut model = Model::new(&words, &Dense::new(2).name("ending").call(&y))?;
        let text = Tensor::from_slice(&[3_i64, 5, 2, 0]).reshape([1, 4]);
        for layer in ["heads", "encoder", "decoder"] {
            let scores = model.attention_scores(layer, &text)?;
            let sums = scores.sum_dim_intlist([-1_i64].as_slice(), false, Kind::Float);
            assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-5, "{layer}");
            let padding = scores.narrow(2, 0, 3).narrow(3, 3, 1);
            assert_eq!(padding.abs().max().double_value(&[]), 0.0, "{layer}");
        }
        let causal = model
            .attention_scores("decoder", &text)?
            .triu(1)
            .narrow(2, 0, 3);
        assert_eq!(causal.abs().max().double_value(&[]), 0.0);

        // The same product by hand.
        let scores = model.attention_scores("heads", &text)?.get(0).get(0);
        let mut embedded = Model::new(&model.input()?, &model.layer_output("table")?)?;
        let x = embedded.predict(&text)?.get(0);
        let weights: Vec<Tensor> = model
            .parameters()
            .into_iter()
            .filter(|(_, parameter)| parameter.name.ends_with("_kernel"))
            .take(4)
            .map(|(_, parameter)| parameter.value.detach().to_device(Device::Cpu))
            .collect();
        let value = x.matmul(&weights[2].reshape([6, 6]));
        let gathered = scores.matmul(&value).matmul(&weights[3].reshape([6, 6]));
        let output = Model::new(&model.input()?, &model.layer_output("heads")?)?.predict(&text)?;
        assert!((output.get(0) - gathered).abs().max().double_value(&[]) < 1e-5);

        let error = model
            .attention_scores("ending", &text)
            .unwrap_err()
            .to_string();
        assert!(error.contains("MultiHeadAttention"), "{error}");
        assert!(model.attention_scores("nothing", &text).is_err());
        Ok(())
    }
}
