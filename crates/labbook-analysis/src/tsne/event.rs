use std::fmt;

/// What a running t-SNE reports. `Display` gives scikit-learn's `verbose` text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TsneEvent {
    /// The search for neighbours begins.
    ComputingNeighbors {
        /// Neighbours per sample.
        n_neighbors: usize,
    },
    /// The samples are ready to be searched.
    Indexed {
        /// Number of samples.
        n_samples: usize,
        /// Time it took.
        seconds: f64,
    },
    /// The neighbours are found.
    ComputedNeighbors {
        /// Number of samples.
        n_samples: usize,
        /// Time it took.
        seconds: f64,
    },
    /// The widths of the Gaussians are found for some of the samples.
    ComputedProbabilities {
        /// How many samples are done.
        done: usize,
        /// Number of samples.
        n_samples: usize,
    },
    /// The mean width of the Gaussians, in units of the samples.
    MeanSigma(f64),
    /// Some iterations are done.
    Iteration {
        /// Iterations done since the start.
        iteration: usize,
        /// Kullback-Leibler divergence from the probabilities, which are exaggerated at first.
        error: f64,
        /// Length of the gradient, gains included.
        gradient_norm: f64,
        /// Iterations since the last such report.
        iterations: usize,
        /// Time they took.
        seconds: f64,
    },
    /// The divergence has not fallen for too long: this phase ends.
    NoProgress {
        /// Iterations done since the start.
        iteration: usize,
        /// For how many iterations it was allowed not to fall.
        patience: usize,
    },
    /// The gradient has vanished: this phase ends.
    SmallGradient {
        /// Iterations done since the start.
        iteration: usize,
        /// Length of the gradient.
        gradient_norm: f64,
    },
    /// The phase of exaggerated attraction is over.
    ExaggerationDone {
        /// Iterations done since the start.
        iteration: usize,
        /// Divergence from the exaggerated probabilities; not comparable with the final one.
        error: f64,
    },
    /// The map is done.
    Done {
        /// Iterations done since the start.
        iteration: usize,
        /// Kullback-Leibler divergence.
        kl_divergence: f64,
    },
}

impl TsneEvent {
    /// From which `verbose` level on scikit-learn prints the event: 1 or 2.
    pub fn verbosity(&self) -> u8 {
        match self {
            Self::Iteration { .. } | Self::NoProgress { .. } | Self::SmallGradient { .. } => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for TsneEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[t-SNE] ")?;
        match self {
            Self::ComputingNeighbors { n_neighbors } => {
                write!(f, "Computing {n_neighbors} nearest neighbors...")
            }
            Self::Indexed { n_samples, seconds } => {
                write!(f, "Indexed {n_samples} samples in {seconds:.3}s...")
            }
            Self::ComputedNeighbors { n_samples, seconds } => write!(
                f,
                "Computed neighbors for {n_samples} samples in {seconds:.3}s..."
            ),
            Self::ComputedProbabilities { done, n_samples } => write!(
                f,
                "Computed conditional probabilities for sample {done} / {n_samples}"
            ),
            Self::MeanSigma(sigma) => write!(f, "Mean sigma: {sigma:.6}"),
            Self::Iteration {
                iteration,
                error,
                gradient_norm,
                iterations,
                seconds,
            } => write!(
                f,
                "Iteration {iteration}: error = {error:.7}, gradient norm = {gradient_norm:.7} \
                 ({iterations} iterations in {seconds:.3}s)"
            ),
            Self::NoProgress {
                iteration,
                patience,
            } => write!(
                f,
                "Iteration {iteration}: did not make any progress during the last {patience} \
                 episodes. Finished."
            ),
            Self::SmallGradient {
                iteration,
                gradient_norm,
            } => write!(
                f,
                "Iteration {iteration}: gradient norm {gradient_norm:.6}. Finished."
            ),
            Self::ExaggerationDone { iteration, error } => write!(
                f,
                "KL divergence after {iteration} iterations with early exaggeration: {error:.6}"
            ),
            Self::Done {
                iteration,
                kl_divergence,
            } => write!(
                f,
                "KL divergence after {iteration} iterations: {kl_divergence:.6}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_scikit_learn() {
        let lines = [
            (
                TsneEvent::ComputingNeighbors { n_neighbors: 121 },
                "[t-SNE] Computing 121 nearest neighbors...",
            ),
            (
                TsneEvent::MeanSigma(14.442199),
                "[t-SNE] Mean sigma: 14.442199",
            ),
            (
                TsneEvent::Iteration {
                    iteration: 50,
                    error: 105.123_456_7,
                    gradient_norm: 0.012_345_6,
                    iterations: 50,
                    seconds: 0.123,
                },
                "[t-SNE] Iteration 50: error = 105.1234567, gradient norm = 0.0123456 \
                 (50 iterations in 0.123s)",
            ),
            (
                TsneEvent::ExaggerationDone {
                    iteration: 250,
                    error: 121.511391,
                },
                "[t-SNE] KL divergence after 250 iterations with early exaggeration: 121.511391",
            ),
            (
                TsneEvent::Done {
                    iteration: 300,
                    kl_divergence: 2.100818,
                },
                "[t-SNE] KL divergence after 300 iterations: 2.100818",
            ),
        ];
        for (event, text) in lines {
            assert_eq!(event.to_string(), text);
        }
    }
}
