//! How a device is spoken to: registers in, bytes out. Knows no thread, no lock, no clock.
//!
//! - [`window`]: the face of a device's registers, and its fake
#![no_std]

pub mod window;
