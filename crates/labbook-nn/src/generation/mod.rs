//! Sequences written token by token by a model that tells what may come next.

mod beams;
mod choice;
mod generate;
mod tokens;
mod writer;

pub use generate::Generate;
pub use tokens::IntoTokens;

use crate::interrupt::{self, Interruptible};
use crate::random::{Rng, fresh_seed, session_seed};
use crate::{Model, Result, Tensors};
use writer::Writer;

/// Keeps the random numbers of generated texts apart from those of trainings.
const GENERATION_STREAM: u64 = u64::MAX - 1;

impl Model {
    /// Writes on from a prompt: the prompt's tokens and new ones, as whole numbers.
    ///
    /// The model takes so many tokens, (N, steps), and gives for each step, or for the one behind
    /// the last, how probable each token is: (N, steps, vocabulary) or (N, vocabulary), by a softmax
    /// or as logits. Longer sequences are seen in part: once they fill the steps, the model sees the
    /// later half and what comes after it. One that gives all steps must not look ahead, as
    /// [`TransformerDecoder`](crate::TransformerDecoder) and [`LSTM`](crate::LSTM) do not; one that
    /// gives the next step alone sees zeros before a short sequence. With an
    /// [`Embedding`](crate::Embedding) that masks zeros, 0 is no token and never written.
    ///
    /// Where all layers see [earlier steps alone](crate::StepsSeen), keys, values and states of the
    /// steps so far are kept, and one step goes through the model for each new token.
    ///
    /// ```
    /// use labbook_nn::{Add, Dense, Embedding, Generate, Input, Model, PositionEmbedding, TransformerDecoder};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let tokens = Input::new(16);
    /// let x = Embedding::new(10, 8).call(&tokens);
    /// let x = Add::new().call([&x, &PositionEmbedding::new(16).call(&x)]);
    /// let x = TransformerDecoder::new(16, 2).call(&x);
    /// let model = Model::new(&tokens, &Dense::new(10).call(&x))?;
    ///
    /// let options = Generate::new().max_new_tokens(5).temperature(0.8).top_k(3).seed(1);
    /// let written = model.generate([1, 2, 3], &options)?;
    /// assert_eq!((written.len(), &written[..3]), (8, &[1, 2, 3][..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the model, the prompt or the options do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn generate(&self, prompt: impl IntoTokens, options: &Generate) -> Result<Vec<i64>> {
        self.write(&[], prompt.into_tokens()?, options)
    }

    /// [`generate`](Self::generate) with a model of several inputs, such as an encoder and a decoder
    /// that translate: the tokens go to the last input, these tensors, of one example each, to those
    /// before it.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    pub fn generate_from(
        &self,
        inputs: impl Into<Tensors>,
        prompt: impl IntoTokens,
        options: &Generate,
    ) -> Result<Vec<i64>> {
        let inputs = inputs.into();
        self.write(inputs.as_slice(), prompt.into_tokens()?, options)
    }

    fn write(
        &self,
        given: &[tch::Tensor],
        prompt: Vec<i64>,
        options: &Generate,
    ) -> Result<Vec<i64>> {
        options.check()?;
        let interruptible = Interruptible::begin();
        let _guard = tch::no_grad_guard();
        let mut writer = Writer::new(self, given, &prompt, options.use_cache)?;
        if options.num_beams > 1 {
            return beams::search(&mut writer, prompt, options, &interruptible);
        }
        let seed = options.seed.or_else(session_seed);
        let mut rng = Rng::new(seed.unwrap_or_else(fresh_seed), GENERATION_STREAM);
        let mut tokens = [prompt];
        for _ in 0..options.max_new_tokens {
            let logits = writer.next(&tokens)?;
            let token = options.choose(&logits[0], &mut rng)?;
            if options.stop_tokens.contains(&token) {
                break;
            }
            tokens[0].push(token);
            if interrupt::is_requested() {
                return Err(interruptible.error("generate"));
            }
        }
        let [tokens] = tokens;
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests;
