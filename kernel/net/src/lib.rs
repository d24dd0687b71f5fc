//! The network stack: sockets over smoltcp, as the kernel decides about them.
//!
//! No unsafe code, no thread, no lock, no clock: a card, `now` and memory are handed in, so the same source runs in the kernel and in a
//! test that lives through an hour in a millisecond. No call waits: what cannot be done now is `EAGAIN`, and the words of a socket's
//! [`Signals`] tell when to ask again. It is a crate of its own and not part of `skete-logic`, because it stands on smoltcp and on a
//! driver's face, and neither loom nor a program without sockets should meet them.
//!
//! - [`stack`]: everything together: what came, what leaves, what is due, and what sockets can do
//! - [`link`]: the two ways a packet can take: the card, and home again
//! - [`frame`]: whose a frame is, without believing it
//! - [`ends`]: the ends of TCP connections and their buffers · [`listener`]: connections that nobody has accepted yet
//! - [`mailbox`]: a UDP socket's datagrams · [`pool`]: what both are kept in
//! - [`ports`]: who has which port · [`table`]: the sockets' numbers
//! - [`due`]: what must be looked at when
//! - [`socket`]: what a socket is; its options and signals
//! - [`setup`]: the card's addresses, and where they come from · [`names`]: answers of name servers, without believing them
//!
//! # How packets find their socket
//! smoltcp looks at every socket for every packet. Here each of its sockets is a set of its own, [`frame`] finds the one that a packet is
//! for, and smoltcp is handed that set or an empty one, for which it answers pings, refuses connections and learns neighbours. So a
//! packet costs the same with one connection or a thousand.
//!
//! # Memory
//! smoltcp is built without `alloc`; its buffers are leaked slices of the allocator that is handed in. What has buffers is therefore used
//! again, never freed, and there are at most as many as [`Limits`](stack::Limits) says.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod due;
pub mod ends;
pub mod frame;
pub mod link;
pub mod listener;
pub mod mailbox;
pub mod names;
pub mod pool;
pub mod ports;
pub mod setup;
pub mod socket;
pub mod stack;
pub mod table;

pub use smoltcp::time::{Duration, Instant};
pub use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, IpListenEndpoint};
pub use socket::Signals;
pub use stack::Stack;

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// `length` copies of `value`; none, if there is no memory.
fn row<T: Clone, A: Allocator>(space: A, value: T, length: usize) -> Option<Vec<T, A>> {
    let mut row = Vec::new_in(space);
    row.try_reserve_exact(length).ok()?;
    row.resize(length, value);
    Some(row)
}

/// `value` alone; none, if there is no memory.
fn one<T, A: Allocator>(space: A, value: T) -> Option<Vec<T, A>> {
    let mut row = Vec::new_in(space);
    row.try_reserve_exact(1).ok()?;
    row.push(value);
    Some(row)
}

/// A row of what `make` makes; none, if there is no memory.
fn row_with<T, A: Allocator>(space: A, length: usize, make: impl FnMut() -> T) -> Option<Vec<T, A>> {
    let mut row = Vec::new_in(space);
    row.try_reserve_exact(length).ok()?;
    row.resize_with(length, make);
    Some(row)
}
