//! POSIX threads: the kernel's threads under C's names. The locks are in [`pthread`](crate::pthread).
//!
//! - [`block`]: what C knows of a thread; `pthread_t` is a block's address
//! - [`create`], [`end`], [`join`]: a thread's life
//! - [`attr`]: `pthread_attr_t`, [`default`]: what it is without one; [`about`]: names, stacks, ids
//! - [`cancel`]: cancellation and cleanup handlers; [`keys`]: values of a thread's own
//! - [`schedule`]: policies, priorities, cores
//! - [`c11`]: the same by the names of `<threads.h>`

pub mod about;
pub mod attr;
pub mod block;
pub mod c11;
pub mod cancel;
pub mod create;
pub mod default;
pub mod end;
pub mod join;
pub mod keys;
pub mod schedule;
