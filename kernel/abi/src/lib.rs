//! What both sides of a call agree on: numbers, structs, errno.
//!
//! - [`errno`]: POSIX error numbers with Linux's values, as the Hermit ABI and C programs expect them
//! - [`boot`]: what the loader hands to the kernel
//! - [`files`]: files, directories and polling as the Hermit ABI has them
#![no_std]

pub mod boot;
pub mod errno;
pub mod files;

pub use errno::Errno;
