//! Keras-like layers, models and training on libtorch.
