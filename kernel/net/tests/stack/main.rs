//! The stack over cards that are memory, with a clock that the test moves: what programs can rely on, whatever comes over the cable.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may fail, and takes the lower bits of random numbers")]

mod asker;
mod connections;
mod conversation;
mod datagrams;
mod forge;
mod frames;
mod home;
mod honest;
mod limits;
mod malformed;
mod names;
mod setup;
mod world;
