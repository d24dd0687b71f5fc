//! The one unsafe cell behind state that a lock guards, and the one place that chooses between the machine and the model checker.
//!
//! - [`Guarded`]: a value touched only by whoever holds the lock that its field's documentation names
//! - [`atomic`]: `core`'s atomics and fence, or loom's
//! - [`constructor!`]: a function that is `const` wherever atomics can be made in a `const`: everywhere but under loom
//!
//! Everything above this crate is written once: the kernel runs the very files that `RUSTFLAGS="--cfg loom"` explores.
#![no_std]

mod guarded;
mod machine;

pub use guarded::Guarded;
pub use machine::atomic;
