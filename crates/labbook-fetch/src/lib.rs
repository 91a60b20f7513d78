//! Downloads the official CIFAR-10 archive: resumable, verified, never half-written.
