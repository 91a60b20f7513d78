//! Drives whole notebooks through the real kernel.
