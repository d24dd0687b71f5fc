//! The C face: what a C program, or C inside of a Rust program, calls. Types, constants and errors are musl's and Linux's.
//!
//! ```text
//! pthread          mutexes, condition variables, rwlocks, barriers, spinlocks, once, semaphores: the faces of `skete-sync`
//! thread           threads: pthread_create and all that is about them; cancellation, keys, scheduling, C11
//! signal           signals inside of the program, and POSIX timers
//! sysv             System V's semaphores and shared memory
//! errno            where an `Errno` becomes C's `errno`
//! heap             malloc and its family
//! names            names, rights and times of files
//! contexts         getcontext, makecontext and their kin
//! usage            what the program and a thread have used: getrusage, times
//! sockets          sockets, with Linux's numbers and structs
//! linux            Linux's system calls by their numbers: what syscall() and svc reach
//! musl             what stands before musl's libc.a in a C program: the start, and what would enter another kernel
//! ```
//! A Rust program that depends on this crate gives the C in it all of these symbols. A C program is linked with `libc-shim/archive`,
//! which is this crate, the kernel and the start in one archive, in front of musl's `libc.a`: what is pure comes from there. With feature
//! `libc` a Rust program is linked so too, and its C finds all of a C library.
#![no_std]
#![cfg(target_os = "hermit")]
#![cfg_attr(any(feature = "libc", feature = "musl"), feature(linkage))]
#![cfg_attr(all(feature = "libc", not(feature = "musl")), feature(used_with_arg))]
#![feature(optimize_attribute, thread_local)]

pub mod contexts;
pub mod errno;
pub mod heap;
pub mod linux;
#[cfg(any(feature = "libc", feature = "musl"))]
pub mod musl;
pub mod names;
pub mod pthread;
pub mod signal;
pub mod sockets;
pub mod sysv;
pub mod thread;
pub mod usage;

/// The second thread is about to begin.
#[cold]
fn begin_threads() {
    #[cfg(any(feature = "libc", feature = "musl"))]
    musl::threads::begin();
}

/// The last thread has ended: ends the program with `status`.
fn end_program(status: i32) -> ! {
    #[cfg(feature = "musl")]
    musl::start::leave(status);
    #[cfg(not(feature = "musl"))]
    skete::calls::process::sys_exit(status)
}
