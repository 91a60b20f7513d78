//! Data sets that the library knows, one module each, as in `keras.datasets`.

pub mod cifar10;
