//! System V objects. `use skete::sysv::sem`, `use skete::sysv::shm`, `use skete::sysv::simple`.
//!
//! - [`sem`]: sets of semaphores, as Linux has them
//! - [`shm`]: memory segments
//! - [`simple`]: one semaphore, three functions: for teaching
//!
//! What is wrong is an [`Errno`]; C's names and numbers are in [`crate::calls::sysv`].

pub mod sem;
pub mod shm;
pub mod simple;

pub use skete_abi::Errno;
pub use skete_abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE};
