//! What the kernel decides, without hardware.
//!
//! No unsafe code, no statics, no clock: records, locks, `now` and the machine's wake-up are handed in, so the same source runs in
//! the kernel, in a unit test, under loom and under a seeded scheduler.
//!
//! - [`time`], [`thread`]: the words all others use
//! - [`run_queue`]: which thread of a core runs next
//! - [`pages`]: page-table entries
//! - [`tree`], [`fds`]: the files under `/`, and the numbers of open ones, both over [`slab`]
//! - [`dirent`], [`terminal`], [`event`]: how a directory's entries are laid out, what a terminal's bytes mean, what eventfd counts
#![no_std]
#![forbid(unsafe_code)]

pub mod dirent;
pub mod event;
pub mod fds;
pub mod pages;
pub mod run_queue;
pub mod slab;
pub mod terminal;
pub mod thread;
pub mod time;
pub mod tree;
