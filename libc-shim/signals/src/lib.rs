//! What decides of signals and timers, as POSIX has them: which are pending, for whom, in which order they are taken, what becomes of one
//! that has no handler, when a timer expires and how often it was missed.
//!
//! Safe code without a clock or a lock: `now` is an argument, and whoever calls holds the lock of what it changes. The C face gives it
//! threads, stacks and sleep (`libc-shim/src/signal.rs`).
//!
//! - [`set`]: sets of signals, and their names · [`action`]: what is to be done about one
//! - [`queue`]: those that were sent and not yet taken · [`choice`]: which thread is to take one
//! - [`timer`]: a timer's next moment
#![no_std]
#![forbid(unsafe_code)]

pub mod action;
pub mod choice;
pub mod queue;
pub mod set;
pub mod timer;

pub use action::{Action, Fate};
pub use choice::Standing;
pub use queue::{Info, Queue};
pub use set::{Set, Signal};
pub use timer::Timer;
