//! The stack over cards that are memory, with a clock that the test moves: what programs can rely on, whatever comes over the cable.
#![allow(clippy::unwrap_used, reason = "tests")]

mod connections;
mod datagrams;
mod home;
mod limits;
mod malformed;
mod setup;
mod world;
