//! What the kernel decides, without hardware.
//!
//! No unsafe code, no statics, no clock: records, locks, `now` and the machine's wake-up are handed in, so the same source runs in
//! the kernel, in a unit test, under loom and under a seeded scheduler.
//!
//! - [`time`], [`thread`]: the words all others use · [`wall`]: the clock that may be set
//! - [`run_queue`]: which thread of a core runs next, [`ready`]: its queue as other cores see it, [`placement`]: on which core a thread
//!   waits · [`slice`]: for how long it runs, [`meter`]: for how long it has run · [`deadlines`]: which sleeper of a core is due, [`sleepers`]: how it fell asleep
//! - [`token`]: a wake-up that comes before the sleep is not lost · [`host`]: what sleepers ask of the machine
//! - [`futex`]: everyone who waits for a word of memory · [`waiting`]: for whom, as a report tells it
//! - [`futaphore`]: semaphores that the program moves itself, over the futex table
//! - [`sysv`]: System V semaphores, and the ids of System V objects
//! - [`tree`], [`fds`]: the files under `/`, and the numbers of open ones, both over [`slab`]
//! - [`dirent`], [`terminal`], [`event`], [`pipe`]: how a directory's entries are laid out, what a terminal's bytes mean, what eventfd counts,
//!   what is on its way through a pipe · [`pair`]: or between two sockets that are connected with each other
//! - [`interest`]: what an epoll watches
//! - [`turns`]: whose bytes the console takes next
//! - [`again`]: when a core looks again for a thread that could not be had
//! - [`bitmap`]: which frames are free · [`pages`]: page-table entries, how cores change them, the window's units
//! - [`options`]: the words of the boot options
//!
//! Tests: `cargo test -p skete-logic` runs properties against plain references. The models compile these same files with loom's
//! atomics: `RUSTFLAGS="--cfg loom" cargo test -p skete-logic --release`. Each model runs unharmed, and once with each [`mutant`] that
//! it must find.
#![no_std]
#![forbid(unsafe_code)]

pub mod again;
pub mod bitmap;
pub mod deadlines;
pub mod dirent;
pub mod event;
pub mod fds;
pub mod futaphore;
pub mod futex;
pub mod host;
pub mod interest;
pub mod meter;
pub mod mutant;
pub mod options;
pub mod pages;
pub mod pair;
pub mod pipe;
pub mod placement;
pub mod readiness;
pub mod ready;
pub mod run_queue;
pub mod slab;
pub mod sleepers;
pub mod slice;
pub mod sysv;
pub mod terminal;
pub mod thread;
pub mod time;
pub mod token;
pub mod tree;
pub mod turns;
pub mod waiting;
pub mod wall;
