//! As much of ZeroMQ's protocol, [ZMTP 3.0](https://rfc.zeromq.org/spec/23/), as a kernel needs.
//!
//! Whoever reaches a port can send it bytes; only what those bytes say is signed with Jupyter's key. So
//! nothing is reserved for what a peer merely announces; messages, introductions and the number of
//! peers have limits; and a peer that goes beyond them is let go, unnoticed by the others.

mod client;
mod server;
mod wire;

use bytes::Bytes;

pub(crate) use client::{Dealer, dealer, subscriber};
pub(crate) use server::{Peers, echo, publisher, router};

/// A message: one frame or more.
pub(crate) type Frames = Vec<Bytes>;
