use crate::{Error, Result};

/// How [`Model::generate`](crate::Model::generate) writes. Without options it takes the most
/// probable token each time.
///
/// [`temperature`](Self::temperature), [`top_k`](Self::top_k) and [`top_p`](Self::top_p) draw it
/// instead, in this order: the logits are divided by the temperature, then the `k` largest are left,
/// then the fewest whose probabilities add up to `p`. [`num_beams`](Self::num_beams) looks for the
/// most probable sequence.
///
/// ```
/// use labbook_nn::Generate;
///
/// let draw = Generate::new().max_new_tokens(200).temperature(0.8).top_p(0.95).seed(3);
/// let search = Generate::new().num_beams(4).stop_token(2);
/// assert_ne!(draw, search);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Generate {
    pub(super) max_new_tokens: usize,
    pub(super) temperature: Option<f64>,
    pub(super) top_k: Option<usize>,
    pub(super) top_p: Option<f64>,
    pub(super) num_beams: usize,
    pub(super) length_penalty: f64,
    pub(super) stop_tokens: Vec<i64>,
    pub(super) seed: Option<u64>,
    pub(super) use_cache: bool,
}

impl Generate {
    /// At most 100 new tokens, each the most probable one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_new_tokens: 100,
            temperature: None,
            top_k: None,
            top_p: None,
            num_beams: 1,
            length_penalty: 1.0,
            stop_tokens: Vec::new(),
            seed: None,
            use_cache: true,
        }
    }

    /// Sets how many tokens are written behind the prompt, unless one stops it; the default is 100.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_new_tokens(mut self, max_new_tokens: usize) -> Self {
        self.max_new_tokens = max_new_tokens;
        self
    }

    /// Draws tokens by their probabilities, which a temperature below 1 sharpens and one above 1
    /// evens out.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Draws from the so many most probable tokens (Fan et al. 2018).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn top_k(mut self, top_k: usize) -> Self {
        self.top_k = Some(top_k);
        self
    }

    /// Draws from the fewest tokens that have this probability together (Holtzman et al. 2020).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.top_p = Some(top_p);
        self
    }

    /// Follows the so many most probable sequences at once and gives the best in the end; the default
    /// is 1, none but the one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn num_beams(mut self, num_beams: usize) -> Self {
        self.num_beams = num_beams;
        self
    }

    /// Sets the power of the length by which a beam's log-probability is divided; the default is 1,
    /// the mean of its tokens. More favours long sequences, 0 short ones.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn length_penalty(mut self, length_penalty: f64) -> Self {
        self.length_penalty = length_penalty;
        self
    }

    /// Ends when this token comes, which is left out; may be called for several.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn stop_token(mut self, token: i64) -> Self {
        self.stop_tokens.push(token);
        self
    }

    /// Sets where the draws begin; the default is the session's seed, or another each time.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Says whether keys, values and states are kept from token to token where the layers can; the
    /// default is `true`. The tokens are the same, but for rounding.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_cache(mut self, use_cache: bool) -> Self {
        self.use_cache = use_cache;
        self
    }

    pub(super) fn draws(&self) -> bool {
        self.temperature.is_some() || self.top_k.is_some() || self.top_p.is_some()
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |expected: &str, received: String, advice: &str| {
            Err(Error::option("Generate", expected, received, advice))
        };
        if let Some(temperature) = self.temperature
            && !(temperature.is_finite() && temperature > 0.0)
        {
            let advice = "leave it out for the most probable token";
            return wrong("a temperature above 0", temperature.to_string(), advice);
        }
        if self.top_k == Some(0) {
            return wrong(
                "a top_k of at least 1",
                "0".to_owned(),
                "use for instance 40",
            );
        }
        if let Some(top_p) = self.top_p
            && !(top_p > 0.0 && top_p <= 1.0)
        {
            let advice = "use for instance 0.95";
            return wrong("a top_p above 0 and up to 1", top_p.to_string(), advice);
        }
        if self.num_beams == 0 {
            return wrong("at least 1 beam", "0".to_owned(), "use for instance 4");
        }
        if self.num_beams > 1 && self.draws() {
            return wrong(
                "either beams, or a temperature, top_k or top_p",
                "both".to_owned(),
                "beams look for the most probable sequence and draw nothing",
            );
        }
        if !self.length_penalty.is_finite() {
            let advice = "leave it out for 1";
            return wrong(
                "a finite length_penalty",
                self.length_penalty.to_string(),
                advice,
            );
        }
        Ok(())
    }
}

impl Default for Generate {
    fn default() -> Self {
        Self::new()
    }
}
