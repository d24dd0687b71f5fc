//! The loom alias: what the real machine and the model checker offer under one name.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

/// Declares a constructor that a `static` can call. Under loom, whose atomics register themselves with the running model, it is the same
/// function without the `const`.
#[cfg(not(loom))]
macro_rules! constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => { $(#[$attribute])* $visibility const fn $($rest)* };
}
#[cfg(loom)]
macro_rules! constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => { $(#[$attribute])* $visibility fn $($rest)* };
}

pub(crate) use constructor;
