//! How a device is spoken to: registers in, bytes out. Knows no thread, no lock, no clock.
//!
//! - [`window`]: the face of a device's registers, and its fake
//! - [`pl011`], [`mini_uart`]: the UARTs
//! - [`firmware`]: what the firmware says about the machine
#![no_std]

pub mod firmware;
pub mod mini_uart;
pub mod pl011;
pub mod window;
