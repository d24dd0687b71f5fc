//! The loom alias: what the real machine and the model checker offer under one name.

/// Atomic integers, [`Ordering`](atomic::Ordering) and [`fence`](atomic::fence).
#[cfg(not(loom))]
pub use core::sync::atomic;
#[cfg(loom)]
pub use loom::sync::atomic;

#[cfg(not(loom))]
pub(crate) use core::cell::UnsafeCell;
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

/// Declares a constructor that a `static` can call. Under loom, whose atomics register themselves with the running model, it is
/// the same function without the `const`.
///
/// ```
/// struct Count(skete_cell::atomic::AtomicU32);
/// impl Count {
///     skete_cell::constructor! {
///         /// Nothing counted yet.
///         pub fn new() -> Self {
///             Self(skete_cell::atomic::AtomicU32::new(0))
///         }
///     }
/// }
/// ```
#[cfg(not(loom))]
#[macro_export]
macro_rules! constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => { $(#[$attribute])* $visibility const fn $($rest)* };
}

/// Declares a constructor; `const` on the machine, not under loom.
#[cfg(loom)]
#[macro_export]
macro_rules! constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => { $(#[$attribute])* $visibility fn $($rest)* };
}
