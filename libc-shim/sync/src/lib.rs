//! Locks made of futex words, as POSIX has them: what `pthread_mutex_t`, `pthread_cond_t`, `sem_t` … are inside.
//!
//! Safe code over one trait, [`Futex`]: what a lock asks of the kernel. The same source is linked into programs, tested on the host with
//! errors on purpose, and explored by loom. Whoever finds a lock as it wishes makes no call; all waiting ends in one of the trait's waits.
//!
//! - [`futex`]: the trait · [`deadline`]: until when one waits · [`ceiling`]: which priority the ceilings of held locks ask for
//! - [`mutex`]: every kind of mutex · [`condition`]: condition variables, whose broadcast moves its waiters to the mutex
//! - [`attention`]: what a thread is to attend to: cancellation and signals · [`leaving`]: its end, while others send
//! - [`rwlock`], [`barrier`], [`spin`], [`once`], [`semaphore`]
//! - [`mutant`]: faults that the models must find
//!
//! Memory that is all zero is a valid mutex, condition variable, lock or once, and each fits the room that musl's headers give it.
//!
//! Tests: `cargo test -p skete-sync`; models: `RUSTFLAGS="--cfg loom" cargo test -p skete-sync --release --test models`.
#![no_std]
#![forbid(unsafe_code)]

mod atomic;
pub mod attention;
pub mod barrier;
pub mod ceiling;
pub mod condition;
pub mod deadline;
pub mod futex;
pub mod leaving;
pub mod mutant;
pub mod mutex;
pub mod once;
pub mod rwlock;
pub mod semaphore;
pub mod spin;

pub use atomic::{AtomicU32, AtomicUsize};
pub use attention::Attention;
pub use barrier::Barrier;
pub use condition::Condition;
pub use deadline::{Clock, Deadline, Moment};
pub use futex::{Ended, Futex};
pub use mutex::{Kind, Mutex, RobustEntry};
pub use once::Once;
pub use rwlock::RwLock;
pub use semaphore::Semaphore;
pub use spin::SpinLock;
