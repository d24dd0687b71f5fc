//! How a device is spoken to: registers in, bytes out. Knows no thread, no lock, no clock.
//!
//! - [`window`]: the face of a device's registers, and its fake
//! - [`pl011`], [`mini_uart`]: the UARTs
//! - [`firmware`]: what the firmware says about the machine
#![no_std]

#[cfg(test)]
extern crate std;

pub mod bcm2835_intc;
pub mod bcm2836;
pub mod firmware;
pub mod gic;
pub mod gic_v2;
pub mod gic_v3;
pub mod mini_uart;
pub mod pl011;
pub mod pl031;
mod poll;
pub mod psci;
pub mod rng_bcm2835;
pub mod watchdog;
pub mod window;
