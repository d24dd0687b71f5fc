//! What stands before musl's `libc.a` in a C program: C's start, and those members that would enter another kernel.
//!
//! - [`start`]: from the kernel's jump to C's `main`
//! - [`calls`]: `syscall()`
//! - [`configuration`]: `sysconf`, where musl would tell what is not so
//! - [`detour`]: where a thread may be sent away to take its signals
//! - [`epoll`]: `epoll(7)`
//! - [`heap`]: the names that musl has for `malloc` and its family
//! - [`image`]: what a program is told of its own image, by which an unwinder finds its way
//! - [`refused`]: what cannot be: `fork` and its kin
//! - [`state`]: `__libc`, musl's own state, as far as it is ours to fill
//! - [`threads`]: what musl must know of threads

pub mod calls;
pub mod configuration;
pub mod detour;
pub mod epoll;
pub mod heap;
pub mod image;
pub mod refused;
pub mod start;
pub mod state;
pub mod threads;
