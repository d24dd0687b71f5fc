//! What stands before musl's `libc.a`: C's start, and those members that would enter another kernel. A Rust program has std's start in
//! place of C's, and [`part`] prepares musl's state before it.
//!
//! - `start`: from the kernel's jump to C's `main`
//! - [`part`]: the same of a Rust program
//! - [`end`]: `_Exit`, `abort`
//! - [`calls`]: `syscall()`
//! - `configuration`: `sysconf`, where musl would tell what is not so
//! - `detour`: where a thread may be sent away to take its signals
//! - [`epoll`]: `epoll(7)`
//! - [`heap`]: the names that musl has for `malloc` and its family
//! - [`image`]: what a program is told of its own image, by which an unwinder finds its way
//! - [`lookup`]: names of machines, under musl's `getaddrinfo` and its kin
//! - [`pipe`]: `pipe`, where a program asks for one
//! - `quad`: differences of `long double`
//! - [`refused`]: what cannot be: `fork` and its kin
//! - [`select`]: `select` and `pselect`, where a program asks for them
//! - [`state`]: `__libc`, musl's own state, as far as it is ours to fill
//! - [`threads`]: what musl must know of threads

pub mod calls;
#[cfg(feature = "musl")]
pub mod configuration;
#[cfg(feature = "musl")]
pub mod detour;
pub mod end;
pub mod epoll;
pub mod heap;
pub mod image;
pub mod lookup;
#[cfg(not(feature = "musl"))]
pub mod part;
pub mod pipe;
#[cfg(feature = "musl")]
pub mod quad;
pub mod refused;
pub mod select;
#[cfg(feature = "musl")]
pub mod start;
pub mod state;
pub mod threads;
