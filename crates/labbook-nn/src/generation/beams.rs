//! The most probable sequence of several that are followed at once.

use super::Generate;
use super::choice::{no_logits, ordered};
use super::writer::Writer;
use crate::Result;
use crate::interrupt::{self, Interruptible};

/// A sequence and the sum of the log-probabilities of its new tokens.
#[derive(Clone)]
struct Beam {
    tokens: Vec<i64>,
    log_probability: f64,
}

impl Beam {
    /// What is compared in the end, of a beam with so many new tokens.
    fn score(&self, new: usize, options: &Generate) -> f64 {
        self.log_probability / (new.max(1) as f64).powf(options.length_penalty)
    }
}

/// The best sequence that has come to its end, and its score.
#[derive(Default)]
struct Finished(Option<(f64, Vec<i64>)>);

impl Finished {
    fn beats(&self, score: f64) -> bool {
        self.0.as_ref().is_some_and(|(best, _)| *best >= score)
    }

    fn keep(&mut self, beam: &Beam, score: f64) {
        if !self.beats(score) {
            self.0 = Some((score, beam.tokens.clone()));
        }
    }
}

pub(super) fn search(
    writer: &mut Writer<'_>,
    prompt: Vec<i64>,
    options: &Generate,
    interruptible: &Interruptible,
) -> Result<Vec<i64>> {
    let mut beams = vec![Beam {
        tokens: prompt.clone(),
        log_probability: 0.0,
    }];
    let mut finished = Finished::default();
    for new in 1..=options.max_new_tokens {
        let sequences: Vec<Vec<i64>> = beams.iter().map(|beam| beam.tokens.clone()).collect();
        let logits = writer.next(&sequences)?;
        let mut continued: Vec<(f64, usize, i64)> = Vec::new();
        for (index, (beam, logits)) in beams.iter().zip(&logits).enumerate() {
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            let all = largest + sum.ln();
            if !all.is_finite() {
                return Err(no_logits());
            }
            // No more than so many of one beam can go on, with one for each that stops.
            let most = options.num_beams + options.stop_tokens.len();
            let likely = ordered(logits).into_iter().take(most);
            continued.extend(likely.map(|token| {
                (
                    beam.log_probability + logits[token] - all,
                    index,
                    token as i64,
                )
            }));
        }
        continued.retain(|(log_probability, ..)| log_probability.is_finite());
        continued.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let (mut next, mut origins) = (Vec::new(), Vec::new());
        for (rank, (log_probability, index, token)) in continued.into_iter().enumerate() {
            let mut beam = Beam {
                tokens: beams[index].tokens.clone(),
                log_probability,
            };
            if options.stop_tokens.contains(&token) {
                // One that would not go on does not end either.
                if rank < options.num_beams {
                    finished.keep(&beam, beam.score(new, options));
                }
                continue;
            }
            beam.tokens.push(token);
            next.push(beam);
            origins.push(index as i64);
            if next.len() == options.num_beams {
                break;
            }
        }
        if next.is_empty() {
            break;
        }
        beams = next;
        writer.select(&origins)?;
        if interrupt::is_requested() {
            return Err(interruptible.error("generate"));
        }
        // With such a penalty a longer sequence never has a better score.
        if options.length_penalty <= 0.0 && finished.beats(beams[0].score(new, options)) {
            break;
        }
    }
    for beam in &beams {
        let new = beam.tokens.len() - prompt.len();
        finished.keep(beam, beam.score(new, options));
    }
    Ok(finished.0.map_or(prompt, |(_, tokens)| tokens))
}
