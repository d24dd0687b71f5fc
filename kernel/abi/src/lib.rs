//! What both sides of a call agree on: numbers, structs, errno.
//!
//! - [`errno`]: POSIX error numbers with Linux's values, as the Hermit ABI and C programs expect them
//! - [`boot`]: what the loader hands to the kernel
//! - [`files`]: files, directories and polling as the Hermit ABI has them
//! - [`futex`]: futexes, robust lists and what goes with them, as Linux has them
//! - [`ipc`], [`sem`], [`shm`]: System V objects, semaphores, memory segments
//! - [`net`]: sockets and names as the Hermit ABI has them
//! - [`names`]: function names for backtraces, as the tool writes and the kernel reads them
#![no_std]

#[cfg(any(feature = "emit", test))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod boot;
pub mod errno;
pub mod files;
pub mod futex;
pub mod ipc;
pub mod names;
pub mod net;
pub mod sem;
pub mod shm;

pub use errno::Errno;
