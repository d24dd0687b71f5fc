//! How a device is spoken to: registers in, bytes out. Knows no thread, no lock, no clock.
//!
//! A driver is generic over its register window and tested against a script of exact accesses, in order. What it needs beyond
//! registers comes as an argument: how often to look (`polls`), what to do in between, the instruction that traps to firmware. Barriers
//! towards other cores and caches are the caller's; each driver's page says which.
//!
//! - [`window`]: the face of a device's registers, and its fake
//! - [`firmware`]: what the firmware says about the machine
//! - [`pl011`], [`mini_uart`]: the UARTs; [`header_uart`]: which of them is on the Pi's header
//! - [`gic_v2`], [`gic_v3`], with what they share in [`gic`]: `virt`'s interrupts
//! - [`bcm2836`], [`bcm2835_intc`]: the Pi's interrupts
//! - [`psci`], [`watchdog`], [`semihosting`]: starting cores, switching off, and the host's favours
//! - [`mailbox`], [`gpio`]: the VideoCore's properties, and the pins
//! - [`rng_bcm2835`], [`virtio::entropy`], [`jitter`]: random bytes, best first
//! - [`pl031`]: the time of day
//! - [`virtio`]: what is in a slot
//! - [`card`]: what every network card can do; [`virtio::net`], [`usb::ecm`], [`usb::smsc95xx`]
//! - [`usb`]: the Pi's USB: its controller, what is plugged in, and a network card among that
//!
//! # Which board has what
//! Addresses are physical. The Pi's are fixed; `virt`'s are what QEMU's devicetree says, to be read from there.
//!
//! | | `virt`, GICv2 | `virt`, GICv3 | Raspberry Pi 3, `raspi3b` |
//! |---|---|---|---|
//! | interrupts | [`gic_v2`]: distributor 0x0800_0000, CPU interface 0x0801_0000 | [`gic_v3`]: distributor 0x0800_0000, redistributors 0x080A_0000, 0x2_0000 each | [`bcm2836`] 0x4000_0000, behind it [`bcm2835_intc`] 0x3F00_B200 |
//! | virtual timer | PPI 27, level | PPI 27, level | source `VirtualTimer` of each core |
//! | core to core | SGI | SGI | mailbox 0 of each core |
//! | console | [`pl011`] 0x0900_0000, INTID 33, level | the same | [`pl011`] 0x3F20_1000, line 57; [`mini_uart`] 0x3F21_5000, line 29; pins by [`gpio`] 0x3F20_0000 |
//! | other cores | [`psci`], by HVC (SMC with `virtualization=on`) | the same | spin table 0xD8 + 8·core |
//! | off, reset | [`semihosting`] with a status, else [`psci`] | the same | [`semihosting`] in QEMU with a status, else [`watchdog`] 0x3F10_0000 |
//! | random bytes | [`virtio::entropy`], else the devicetree's seed, else [`jitter`] | the same | [`rng_bcm2835`] 0x3F10_4000, else [`jitter`] |
//! | time of day | [`pl031`] 0x0901_0000 | the same | none: it is handed over at boot |
//! | clocks, memory, power | – | – | [`mailbox`] 0x3F00_B880 |
//! | virtio | 32 slots 0x0A00_0000 + 0x200·n, INTID 48 + n, edge | the same | none |
//! | USB | none | none | [`usb::dwc2`] 0x3F98_0000, line 9 |
#![no_std]

#[cfg(test)]
extern crate std;

pub mod bcm2835_intc;
pub mod bcm2836;
pub mod card;
pub mod firmware;
pub mod gic;
pub mod gic_v2;
pub mod gic_v3;
pub mod gpio;
pub mod header_uart;
pub mod jitter;
pub mod mailbox;
pub mod mini_uart;
pub mod pl011;
pub mod pl031;
mod poll;
pub mod psci;
pub mod rng_bcm2835;
pub mod semihosting;
pub mod usb;
pub mod virtio;
pub mod watchdog;
pub mod window;
