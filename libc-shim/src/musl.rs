//! What stands before musl's `libc.a` in a C program: C's start, and those members that would enter another kernel.
//!
//! - [`start`]: from the kernel's jump to C's `main`
//! - [`state`]: `__libc`, musl's own state, as far as it is ours to fill

pub mod start;
pub mod state;
